//! Configuration of a session and of each of its connections.

use crate::signature::{Signing, Verification};
use signet_identity::CompId;

/// Which end sends its Logon (A) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This end logs on: a desk, or a gateway towards a dealer.
    Initiator,
    /// The peer logs on: desks at a gateway.
    Acceptor,
}

/// What a session is opened with; it stays for every connection of the session.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Which end sends its Logon (A) first.
    pub role: Role,
    /// SenderCompID (49) of what we send.
    pub sender: CompId,
    /// TargetCompID (56) of what we send.
    pub target: CompId,
    /// HeartBtInt (108), seconds. An acceptor takes the initiator's.
    pub heartbeat_s: u32,
    /// Refuse fields that the dictionary does not list. Off towards dealers and venues, which may
    /// send more than Signet uses.
    pub strict: bool,
}

/// How a Logon is tied to the TLS connection it travels on (RFC 9266).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The peer does not know the field (dealers, foreign venues).
    None,
    /// Both Logons carry this value in tag 20000, and one that does not is refused: a Logon taken
    /// from another connection is worth nothing here.
    Required(String),
}

/// One connection, as a session is told of it: how the Logon is tied to it, what is signed on it
/// and what must be.
#[derive(Debug, Clone)]
pub struct Channel {
    /// How both Logons are tied to this connection.
    pub binding: Binding,
    /// `None`: nothing is signed.
    pub signing: Option<Signing>,
    /// `None`: signatures of the peer are not looked at.
    pub verification: Option<Verification>,
}

/// Without signatures.
impl From<Binding> for Channel {
    fn from(binding: Binding) -> Self {
        Self { binding, signing: None, verification: None }
    }
}
