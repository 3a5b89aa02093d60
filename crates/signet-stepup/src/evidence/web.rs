//! An assertion that a browser made for a page, kept for whoever verifies it later.

use super::authenticator::{AuthenticatorData, signed_by, spki};
use super::{ClientData, EvidenceFault, SignedParts, flags_of, member};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::{Deserialize, Serialize};

/// The key, and what it signed. Binary members are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebProof {
    /// The relying party's id, a host name.
    pub rp_id: String,
    /// As the browser wrote it.
    pub origin: String,
    /// The credential that signed.
    pub credential_id: String,
    /// COSE_Key.
    pub public_key: String,
    /// `clientDataJSON` as it was hashed and signed.
    pub client_data_json: String,
    /// Authenticator data (WebAuthn Level 2 §6.1) as it was signed.
    pub authenticator_data: String,
    /// Of the key, over `authenticator_data` and the SHA-256 of `client_data_json`.
    pub signature: String,
}

impl WebProof {
    /// Whether the key signed this challenge, for this origin, with touch and PIN.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, challenge: &[u8]) -> Result<(), EvidenceFault> {
        let client_data = member("client_data_json", &self.client_data_json)?;
        let signed = member("authenticator_data", &self.authenticator_data)?;
        let key = member("public_key", &self.public_key)?;
        let signature = member("signature", &self.signature)?;
        let message = [&signed[..], digest(&SHA256, &client_data).as_ref()].concat();
        match signed_by(&key, &message, &signature) {
            None => return Err(EvidenceFault::KeyKind),
            Some(false) => return Err(EvidenceFault::Signature),
            Some(true) => {}
        }
        let c: ClientData =
            serde_json::from_slice(&client_data).map_err(|_| EvidenceFault::ClientData)?;
        if c.r#type != "webauthn.get" || c.cross_origin {
            return Err(EvidenceFault::ClientData);
        }
        if c.challenge != B64.encode(challenge) {
            return Err(EvidenceFault::Challenge);
        }
        if c.origin != self.origin {
            return Err(EvidenceFault::Origin);
        }
        let data =
            AuthenticatorData::read(&signed).ok_or(EvidenceFault::Member("authenticator_data"))?;
        flags_of(&self.rp_id, &data)
    }

    /// What another program verifies: the key, what it signed and the signature.
    pub fn signed_parts(&self) -> Option<SignedParts> {
        let client_data = member("client_data_json", &self.client_data_json).ok()?;
        let signed = member("authenticator_data", &self.authenticator_data).ok()?;
        Some(SignedParts {
            key: spki(&member("public_key", &self.public_key).ok()?)?,
            message: [&signed[..], digest(&SHA256, &client_data).as_ref()].concat(),
            signature: member("signature", &self.signature).ok()?,
            client_data,
        })
    }
}
