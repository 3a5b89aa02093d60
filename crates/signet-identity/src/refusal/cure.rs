//! The remedies of refusals, as instructions to the reader. Named after the first refusal of each.

pub(super) const DNS_FAILURE: &str =
    "Check the host name in the settings and that this computer is online.";
pub(super) const CONNECTION_REFUSED: &str =
    "Check host and port in the settings; if they are right, tell the server's operator.";
pub(super) const UNREACHABLE: &str =
    "Check that this computer is online; another network may let you through.";
pub(super) const NOT_TLS: &str =
    "Check the port in the settings; on a guest network, sign in to it first.";
pub(super) const CLOSED_DURING_HANDSHAKE: &str =
    "Try again; if it persists on several networks, tell the server's operator.";
pub(super) const NO_COMMON_TLS_VERSION: &str =
    "Ask the server's operator for TLS 1.3, or allow TLS 1.2 for this venue in the settings.";
pub(super) const NO_COMMON_SUITE: &str =
    "Ask the server's operator to allow ECDHE with AES-GCM (FIXS 1.1).";
pub(super) const NAME_MISMATCH: &str = "\
    Check the host name in the settings; if it is right, do not connect and tell your security \
    team.";
pub(super) const UNKNOWN_CA: &str =
    "Do not connect. Check the configured certificate authority with your security team.";
pub(super) const EXPIRED: &str = "Ask the server's operator to renew its certificate.";
pub(super) const NOT_YET_VALID: &str =
    "Check this computer's clock; if it is right, tell the server's operator.";
pub(super) const PIN_MISMATCH: &str = "\
    Do not connect. Ask your security team whether the server's key was changed; if so, they \
    issue a new pin.";
pub(super) const SERVER_CERTIFICATE_REVOKED: &str =
    "Do not connect. Tell your security team and the server's operator.";
pub(super) const SERVER_NOT_CERTIFIED_FOR_THIS: &str =
    "Ask the server's operator for a correct certificate.";
pub(super) const CLIENT_CERTIFICATE_REFUSED: &str =
    "Ask your security team whether this certificate is meant for this server and still allowed.";
pub(super) const CLIENT_CERTIFICATE_REVOKED: &str =
    "Ask your administrator why it was revoked and for a new enrolment code.";
pub(super) const CLIENT_CERTIFICATE_EXPIRED: &str =
    "Renew your certificate; if it is fresh, check this computer's clock.";
pub(super) const NO_CLIENT_CERTIFICATE_SENT: &str =
    "Choose an identity from the keychain and connect again.";
pub(super) const KEY_UNAVAILABLE: &str =
    "Unlock the keychain or insert the token that holds the key.";
pub(super) const SERVER_CERTIFICATE_REFUSED: &str =
    "Check which authority, name and pin the client is configured to expect.";
pub(super) const REVOCATION_LIST_MISSING: &str = "\
    The operator of this end publishes or fetches a fresh revocation list of that authority; no \
    restart is needed.";
pub(super) const OTHER: &str = "Try again; if it persists, give this text to your support desk.";
