//! A registered key as it is stored.

use super::RpError;
use serde_json::{from_str, to_string};
use webauthn_rs::prelude::{AttestationMetadata, AttestedPasskey, COSEAlgorithm, Credential};

/// Longest stored key that is read, bytes of JSON.
pub const PASSKEY_LEN_MAX: usize = 16 * 1024;

/// A registered key: its public part, its counter, and the certificates it was attested with.
/// Nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey(pub(super) AttestedPasskey);

impl Passkey {
    /// Reads a stored key; one that is too long or altered is [`RpError::StoredKey`].
    pub fn from_json(text: &str) -> Result<Self, RpError> {
        if text.len() > PASSKEY_LEN_MAX {
            return Err(RpError::StoredKey(format!("longer than {PASSKEY_LEN_MAX} bytes")));
        }
        from_str(text).map(Self).map_err(|e| RpError::StoredKey(e.to_string()))
    }

    /// The key as it is stored; [`Self::from_json`] reads it.
    pub fn to_json(&self) -> Result<String, RpError> {
        let text = to_string(&self.0).map_err(|e| RpError::StoredKey(e.to_string()))?;
        if text.len() > PASSKEY_LEN_MAX {
            Err(RpError::StoredKey(format!("longer than {PASSKEY_LEN_MAX} bytes")))
        } else {
            Ok(text)
        }
    }

    /// The credential's id, chosen by the authenticator.
    pub fn credential_id(&self) -> &[u8] {
        self.0.cred_id()
    }

    /// The model; `None` for a kind of attestation that names none.
    pub fn aaguid(&self) -> Option<[u8; 16]> {
        match self.0.attestation().metadata {
            AttestationMetadata::Packed { aaguid } => Some(*aaguid.as_bytes()),
            _ => None,
        }
    }

    /// The signature counter (WebAuthn Level 2 §6.1.1) as last seen; 0 when the key has none.
    pub fn counter(&self) -> u32 {
        self.credential().counter
    }

    /// The same key after it said `counter`. Stores may keep the counter apart.
    pub fn with_counter(self, counter: u32) -> Self {
        let mut credential = self.credential();
        credential.counter = counter;
        Self(credential.into())
    }

    pub(super) fn credential(&self) -> Credential {
        self.0.clone().into()
    }

    pub(super) fn is_es256(&self) -> bool {
        *self.0.cred_algorithm() == COSEAlgorithm::ES256
    }
}
