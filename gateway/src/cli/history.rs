//! The commands `policy history`, `policy show`, `policy compare` and `policy approval`.

use signet_gateway::{
    Config,
    admin::{AdminError, moment_of, policy_approval, policy_history, policy_version},
    history::difference,
};
use std::path::Path;

pub fn list(c: &Config) -> Result<bool, AdminError> {
    for v in policy_history(c)? {
        let prepared = v.prepared_by.map(|p| format!(", prepared by {p}")).unwrap_or_default();
        let key = if v.approval.is_some() { ", by security key" } else { "" };
        println!(
            "{}  {:<12} {:<8} {}  by {}{prepared}{key}",
            moment_of(v.at_ms)?,
            v.policy.word(),
            v.step.word(),
            v.digest,
            v.by
        );
    }
    Ok(true)
}

pub fn show(c: &Config, digest: &str) -> Result<bool, AdminError> {
    for (name, text) in policy_version(c, digest)?.documents {
        println!("# ----- {name} -----\n{text}");
    }
    Ok(true)
}

pub fn compare(c: &Config, old: &str, new: &str) -> Result<bool, AdminError> {
    let (old, new) = (policy_version(c, old)?, policy_version(c, new)?);
    print!("{}", difference(&old.documents, &new.documents));
    Ok(true)
}

pub fn approval(c: &Config, digest: &str, out: &Path) -> Result<bool, AdminError> {
    let written = policy_approval(c, digest, out)?;
    written.verdict.map_err(AdminError::ApprovalNotGood)?;
    println!("Approved by {}; the key signed for exactly this change.", written.by);
    println!("In {}, verify the signature with:", out.display());
    println!(
        "  openssl dgst -sha256 -keyform DER -verify key.der -signature signature.bin message.bin"
    );
    println!(
        "The end of message.bin is the SHA-256 of client-data.json, whose challenge is the \
            base64url of the SHA-256 of challenge.txt."
    );
    Ok(true)
}
