//! What security keys signed to prepare and approve a change of policy, as files for OpenSSL.

use super::{AdminError, policies::policy_history};
use crate::{
    config::Config,
    history::{KeyApproval, KeyPreparation, Step, Version, name_of},
};
use signet_journal::private_folder;
use signet_stepup::evidence::SignedParts;
use std::{fs, path::Path};

const OF_ANOTHER: &str = "it is of another administrator";

/// Who approved it by key, and what the key signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenApproval {
    /// Who approved it.
    pub by: String,
    /// Whether the key signed for exactly this change, as theirs where its text names somebody.
    pub verdict: Result<(), String>,
    /// Whether the text that was signed names who approved it; until its second version it did not.
    pub names_approver: bool,
    /// Who prepared it by key, and whether that key signed for exactly this change as theirs;
    /// `None`: it was prepared by certificate.
    pub prepared: Option<(String, Result<(), String>)>,
}

/// Writes `key.der`, `message.bin`, `signature.bin`, `client-data.json` and `challenge.txt` of the
/// newest approval of this version into a new folder, and those of its preparation by key into the
/// folder `preparation` in it.
///
/// # Errors
/// The version was not approved by key, or the files cannot be written.
pub fn policy_approval(
    config: &Config,
    digest: &str,
    out: &Path,
) -> Result<WrittenApproval, AdminError> {
    let none = || AdminError::NoApproval(digest.to_owned());
    let all = policy_history(config)?;
    let found = all
        .into_iter()
        .rev()
        .find(|v| v.step == Step::Approved && v.digest == digest && v.approval.is_some());
    let v = found.ok_or_else(none)?;
    let approval = v.approval.as_ref().ok_or_else(none)?;
    let before = v.before.clone().unwrap_or_default();
    let parts = approval.signed_parts().ok_or_else(none)?;
    let prepared = match &v.preparation {
        Some(p) => Some((p, p.signed_parts().ok_or_else(none)?)),
        None => None,
    };
    if out.exists() {
        return Err(failed(out, std::io::ErrorKind::AlreadyExists.into()));
    }
    write_parts(out, &parts, &approval.text(v.policy, &before, &v.digest))?;
    let verdict = approved_by_its_owner(approval, &v);
    let names_approver = approval.by.is_some();
    let prepared = match prepared {
        Some((p, parts)) => {
            let text = p.text(v.policy, &before, &v.digest);
            write_parts(&out.join("preparation"), &parts, &text)?;
            Some((p.by.clone(), prepared_by_its_owner(p, &v)))
        }
        None => None,
    };
    Ok(WrittenApproval { by: v.by.clone(), verdict, names_approver, prepared })
}

/// Whether the key signed for exactly this change, as whoever approved it if it names somebody.
fn approved_by_its_owner(a: &KeyApproval, v: &Version) -> Result<(), String> {
    if a.by.as_deref().is_some_and(|by| by != name_of(&v.by)) {
        return Err(OF_ANOTHER.into());
    }
    let before = v.before.as_deref().unwrap_or_default();
    a.verify(v.policy, before, &v.digest).map_err(|e| e.to_string())
}

/// Whether the key signed for exactly this change, as whoever prepared it.
fn prepared_by_its_owner(p: &KeyPreparation, v: &Version) -> Result<(), String> {
    if v.prepared_by.as_deref().map(name_of) != Some(p.by.as_str()) {
        return Err(OF_ANOTHER.into());
    }
    let before = v.before.as_deref().unwrap_or_default();
    p.verify(v.policy, before, &v.digest).map_err(|e| e.to_string())
}

fn write_parts(folder: &Path, parts: &SignedParts, text: &str) -> Result<(), AdminError> {
    private_folder(folder).map_err(|e| failed(folder, e))?;
    for (name, bytes) in [
        ("key.der", &parts.key[..]),
        ("message.bin", &parts.message),
        ("signature.bin", &parts.signature),
        ("client-data.json", &parts.client_data),
        ("challenge.txt", text.as_bytes()),
    ] {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|e| failed(&path, e))?;
    }
    Ok(())
}

fn failed(path: &Path, source: std::io::Error) -> AdminError {
    AdminError::File { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Documents, Policy, approval_for, preparation_for};

    fn approved(by: &str, prepared_by: Option<&str>) -> Version {
        Version {
            at_ms: 1,
            policy: Policy::Risk,
            step: Step::Approved,
            digest: "new".into(),
            before: Some("old".into()),
            by: by.into(),
            prepared_by: prepared_by.map(str::to_owned),
            documents: Documents::new(),
            approval: None,
            preparation: None,
        }
    }

    #[test]
    fn an_approval_is_of_whoever_the_history_names_or_of_nobody() {
        let another = || Err(OF_ANOTHER.to_owned());
        for (signed_as, by, want) in [
            (Some("bob"), "admin bob from 192.0.2.1 with key AQ", Ok(())),
            (Some("bob"), "admin bobby from 192.0.2.1 with key AQ", another()),
            (Some("ada"), "admin bob from 192.0.2.1 with key AQ", another()),
            (None, "admin bob from 192.0.2.1 with key AQ", Ok(())),
        ] {
            let key = approval_for(signed_as, Policy::Risk, "old", "new");
            let v = approved(by, Some("admin ada"));
            assert_eq!(approved_by_its_owner(&key, &v), want, "{signed_as:?} {by}");
            let other = approval_for(signed_as, Policy::Risk, "old", "newer");
            assert!(approved_by_its_owner(&other, &v).is_err(), "{signed_as:?} {by}");
        }
    }

    #[test]
    fn a_preparation_is_of_whoever_the_history_names() {
        let of = |prepared_by: Option<&str>| approved("admin bob from 192.0.2.1", prepared_by);
        let hers = preparation_for("ada", Policy::Risk, "old", "new");
        let another = Err(OF_ANOTHER.to_owned());
        for (prepared_by, want) in [
            (Some("admin ada from 192.0.2.1 with key AQ"), Ok(())),
            (Some("admin ada"), Ok(())),
            (Some("admin adam from 192.0.2.1 with key AQ"), another.clone()),
            (Some("admin bob from 192.0.2.1"), another.clone()),
            (None, another.clone()),
        ] {
            assert_eq!(prepared_by_its_owner(&hers, &of(prepared_by)), want, "{prepared_by:?}");
        }
        // Of the right person, for another change.
        let other = preparation_for("ada", Policy::Risk, "old", "newer");
        assert!(prepared_by_its_owner(&other, &of(Some("admin ada"))).is_err());
    }
}
