//! `signet-desk history`: exports the desk's own history, and checks an export. Opens no window.

use signet_desk_core::{history_export, peer_text::shown};
use signet_history::{Selection, verify_since};
use signet_keystore::OsKeychain;
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// What is exported.
#[derive(Debug, Default)]
pub struct Order {
    /// `desk.toml`, instead of this machine's or user's.
    pub config: Option<PathBuf>,
    /// The identity; left out, the only one that has a history.
    pub identity: Option<String>,
    /// Which records go along whole.
    pub wanted: Selection,
}

impl Order {
    /// Takes an option of the command line; `Err` when it is none.
    ///
    /// # Errors
    /// The name of the option, or why its value is none.
    pub fn option(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--config" => self.config = Some(value.into()),
            "--identity" => self.identity = Some(value.into()),
            "--from" => self.wanted.from_ms = Some(moment(value)?),
            "--to" => self.wanted.to_ms = Some(moment(value)?),
            "--rfq" => self.wanted.rfq = Some(value.into()),
            other => return Err(format!("{other} is not known")),
        }
        Ok(())
    }
}

/// `2026-11-21` or `2026-11-21T08:00:00Z`, in milliseconds since 1970.
fn moment(text: &str) -> Result<i64, String> {
    let day = format_description!("[year]-[month]-[day]");
    let found = match time::Date::parse(text, &day) {
        Ok(date) => Ok(date.midnight().assume_utc()),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339),
    };
    let ms = |t: OffsetDateTime| i64::try_from(t.unix_timestamp_nanos() / 1_000_000);
    found
        .map_err(|_| format!("{text} is no time; write 2026-11-21 or 2026-11-21T08:00:00Z"))
        .and_then(|t| ms(t).map_err(|_| format!("{text} is out of reach")))
}

/// Exports into a file that is not there yet.
pub fn export(file: &Path, order: &Order) -> ExitCode {
    match exported(file, order) {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("signet-desk: {why}");
            ExitCode::FAILURE
        }
    }
}

fn exported(file: &Path, order: &Order) -> Result<String, String> {
    let (data, user) = crate::start::folders()
        .ok_or_else(|| "this account has no folder for settings and records".to_owned())?;
    let config = crate::start::config(order.config.clone(), data, &user)
        .map_err(|p| format!("{} {} [{}]", p.message, p.cure, p.code))?;
    let keychain = OsKeychain::default();
    let identity = match &order.identity {
        Some(name) => name.clone(),
        None => only_identity(&keychain)?,
    };
    let found = history_export(&config, &keychain, &identity, &order.wanted)
        .map_err(|e| format!("{e}. {} [{}]", e.cure(), e.code()))?;
    write_private(file, found.text.as_bytes()).map_err(|e| {
        let cure = match e.kind() {
            io::ErrorKind::AlreadyExists => "Name a file that is not there yet.",
            _ => "Make room on the disk, or name a file where this account may write.",
        };
        format!("{}: {e}. {cure}", file.display())
    })?;
    Ok(format!(
        "{} records of the history of {}, in {}\nKey: {}\nWhoever has the file reads what was \
         traded; check it with: signet-desk history verify {}",
        found.size,
        found.desk,
        file.display(),
        found.key,
        file.display()
    ))
}

fn only_identity(keychain: &dyn signet_keystore::Keychain) -> Result<String, String> {
    let all = keychain.identities().map_err(|e| format!("{e}. {}", e.cure()))?;
    match &all[..] {
        [one] => Ok(one.name.to_string()),
        [] => Err("the keychain has no identity".into()),
        several => {
            let names: Vec<String> = several.iter().map(|i| i.name.to_string()).collect();
            Err(format!("name one with --identity: {}", names.join(", ")))
        }
    }
}

/// Prices and quantities of a trader: for nobody else on this computer.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file)?;
    out.write_all(bytes).and_then(|()| out.sync_all()).inspect_err(|_| {
        // Part of a file would look like the whole, and stand in the way of the next try.
        let _ = fs::remove_file(file);
    })
}

/// Checks an export; needs no keychain. `part`: records may have been left out. `earlier`: a
/// checkpoint that somebody has kept.
pub fn check(file: &Path, part: bool, earlier: Option<&Path>) -> ExitCode {
    let read = |file: &Path| {
        fs::read_to_string(file).map_err(|why| {
            eprintln!("signet-desk: {}: {why}", file.display());
            ExitCode::FAILURE
        })
    };
    let (text, earlier) = match (read(file), earlier.map(read).transpose()) {
        (Ok(text), Ok(earlier)) => (text, earlier),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let v = verify_since(&text, earlier.as_deref());
    for fault in &v.faults {
        println!("FAULT {}: {}", fault.code, shown(&fault.to_string()));
    }
    let (mut good, lost) = (v.faults.is_empty(), v.lost);
    if good {
        println!(
            "OK: the history of {}, records {} to {}: {} whole, {} left out; {} signed messages",
            v.desk,
            v.first,
            v.size.saturating_sub(1),
            v.records.len(),
            v.left_out,
            v.messages
        );
        println!("{}", v.end_in_words());
    }
    if lost > 0 {
        println!("The desk could not write down {lost} records, as the history itself says.");
    }
    if v.left_out > 0 && !part {
        println!("Records were left out: say --part if that is meant.");
        good = false;
    }
    if let Some(key) = v.key {
        println!("Key of the history: {key}");
    }
    for c in v.certified {
        println!("  certified by {}, certificate {}", shown(&c.holder), c.sha256);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_options_are_read() {
        assert_eq!(moment("1970-01-02"), Ok(86_400_000));
        assert_eq!(moment("1970-01-01T00:00:01.5Z"), Ok(1_500));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(moment("yesterday").unwrap_err().contains("no time"));
        let mut order = Order::default();
        for (name, value) in [("--rfq", "R1"), ("--from", "1970-01-02"), ("--identity", "A")] {
            order.option(name, value).unwrap();
        }
        assert!(order.option("--what", "").is_err());
        assert_eq!(order.wanted.rfq.as_deref(), Some("R1"));
        assert_eq!(order.wanted.from_ms, Some(86_400_000));
    }

    #[test]
    fn an_export_overwrites_nothing_and_a_file_that_is_no_export_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("history.txt");
        write_private(&file, b"no export\n").unwrap();
        assert!(write_private(&file, b"more").is_err());
        assert_eq!(check(&file, false, None), ExitCode::FAILURE);
        assert_eq!(check(&dir.path().join("none"), false, None), ExitCode::FAILURE);
    }
}
