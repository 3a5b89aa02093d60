//! `signet-desk erase`: takes what this desk keeps of a user from the computer, before the program
//! is removed or the computer is given away.

use crate::{instance, start};
use signet_keystore::{HolderKind, KeyPlace, Keychain, KeychainError, OsKeychain};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What there is of this user.
struct Found {
    identities: Vec<String>,
    /// Keys that are not in the keychain. They stay.
    elsewhere: Vec<KeyPlace>,
    folders: Vec<PathBuf>,
}

/// Says what would be deleted, or deletes it. Exit codes: 0 said or done, 1 refused or failed.
pub fn run(yes: bool) -> ExitCode {
    let Some((data, settings)) = start::folders() else {
        eprintln!("signet-desk: this account has no folders. Run it as the user of the desk.");
        return ExitCode::FAILURE;
    };
    let keychain = OsKeychain::default();
    // The window that is open would write again what is deleted.
    let Some(held) = instance::take(&data, None) else {
        eprintln!("signet-desk: Signet Desk is open. Quit it, then run this again.");
        return ExitCode::FAILURE;
    };
    let done = found(&keychain, &data, &settings).and_then(|found| {
        say(&found);
        if !yes {
            println!("\nNothing was deleted. `signet-desk erase --yes` deletes it for good.");
            return Ok(());
        }
        // Keys first: without them the records cannot be read, and a certificate is of no use.
        let entries = keychain.erase()?;
        println!("\n{entries} entries of the keychain are deleted.");
        drop(held);
        match found.folders.iter().try_for_each(|folder| remove(folder)) {
            Ok(()) => println!("The folders are deleted. {}", left(&found.elsewhere)),
            Err(why) => return Err(why.into()),
        }
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Keychain(why)) => {
            eprintln!("signet-desk: {why}. Unlock the keychain, then run this again.");
            ExitCode::FAILURE
        }
        Err(Failure::Disk(path, why)) => {
            eprintln!("signet-desk: {}: {why}. Delete it by hand.", path.display());
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    Keychain(KeychainError),
    Disk(PathBuf, std::io::Error),
}

impl From<KeychainError> for Failure {
    fn from(why: KeychainError) -> Self {
        Self::Keychain(why)
    }
}

impl From<(PathBuf, std::io::Error)> for Failure {
    fn from((path, why): (PathBuf, std::io::Error)) -> Self {
        Self::Disk(path, why)
    }
}

fn found(keychain: &impl Keychain, data: &Path, settings: &Path) -> Result<Found, Failure> {
    let (mut identities, mut elsewhere) = (Vec::new(), Vec::new());
    for identity in keychain.identities()? {
        let places = keychain.key_places(&identity.name)?;
        elsewhere.extend(places.into_iter().filter(|p| p.holder != HolderKind::Keychain));
        identities.push(identity.name.to_string());
    }
    let cache = data.file_name().and_then(|name| Some(dirs::cache_dir()?.join(name)));
    let mut folders: Vec<PathBuf> = vec![data.into(), settings.into()];
    folders.extend(cache);
    folders.dedup();
    folders.retain(|folder| folder.exists());
    Ok(Found { identities, elsewhere, folders })
}

fn say(found: &Found) {
    match &found.identities[..] {
        [] => println!("There is no identity in the keychain."),
        all => println!("Identities, with their keys in the keychain: {}", all.join(", ")),
    }
    for folder in &found.folders {
        println!("Settings, history and records: {}", folder.display());
    }
    for place in &found.elsewhere {
        println!("Stays, and is not in the keychain: the key {} ({:?})", place.label, place.holder);
    }
}

/// Nothing below a link is followed.
fn remove(folder: &Path) -> Result<(), (PathBuf, std::io::Error)> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != ErrorKind::NotFound => Err((folder.into(), why)),
        _ => Ok(()),
    }
}

fn left(elsewhere: &[KeyPlace]) -> &'static str {
    if elsewhere.is_empty() {
        "The certificates count at the gateway until they end: an administrator revokes them."
    } else {
        "Keys in a token stay there; delete them with the token's own tool. The certificates count \
            at the gateway until they end: an administrator revokes them."
    }
}
