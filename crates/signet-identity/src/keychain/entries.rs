//! How identities and secrets lie in a keychain's entries.
//!
//! `identity/<name>` holds the chain, one base64 certificate a line, leaf first;
//! `key/<name>/<digest>` holds the base64 PKCS#8 key whose public half has that digest;
//! or, for enrolled identities, where that key is (see [`super::enrolled`]);
//! `secret/<name>` holds 32 base64 bytes. Everything is text because KWallet keeps only UTF-8.
//!
//! The chain says which key belongs to it, so writing the chain is the one step that replaces an
//! identity, and listing identities never reads a key.

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::{ENTRY_BYTES_MAX, IdentityName, KeychainError, SECRET_BYTES, StoredIdentity};
use super::{enrolled, held};
use crate::holder::HolderKind;
use crate::identity::Identity;
use crate::key::{Protection, SoftwareKey};
use crate::peer::{CertificateFacts, PeerIdentity};

/// Raw access to text entries by name.
pub(crate) trait Entries {
    /// `None` when there is no such entry.
    fn get(&mut self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError>;
    fn put(&mut self, entry: &str, text: &[u8]) -> Result<(), KeychainError>;
    /// `false` when there was no such entry.
    fn remove(&mut self, entry: &str) -> Result<bool, KeychainError>;
    fn names(&mut self) -> Result<Vec<String>, KeychainError>;
}

pub(super) const IDENTITY_PREFIX: &str = "identity/";

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
        // One damaged entry must not hide the others; one deleted meanwhile is not there.
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
    // The caller of this older way knows of no other holders, so their keys are left alone.
    enrolled::settle(entries, name)?;
    if let Some(old) = old.filter(|old| *old != new) {
        // Needed where the chain before was too damaged to tidy up after.
        entries.remove(&old)?;
    }
    Ok(())
}

pub(super) fn load_identity(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Identity, KeychainError> {
    let chain = chain(entries, name)?;
    identity_of(entries, name, chain)
}

pub(super) fn identity_of(
    entries: &mut dyn Entries,
    name: &IdentityName,
    chain: Vec<CertificateDer<'static>>,
) -> Result<Identity, KeychainError> {
    let entry = identity_entry(name);
    let malformed = |why| KeychainError::Malformed { entry: entry.clone(), why };
    let leaf = chain.first().ok_or_else(|| malformed("it has no certificate"))?;
    let facts = CertificateFacts::from_certificate(leaf)
        .map_err(|_| malformed("its certificate cannot be read"))?;
    let key_entry = key_entry(name, &facts);
    match enrolled::place_in(entries, &key_entry)? {
        Some(place) if place.holder == HolderKind::Keychain => {
            let key = held::open(entries, &place.label).map_err(enrolled::from_holder)?;
            return Ok(Identity::new(chain, Arc::new(key))?);
        }
        Some(place) => return Err(KeychainError::KeyElsewhere { place: place.to_string() }),
        None => {}
    }
    let key_text =
        entries.get(&key_entry)?.ok_or_else(|| malformed("its private key is missing"))?;
    let pkcs8 = STANDARD
        .decode(key_text.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| malformed("its private key is not base64"))?;
    let key = SoftwareKey::from_pkcs8(&pkcs8, Protection::OsKeychain)?;
    Ok(Identity::new(chain, Arc::new(key))?)
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

fn chain(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<CertificateDer<'static>>, KeychainError> {
    let entry = identity_entry(name);
    let text = entries
        .get(&entry)?
        .ok_or_else(|| KeychainError::NoSuchIdentity { name: name.to_string() })?;
    decode_chain(&entry, &text)
}

pub(super) fn decode_chain(
    entry: &str,
    text: &[u8],
) -> Result<Vec<CertificateDer<'static>>, KeychainError> {
    let decoded: Result<Vec<_>, _> = text
        .split(|byte| *byte == b'\n')
        .map(|line| STANDARD.decode(line).map(CertificateDer::from))
        .collect();
    decoded.map_err(|_| KeychainError::Malformed {
        entry: entry.to_owned(),
        why: "its chain is not base64",
    })
}

/// Every key entry of this name; the prefix ends in a slash, which no name contains.
pub(super) fn key_entries(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<String>, KeychainError> {
    let prefix = format!("key/{name}/");
    Ok(entries.names()?.into_iter().filter(|entry| entry.starts_with(&prefix)).collect())
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

fn identity_entry(name: &IdentityName) -> String {
    format!("{IDENTITY_PREFIX}{name}")
}

pub(super) fn key_entry(name: &IdentityName, facts: &CertificateFacts) -> String {
    let digest = facts.spki_sha256.as_bytes();
    // 64 bits tell the few keys of one name apart; nothing rests on their being hard to collide.
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("key/{name}/{digest}")
}
