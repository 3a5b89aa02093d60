//! Limits that a session sets its peer, beyond those of FIX.

use std::{ops::RangeInclusive, time::Duration};

/// How the two ends find common sequence numbers at a Logon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberMode {
    /// FIX's own rule: numbers go on over connections; a Logon with too low a number is refused.
    /// For dealers and venues.
    #[default]
    Kept,
    /// Each end takes the number in the other's Logon, which is bound to its TLS connection, as the
    /// truth about what the other sends next. Nobody is locked out by a lost, a restored or a
    /// second store; the state snapshot stands in for what is not resent. Between desk and gateway
    /// only.
    Agreed,
}

/// Whether our own Logon resets both ends' numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogonReset {
    /// Numbers go on over connections.
    #[default]
    Never,
    /// ResetSeqNumFlag (141=Y) in each Logon that we send as the initiator.
    Always,
}

/// What one session allows its peer. The defaults suit a dealer.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// How both ends find common numbers.
    pub numbers: NumberMode,
    /// Whether our Logon resets them.
    pub logon_reset: LogonReset,
    /// HeartBtInt (108) that a peer may ask for, seconds.
    pub heartbeat_s: RangeInclusive<u32>,
    /// How far a SequenceReset may move the number expected; a Logon may be half as far ahead.
    pub jump_max: u64,
    /// Messages that one ResendRequest is answered with; what is older is gap-filled.
    pub replay_max: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            numbers: NumberMode::Kept,
            logon_reset: LogonReset::Never,
            heartbeat_s: HEARTBEAT_S,
            jump_max: JUMP_MAX,
            replay_max: crate::store::MAX_KEPT_MESSAGES,
        }
    }
}

impl SessionOptions {
    /// For the two ends of a desk's session with its gateway.
    pub fn between_desk_and_gateway() -> Self {
        Self { numbers: NumberMode::Agreed, replay_max: 1_000, ..Self::default() }
    }
}

/// HeartBtInt (108) unless a session's options say otherwise.
pub const HEARTBEAT_S: RangeInclusive<u32> = 1..=120;
/// See [`SessionOptions::jump_max`].
pub const JUMP_MAX: u64 = 1_000_000;
/// Largest MsgSeqNum (34) that is read. A session that sent a thousand messages a second for thirty
/// thousand years would reach it.
pub(super) const MAX_NUMBER: u64 = 1_000_000_000_000_000;

/// Session-level faults of a peer that are answered before the connection ends.
pub(super) const FAULTS: (u32, Duration) = (32, Duration::from_secs(2));
/// Logons inside a session.
pub(super) const LOGONS: (u32, Duration) = (4, Duration::from_secs(60));
/// Gaps that the owner of a session hears of.
pub(super) const GAPS: (u32, Duration) = (10, Duration::from_secs(60));
/// ResendRequests, of which one costs a token and another one for every thousand messages resent.
pub(super) const RESENDS: (u32, Duration) = (20, Duration::from_secs(1));
