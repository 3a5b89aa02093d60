//! What a security key signed to approve a change of policy, as files for OpenSSL.

use super::{AdminError, policies::policy_history};
use crate::{config::Config, history::Step};
use signet_journal::private_folder;
use std::{fs, path::Path};

/// Who approved it by key, and what the key signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenApproval {
    /// Who approved it.
    pub by: String,
    /// Whether the key signed for exactly this change.
    pub verdict: Result<(), String>,
}

/// Writes `key.der`, `message.bin`, `signature.bin`, `client-data.json` and `challenge.txt` of the
/// newest approval of this version into a new folder.
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
    let failed = |path: &Path, source| AdminError::File { path: path.into(), source };
    if out.exists() {
        return Err(failed(out, std::io::ErrorKind::AlreadyExists.into()));
    }
    private_folder(out).map_err(|e| failed(out, e))?;
    let text = approval.text(v.policy, &before, &v.digest);
    for (name, bytes) in [
        ("key.der", &parts.key[..]),
        ("message.bin", &parts.message),
        ("signature.bin", &parts.signature),
        ("client-data.json", &parts.client_data),
        ("challenge.txt", text.as_bytes()),
    ] {
        let path = out.join(name);
        fs::write(&path, bytes).map_err(|e| failed(&path, e))?;
    }
    let verdict = approval.verify(v.policy, &before, &v.digest).map_err(|e| e.to_string());
    Ok(WrittenApproval { by: v.by, verdict })
}
