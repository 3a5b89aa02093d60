//! FIX over QUIC: one bidirectional stream of FIX frames on a connection that survives a change of
//! network.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`client`] | the desk's end, on `quinn`: connect, rebind, answer proofs of the address |
//! | [`server`] | the gateway's end, which drives `quinn-proto` itself |
//! | [`gate`] | pure: from which addresses bytes are handed up, and what must be proved first |
//!
//! **A new address is a claim until it is proved.** QUIC moves a connection to whatever address its
//! newest packet came from, and takes older packets from anywhere. The server therefore looks at
//! the source of each datagram, stops reading the FIX stream at the first one from elsewhere, sends
//! a nonce to the new address, waits until the client has returned it, and has its user judge the
//! address. Only then are bytes handed up again.

#![warn(missing_docs, unreachable_pub)]

mod alarm;
pub mod client;
mod congestion;
pub mod gate;
#[cfg(test)]
mod plain_tests;
pub mod server;
#[cfg(test)]
#[path = "../tests/quic/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the whole")]
mod support;
mod transport;
mod udp;

use quinn_proto::VarInt;

// The support of the tests names the crate as its users do.
#[cfg(test)]
extern crate self as signet_quic;

/// The application protocol that both ends negotiate.
pub const ALPN: &[u8] = b"signet-fix/1";

/// RFC 9266, as [`signet_identity::channel_binding`] exports it over TCP.
const EXPORTER_LABEL: &[u8] = signet_identity::CHANNEL_BINDING_LABEL;

/// What a person reads of a connection's cryptography.
const DESCRIPTION: &str = "QUIC · TLS 1.3";

/// Bytes of a proof's nonce.
pub const NONCE_BYTES: usize = 32;

/// Why an end closes a connection: the application error code of CONNECTION_CLOSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// Nothing more is to be said.
    Done,
    /// Bytes came from an address that was not proved in time.
    AddressUnproved,
    /// The peer does what this protocol does not have.
    Protocol,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Done => 0,
            Self::AddressUnproved => 1,
            Self::Protocol => 2,
        }
    }

    /// Stable; also the reason phrase on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::AddressUnproved => "address.unproved",
            Self::Protocol => "quic.protocol",
        }
    }

    fn var(self) -> VarInt {
        VarInt::from_u32(self.number())
    }
}
