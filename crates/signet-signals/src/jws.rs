//! A compact JWS (RFC 7515), read strictly: nothing in its header chooses what is trusted.

use crate::{Algorithm, Keys, SetRefusal, TOKEN_BYTES_MAX, TYPE, json};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Parameters that bring a key along or demand extensions. `zip` is one of encryption.
const NEVER: [&str; 8] = ["crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip"];

#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// The bytes of the claims, once header and signature are good.
pub(crate) fn verified(token: &str, keys: &Keys) -> Result<Vec<u8>, SetRefusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(SetRefusal::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(SetRefusal::NotCompact)?;
    let (header, claims) = signed.split_once('.').ok_or(SetRefusal::NotCompact)?;
    let part = |text: &str| B64.decode(text).map_err(|_| SetRefusal::NotCompact);
    let (header, claims, signature) = (part(header)?, part(claims)?, part(signature)?);
    let header: Header = json::read(&header).ok_or(SetRefusal::Header)?;
    if let Some(name) = NEVER.iter().find(|n| header.more.contains_key(**n)) {
        return Err(SetRefusal::HeaderParameter(name));
    }
    // RFC 7515 §4.1.9: case does not matter, and `application/` may be there.
    let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
    if typ.strip_prefix("application/").unwrap_or(&typ) != TYPE {
        return Err(SetRefusal::Type);
    }
    let algorithm = header.alg.as_deref().and_then(Algorithm::read).ok_or(SetRefusal::Algorithm)?;
    let kid = header.kid.ok_or(SetRefusal::NoKeyId)?;
    match keys.algorithm(&kid) {
        None => return Err(SetRefusal::UnknownKey),
        Some(of_key) if of_key != algorithm => return Err(SetRefusal::KeyMismatch),
        Some(_) => {}
    }
    if keys.is_good(&kid, signed.as_bytes(), &signature) {
        Ok(claims)
    } else {
        Err(SetRefusal::Signature)
    }
}
