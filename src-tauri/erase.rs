//! `signet-desk erase`: takes what this desk keeps of a user from the computer, before the program
//! is removed or the computer is given away.

use crate::{instance, start};
use signet_keystore::{HolderKind, KeyPlace, Keychain, KeychainError, OsKeychain};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What there is of this user.
struct Found {
    identities: Vec<String>,
    /// Keys that are in a token and not in the keychain. They stay.
    elsewhere: Vec<KeyPlace>,
    folders: Vec<PathBuf>,
}

/// Why not everything is deleted.
enum Failure {
    Keychain(KeychainError),
    /// A folder of this desk is a link: what it leads to may be somebody else's.
    Link(PathBuf, PathBuf),
    /// Another desk is open, or whether one is cannot be told.
    Open(Option<io::Error>),
    Disk(Vec<(PathBuf, io::Error)>),
}

impl From<KeychainError> for Failure {
    fn from(why: KeychainError) -> Self {
        Self::Keychain(why)
    }
}

/// Says what would be deleted, or deletes it. Exit codes: 0 said or done, 1 refused or failed.
pub fn run(yes: bool) -> ExitCode {
    let Some((data, settings)) = start::folders() else {
        eprintln!("signet-desk: this account has no folders. Run it as the user of the desk.");
        return ExitCode::FAILURE;
    };
    match erase(&data, &settings, yes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            ExitCode::FAILURE
        }
    }
}

fn erase(data: &Path, settings: &Path, yes: bool) -> Result<(), Failure> {
    let keychain = OsKeychain::default();
    let found = found(&keychain, data, settings)?;
    say(&found);
    if !yes {
        println!("\nNothing was deleted. `signet-desk erase --yes` deletes it for good.");
        return Ok(());
    }
    // A desk that is open would write again what is deleted.
    let alone = instance::alone(data).map_err(|why| Failure::Open(Some(why)))?;
    let alone = alone.ok_or(Failure::Open(None))?;
    // Keys first: without them the records cannot be read, and a certificate is of no use.
    let entries = keychain.erase()?;
    println!("\n{entries} entries of the keychain are deleted.");
    // Windows deletes no file that is open.
    #[cfg(windows)]
    drop(alone);
    // The lock made this folder if it was not there.
    let also = (!found.folders.iter().any(|f| f == data)).then_some(data);
    let all = found.folders.iter().map(PathBuf::as_path).chain(also);
    let failed: Vec<_> = all.filter_map(|folder| remove(folder).err()).collect();
    #[cfg(not(windows))]
    drop(alone);
    if !failed.is_empty() {
        return Err(Failure::Disk(failed));
    }
    println!("The folders are deleted.");
    if !found.elsewhere.is_empty() {
        println!("Keys in a token stay there; delete them with the token's own tool.");
    }
    println!("Certificates count at the gateway until they end: an administrator revokes them.");
    Ok(())
}

fn found(keychain: &impl Keychain, data: &Path, settings: &Path) -> Result<Found, Failure> {
    let (mut identities, mut elsewhere) = (Vec::new(), Vec::new());
    for identity in keychain.identities()? {
        // An entry that cannot be read is deleted with the others.
        let places = keychain.key_places(&identity.name).unwrap_or_default();
        elsewhere.extend(places.into_iter().filter(|p| p.holder != HolderKind::Keychain));
        identities.push(identity.name.to_string());
    }
    let cache = data.file_name().and_then(|name| Some(dirs::cache_dir()?.join(name)));
    let mut folders: Vec<PathBuf> = vec![data.into(), settings.into()];
    folders.extend(cache);
    folders.sort();
    folders.dedup();
    folders.retain(|folder| folder.symlink_metadata().is_ok());
    for folder in &folders {
        if let Ok(target) = fs::read_link(folder) {
            return Err(Failure::Link(folder.clone(), target));
        }
    }
    Ok(Found { identities, elsewhere, folders })
}

fn say(found: &Found) {
    match &found.identities[..] {
        [] => println!("There is no identity in the keychain."),
        all => println!("Identities in the keychain: {}", all.join(", ")),
    }
    for folder in &found.folders {
        println!("Settings, history and records: {}", folder.display());
    }
    for place in &found.elsewhere {
        println!("Stays, in a token and not in the keychain: the key {}", place.label);
    }
}

fn remove(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err((folder.into(), why)),
        _ => Ok(()),
    }
}

fn tell(failure: &Failure) {
    match failure {
        Failure::Keychain(why) => {
            eprintln!("signet-desk: {why}. Unlock the keychain, then run this again.");
        }
        Failure::Link(folder, target) => eprintln!(
            "signet-desk: {} is a link to {}. Nothing was deleted. Delete what it leads to by \
                hand, then the link, then run this again.",
            folder.display(),
            target.display()
        ),
        Failure::Open(None) => {
            eprintln!("signet-desk: Signet Desk is open. Quit it, then run this again.");
        }
        Failure::Open(Some(why)) => eprintln!(
            "signet-desk: whether a desk is open is not known: {why}. Nothing was deleted."
        ),
        Failure::Disk(all) => {
            for (folder, why) in all {
                eprintln!("signet-desk: {}: {why}. Delete it by hand.", folder.display());
            }
        }
    }
}
