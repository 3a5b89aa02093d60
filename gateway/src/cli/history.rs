//! The commands `policy history`, `policy show`, `policy compare` and `policy approval`.

use signet_gateway::{
    Config,
    admin::{AdminError, moment_of, policy_approval, policy_history, policy_version},
    history::{Step, difference},
};
use std::path::Path;

pub fn list(c: &Config) -> Result<bool, AdminError> {
    let key = |signed: bool| if signed { " (signed)" } else { "" };
    for v in policy_history(c)? {
        let by_preparer = key(v.preparation.is_some());
        let own = if v.step == Step::Prepared { by_preparer } else { key(v.approval.is_some()) };
        let prepared = v.prepared_by.map(|p| format!(", prepared by {p}{by_preparer}"));
        println!(
            "{}  {:<12} {:<8} {}  by {}{own}{}",
            moment_of(v.at_ms)?,
            v.policy.word(),
            v.step.word(),
            v.digest,
            v.by,
            prepared.unwrap_or_default()
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
    if !written.names_approver {
        println!(
            "The signed text is of version 1, which names no approver: the history says \
                who it was; see that key.der is theirs."
        );
    }
    match written.prepared {
        Some((by, verdict)) => {
            verdict.map_err(AdminError::PreparationNotGood)?;
            println!("Prepared by {by}; the key signed for exactly this change (preparation/).");
        }
        None => println!("Prepared without a security key."),
    }
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
