//! How identities and secrets are laid out in a keychain's entries.
//!
//! `identity/<name>` holds the chain, one base64 certificate a line, leaf first;
//! `key/<name>/<digest>` holds the base64 PKCS#8 key whose public half has that digest;
//! or, for enrolled identities, where that key is (see `enrolled`);
//! `secret/<name>` holds 32 base64 bytes. Everything is text because KWallet keeps only UTF-8.
//!
//! The chain says which key belongs to it, so writing the chain is the one step that replaces an
//! identity, and listing identities never reads a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use signet_identity::CertificateFacts;
use zeroize::Zeroizing;

use super::name::IdentityName;
use crate::holder::{KeyPlace, KeychainError};

/// Raw access to text entries by name.
pub(super) trait Entries {
    /// Reads an entry; `None` when there is no such entry.
    fn get(&mut self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError>;
    /// Writes an entry, replacing what it held.
    fn put(&mut self, entry: &str, text: &[u8]) -> Result<(), KeychainError>;
    /// Deletes an entry; `false` when there was no such entry.
    fn remove(&mut self, entry: &str) -> Result<bool, KeychainError>;
    /// The names of all entries of Signet.
    fn names(&mut self) -> Result<Vec<String>, KeychainError>;
}

pub(super) const IDENTITY_PREFIX: &str = "identity/";

/// The chain of the current identity.
pub(super) fn chain(
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

/// Where the key of an entry is. `None` for a key that is in the entry itself, and for no entry.
pub(super) fn place_in(
    entries: &mut dyn Entries,
    key_entry: &str,
) -> Result<Option<KeyPlace>, KeychainError> {
    let Some(text) = entries.get(key_entry)? else { return Ok(None) };
    if text.first() != Some(&b'@') {
        return Ok(None);
    }
    let malformed = || KeychainError::Malformed {
        entry: key_entry.to_owned(),
        why: "it does not say where the key is",
    };
    std::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(malformed)
}

pub(super) fn identity_entry(name: &IdentityName) -> String {
    format!("{IDENTITY_PREFIX}{name}")
}

pub(super) fn key_entry(name: &IdentityName, facts: &CertificateFacts) -> String {
    let digest = facts.spki_sha256.as_bytes();
    // 64 bits tell the few keys of one name apart; no security depends on them.
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("key/{name}/{digest}")
}
