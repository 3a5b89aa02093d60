//! The operations on identities and secrets, over any keychain's entries.

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use signet_identity::{CertificateFacts, Identity, PeerIdentity, Protection, SoftwareKey};
use zeroize::Zeroizing;

use super::enrolled;
use super::entries::{Entries, IDENTITY_PREFIX, chain, identity_entry, key_entries, key_entry};
use super::interface::{SECRET_BYTES, StoredIdentity};
use super::name::IdentityName;
use crate::holder::{ENTRY_BYTES_MAX, KeychainError};

pub(super) fn identities(entries: &mut dyn Entries) -> Result<Vec<StoredIdentity>, KeychainError> {
    let mut names: Vec<IdentityName> = entries
        .names()?
        .iter()
        .filter_map(|entry| entry.strip_prefix(IDENTITY_PREFIX)?.parse().ok())
        .collect();
    names.sort();
    names.dedup();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        // One damaged entry must not hide the others; one deleted meanwhile is left out.
        let chain = match chain(entries, &name) {
            Ok(chain) => chain,
            Err(KeychainError::Malformed { .. }) => Vec::new(),
            Err(KeychainError::NoSuchIdentity { .. }) => continue,
            Err(error) => return Err(error),
        };
        let leaf = chain.first();
        let certificate = leaf.and_then(|leaf| CertificateFacts::from_certificate(leaf).ok());
        let peer = leaf.and_then(|leaf| PeerIdentity::from_certificate(leaf).ok());
        found.push(StoredIdentity { name, certificate, peer });
    }
    Ok(found)
}

pub(super) fn store_identity(
    entries: &mut dyn Entries,
    name: &IdentityName,
    key_pkcs8: &[u8],
    chain: &[CertificateDer<'static>],
) -> Result<(), KeychainError> {
    // Refuses what could not be loaded again.
    let key = SoftwareKey::from_pkcs8(key_pkcs8, Protection::OsKeychain)?;
    let identity = Identity::new(chain.to_vec(), Arc::new(key))?;
    let lines: Vec<String> = chain.iter().map(|certificate| STANDARD.encode(certificate)).collect();
    let chain_text = lines.join("\n");
    let key_text = Zeroizing::new(STANDARD.encode(key_pkcs8));
    let longest = chain_text.len().max(key_text.len());
    if longest > ENTRY_BYTES_MAX {
        return Err(KeychainError::TooLong { bytes: longest });
    }

    let old = key_entry_of_stored(entries, name)?;
    let new = key_entry(name, identity.facts());
    entries.put(&new, key_text.as_bytes())?;
    entries.put(&identity_entry(name), chain_text.as_bytes())?;
    // Callers of this method know no other holders, so keys in them are left alone.
    enrolled::settle(entries, name)?;
    if let Some(old) = old.filter(|old| *old != new) {
        // Only needed when the old chain was too damaged for `settle`.
        entries.remove(&old)?;
    }
    Ok(())
}

pub(super) fn load_identity(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Identity, KeychainError> {
    let chain = chain(entries, name)?;
    enrolled::identity_of(entries, name, chain)
}

pub(super) fn delete_identity(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<(), KeychainError> {
    enrolled::delete_held(entries, name)?;
    // Keys first, so that an interruption leaves something that can still be seen and deleted.
    for entry in key_entries(entries, name)? {
        entries.remove(&entry)?;
    }
    match entries.remove(&identity_entry(name))? {
        true => Ok(()),
        false => Err(KeychainError::NoSuchIdentity { name: name.to_string() }),
    }
}

/// Keys first, and what names them last: an interruption leaves something that can still be seen.
pub(super) fn erase(entries: &mut dyn Entries) -> Result<usize, KeychainError> {
    let mut names = entries.names()?;
    names.sort_by_key(|entry| entry.starts_with(IDENTITY_PREFIX));
    names.dedup();
    for entry in &names {
        entries.remove(entry)?;
    }
    Ok(names.len())
}

pub(super) fn secret(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeychainError> {
    let entry = format!("secret/{name}");
    if let Some(text) = entries.get(&entry)? {
        return decode_secret(&entry, &text);
    }
    let mut fresh = Zeroizing::new([0; SECRET_BYTES]);
    rand::fill(fresh.as_mut_slice()).map_err(|_| KeychainError::Other {
        detail: "this computer's random number source failed".into(),
    })?;
    let text = Zeroizing::new(STANDARD.encode(fresh.as_slice()));
    entries.put(&entry, text.as_bytes())?;
    // Another process may have made it at the same moment: what the keychain kept is the secret.
    let missing = || KeychainError::Malformed { entry: entry.clone(), why: "it was not kept" };
    let kept = entries.get(&entry)?.ok_or_else(missing)?;
    decode_secret(&entry, &kept)
}

fn decode_secret(entry: &str, text: &[u8]) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeychainError> {
    let malformed = |why| KeychainError::Malformed { entry: entry.to_owned(), why };
    let bytes =
        STANDARD.decode(text).map(Zeroizing::new).map_err(|_| malformed("it is not base64"))?;
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    if bytes.len() != SECRET_BYTES {
        return Err(malformed("it has the wrong length"));
    }
    secret.copy_from_slice(&bytes);
    Ok(secret)
}

fn key_entry_of_stored(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Option<String>, KeychainError> {
    match chain(entries, name) {
        Ok(chain) => {
            let facts = chain.first().and_then(|c| CertificateFacts::from_certificate(c).ok());
            Ok(facts.map(|facts| key_entry(name, &facts)))
        }
        // About to be replaced, so its damage no longer matters.
        Err(KeychainError::NoSuchIdentity { .. } | KeychainError::Malformed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
