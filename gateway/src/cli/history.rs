//! The commands `policy history`, `policy show` and `policy compare`.

use signet_gateway::{
    Config,
    admin::{AdminError, moment_of, policy_history, policy_version},
    history::difference,
};

pub fn list(c: &Config) -> Result<bool, AdminError> {
    for v in policy_history(c)? {
        let prepared = v.prepared_by.map(|p| format!(", prepared by {p}")).unwrap_or_default();
        println!(
            "{}  {:<12} {:<8} {}  by {}{prepared}",
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
