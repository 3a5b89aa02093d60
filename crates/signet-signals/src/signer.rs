//! Signs tokens, and gives the public key to whoever checks them.

use crate::{Algorithm, TYPE};
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};

/// The key that tokens are signed with: P-256 (ES256) or Ed25519 (EdDSA).
pub struct Signer {
    key: Key,
    /// Thumbprint of the public key (RFC 7638).
    kid: String,
}

enum Key {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a key cannot be used, or did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// At fault: whoever wrote the file.
    #[error("not a private key in PKCS#8 for P-256 (ES256) or Ed25519 (EdDSA)")]
    NotAKey,
    /// At fault: the system's cryptography.
    #[error("the system's cryptography failed")]
    Crypto,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a key in PKCS#8, DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignerError> {
        let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Key::P256);
        let key = p256.or_else(|_| Ed25519KeyPair::from_pkcs8(der).map(Key::Ed25519));
        let key = key.map_err(|_| SignerError::NotAKey)?;
        // RFC 7638 §3: the members that the key type needs, in order, without blanks.
        let members = key.members().to_string();
        let kid = B64.encode(digest(&SHA256, members.as_bytes()));
        Ok(Self { key, kid })
    }

    /// Makes a key for ES256: PKCS#8, DER.
    pub fn make_pkcs8() -> Result<Vec<u8>, SignerError> {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|d| d.as_ref().to_vec()).map_err(|_| SignerError::Crypto)
    }

    /// What tokens are signed with.
    pub const fn algorithm(&self) -> Algorithm {
        match self.key {
            Key::P256(_) => Algorithm::Es256,
            Key::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The JWK Set (RFC 7517) that a receiver checks tokens with.
    pub fn key_set(&self) -> String {
        let mut jwk = self.key.members();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm().name());
        format!("{:#}\n", json!({ "keys": [jwk] }))
    }

    /// A compact JWS over these claims, as a Security Event Token.
    pub fn sign(&self, claims: &Value) -> Result<String, SignerError> {
        let header = json!({ "alg": self.algorithm().name(), "typ": TYPE, "kid": self.kid });
        let part = |v: &Value| B64.encode(v.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = match &self.key {
            Key::P256(k) => {
                let made = k.sign(&SystemRandom::new(), signed.as_bytes());
                B64.encode(made.map_err(|_| SignerError::Crypto)?)
            }
            Key::Ed25519(k) => {
                let made = k.try_sign(signed.as_bytes()).map_err(|_| SignerError::Crypto)?;
                B64.encode(made)
            }
        };
        Ok(format!("{signed}.{signature}"))
    }
}

impl Key {
    /// The public key as a JWK with nothing but what its type needs; keys in order.
    fn members(&self) -> Value {
        match self {
            Self::P256(k) => {
                // An uncompressed point: 4, x, y.
                let (x, y) = k.public_key().as_ref()[1..].split_at(32);
                json!({ "crv": "P-256", "kty": "EC", "x": B64.encode(x), "y": B64.encode(y) })
            }
            Self::Ed25519(k) => {
                let x = B64.encode(k.public_key().as_ref());
                json!({ "crv": "Ed25519", "kty": "OKP", "x": x })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keys, jws};

    fn both() -> [Signer; 2] {
        let p256 = Signer::make_pkcs8().unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        [Signer::from_pkcs8(&p256).unwrap(), Signer::from_pkcs8(ed.as_ref()).unwrap()]
    }

    #[test]
    fn our_receiver_believes_both_kinds_of_keys_and_only_their_own() {
        let claims = json!({ "jti": "a" });
        let signers = both();
        let names = signers.each_ref().map(|s| s.algorithm().name());
        assert_eq!(names, ["ES256", "EdDSA"]);
        for (n, signer) in signers.iter().enumerate() {
            let token = signer.sign(&claims).unwrap();
            let keys = Keys::read(&signer.key_set()).unwrap();
            let read = jws::verified(&token, &keys).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&read).unwrap(), claims);
            let others = Keys::read(&signers[1 - n].key_set()).unwrap();
            assert!(jws::verified(&token, &others).is_err());
        }
    }

    /// The key and its thumbprint of RFC 8037, appendix A.
    #[test]
    fn the_key_id_is_the_thumbprint() {
        let seed = B64.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let prefix = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
        let signer = Signer::from_pkcs8(&[&prefix[..], &seed].concat()).unwrap();
        let set: Value = serde_json::from_str(&signer.key_set()).unwrap();
        assert_eq!(set["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(set["keys"][0]["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(set["keys"][0].get("d").is_none(), "a private key was published");
    }

    #[test]
    fn what_is_not_such_a_key_is_refused() {
        let p384 = EcdsaKeyPair::generate_pkcs8(
            &aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            &SystemRandom::new(),
        );
        for der in [&b""[..], b"-----BEGIN", p384.unwrap().as_ref()] {
            assert_eq!(Signer::from_pkcs8(der).err(), Some(SignerError::NotAKey));
        }
    }
}
