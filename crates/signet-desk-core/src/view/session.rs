//! What this desk is, its identities, and the connection.

use super::problem::Problem;
use serde::{Deserialize, Serialize};
use specta::Type;

/// What this build is. Constant while the program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeskInfo {
    /// The version of this program.
    pub version: String,
    /// True only in a build with the `practice` feature that is connected to its embedded venue.
    /// The page must always show it.
    pub practice: bool,
    /// A text about the simulated security key of a practice build, which a click touches; `None`
    /// where keys are real.
    pub simulated_key: Option<String>,
    /// The venues that this desk knows; if there is none, `problem` may say why.
    pub venues: Vec<VenueView>,
    /// The firm whose policy this desk is under; `None` on a computer that is not managed.
    pub managed_by: Option<String>,
    /// Why no venue is known.
    pub problem: Option<Problem>,
}

/// A venue as the trader chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VenueView {
    /// What people call it.
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
    /// Name of the authority that issued the certificate.
    pub issuer: String,
    /// Serial number of the certificate, lower-case hexadecimal.
    pub serial: String,
    /// When the certificate becomes valid, milliseconds since the Unix epoch.
    pub not_before_ms: f64,
    /// When the certificate expires, milliseconds since the Unix epoch.
    pub not_after_ms: f64,
    /// SHA-256 of the certificate's public key, `sha256/` and base64, as pins are written.
    pub fingerprint: String,
    /// Where the private key is stored, in words ("OS keychain").
    pub held_in: String,
    /// Why it cannot be used (expired, key missing), if it cannot.
    pub problem: Option<Problem>,
}

/// How the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LinkState {
    /// The trader has not connected, or has disconnected.
    Offline,
    /// The OS keychain was asked for the key and has not answered yet; it may be showing its own
    /// unlock prompt.
    WaitingForKeychain,
    /// TCP and TLS are being established.
    Connecting,
    /// TLS is up; the FIX Logon has not been answered yet.
    LoggingOn,
    /// Logged on; the gateway sends open RFQs, live quotes and accepts in flight.
    Restoring,
    /// Logged on and up to date.
    Online,
    /// The link was lost; the desk tries again by itself.
    Reconnecting,
    /// Refused or impossible: somebody must act. `problem` says what to do.
    Refused,
}

/// The connection, which the window always shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// How it stands.
    pub state: LinkState,
    /// The venue connected to.
    pub venue: Option<VenueView>,
    /// The identity in use, as in [`IdentityView::name`].
    pub identity: Option<String>,
    /// This desk's CompID there.
    pub comp_id: Option<String>,
    /// TLS version, key exchange and cipher: `TLS 1.3 · X25519MLKEM768 · AES-256-GCM`.
    pub tls: Option<String>,
    /// Gateway clock minus laptop clock, milliseconds; `None` until measured.
    pub clock_offset_ms: Option<f64>,
    /// Measured round trip to the gateway, milliseconds.
    pub round_trip_ms: Option<f64>,
    /// When the present state began, milliseconds on the laptop's clock. Until an interruption is
    /// over or refused: when that began.
    pub since_ms: f64,
    /// Which attempt this is, while `Reconnecting`.
    pub attempt: u32,
    /// Why the link was lost or refused.
    pub problem: Option<Problem>,
    /// Since when an answer is overdue while the desk is `Online`, milliseconds on the laptop's
    /// clock. Nothing can be traded meanwhile.
    pub doubtful_since_ms: Option<f64>,
    /// The network that the connection uses, or would use; `None` while there is none or it is not
    /// known.
    pub network: Option<NetworkView>,
    /// The page on which the network wants the trader to sign in (captive portal).
    pub portal: Option<String>,
    /// What the latest interruption did; `None` before the first and while one lasts.
    pub back: Option<BackView>,
}

/// A network that this laptop is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NetworkView {
    /// What people call it, for example the name of a wireless network.
    pub name: String,
    /// The system says that its use is paid by volume.
    pub metered: bool,
}

/// What became of the RFQs that were open when the connection was interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BackView {
    /// When the screen was up to date again, milliseconds on the laptop's clock.
    pub at_ms: f64,
    /// How long the interruption was, milliseconds.
    pub after_ms: f64,
    /// RFQs that are still open.
    pub went_on: u32,
    /// RFQs that ended meanwhile.
    pub ended: u32,
    /// Quotes that the gateway did not repeat, or that expired meanwhile.
    pub not_repeated: u32,
}
