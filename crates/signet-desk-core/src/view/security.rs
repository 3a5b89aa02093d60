//! The security panel, and what the trader has chosen about the look of the page.

use super::session::IdentityView;
use serde::{Deserialize, Serialize};
use specta::Type;

/// Who this desk is, and how it is connected. What the gateway decided about the access is in the
/// frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SecurityView {
    /// The identity in use; `None` while none is, or when the keychain no longer has it.
    pub identity: Option<IdentityView>,
    /// Whole days until its certificate expires, 0 on the last one.
    pub days_left: Option<i32>,
    /// The connection; `None` while there is none.
    pub channel: Option<ChannelView>,
}

/// How the peer is reached and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ChannelView {
    /// What carries FIX.
    pub transport: Transport,
    /// TLS version, and key exchange and cipher where they are known.
    pub tls: String,
    /// `host:port` of the venue.
    pub endpoint: String,
    /// The name that its certificate must carry.
    pub server_name: String,
    /// How many keys its certificate may have; 0 for any key of the trusted authority.
    pub pins: u32,
    /// The connection needs a good revocation list.
    pub revocation_required: bool,
    /// The firm allows the post-quantum hybrid key exchange only.
    pub hybrid_only: bool,
}

/// What carries FIX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// TLS over TCP.
    Fixs,
    /// QUIC over UDP.
    Quic,
}

/// What a trader has chosen about the page. It is kept for the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Look {
    /// Which colours.
    pub colours: Colours,
    /// How large everything is, percent.
    pub zoom: u32,
    /// The events that make a sound; none at first.
    pub sounds: Vec<Sound>,
    /// The system shows an alert when something is wanted while another program is in front.
    pub alerts: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { colours: Colours::System, zoom: 100, sounds: Vec::new(), alerts: true }
    }
}

/// Which colours the page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Colours {
    /// As the system asks for.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// The highest contrast, on light or dark as the system asks for.
    Contrast,
}

/// Something that may make a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Sound {
    /// The first quote of a request came.
    Quote,
    /// A trade was made.
    Filled,
    /// Something went wrong that the trader must read.
    Bad,
    /// The connection was lost.
    Lost,
    /// A touch of a security key is wanted.
    Touch,
}
