//! What an admin gives a new trader besides the one-time code: where to enrol, where to trade, and
//! the authorities to trust. Nothing in it is secret; everything in it can be forged by whoever
//! can change the file, so the trader compares [`Invitation::fingerprint`] with the admin's word.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::peer::{CertificateFacts, CompId, sha256};
use crate::profile::SpkiPin;
use crate::spiffe::{is_trust_domain, is_user_id};

/// The largest invitation file, in bytes.
pub const INVITATION_BYTES_MAX: usize = 64 * 1024;
/// The custom of its file name's end.
pub const INVITATION_EXTENSION: &str = "signet-invite";
/// What every link begins with.
pub const INVITATION_LINK_PREFIX: &str = "signet://enrol/";
const VERSION: u32 = 1;
const VENUE_CHARS_MAX: usize = 100;
const HOST_CHARS_MAX: usize = 253;
const PINS_MAX: usize = 8;
const ANCHORS_MAX: usize = 8;

/// In what the admin wants the key to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HolderRule {
    /// The operating system's keychain.
    Keychain,
    /// A token or chip that does not give the key out.
    Token,
    /// The trader's choice.
    Any,
}

impl HolderRule {
    /// The word in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::Token => "token",
            Self::Any => "any",
        }
    }
}

/// Where the EST service listens and what its certificate names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstAddress {
    /// A DNS name or an IP address.
    pub host: String,
    pub port: u16,
    pub server_name: String,
}

/// Where the FIX listener is and who trades there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixAddress {
    /// A DNS name or an IP address.
    pub host: String,
    pub port: u16,
    pub server_name: String,
    /// The gateway's CompID.
    pub comp_id: CompId,
    pub trust_domain: String,
}

/// An enrolment invitation, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The venue's or firm's name, for people.
    pub venue: String,
    /// The user's id.
    pub user: String,
    pub holder: HolderRule,
    /// When the one-time code stops working.
    pub code_expires: OffsetDateTime,
    pub est: EstAddress,
    pub fix: FixAddress,
    /// The gateway's current and next key; empty means not pinned.
    pub pins: Vec<SpkiPin>,
    /// The authorities of the gateway's certificate; at least one.
    pub anchors: Vec<CertificateDer<'static>>,
    /// The relying party that security keys answer to here, a host name; `None`: this venue uses
    /// none.
    pub rp_id: Option<String>,
}

/// An invitation cannot be used. At fault: whoever made or passed it on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    #[error("the invitation is larger than {INVITATION_BYTES_MAX} bytes")]
    TooLarge,
    #[error("this is no Signet invitation: {0}")]
    Syntax(String),
    #[error("the link does not begin with {INVITATION_LINK_PREFIX}")]
    NotALink,
    #[error("the link is incomplete or was changed on its way (not base64url)")]
    BadLink,
    #[error("the invitation has version {0}; this program knows version {VERSION}")]
    Version(u32),
    #[error("the invitation's field {field} {why}")]
    Field { field: &'static str, why: &'static str },
}

impl InvitationError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "invitation.too_large",
            Self::Syntax(_) => "invitation.syntax",
            Self::NotALink => "invitation.not_a_link",
            Self::BadLink => "invitation.bad_link",
            Self::Version(_) => "invitation.version",
            Self::Field { .. } => "invitation.field",
        }
    }

    /// What would cure it, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::Syntax(_) => {
                "Choose the file your administrator sent you, which ends in .signet-invite."
            }
            Self::NotALink | Self::BadLink => {
                "Copy the whole link again, or ask your administrator for the file instead."
            }
            Self::Version(_) => "Update this program, then open the invitation again.",
            Self::Field { .. } => "Ask your administrator for a new invitation.",
        }
    }
}

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
    /// Reads a file's bytes.
    pub fn from_toml(bytes: &[u8]) -> Result<Self, InvitationError> {
        if bytes.len() > INVITATION_BYTES_MAX {
            return Err(InvitationError::TooLarge);
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| InvitationError::Syntax("not text".into()))?;
        // The version first: a newer file may well have fields this program does not know.
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

    /// The file's text.
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
        // What nobody could open must not be handed out.
        Self::from_toml(text.as_bytes())?;
        Ok(text)
    }

    /// Reads `signet://enrol/<base64url of the file>`.
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
    pub fn to_link(&self) -> Result<String, InvitationError> {
        Ok(format!("{INVITATION_LINK_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.to_toml()?)))
    }

    /// SHA-256 over everything this invitation makes a laptop trust or obey, in sixteen groups of
    /// four hexadecimal digits, to be compared by eye or over the telephone: every authority,
    /// address, name and pin, the holder of the key, the relying party and the code's end. An
    /// invitation that was altered on its way shows another one.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Every member is named, so that a new one does not compile until it is covered.
        let Self { venue, user, holder, code_expires, est, fix, pins, anchors, rp_id } = self;
        let EstAddress { host: est_host, port: est_port, server_name: est_name } = est;
        let FixAddress { host, port, server_name, comp_id, trust_domain } = fix;
        let mut covered = Covered::default();
        covered.add(FINGERPRINT_LABEL);
        covered.add(venue.as_bytes());
        covered.add(user.as_bytes());
        covered.add(holder.as_str().as_bytes());
        covered.add(&code_expires.unix_timestamp().to_be_bytes());
        covered.address(est_host, *est_port, est_name);
        covered.address(host, *port, server_name);
        covered.add(comp_id.as_str().as_bytes());
        covered.add(trust_domain.as_bytes());
        covered.all(pins.iter().map(|pin| &pin.as_bytes()[..]));
        covered.all(anchors.iter().map(AsRef::as_ref));
        covered.all(rp_id.iter().map(String::as_bytes));
        grouped(&sha256(&covered.0))
    }
}

/// What a fingerprint covers begins with this; another layout has another label.
const FINGERPRINT_LABEL: &[u8] = b"signet invitation fingerprint 2";

/// Fields one after the other, each with its length, so that no two invitations share their bytes.
#[derive(Default)]
struct Covered(Vec<u8>);

impl Covered {
    fn add(&mut self, field: &[u8]) {
        self.0.extend_from_slice(&(field.len() as u64).to_be_bytes());
        self.0.extend_from_slice(field);
    }

    fn address(&mut self, host: &str, port: u16, server_name: &str) {
        self.add(host.as_bytes());
        self.add(&port.to_be_bytes());
        self.add(server_name.as_bytes());
    }

    fn all<'a>(&mut self, fields: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.0.extend_from_slice(&(fields.len() as u64).to_be_bytes());
        fields.for_each(|field| self.add(field));
    }
}

fn grouped(digest: &[u8]) -> String {
    let groups: Vec<String> =
        digest.chunks(2).map(|pair| format!("{:02X}{:02X}", pair[0], pair[1])).collect();
    groups.join(" ")
}

/// SHA-256 of a DER certificate in groups of four hexadecimal digits.
#[must_use]
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    grouped(&sha256(certificate))
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

/// Whether security keys may be asked for as this: a DNS name of two labels or more, in lower case,
/// and no address (WebAuthn Level 2 §5.1.2, "valid domain string").
#[must_use]
pub fn is_relying_party(id: &str) -> bool {
    let name = matches!(ServerName::try_from(id), Ok(ServerName::DnsName(_)));
    name && id.contains('.') && !id.ends_with('.') && !id.bytes().any(|b| b.is_ascii_uppercase())
}

const fn field(field: &'static str, why: &'static str) -> InvitationError {
    InvitationError::Field { field, why }
}

/// Shown to the trader next to a question of trust, so nothing that hides or reverses text.
fn is_plain_name(text: &str) -> bool {
    let shows = |c: char| c == ' ' || c.is_alphanumeric() || c.is_ascii_graphic();
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
    // Whatever else is in there, such as a private key packed by mistake, must not travel.
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
#[path = "invitation_tests.rs"]
mod tests;
