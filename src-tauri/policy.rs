//! `signet-desk policy`: says which settings are in force and who decided them, and checks policies
//! for administrators. It opens no window and changes nothing.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use signet_desk_core::{managed, view::Problem};
use signet_managed::{ManagedError, POLICY_BYTES_MAX, Policy, PublicKey};
use time::OffsetDateTime;

/// Prints the settings in force, or why the policy of this computer cannot be used.
pub fn show(config: Option<PathBuf>, json: bool) -> ExitCode {
    let Some((data, user)) = crate::start::folders() else {
        eprintln!("signet-desk: this account has no folder for settings and records");
        return ExitCode::FAILURE;
    };
    let report = crate::start::own_config(config, data, &user).and_then(|config| {
        managed::explain(&config, &crate::start::policy_place(), OffsetDateTime::now_utc())
            .map_err(|e| Problem::from(&e))
    });
    match report {
        Ok(report) if json => match serde_json::to_string_pretty(&report) {
            Ok(text) => println!("{text}"),
            Err(why) => return failed(&why.to_string()),
        },
        Ok(report) => print!("{report}"),
        Err(why) => {
            return failed(&format!("{} {} [{}]", why.message, why.cure, why.code));
        }
    }
    ExitCode::SUCCESS
}

/// Checks the policy file, and with a key the signature beside it.
pub fn check(file: &Path, key: Option<&Path>) -> ExitCode {
    match checked(file, key) {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("signet-desk: {why}");
    ExitCode::FAILURE
}

fn checked(file: &Path, key: Option<&Path>) -> Result<String, String> {
    let said = |e: ManagedError| format!("{e} [{}]", e.code());
    let text = read(file)?;
    let signed = match key {
        None => "The signature was not checked; --key names the key to check it with.".to_owned(),
        Some(key) => {
            let key = PublicKey::read(&read(key)?).map_err(|e| said(e.into()))?;
            let mut beside = file.as_os_str().to_owned();
            beside.push(".sig");
            let signature = read(Path::new(&beside))?;
            key.verify(text.as_bytes(), &signature).map_err(|e| said(e.into()))?;
            format!("Signed by {} (key {}).", key.fingerprint(), key.id())
        }
    };
    let policy = Policy::from_toml(&text).map_err(said)?;
    managed::check(&policy).map_err(said)?;
    let time = match policy.valid_until {
        Some(until) if until <= OffsetDateTime::now_utc() => "Its time is over: no desk starts.",
        _ => "Desks that have used a higher serial refuse it.",
    };
    let mut words = format!(
        "{}: good, serial {} of {}, {} venues.\n{signed}\n{time}",
        file.display(),
        policy.serial,
        policy.firm,
        policy.venues.len()
    );
    for part in &policy.for_later {
        words += &format!("\nNot checked, only for later desks than this one: {part}.");
    }
    Ok(words)
}

fn read(path: &Path) -> Result<String, String> {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let mut text = String::new();
    let file = File::open(path).map_err(|e| wrong(e.to_string()))?;
    file.take(POLICY_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| wrong(e.to_string()))?;
    if text.len() as u64 > POLICY_BYTES_MAX {
        return Err(wrong(format!("longer than {POLICY_BYTES_MAX} bytes [managed.too_large]")));
    }
    Ok(text)
}
