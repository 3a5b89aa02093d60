//! Why a name, or a certificate that states one, is not accepted.

use super::role::Role;
use super::rules::{COMP_ID_CHARS_MAX, DEVICE_CHARS_MAX, USER_CHARS_MAX};

/// A certificate does not state a Signet identity. At fault: its issuer, or the peer that shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The connection has no peer certificate.
    #[error("the peer showed no certificate")]
    NoCertificate,
    /// The DER cannot be parsed, or bytes follow the certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// There is no URI in the subject alternative name (X509-SVID §2 wants exactly one).
    #[error("the certificate names no Signet identity (no URI in its subject alternative name)")]
    NoUri,
    /// There is more than one URI (X509-SVID §2); the number found.
    #[error("the certificate names {0} identities; exactly one is allowed")]
    SeveralUris(usize),
    /// The URI is in none of the forms that Signet issues.
    #[error(
        "the certificate's identity is not spiffe://<trust \
            domain>/<desk|gateway|dealer|admin>/<CompID>"
    )]
    NotASignetUri,
    /// The user segment breaks the rule of [`is_user_id`](crate::is_user_id).
    #[error("the certificate's user is not 1 to {USER_CHARS_MAX} characters of a-z 0-9 . _ -")]
    BadUser,
    /// The device segment breaks the rule of [`is_device_name`](crate::is_device_name).
    #[error("the certificate's device is not 1 to {DEVICE_CHARS_MAX} characters of a-z 0-9 . _ -")]
    BadDevice,
    /// The protection segment is none of [`PROTECTIONS`](crate::PROTECTIONS).
    #[error("the certificate's protection is neither keychain nor token")]
    BadProtection,
    /// The CompID has a character, or a length, that certificates do not carry.
    #[error("the CompID is not 1 to {COMP_ID_CHARS_MAX} characters of A-Z a-z 0-9 . _ -")]
    BadCompId,
    /// The certificate is genuine and was issued for another part.
    #[error("the certificate was issued to a {found}, not to a {expected}")]
    WrongRole {
        /// The part that this listener or dialler talks to.
        expected: Role,
        /// The part that the certificate states.
        found: Role,
    },
    /// The certificate is genuine and belongs to another firm.
    #[error("the certificate belongs to trust domain {found}, not to {expected}")]
    WrongTrustDomain {
        /// The trust domain in the settings.
        expected: String,
        /// The trust domain that the certificate states.
        found: String,
    },
}
