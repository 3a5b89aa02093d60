//! What to do after `init`, in three commands. Pure.

use super::{Account, Installed, bank::Bank};
use std::path::Path;

/// Where the package puts the configuration.
const PACKAGED: &str = "/etc/signet";

/// The next commands, in their order; `systemd`: this machine is run by systemd.
pub fn next(
    bank: &Bank,
    folder: &Path,
    account: Option<&Account>,
    done: &Installed,
    systemd: bool,
) -> Vec<String> {
    let config = folder.join("gateway.toml");
    let packaged = folder == Path::new(PACKAGED);
    let option = if packaged { String::new() } else { format!(" --config {}", config.display()) };
    let program = match account {
        Some(a) => format!("runuser -u {} -- signet-gateway{option}", a.name),
        None => format!("signet-gateway{option}"),
    };
    let start = match (packaged && systemd, done.requests.iter().any(|r| r == "gateway.csr")) {
        // Without its certificate it does not start.
        (_, true) => format!("signet-gateway{option} check-config"),
        (true, false) => "systemctl enable --now signet-gateway signet-gateway-renew.timer".into(),
        (false, false) => format!("{program} run"),
    };
    let trader = bank.traders.first();
    let (id, comp_id) = trader.map_or(("ID", "COMPID"), |t| (t.id.as_str(), t.comp_id.as_str()));
    let name = trader.map_or("NAME", |t| t.name.as_str());
    let out = match account {
        Some(_) => bank.state_dir.display().to_string(),
        None => ".".to_owned(),
    };
    let add = format!(
        "{program} user add --id {id} --comp-id {comp_id} --name {} --managed --out {}",
        quoted(name),
        quoted(&out)
    );
    vec![start, add, format!("{program} doctor")]
}

/// As a POSIX shell reads it: one word.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    match !text.is_empty() && text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_word_whatever_it_contains() {
        for (text, want) in [
            ("Alice", "Alice"),
            ("Alice Smith", "'Alice Smith'"),
            ("O'Neil", "'O'\\''Neil'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), want);
        }
    }
}
