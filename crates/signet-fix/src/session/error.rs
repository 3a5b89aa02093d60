//! Why a session cannot be opened, and why a message was not sent.

use crate::tagvalue::BadValue;

/// Why a session cannot be opened, or attached to a connection. At fault: this process or its
/// configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A process has one session for each pair of CompIDs; this names the pair.
    #[error("the session {0} is already open in this process")]
    AlreadyOpen(String),
    /// The engine refused; its own words.
    #[error("the FIX engine refused: {0}")]
    Engine(String),
    /// A CompID has a byte that ends a C string.
    #[error("the CompIDs hold a character FIX cannot carry")]
    BadCompId,
}

impl From<quickfix::QuickFixError> for SessionError {
    fn from(e: quickfix::QuickFixError) -> Self {
        Self::Engine(e.to_string())
    }
}

/// Why a message was not sent. At fault: this end or the link, never the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No Logon (A) has been answered on this connection, or the peer logged out.
    #[error("the FIX session is not logged on")]
    NotLoggedOn,
    /// A field of the message has a value FIX cannot carry.
    #[error(transparent)]
    BadValue(#[from] BadValue),
    /// The store failed (disk full?), the key could not sign, or the engine vetoed: nothing left.
    #[error("the message was not sent: {0}")]
    NotSent(String),
}
