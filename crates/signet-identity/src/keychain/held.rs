//! Keys that the keychain holds for a [`crate::KeyHolder`] caller, before and after they have a
//! certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeychainError;
use super::entries::Entries;
use crate::holder::{HolderError, KeyLabel};
use crate::key::{Protection, SoftwareKey};

fn entry(label: &KeyLabel) -> String {
    format!("held/{label}")
}

pub(crate) fn generate(
    entries: &mut dyn Entries,
    label: &KeyLabel,
) -> Result<SoftwareKey, HolderError> {
    let entry = entry(label);
    if entries.get(&entry)?.is_some() {
        return Err(HolderError::LabelTaken { label: label.clone() });
    }
    let pkcs8 = SoftwareKey::generate_pkcs8()?;
    let text = Zeroizing::new(STANDARD.encode(pkcs8.as_slice()));
    entries.put(&entry, text.as_bytes())?;
    Ok(SoftwareKey::from_pkcs8(&pkcs8, Protection::OsKeychain)?)
}

pub(crate) fn open(
    entries: &mut dyn Entries,
    label: &KeyLabel,
) -> Result<SoftwareKey, HolderError> {
    let entry = entry(label);
    let text =
        entries.get(&entry)?.ok_or_else(|| HolderError::NoSuchKey { label: label.clone() })?;
    let malformed =
        || KeychainError::Malformed { entry: entry.clone(), why: "its private key is not base64" };
    let pkcs8 = STANDARD.decode(text.as_slice()).map(Zeroizing::new).map_err(|_| malformed())?;
    Ok(SoftwareKey::from_pkcs8(&pkcs8, Protection::OsKeychain)?)
}

pub(crate) fn delete(entries: &mut dyn Entries, label: &KeyLabel) -> Result<(), HolderError> {
    match entries.remove(&entry(label))? {
        true => Ok(()),
        false => Err(HolderError::NoSuchKey { label: label.clone() }),
    }
}
