//! All revocation lists of a configuration, in words, for whoever checks it.

use super::crl::CrlFiles;
use crate::config::Config;
use signet_identity::CrlFacts;
use time::OffsetDateTime;

/// What is wrong with the revocation lists, in words, and whether it shuts peers out.
pub fn list_faults(config: &Config) -> Vec<(bool, String)> {
    let now = OffsetDateTime::now_utc();
    let faults = |(key, files): (&'static str, CrlFiles)| {
        let required = files.required();
        files
            .faults(now)
            .into_iter()
            .map(move |f| (required, format!("{key}: {f}")))
            .collect::<Vec<_>>()
    };
    list_files(config).into_iter().flat_map(faults).collect()
}

/// What each revocation list does, in words: for whoever checks the configuration.
pub fn lists_enforced(config: &Config) -> Vec<String> {
    let now = OffsetDateTime::now_utc();
    let said = |(key, files): (&'static str, CrlFiles)| {
        let rule = match (files.in_use(), files.required()) {
            (false, _) => None,
            (true, true) => Some(format!("{key}: peers that no list covers are refused")),
            (true, false) => Some(format!(
                "{key}: peers that no list covers are ADMITTED (crl_required = false)"
            )),
        };
        let lists =
            files.enforced(now).into_iter().map(move |l| format!("{key}: {l}")).collect::<Vec<_>>();
        rule.into_iter().chain(lists).collect::<Vec<_>>()
    };
    list_files(config).into_iter().flat_map(said).collect()
}

/// Every list that is enforced, with the setting that names its file.
pub(super) fn list_facts(config: &Config) -> Vec<(&'static str, CrlFacts)> {
    let facts = |(key, files): (&'static str, CrlFiles)| {
        files.facts().into_iter().map(move |f| (key, f)).collect::<Vec<_>>()
    };
    list_files(config).into_iter().flat_map(facts).collect()
}

fn list_files(config: &Config) -> Vec<(&'static str, CrlFiles)> {
    let (desks, dealers) = (&config.desks, &config.dealers);
    let mut all = vec![
        ("desks.crl", CrlFiles::new("desks.crl", &desks.crl, desks.crl_required)),
        ("dealers.crl", CrlFiles::new("dealers.crl", &dealers.crl, dealers.crl_required)),
    ];
    if let Some(a) = &config.admin {
        all.push(("admin.crl", CrlFiles::new("admin.crl", &a.crl, a.crl_required)));
    }
    all.iter_mut().for_each(|(_, files)| {
        files.refresh();
    });
    all
}
