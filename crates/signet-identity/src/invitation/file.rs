//! An invitation as a TOML file and as a link, with the rules of each field.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::contents::{EstAddress, FixAddress, HolderRule, Invitation, is_relying_party};
use super::error::{INVITATION_BYTES_MAX, INVITATION_LINK_PREFIX, InvitationError, VERSION};
use crate::certificate::CertificateFacts;
use crate::names::{is_trust_domain, is_user_id};
use crate::pin::SpkiPin;

/// The extension of an invitation file, without the dot.
pub const INVITATION_EXTENSION: &str = "signet-invite";
const VENUE_CHARS_MAX: usize = 100;
const HOST_CHARS_MAX: usize = 253;
const PINS_MAX: usize = 8;
const ANCHORS_MAX: usize = 8;

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    venue: String,
    user: String,
    holder: HolderRule,
    code_expires: String,
    pins: Vec<String>,
    anchors: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rp_id: Option<String>,
    est: EstAddress,
    fix: FixTable,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FixTable {
    host: String,
    port: u16,
    server_name: String,
    comp_id: String,
    trust_domain: String,
}

impl Invitation {
    /// Reads the bytes of an invitation file.
    ///
    /// # Errors
    /// [`InvitationError`] when it is too large, of another version, or has a bad field.
    pub fn from_toml(bytes: &[u8]) -> Result<Self, InvitationError> {
        if bytes.len() > INVITATION_BYTES_MAX {
            return Err(InvitationError::TooLarge);
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| InvitationError::Syntax("not text".into()))?;
        // The version first: a newer file may have fields that this program does not know.
        let version = |t: &toml::Table| t.get("version").and_then(toml::Value::as_integer);
        let table: toml::Table =
            toml::from_str(text).map_err(|e| InvitationError::Syntax(first_line(e.message())))?;
        match version(&table).map(u32::try_from) {
            Some(Ok(VERSION)) => {}
            Some(Ok(other)) => return Err(InvitationError::Version(other)),
            _ => return Err(InvitationError::Syntax("it has no version".into())),
        }
        let file: File = table
            .try_into()
            .map_err(|e: toml::de::Error| InvitationError::Syntax(first_line(e.message())))?;
        file.try_into()
    }

    /// The text of an invitation file.
    ///
    /// # Errors
    /// When a field could not be read back. At fault: the admin's input.
    pub fn to_toml(&self) -> Result<String, InvitationError> {
        let code_expires =
            self.code_expires.format(&Rfc3339).map_err(|_| field("code_expires", "is no date"))?;
        let FixAddress { host, port, server_name, comp_id, trust_domain } = self.fix.clone();
        let file = File {
            version: VERSION,
            venue: self.venue.clone(),
            user: self.user.clone(),
            holder: self.holder,
            code_expires,
            pins: self.pins.iter().map(SpkiPin::to_string).collect(),
            anchors: self.anchors.iter().map(pem).collect(),
            rp_id: self.rp_id.clone(),
            est: self.est.clone(),
            fix: FixTable { host, port, server_name, comp_id: comp_id.to_string(), trust_domain },
        };
        let text = toml::to_string(&file).map_err(|e| InvitationError::Syntax(e.to_string()))?;
        // An invitation that cannot be read back must not be handed out.
        Self::from_toml(text.as_bytes())?;
        Ok(text)
    }

    /// Reads a link, `signet://enrol/<base64url of the file>`.
    ///
    /// # Errors
    /// As [`Self::from_toml`], and when the link has another form.
    pub fn from_link(link: &str) -> Result<Self, InvitationError> {
        let digits =
            link.trim().strip_prefix(INVITATION_LINK_PREFIX).ok_or(InvitationError::NotALink)?;
        if digits.len() > INVITATION_BYTES_MAX.div_ceil(3) * 4 {
            return Err(InvitationError::TooLarge);
        }
        // Browsers and mail programs add a slash or padding to links.
        let digits = digits.trim_end_matches('/').trim_end_matches('=');
        let bytes = URL_SAFE_NO_PAD.decode(digits).map_err(|_| InvitationError::BadLink)?;
        Self::from_toml(&bytes)
    }

    /// The link with the whole file inside.
    ///
    /// # Errors
    /// As [`Self::to_toml`].
    pub fn to_link(&self) -> Result<String, InvitationError> {
        Ok(format!("{INVITATION_LINK_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.to_toml()?)))
    }
}

impl TryFrom<File> for Invitation {
    type Error = InvitationError;

    fn try_from(file: File) -> Result<Self, InvitationError> {
        let File { version: _, venue, user, holder, code_expires, pins, anchors, rp_id, est, fix } =
            file;
        if !is_plain_name(&venue) {
            return Err(field("venue", "is empty, too long or has characters that do not show"));
        }
        if !is_user_id(&user) {
            return Err(field("user", "is no user id"));
        }
        let code_expires = OffsetDateTime::parse(&code_expires, &Rfc3339)
            .map_err(|_| field("code_expires", "is no RFC 3339 date"))?;
        address("est", &est.host, est.port, &est.server_name)?;
        address("fix", &fix.host, fix.port, &fix.server_name)?;
        let comp_id = fix.comp_id.parse().map_err(|_| field("fix.comp_id", "is no CompID"))?;
        if !is_trust_domain(&fix.trust_domain) {
            return Err(field("fix.trust_domain", "is no trust domain"));
        }
        if pins.len() > PINS_MAX {
            return Err(field("pins", "has too many entries"));
        }
        if rp_id.as_deref().is_some_and(|id| !is_relying_party(id)) {
            return Err(field("rp_id", "is no host name with a dot in it, in lower case"));
        }
        let pins: Result<Vec<SpkiPin>, _> = pins.iter().map(|pin| pin.parse()).collect();
        let FixTable { host, port, server_name, trust_domain, .. } = fix;
        Ok(Self {
            venue,
            user,
            holder,
            code_expires,
            est,
            fix: FixAddress { host, port, server_name, comp_id, trust_domain },
            pins: pins.map_err(|_| field("pins", "has an entry that is no pin"))?,
            anchors: certificates(&anchors)?,
            rp_id,
        })
    }
}

const fn field(field: &'static str, why: &'static str) -> InvitationError {
    InvitationError::Field { field, why }
}

/// The name is shown beside a question of trust, so it has no character that hides or reverses
/// text, nor one of the letters that are blank (the fillers of Hangul).
fn is_plain_name(text: &str) -> bool {
    let blank = |c: char| matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    let shows = |c: char| c == ' ' || (c.is_alphanumeric() && !blank(c)) || c.is_ascii_graphic();
    !text.trim().is_empty() && text.chars().count() <= VENUE_CHARS_MAX && text.chars().all(shows)
}

fn address(
    table: &'static str,
    host: &str,
    port: u16,
    server_name: &str,
) -> Result<(), InvitationError> {
    if host.len() > HOST_CHARS_MAX || ServerName::try_from(host).is_err() {
        return Err(field(table, "has a host that is neither a name nor an address"));
    }
    if port == 0 {
        return Err(field(table, "has port 0"));
    }
    if server_name.len() > HOST_CHARS_MAX || ServerName::try_from(server_name).is_err() {
        return Err(field(table, "has a server_name that is neither a name nor an address"));
    }
    Ok(())
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, InvitationError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let parsed = parsed.map_err(|_| field("anchors", "cannot be read as PEM"))?;
    if parsed.is_empty() {
        return Err(field("anchors", "has no certificate"));
    }
    if parsed.len() > ANCHORS_MAX {
        return Err(field("anchors", "has too many certificates"));
    }
    // Anything else, such as a private key included by mistake, must not be passed on.
    if pem.matches("-----BEGIN").count() != parsed.len() {
        return Err(field("anchors", "has something other than certificates"));
    }
    if parsed.iter().any(|certificate| CertificateFacts::from_certificate(certificate).is_err()) {
        return Err(field("anchors", "has a certificate that cannot be read"));
    }
    Ok(parsed)
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let digits = STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

/// Parsers quote their input; one short line of it is enough for a message.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
