//! The issuer's public keys (RFC 7517).

use crate::ID_CHARS_MAX;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Keys of one set.
pub const KEYS_MAX: usize = 64;
/// Modulus of an RSA key, bytes: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

/// The algorithms that are taken. Never `none`, and never a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits and more.
    Rs256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// By its name in a header or a key (RFC 7518, RFC 8037, RFC 9864).
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// As it travels; EdDSA under the name that every verifier knows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    P256(Vec<u8>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ed25519(Vec<u8>),
}

/// The keys that a token may be signed with, by `kid`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, Key>);

/// Why a set of keys is not taken. At fault: whoever wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Not a JWK Set.
    #[error("not a JWK Set: {0}")]
    Syntax(String),
    /// More than [`KEYS_MAX`].
    #[error("more than {KEYS_MAX} keys")]
    TooMany,
    /// Two keys with one `kid`.
    #[error("two keys have the kid {0:?}")]
    Twice(String),
    /// A key that names a type taken here and is none.
    #[error("the key {0:?} is not a good key of its type")]
    Bad(String),
    /// None that is taken here.
    #[error("no key for ES256, RS256 (2048 bits and more) or EdDSA with a kid")]
    None,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Keys {
    /// Reads a JWK Set. Keys for other purposes and algorithms are left out; one of a type taken
    /// here that is wrong makes the whole set wrong.
    pub fn read(json: &str) -> Result<Self, KeysError> {
        let set: Set = serde_json::from_str(json).map_err(|e| KeysError::Syntax(e.to_string()))?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeysError::TooMany);
        }
        let mut keys = BTreeMap::new();
        for jwk in set.keys {
            let Some(kid) = jwk.kid.clone().filter(|k| k.chars().count() <= ID_CHARS_MAX) else {
                continue;
            };
            let Some(key) = jwk.key().map_err(|()| KeysError::Bad(kid.clone()))? else { continue };
            if keys.insert(kid.clone(), key).is_some() {
                return Err(KeysError::Twice(kid));
            }
        }
        if keys.is_empty() { Err(KeysError::None) } else { Ok(Self(keys)) }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The algorithm of a key; `None`: the set has no key with this id.
    pub fn algorithm(&self, kid: &str) -> Option<Algorithm> {
        self.0.get(kid).map(Key::algorithm)
    }

    /// Whether a signature is good.
    pub(crate) fn is_good(&self, kid: &str, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match self.0.get(kid) {
            Some(Key::P256(point)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            Some(Key::Ed25519(point)) => {
                UnparsedPublicKey::new(&ED25519, point).verify(signed, signature)
            }
            Some(Key::Rsa { n, e }) => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                signed,
                signature,
            ),
            None => return false,
        };
        verified.is_ok()
    }
}

impl Jwk {
    /// `None`: for another purpose or algorithm.
    fn key(&self) -> Result<Option<Key>, ()> {
        if self.purpose.as_deref().is_some_and(|p| p != "sig") {
            return Ok(None);
        }
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => {
                let point = [&[4][..], &exactly(&self.x, 32)?, &exactly(&self.y, 32)?].concat();
                Key::P256(point)
            }
            ("OKP", Some("Ed25519")) => Key::Ed25519(exactly(&self.x, 32)?),
            ("RSA", _) => {
                let (n, e) = (bytes(&self.n)?, bytes(&self.e)?);
                let n: Vec<u8> = n.into_iter().skip_while(|b| *b == 0).collect();
                // A modulus of 2048 bits has its highest bit set.
                let short =
                    n.len() == *MODULUS_BYTES.start() && n.first().is_none_or(|b| b >> 7 == 0);
                if !MODULUS_BYTES.contains(&n.len()) || short || !(1..=8).contains(&e.len()) {
                    return Err(());
                }
                Key::Rsa { n, e }
            }
            _ => return Ok(None),
        };
        let fits = |alg: &String| Algorithm::read(alg) == Some(key.algorithm());
        Ok(self.alg.as_ref().is_none_or(fits).then_some(key))
    }
}

impl Key {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Es256,
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }
}

fn bytes(text: &Option<String>) -> Result<Vec<u8>, ()> {
    B64.decode(text.as_deref().ok_or(())?).map_err(|_| ())
}

fn exactly(text: &Option<String>, length: usize) -> Result<Vec<u8>, ()> {
    bytes(text).and_then(|b| if b.len() == length { Ok(b) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b64(byte: u8, n: usize) -> String {
        B64.encode(vec![byte; n])
    }

    #[test]
    fn table_of_sets() {
        let ec =
            format!("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{0}\",\"y\":\"{0}\"", b64(1, 32));
        let rsa = |first: u8, n: usize| {
            format!("\"kty\":\"RSA\",\"n\":\"{}\",\"e\":\"AQAB\"", b64(first, n))
        };
        let bad = |kid: &str| Err(KeysError::Bad(kid.into()));
        for (name, keys, want) in [
            ("one", format!("{{\"kid\":\"a\",{ec}}}"), Ok(1)),
            (
                "for signatures",
                format!("{{\"kid\":\"a\",\"use\":\"sig\",\"alg\":\"ES256\",{ec}}}"),
                Ok(1),
            ),
            (
                "for encryption",
                format!("{{\"kid\":\"a\",\"use\":\"enc\",{ec}}}"),
                Err(KeysError::None),
            ),
            (
                "another algorithm",
                format!("{{\"kid\":\"a\",\"alg\":\"ES512\",{ec}}}"),
                Err(KeysError::None),
            ),
            (
                "an RSA algorithm for an EC key",
                format!("{{\"kid\":\"a\",\"alg\":\"RS256\",{ec}}}"),
                Err(KeysError::None),
            ),
            ("no kid", format!("{{{ec}}}"), Err(KeysError::None)),
            (
                "a shared secret",
                "{\"kid\":\"a\",\"kty\":\"oct\",\"k\":\"AAAA\"}".into(),
                Err(KeysError::None),
            ),
            (
                "P-384",
                "{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-384\"}".into(),
                Err(KeysError::None),
            ),
            ("2048 bits", format!("{{\"kid\":\"a\",{}}}", rsa(0xff, 256)), Ok(1)),
            ("2047 bits", format!("{{\"kid\":\"a\",{}}}", rsa(0x7f, 256)), bad("a")),
            ("1024 bits", format!("{{\"kid\":\"a\",{}}}", rsa(0xff, 128)), bad("a")),
            ("8193 bits", format!("{{\"kid\":\"a\",{}}}", rsa(0xff, 1_025)), bad("a")),
            (
                "Ed25519",
                format!(
                    "{{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{}\"}}",
                    b64(1, 32)
                ),
                Ok(1),
            ),
            (
                "Ed25519, short",
                format!(
                    "{{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{}\"}}",
                    b64(1, 31)
                ),
                bad("a"),
            ),
            (
                "a point without y",
                "{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\"}".into(),
                bad("a"),
            ),
            (
                "twice",
                format!("{{\"kid\":\"a\",{ec}}},{{\"kid\":\"a\",{ec}}}"),
                Err(KeysError::Twice("a".into())),
            ),
            ("none", String::new(), Err(KeysError::None)),
        ] {
            let read = Keys::read(&format!("{{\"keys\":[{keys}]}}")).map(|k| k.count());
            assert_eq!(read, want, "{name}");
        }
        assert!(matches!(Keys::read("[]"), Err(KeysError::Syntax(_))));
        let many = vec!["{\"kty\":\"oct\"}"; KEYS_MAX + 1].join(",");
        assert_eq!(Keys::read(&format!("{{\"keys\":[{many}]}}")), Err(KeysError::TooMany));
    }
}
