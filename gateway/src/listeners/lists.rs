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

/// All files with lists, each with the setting that names it.
pub(super) type ListFiles = Vec<(&'static str, CrlFiles)>;

/// The files as they are now. A list that was good at an earlier look stays where its file is not,
/// as it does at the listeners; `before` is empty at the first look.
pub(super) fn looked_at(config: &Config, mut before: ListFiles) -> ListFiles {
    if before.is_empty() {
        return list_files(config);
    }
    for (_, files) in &mut before {
        files.refresh();
    }
    before
}

/// Every list that is enforced, with the setting that names its file.
pub(super) fn list_facts(lists: &[(&'static str, CrlFiles)]) -> Vec<(&'static str, CrlFacts)> {
    let facts = |(key, files): &(&'static str, CrlFiles)| {
        let key = *key;
        files.facts().into_iter().map(move |f| (key, f)).collect::<Vec<_>>()
    };
    lists.iter().flat_map(facts).collect()
}

/// Every file or list that cannot be used, in words, with the setting that names its file.
pub(super) fn unusable_lists(lists: &[(&'static str, CrlFiles)]) -> Vec<(&'static str, String)> {
    let unusable = |(key, files): &(&'static str, CrlFiles)| {
        let key = *key;
        files.unusable().into_iter().map(move |words| (key, words)).collect::<Vec<_>>()
    };
    lists.iter().flat_map(unusable).collect()
}

fn list_files(config: &Config) -> ListFiles {
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

#[cfg(test)]
mod tests {
    use super::*;
    use signet_devca::DevPki;
    use signet_identity::Role;
    use std::fs;

    const CONFIG: &str = "
[gateway]
name = 'Venue'
comp_id = 'GATEWAY'
state_dir = 'state'
instruments = 'instruments.toml'
trust_domain = 'bank.example'
[tls]
certificate = 'gateway.pem'
key = 'gateway-key.pem'
[desks]
listen = '127.0.0.1:0'
trust = 'desks.pem'
crl = ['desks.crl']
[dealers]
trust = 'dealers.pem'
[entitlements]
policies = 'entitlements.cedar'
facts = 'entitlements.toml'
[risk]
settings = 'risk.toml'
";

    #[test]
    fn a_list_that_was_good_stays_and_what_its_file_has_now_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (config, file) = (dir.path().join("gateway.toml"), dir.path().join("desks.crl"));
        fs::write(&config, CONFIG).unwrap();
        let config = Config::read(&config).unwrap();
        let now = OffsetDateTime::now_utc();
        let pki = DevPki::generate("bank.example", now).unwrap();
        fs::write(&file, pki.crl(Role::Desk, &[], now + time::Duration::days(1)).unwrap()).unwrap();
        let lists = looked_at(&config, ListFiles::new());
        assert!(unusable_lists(&lists).is_empty() && list_facts(&lists).len() == 1);
        fs::write(&file, "rubbish").unwrap();
        let lists = looked_at(&config, lists);
        let said = unusable_lists(&lists);
        assert!(said.len() == 1 && said[0].0 == "desks.crl", "{said:?}");
        assert!(said[0].1.ends_with("the last good lists stay in force"), "{said:?}");
        assert_eq!(list_facts(&lists).len(), 1);
        // Who never had a good one has none.
        let lists = looked_at(&config, ListFiles::new());
        let said = unusable_lists(&lists);
        assert!(said.len() == 1 && said[0].1.contains("no revocation list could be"), "{said:?}");
        assert!(list_facts(&lists).is_empty());
    }
}
