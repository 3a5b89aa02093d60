//! Keys in the token of `[pkcs11]`: made, and tried.

use super::AdminError;
use crate::config::{Config, KeySource, TokenKey, value};
use signet_identity::{DeviceKey, SpkiPin};
use signet_keystore::KeyHolder as _;
use std::sync::Arc;

/// A key that has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenReport {
    /// The setting that names it.
    pub name: &'static str,
    /// Its address.
    pub key: String,
}

/// Makes a key in the token; the pin of its public half.
///
/// # Errors
/// The address is none of a key in a token, or the token does not make it.
pub fn make_token_key(config: &Config, address: &str) -> Result<String, AdminError> {
    let source = KeySource::try_from(address.to_owned()).map_err(|e| value("key", e))?;
    let KeySource::Token(key) = source else {
        return Err(value("key", "pkcs11:token=LABEL;object=NAME is asked for").into());
    };
    let made = generate(config, &key)?;
    Ok(SpkiPin::of_spki(made.spki().as_ref()).to_string())
}

/// The same, for its user.
pub(super) fn generate(config: &Config, key: &TokenKey) -> Result<Arc<dyn DeviceKey>, AdminError> {
    let section = config.pkcs11.as_ref().ok_or(AdminError::NoSection("pkcs11"))?;
    let holder = section.holder_of_a_person(key.token.as_deref());
    Ok(holder.generate(&key.label).map_err(|e| section.refused("key", key, &e))?)
}

/// Logs in and signs with every key that the configuration names.
///
/// # Errors
/// The first that does not sign.
pub fn try_token_keys(config: &Config) -> Result<Vec<TokenReport>, AdminError> {
    let section = config.pkcs11.as_ref().ok_or(AdminError::NoSection("pkcs11"))?;
    let mut reports = Vec::new();
    for (name, key) in config.token_keys() {
        let held = section.holder_of_a_person(key.token.as_deref()).open(&key.label);
        let held = held.map_err(|e| section.refused(name, key, &e))?;
        held.sign_es256(b"signet-gateway token check").map_err(|e| value(name, e))?;
        reports.push(TokenReport { name, key: key.to_string() });
    }
    Ok(reports)
}
