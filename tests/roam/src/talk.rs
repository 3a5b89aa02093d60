//! What the driver says to a desk's process and hears from it: a line of JSON each.

use serde::{Deserialize, Serialize};
use signet_desk_core::view::{AcceptView, ArmIntent, Frame, Problem, Ticket};
use std::{path::PathBuf, time::Duration};

/// The wait of [`Answer::Clock`].
pub const CLOCK_WAIT: Duration = Duration::from_millis(50);

/// Nanoseconds on CLOCK_BOOTTIME, which all processes of a machine share, also one whose
/// CLOCK_MONOTONIC stands still for a row.
pub fn nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Where the gateway is, and how it is believed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    /// Address, without a port.
    pub host: String,
    /// Port of FIXS.
    pub port: u16,
    /// The authorities of gateways.
    pub roots: PathBuf,
    /// QUIC is dialled as well.
    pub quic: bool,
}

/// What a desk's process does next.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// Enrols with an invitation over loopback, and registers a virtual key if `key` says so.
    Enrol {
        /// The invitation.
        link: String,
        /// Its code.
        code: String,
        /// Whether the person has a security key.
        key: bool,
        /// The gateway, from where enrolment is done.
        at: Place,
    },
    /// Moves into this namespace, and connects.
    Connect {
        /// As `setns` takes it.
        namespace: String,
        /// The gateway, from there.
        at: Place,
    },
    /// Says whether the instruments are there and the dealer is online.
    Look,
    /// Sends a request.
    Request(Ticket),
    /// Arms an accept.
    Arm(ArmIntent),
    /// Sends an armed accept: the RFQ, and the accept.
    Accept(String, String),
    /// Ends an RFQ.
    Cancel(String),
    /// Takes an ended RFQ off the screen.
    Dismiss(String),
    /// Says how its clock goes.
    Clock,
}

/// What was done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    /// It is done.
    Done,
    /// Whether the instruments are there and the dealer is online.
    Complete(bool),
    /// The RFQ that was sent.
    Rfq(String),
    /// The accept that was armed.
    Armed(Box<AcceptView>),
    /// How CLOCK_MONOTONIC goes, as std reads it.
    Clock {
        /// For how long it stood still since the process began, nanoseconds.
        behind: u64,
        /// How long a wait of [`CLOCK_WAIT`] took on it, nanoseconds.
        waited: u64,
    },
}

/// What a desk's process says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Told {
    /// It runs; the list of security keys that a gateway must trust.
    Ready {
        /// As TOML.
        attestation: String,
    },
    /// The answer to the last order.
    Answered {
        /// When it was carried out, [`nanos`].
        at: u64,
        /// What came of it.
        what: Result<Answer, Problem>,
    },
    /// What a page would get.
    Frame {
        /// When it was there, [`nanos`].
        at: u64,
        /// The changes.
        frame: Box<Frame>,
    },
}
