//! Identities from enrolment: certificate chains here, keys in any holder, two at a time
//! while a renewal is under way.
//!
//! `identity/<name>` is the current chain, `pending/<name>` the one just issued. For each,
//! `key/<name>/<digest>` says where its key is (`@<holder>:<label>`) in place of the key itself.
//! Every step leaves `identity/<name>` pointing to a key that exists; [`settle`], which may run at
//! any time, removes what an interruption left.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use signet_identity::{
    CHAIN_CERTIFICATES_MAX, CertificateFacts, DeviceKey as _, Identity, IdentityError, Protection,
    SoftwareKey,
};
use zeroize::Zeroizing;

use super::entries::{self, Entries, IDENTITY_PREFIX, place_in};
use super::held::{self, from_holder};
use super::loaded::Loaded;
use super::name::IdentityName;
use crate::holder::{ENTRY_BYTES_MAX, HolderError, HolderKind, KeyLabel, KeyPlace, KeychainError};
use crate::renewal::IdentitySlot;

const PENDING_PREFIX: &str = "pending/";

pub(super) fn store(
    entries: &mut dyn Entries,
    name: &IdentityName,
    slot: IdentitySlot,
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
        if key.spki().as_ref() != spki {
            return Err(IdentityError::CertificateOfAnotherKey.into());
        }
    }
    let lines: Vec<String> = chain.iter().map(|certificate| STANDARD.encode(certificate)).collect();
    let text = lines.join("\n");
    if text.len() > ENTRY_BYTES_MAX {
        return Err(KeychainError::TooLong { bytes: text.len() });
    }
    entries.put(&entries::key_entry(name, &facts), place.to_string().as_bytes())?;
    entries.put(&entry(name, slot), text.as_bytes())?;
    // The identity is stored: whoever is told otherwise deletes its key. What is left over goes at
    // the next change.
    Ok(settle(entries, name).unwrap_or_else(|why| {
        tracing::warn!(identity = %name, "keys that are not needed stay for now: {why}");
        Vec::new()
    }))
}

pub(super) fn load(
    entries: &mut dyn Entries,
    name: &IdentityName,
    slot: IdentitySlot,
) -> Result<Option<Loaded>, KeychainError> {
    let Some(text) = entries.get(&entry(name, slot))? else { return Ok(None) };
    if slot == IdentitySlot::Pending
        && entries.get(&entry(name, IdentitySlot::Current))?.is_some_and(|current| current == text)
    {
        // Promoted already; the process stopped before this entry was removed.
        return Ok(None);
    }
    let chain = entries::decode_chain(&entry(name, slot), &text)?;
    match place_of(entries, name, &chain)? {
        Some(place) if place.holder != HolderKind::Keychain => {
            Ok(Some(Loaded::Elsewhere { chain, place }))
        }
        _ => identity_of(entries, name, chain).map(|identity| Some(Loaded::Ready(identity))),
    }
}

/// The current identity of this chain, with its key from the keychain.
pub(super) fn identity_of(
    entries: &mut dyn Entries,
    name: &IdentityName,
    chain: Vec<CertificateDer<'static>>,
) -> Result<Identity, KeychainError> {
    let entry = entries::identity_entry(name);
    let malformed = |why| KeychainError::Malformed { entry: entry.clone(), why };
    let leaf = chain.first().ok_or_else(|| malformed("it has no certificate"))?;
    let facts = CertificateFacts::from_certificate(leaf)
        .map_err(|_| malformed("its certificate cannot be read"))?;
    let key_entry = entries::key_entry(name, &facts);
    match place_in(entries, &key_entry)? {
        Some(place) if place.holder == HolderKind::Keychain => {
            let key = held::open(entries, &place.label).map_err(from_holder)?;
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

pub(super) fn promote(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    if let Some(text) = entries.get(&entry(name, IdentitySlot::Pending))? {
        // This write replaces the identity; everything after it only tidies up.
        entries.put(&entry(name, IdentitySlot::Current), &text)?;
    }
    settle(entries, name)
}

pub(super) fn discard(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    entries.remove(&entry(name, IdentitySlot::Pending))?;
    settle(entries, name)
}

/// Removes what neither the current nor the pending identity needs. Returns the keys in other
/// holders that are no longer needed, for the caller to delete there.
pub(super) fn settle(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    let current = entries.get(&entry(name, IdentitySlot::Current))?;
    let pending = entries.get(&entry(name, IdentitySlot::Pending))?;
    if pending.is_some() && pending == current {
        entries.remove(&entry(name, IdentitySlot::Pending))?;
    }
    let mut needed = Vec::new();
    for text in [current, pending].into_iter().flatten() {
        // A damaged chain may belong to any key, so nothing is deleted.
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
        let place = match place_in(entries, &unneeded) {
            // Which key it meant cannot be told, so it stays; the others go.
            Err(KeychainError::Malformed { .. }) => continue,
            read => read?,
        };
        // A key that a needed identity also uses stays.
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

/// The keys of this identity that are in holders, current first: the next key is made under the
/// label that the first one does not have, in place of what is there.
pub(super) fn places(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<Vec<KeyPlace>, KeychainError> {
    let current = match entries.get(&entry(name, IdentitySlot::Current)) {
        // It can be deleted, which is the cure.
        Err(KeychainError::Malformed { .. }) => None,
        read => read?,
    };
    let current = current.and_then(|text| {
        let chain = entries::decode_chain("", &text).ok()?;
        let facts = CertificateFacts::from_certificate(chain.first()?).ok()?;
        Some(entries::key_entry(name, &facts))
    });
    // A pending identity has another, and an interruption may have left more.
    let mut all = entries::key_entries(entries, name)?;
    all.sort_by_key(|one| Some(one) != current.as_ref());
    let mut found = Vec::new();
    for one in all {
        match place_in(entries, &one) {
            // One that is damaged must not keep the others from being renewed and deleted.
            Err(KeychainError::Malformed { .. }) => {}
            read => found.extend(read?),
        }
    }
    Ok(found)
}

/// Deletes the keys of an identity that are in this keychain, before its entries are deleted.
pub(super) fn delete_held(
    entries: &mut dyn Entries,
    name: &IdentityName,
) -> Result<(), KeychainError> {
    for place in
        places(entries, name)?.into_iter().filter(|place| place.holder == HolderKind::Keychain)
    {
        remove_held(entries, &place.label)?;
    }
    entries.remove(&entry(name, IdentitySlot::Pending))?;
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

fn entry(name: &IdentityName, slot: IdentitySlot) -> String {
    match slot {
        IdentitySlot::Current => format!("{IDENTITY_PREFIX}{name}"),
        IdentitySlot::Pending => format!("{PENDING_PREFIX}{name}"),
    }
}

#[cfg(test)]
#[path = "enrolled_tests.rs"]
mod tests;
