//! What an invitation says, and the fingerprint over it.

use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::digest::sha256;
use crate::names::CompId;
use crate::pin::SpkiPin;

/// Where the administrator wants the key to be held.
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
    /// The word in the invitation file.
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
    /// A DNS name or an IP address to dial.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The DNS name or IP address that its certificate must name.
    pub server_name: String,
}

/// Where the FIX listener is and who trades there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixAddress {
    /// A DNS name or an IP address to dial.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The DNS name or IP address that its certificate must name.
    pub server_name: String,
    /// The gateway's CompID.
    pub comp_id: CompId,
    /// The trust domain of the gateway's and the desk's certificates.
    pub trust_domain: String,
}

/// An enrolment invitation, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The venue's or firm's name, for people.
    pub venue: String,
    /// The user's id.
    pub user: String,
    /// Where the key is to be held.
    pub holder: HolderRule,
    /// When the one-time code stops working.
    pub code_expires: OffsetDateTime,
    /// Where to enrol.
    pub est: EstAddress,
    /// Where to trade.
    pub fix: FixAddress,
    /// The gateway's current and next key; empty means not pinned.
    pub pins: Vec<SpkiPin>,
    /// The authorities of the gateway's certificate; at least one.
    pub anchors: Vec<CertificateDer<'static>>,
    /// The relying party that security keys answer to here, a host name; `None` when this venue
    /// uses no security keys.
    pub rp_id: Option<String>,
}

impl Invitation {
    /// SHA-256 over everything that this invitation makes a laptop trust or obey, in sixteen groups
    /// of four hexadecimal digits, to be compared by eye or over the telephone. It covers every
    /// authority, address, name and pin, the holder of the key, the relying party and the end of
    /// the code, so an invitation that was altered on its way shows another fingerprint.
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

/// Whether this can be the id of a relying party: a DNS name of two labels or more, in lower case,
/// and not an address (WebAuthn Level 2 §5.1.2, "valid domain string").
#[must_use]
pub fn is_relying_party(id: &str) -> bool {
    let name = matches!(ServerName::try_from(id), Ok(ServerName::DnsName(_)));
    name && id.contains('.') && !id.ends_with('.') && !id.bytes().any(|b| b.is_ascii_uppercase())
}
