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
    let named = quoted(&config.display().to_string());
    let option = if packaged { String::new() } else { format!(" --config {named}") };
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
    fn a_folder_of_any_name_stays_one_word_of_each_command() {
        let answers = include_str!("../../../packaging/gateway/answers.example.toml");
        let bank = Bank::of(&crate::init::Answers::parse(answers).unwrap(), 7).unwrap();
        let done = Installed::default();
        for (folder, word) in [
            ("/etc/signet", ""),
            ("/srv/gw", " --config /srv/gw/gateway.toml"),
            ("/srv/a gw", " --config '/srv/a gw/gateway.toml'"),
            ("/srv/$(reboot)", " --config '/srv/$(reboot)/gateway.toml'"),
        ] {
            let said = next(&bank, Path::new(folder), None, &done, false);
            for (command, rest) in said.iter().zip([" run", " user add ", " doctor"]) {
                let begins = format!("signet-gateway{word}{rest}");
                assert!(command.starts_with(&begins), "{command}");
            }
        }
    }

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
