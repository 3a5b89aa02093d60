//! Errors of ours that travel inside rustls's and are found again there.

use crate::pin::SpkiPin;

/// The server is genuine but its key is not among those pinned. At fault: the server's operator,
/// or an impostor.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server's key {presented} is none of the pinned keys")]
pub(crate) struct PinMismatch {
    pub(crate) presented: SpkiPin,
}

/// Why the revocation lists give no answer. At fault: the operator of this end, or the publisher of
/// the lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CrlProblem {
    #[error("no revocation list is loaded")]
    Missing,
    #[error("no revocation list is from {issuer}")]
    OfAnotherAuthority { issuer: String, listed: Vec<String> },
    #[error("the revocation list is stale")]
    Stale { seconds: u64 },
    #[error("the revocation list is not acceptable: {0}")]
    Invalid(String),
}
