//! What this desk is, its identities, and the connection.

use super::problem::Problem;
use serde::{Deserialize, Serialize};
use specta::Type;

/// What this build is. Constant while the program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeskInfo {
    pub version: String,
    /// True only in a build with the `practice` feature connected to its embedded venue. The page
    /// must say so at all times.
    pub practice: bool,
    /// Security keys are simulated here, for practice: what to say about them; a click is the
    /// touch.
    pub simulated_key: Option<String>,
    /// The venues (gateways) this desk is configured for; at least one, else `problem` says why.
    pub venues: Vec<VenueView>,
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VenueView {
    pub name: String,
    /// `host:port`.
    pub endpoint: String,
}

/// A client identity found in the keychain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct IdentityView {
    /// The name to pass back to `connect`.
    pub name: String,
    /// The CompID the certificate is bound to.
    pub comp_id: String,
    pub issuer: String,
    pub not_before_ms: f64,
    pub not_after_ms: f64,
    /// SHA-256 of the certificate's public key, `sha256/` and base64, as pins are written.
    pub fingerprint: String,
    /// Where the private key lives, in words ("OS keychain").
    pub held_in: String,
    /// Why it cannot be used (expired, key missing), if it cannot.
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LinkState {
    /// Nobody has asked to connect, or the trader disconnected.
    Offline,
    /// The OS keychain has been asked for the key and has not answered yet (it may be showing its
    /// own unlock prompt).
    WaitingForKeychain,
    /// TCP and TLS are being established.
    Connecting,
    /// TLS is up; the FIX Logon has not been answered yet.
    LoggingOn,
    /// Logged on and rebuilding state: open RFQs, live quotes, accepts in flight.
    Restoring,
    /// Logged on and up to date.
    Online,
    /// The link was lost and the desk is trying again by itself.
    Reconnecting,
    /// Refused or impossible; needs somebody to act. `problem` says what.
    Refused,
}

/// The connection, always visible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    pub state: LinkState,
    pub venue: Option<VenueView>,
    /// The identity in use, as in [`IdentityView::name`].
    pub identity: Option<String>,
    pub comp_id: Option<String>,
    /// For example `TLS 1.3 · X25519MLKEM768 · AES-256-GCM`.
    pub tls: Option<String>,
    /// Gateway clock minus laptop clock, milliseconds; `None` until measured.
    pub clock_offset_ms: Option<f64>,
    /// Measured round trip to the gateway, milliseconds.
    pub round_trip_ms: Option<f64>,
    /// When the present state began, on the laptop's clock.
    pub since_ms: f64,
    /// While `Reconnecting`: which attempt this is.
    pub attempt: u32,
    pub problem: Option<Problem>,
}
