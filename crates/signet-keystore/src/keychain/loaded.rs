//! An identity on its way from the keychain into use.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use signet_identity::Identity;

use super::name::IdentityName;
use crate::holder::{HolderError, KeyHolder, KeyLabel, KeyPlace, KeychainError};

/// An identity as far as the keychain has it.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// Chain and key.
    Ready(Identity),
    /// The chain; the key is in another holder.
    Elsewhere {
        /// The certificates, leaf first.
        chain: Vec<CertificateDer<'static>>,
        /// Where the key is.
        place: KeyPlace,
    },
}

/// The label for the next key of an identity. There are two, used in turn, so that the next renewal
/// finds and replaces what an interrupted one left.
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

/// Completes what a keychain had of an identity with the key from its holder.
///
/// # Errors
/// [`HolderError::Unsupported`] when no holder of that kind is among `holders`, and what the holder
/// says.
pub fn open_loaded(
    loaded: Loaded,
    holders: &[Arc<dyn KeyHolder>],
) -> Result<Identity, HolderError> {
    let (chain, place) = match loaded {
        Loaded::Ready(identity) => return Ok(identity),
        Loaded::Elsewhere { chain, place } => (chain, place),
    };
    let holder = holders.iter().find(|holder| holder.kind() == place.holder);
    let key = holder.ok_or(HolderError::Unsupported(place.holder.as_str()))?.open(&place.label)?;
    Ok(Identity::new(chain, key).map_err(KeychainError::from)?)
}
