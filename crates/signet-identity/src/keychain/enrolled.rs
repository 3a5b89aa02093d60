//! Identities from enrolment: certificate chains here, keys in whatever holder, two at a time
//! while a renewal is under way.
//!
//! `identity/<name>` is the current chain, `pending/<name>` the one just issued. For each,
//! `key/<name>/<digest>` says where its key is (`@<holder>:<label>`) in place of the key itself.
//! Every step leaves `identity/<name>` pointing to a key that exists; what an interruption leaves
//! over is found by [`settle`], which may run at any time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

use super::entries::{self, Entries, IDENTITY_PREFIX};
use super::{ENTRY_BYTES_MAX, IdentityName, KeychainError, held};
use crate::holder::{HolderError, HolderKind, KeyLabel, KeyPlace};
use crate::identity::{CHAIN_CERTIFICATES_MAX, Identity, IdentityError};
use crate::peer::CertificateFacts;
use crate::renewal::Which;

const PENDING_PREFIX: &str = "pending/";

/// An identity as far as the keychain has it.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// Chain and key.
    Ready(Identity),
    /// The chain; the key is in another holder.
    Elsewhere { chain: Vec<CertificateDer<'static>>, place: KeyPlace },
}

/// The label for the next key of an identity. There are two, used in turn, so that an interrupted
/// renewal leaves nothing that the next one does not find and replace.
#[must_use]
pub fn next_label(name: &IdentityName, current: Option<&KeyPlace>) -> KeyLabel {
    let label = |suffix| format!("{name}-{suffix}").parse();
    let (a, b): (Result<KeyLabel, _>, Result<KeyLabel, _>) = (label("a"), label("b"));
    match (a, b) {
        (Ok(a), Ok(b)) => {
            if current.is_some_and(|place| place.label == a) {
                b
            } else {
                a
            }
        }
        // A name is shorter than a label and of the same characters.
        _ => unreachable!("every identity's name makes a label"),
    }
}

pub(super) fn store(
    entries: &mut dyn Entries,
    name: &IdentityName,
    which: Which,
    place: &KeyPlace,
    spki: &[u8],
    chain: &[CertificateDer<'static>],
) -> Result<Vec<KeyPlace>, KeychainError> {
    if chain.len() > CHAIN_CERTIFICATES_MAX {
        return Err(IdentityError::TooManyCertificates(chain.len()).into());
    }
    let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
    let facts = CertificateFacts::from_certificate(leaf).map_err(IdentityError::from)?;
    if facts.spki.as_slice() != spki {
        return Err(IdentityError::CertificateOfAnotherKey.into());
    }
    if place.holder == HolderKind::Keychain {
        let key = held::open(entries, &place.label).map_err(from_holder)?;
        if crate::key::DeviceKey::spki(&key).as_ref() != spki {
            return Err(IdentityError::CertificateOfAnotherKey.into());
        }
    }
    let lines: Vec<String> = chain.iter().map(|certificate| STANDARD.encode(certificate)).collect();
    let text = lines.join("\n");
    if text.len() > ENTRY_BYTES_MAX {
        return Err(KeychainError::TooLong { bytes: text.len() });
    }
    entries.put(&entries::key_entry(name, &facts), place.to_string().as_bytes())?;
    entries.put(&entry(name, which), text.as_bytes())?;
    settle(entries, name)
}

pub(super) fn load(
    entries: &mut dyn Entries,
    name: &IdentityName,
    which: Which,
) -> Result<Option<Loaded>, KeychainError> {
    let Some(text) = entries.get(&entry(name, which))? else { return Ok(None) };
    if which == Which::Pending
        && entries.get(&entry(name, Which::Current))?.is_some_and(|current| current == text)
    {
        // Promoted, and interrupted before it was tidied up.
        return Ok(None);
    }
    let chain = entries::decode_chain(&entry(name, which), &text)?;
    match place_of(entries, name, &chain)? {
        Some(place) if place.holder != HolderKind::Keychain => {
            Ok(Some(Loaded::Elsewhere { chain, place }))
        }
        _ => {
            entries::identity_of(entries, name, chain).map(|identity| Some(Loaded::Ready(identity)))
        }
    }
}

pub(super) fn promote(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    if let Some(text) = entries.get(&entry(name, Which::Pending))? {
        // The one step that counts.
        entries.put(&entry(name, Which::Current), &text)?;
    }
    settle(entries, name)
}

pub(super) fn discard(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    entries.remove(&entry(name, Which::Pending))?;
    settle(entries, name)
}

/// Removes what neither the current nor the pending identity needs. Returns the keys in other
/// holders that are not needed any more, for the caller to delete there.
pub(super) fn settle(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    let current = entries.get(&entry(name, Which::Current))?;
    let pending = entries.get(&entry(name, Which::Pending))?;
    if pending.is_some() && pending == current {
        entries.remove(&entry(name, Which::Pending))?;
    }
    let mut needed = Vec::new();
    for text in [current, pending].into_iter().flatten() {
        // A damaged chain may belong to any key: nothing is thrown away on its account.
        let Ok(chain) = entries::decode_chain("", &text) else { return Ok(Vec::new()) };
        let Some(facts) =
            chain.first().and_then(|leaf| CertificateFacts::from_certificate(leaf).ok())
        else {
            return Ok(Vec::new());
        };
        needed.push(entries::key_entry(name, &facts));
    }
    if needed.is_empty() {
        return Ok(Vec::new());
    }
    let mut elsewhere = Vec::new();
    for unneeded in
        entries::key_entries(entries, name)?.into_iter().filter(|entry| !needed.contains(entry))
    {
        let place = place_in(entries, &unneeded)?;
        // What a needed identity also points to stays.
        let still_used = match &place {
            Some(place) => uses(entries, &needed, place)?,
            None => true,
        };
        if let Some(place) = place.filter(|_| !still_used) {
            match place.holder {
                HolderKind::Keychain => remove_held(entries, &place.label)?,
                _ => elsewhere.push(place),
            }
        }
        // Last, so that an interruption finds the key again.
        entries.remove(&unneeded)?;
    }
    Ok(elsewhere)
}

/// The keys of this identity that are in holders, current first.
pub(super) fn places(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    let mut found = Vec::new();
    for entry in entries::key_entries(entries, name)? {
        found.extend(place_in(entries, &entry)?);
    }
    Ok(found)
}

/// Before an identity's entries go: its keys in this keychain.
pub(super) fn delete_held(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<(), KeychainError> {
    for place in
        places(entries, name)?.into_iter().filter(|place| place.holder == HolderKind::Keychain)
    {
        remove_held(entries, &place.label)?;
    }
    entries.remove(&entry(name, Which::Pending))?;
    Ok(())
}

fn uses(
    entries: &mut dyn Entries,
    needed: &[String],
    place: &KeyPlace,
) -> Result<bool, KeychainError> {
    for entry in needed {
        if place_in(entries, entry)?.as_ref() == Some(place) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn remove_held(entries: &mut dyn Entries, label: &KeyLabel) -> Result<(), KeychainError> {
    match held::delete(entries, label) {
        Ok(()) | Err(HolderError::NoSuchKey { .. }) => Ok(()),
        Err(error) => Err(from_holder(error)),
    }
}

fn place_of(
    entries: &mut dyn Entries,
    name: &IdentityName,
    chain: &[CertificateDer<'static>],
) -> Result<Option<KeyPlace>, KeychainError> {
    match chain.first().and_then(|leaf| CertificateFacts::from_certificate(leaf).ok()) {
        Some(facts) => place_in(entries, &entries::key_entry(name, &facts)),
        None => Ok(None),
    }
}

/// `None` for a key that is in the entry itself, and for no entry.
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

fn entry(name: &IdentityName, which: Which) -> String {
    match which {
        Which::Current => format!("{IDENTITY_PREFIX}{name}"),
        Which::Pending => format!("{PENDING_PREFIX}{name}"),
    }
}

pub(super) fn from_holder(error: HolderError) -> KeychainError {
    match error {
        HolderError::Keychain(inner) => inner,
        HolderError::NoSuchKey { .. } => {
            KeychainError::Malformed { entry: "held".into(), why: "its private key is missing" }
        }
        other => KeychainError::Other { detail: other.to_string() },
    }
}

#[cfg(test)]
#[path = "enrolled_tests.rs"]
mod tests;
