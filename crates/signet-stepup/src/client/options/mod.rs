//! The relying party's options, read from JSON into types with limits.
//!
//! The JSON is `CredentialCreationOptions` or `CredentialRequestOptions` (WebAuthn Level 2 §5.4,
//! §5.5) as a gateway sends them. It comes from a peer: options that are too long, unknown or
//! weaker than this desk accepts are refused before they reach a key.

use super::{CeremonyError, KeyOperation, Order};
use crate::context::{CeremonyKind, client_data_json};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;

const JSON_BYTES_MAX: usize = 64 * 1024;
const CREDENTIALS_MAX: usize = 64;
const ALGORITHMS_MAX: usize = 32;
/// WebAuthn Level 2 §5.8.3 has no bound; CTAP 2.1 §6.1 keys tell their own, and none says more.
const CREDENTIAL_ID_BYTES_MAX: usize = 1023;
/// WebAuthn Level 2 §13.4.3 asks for at least 16 bytes.
const CHALLENGE_BYTES_MIN: usize = 16;
const CHALLENGE_BYTES_MAX: usize = 1024;
/// WebAuthn Level 2 §5.4.3.
const USER_ID_BYTES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 256;
/// RFC 1035 §2.3.4.
const HOST_BYTES_MAX: usize = 253;

/// A ceremony's request that this desk is willing to pass to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Make a credential (`navigator.credentials.create` in a browser).
    Register(Registration),
    /// Sign with a credential (`navigator.credentials.get` in a browser).
    Sign(Signing),
}

/// `PublicKeyCredentialCreationOptions`, as far as a ceremony uses them. User verification is
/// always required and the credential always protected by it (CTAP 2.1 §12.1, level 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The relying party's id, a host name: the origin's host or a parent of it.
    pub rp_id: String,
    /// The relying party's name, at most 256 bytes; a key may show it.
    pub rp_name: String,
    /// User handle, 1 to 64 bytes, chosen by the relying party; the key keeps it.
    pub user_id: Vec<u8>,
    /// Account name, at most 256 bytes; a key may show it.
    pub user_name: String,
    /// Name of the person, at most 256 bytes; a key may show it.
    pub user_display_name: String,
    /// Base64url, as it stands in the options.
    pub challenge: String,
    /// COSE algorithm numbers (RFC 9053), the preferred one first; never empty.
    pub algorithms: Vec<i64>,
    /// Credentials the person has already.
    pub exclude: Vec<Vec<u8>>,
    /// Whether the key itself is to list the credential; discouraged if left out.
    pub discoverable: Discoverable,
    /// Whether the key is to tell its least PIN length (`minPinLength`, CTAP 2.1 §12.4).
    pub min_pin_length: bool,
}

/// `PublicKeyCredentialRequestOptions`, as far as a ceremony uses them. User verification is always
/// required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The relying party's id, a host name: the origin's host or a parent of it.
    pub rp_id: String,
    /// Base64url, as it stands in the options.
    pub challenge: String,
    /// Credentials of which one must sign; never empty.
    pub allow: Vec<Vec<u8>>,
}

/// `ResidentKeyRequirement` (WebAuthn Level 2 §5.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Discoverable {
    /// The credential is found by its id only.
    #[default]
    Discouraged,
    /// The key lists the credential if it has room.
    Preferred,
    /// The key lists the credential or refuses.
    Required,
}

impl Asked {
    /// Reads what `order` asks for.
    ///
    /// # Errors
    /// [`CeremonyError::BadOptions`], which names the member the relying party got wrong.
    pub fn of(order: &Order) -> Result<Self, CeremonyError> {
        let host = host_of(&order.origin)?;
        let asked = match &order.operation {
            KeyOperation::Register(json) => {
                Self::Register(parse::<CreationJson>(json)?.public_key.into_typed()?)
            }
            KeyOperation::Sign(json) => {
                Self::Sign(parse::<RequestJson>(json)?.public_key.into_typed()?)
            }
        };
        within(asked.rp_id(), host)?;
        Ok(asked)
    }

    /// The id that the key signs for: its SHA-256 begins the authenticator data (WebAuthn Level 2
    /// §6.1).
    pub fn rp_id(&self) -> &str {
        match self {
            Self::Register(r) => &r.rp_id,
            Self::Sign(s) => &s.rp_id,
        }
    }

    /// The bytes whose hash the key signs.
    pub fn client_data(&self, order: &Order) -> String {
        let (kind, challenge) = match self {
            Self::Register(r) => (CeremonyKind::Register, &r.challenge),
            Self::Sign(s) => (CeremonyKind::Sign, &s.challenge),
        };
        client_data_json(kind, challenge, &order.origin, order.context.as_ref())
    }
}

fn bad(what: impl Into<String>) -> CeremonyError {
    CeremonyError::BadOptions(what.into())
}

fn parse<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, CeremonyError> {
    if json.len() > JSON_BYTES_MAX {
        return Err(bad("the options are longer than 64 KiB"));
    }
    serde_json::from_str(json).map_err(|e| bad(e.to_string()))
}

/// The host of an origin as WebAuthn Level 2 §5.8.1 writes it: `https`, no path.
fn host_of(origin: &str) -> Result<&str, CeremonyError> {
    let rest = origin
        .strip_prefix("https://")
        .ok_or_else(|| bad("the origin does not begin with https://"))?;
    let (host, port) = rest.split_once(':').unwrap_or((rest, "443"));
    let letters = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    if !letters || host.len() > HOST_BYTES_MAX || port.parse::<u16>().is_err() {
        return Err(bad("the origin is not https://host"));
    }
    Ok(host)
}

/// A relying party's identifier is its origin's host or a parent of it (WebAuthn Level 2 §5.1.3
/// step 8).
fn within(rp_id: &str, host: &str) -> Result<(), CeremonyError> {
    let parent = || host.strip_suffix(rp_id).is_some_and(|front| front.ends_with('.'));
    if rp_id.contains('.') && (rp_id == host || parent()) {
        Ok(())
    } else {
        Err(bad("rp id: not the origin's host or a parent of it"))
    }
}

#[derive(Deserialize)]
struct CreationJson {
    #[serde(rename = "publicKey")]
    public_key: Creation,
}

#[derive(Deserialize)]
struct RequestJson {
    #[serde(rename = "publicKey")]
    public_key: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Creation {
    rp: Rp,
    user: User,
    challenge: String,
    pub_key_cred_params: Vec<Parameter>,
    #[serde(default)]
    exclude_credentials: Option<Vec<Descriptor>>,
    authenticator_selection: Selection,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    rp_id: String,
    challenge: String,
    allow_credentials: Vec<Descriptor>,
    user_verification: String,
}

#[derive(Deserialize)]
struct Rp {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Deserialize)]
struct Parameter {
    r#type: String,
    alg: i64,
}

#[derive(Deserialize)]
struct Descriptor {
    r#type: String,
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    user_verification: String,
    #[serde(default)]
    resident_key: Option<Discoverable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    #[serde(default)]
    min_pin_length: Option<bool>,
}

impl Creation {
    fn into_typed(self) -> Result<Registration, CeremonyError> {
        verified(&self.authenticator_selection.user_verification)?;
        let user_id = bytes("user id", &self.user.id, 1, USER_ID_BYTES_MAX)?;
        if self.pub_key_cred_params.len() > ALGORITHMS_MAX {
            return Err(bad("pubKeyCredParams: too many"));
        }
        let algorithms: Vec<i64> = self
            .pub_key_cred_params
            .iter()
            .filter(|p| p.r#type == "public-key")
            .map(|p| p.alg)
            .collect();
        if algorithms.is_empty() {
            return Err(bad("pubKeyCredParams: none for a public key"));
        }
        bytes("challenge", &self.challenge, CHALLENGE_BYTES_MIN, CHALLENGE_BYTES_MAX)?;
        Ok(Registration {
            rp_id: self.rp.id,
            rp_name: name("rp name", self.rp.name)?,
            user_id,
            user_name: name("user name", self.user.name)?,
            user_display_name: name("user displayName", self.user.display_name)?,
            challenge: self.challenge,
            algorithms,
            exclude: credentials(
                "excludeCredentials",
                self.exclude_credentials.unwrap_or_default(),
            )?,
            discoverable: self.authenticator_selection.resident_key.unwrap_or_default(),
            min_pin_length: self.extensions.and_then(|e| e.min_pin_length).unwrap_or(false),
        })
    }
}

impl Request {
    fn into_typed(self) -> Result<Signing, CeremonyError> {
        verified(&self.user_verification)?;
        bytes("challenge", &self.challenge, CHALLENGE_BYTES_MIN, CHALLENGE_BYTES_MAX)?;
        let allow = credentials("allowCredentials", self.allow_credentials)?;
        // Without a list any credential of the key for this host would do, whoever owns it.
        if allow.is_empty() {
            return Err(bad("allowCredentials: none with a type this desk knows"));
        }
        Ok(Signing { rp_id: self.rp_id, challenge: self.challenge, allow })
    }
}

/// A step-up without the person's PIN or finger proves nothing.
fn verified(user_verification: &str) -> Result<(), CeremonyError> {
    if user_verification == "required" {
        Ok(())
    } else {
        Err(bad("userVerification: not \"required\""))
    }
}

fn name(what: &str, text: String) -> Result<String, CeremonyError> {
    if text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(bad(format!("{what}: too long, or not plain text")));
    }
    Ok(text)
}

fn bytes(what: &str, text: &str, min: usize, max: usize) -> Result<Vec<u8>, CeremonyError> {
    let bytes =
        B64.decode(text).map_err(|_| bad(format!("{what}: not base64url without padding")))?;
    if (min..=max).contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(bad(format!("{what}: {} bytes", bytes.len())))
    }
}

fn credentials(what: &str, found: Vec<Descriptor>) -> Result<Vec<Vec<u8>>, CeremonyError> {
    if found.len() > CREDENTIALS_MAX {
        return Err(bad(format!("{what}: more than {CREDENTIALS_MAX}")));
    }
    found
        .iter()
        .filter(|d| d.r#type == "public-key")
        .map(|d| bytes(what, &d.id, 1, CREDENTIAL_ID_BYTES_MAX))
        .collect()
}

#[cfg(test)]
mod tests;
