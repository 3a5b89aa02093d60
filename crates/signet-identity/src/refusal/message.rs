//! The sentences of refusals without details: what happened and who is at fault.

pub(super) const DNS_FAILURE: &str = "\
    The server's name could not be found: this network's name service does not know it or does \
    not answer.";
pub(super) const CONNECTION_REFUSED: &str = "\
    The server's machine answered, but nothing accepts connections on that port: the server is \
    not running or the port is wrong.";
pub(super) const UNREACHABLE: &str = "This network has no way to the server.";
pub(super) const TIMED_OUT: &str = "The server did not answer in time.";
pub(super) const NOT_TLS: &str = "\
    Whatever answered does not speak TLS: the port is wrong, or something between here and the \
    server answered in its place.";
pub(super) const CLOSED_DURING_HANDSHAKE: &str =
    "The server, or something between here and it, closed the connection before it was secured.";
pub(super) const NO_COMMON_TLS_VERSION: &str = "\
    The server and this program allow no TLS version in common: the server does not offer one \
    allowed here.";
pub(super) const NO_COMMON_SUITE: &str =
    "The server and this program allow no encryption method in common.";
pub(super) const UNKNOWN_CA: &str = "\
    The server's certificate comes from an authority that is not trusted here: it may be an \
    impostor.";
pub(super) const EXPIRED: &str =
    "The server's certificate has expired: its operator has not renewed it.";
pub(super) const NOT_YET_VALID: &str = "\
    The server's certificate is not valid yet: its operator made a mistake, or this computer's \
    clock is slow.";
pub(super) const SERVER_NOT_CERTIFIED_FOR_THIS: &str =
    "The server's certificate was not issued for a server.";
pub(super) const SERVER_CERTIFICATE_REVOKED: &str =
    "The server's certificate was revoked by its authority: its key may be in the wrong hands.";
pub(super) const CLIENT_CERTIFICATE_EXPIRED: &str =
    "The server refused this client's certificate because it has expired or is not valid yet.";
pub(super) const CLIENT_CERTIFICATE_REVOKED: &str = "This client's certificate was revoked.";
pub(super) const CLIENT_CERTIFICATE_UNKNOWN_CA: &str = "\
    The server refused this client's certificate because it does not trust the authority that \
    issued it.";
pub(super) const NO_CLIENT_CERTIFICATE_SENT: &str =
    "The server wants a client certificate and this client showed none.";
pub(super) const REVOCATION_LIST_MISSING: &str = "\
    Certificates must be checked against a revocation list here, and none is loaded: nobody can \
    be admitted.";
