//! The settings that a policy can have, as the desk uses them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use std::{fmt, str::FromStr};

/// The version of this desk: the workspace gives every crate the same.
pub(crate) const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a private key may be stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// The keychain of the operating system.
    Keychain,
    /// A smart card or another token with a PKCS#11 module.
    Pkcs11,
}

impl Holder {
    /// Every holder.
    pub const ALL: [Self; 2] = [Self::Keychain, Self::Pkcs11];

    /// As written in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::Pkcs11 => "pkcs11",
        }
    }
}

/// Which releases the firm's desks take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Releases.
    Stable,
    /// Candidates as well.
    Beta,
}

impl Channel {
    /// As written in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
        }
    }
}

/// The SHA-256 of a gateway's public key (its DER `SubjectPublicKeyInfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin(pub [u8; 32]);

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl FromStr for Pin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = STANDARD.decode(text.strip_prefix("sha256/").ok_or(())?).map_err(|_| ())?;
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

/// A version of the desk, `major.minor.patch`. One with a suffix (`1.0.0-rc.1`) is before its
/// release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    numbers: [u32; 3],
    released: bool,
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.split('+').next().unwrap_or_default();
        let (text, suffix) = text.split_once('-').map_or((text, None), |(t, s)| (t, Some(s)));
        let mut numbers = [0; 3];
        let mut parts = text.split('.');
        for number in &mut numbers {
            *number = parts.next().ok_or(())?.parse().map_err(|_| ())?;
        }
        if parts.next().is_some() || suffix == Some("") {
            return Err(());
        }
        Ok(Self { numbers, released: suffix.is_none() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        let suffix = if self.released { "" } else { "-pre" };
        write!(f, "{major}.{minor}.{patch}{suffix}")
    }
}

/// A venue, and how its gateway is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueSettings {
    /// What people call it.
    pub name: String,
    /// Host name or address of the gateway.
    pub host: String,
    /// Its TCP and UDP port.
    pub port: u16,
    /// The name its certificate must carry.
    pub server_name: String,
    /// Other hosts of the same gateway, `host` and `port`.
    pub also: Vec<(String, u16)>,
    /// Its CompID.
    pub comp_id: String,
    /// The trust domain that its certificate must state; empty for a venue without a gateway.
    pub trust_domain: String,
    /// The authorities that may issue its certificate, DER. An issuing authority of the firm stands
    /// here itself, if it alone is to count.
    pub anchors: Vec<Vec<u8>>,
    /// The keys that its certificate may have; empty for any key.
    pub pins: Vec<Pin>,
    /// TLS 1.2 is allowed.
    pub allow_tls12: bool,
    /// QUIC is tried before TCP.
    pub quic: bool,
    /// Revocation lists, paths on this computer.
    pub crl: Vec<String>,
    /// Without a good revocation list there is no connection.
    pub crl_required: bool,
    /// The relying party of its security keys; `None` for the one in the invitation.
    pub rp_id: Option<String>,
}

impl VenueSettings {
    /// Whether people would take it for the venue of this name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        venue_key(&self.name) == venue_key(name)
    }
}

/// What names of venues are compared by: people do not tell two apart by their capitals.
#[must_use]
pub fn venue_key(name: &str) -> String {
    name.to_lowercase()
}

/// What a trader may change although the policy decides it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct May {
    /// Use other venues than those of the policy.
    pub venues: bool,
    /// Use another PKCS#11 module.
    pub module: bool,
    /// Use another proxy.
    pub proxy: bool,
    /// Take releases of another channel.
    pub update_channel: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        for (lower, higher) in [
            ("0.9.0", "0.10.0"),
            ("1.0.0-rc.1", "1.0.0"),
            ("0.99.99", "1.0.0-rc.1"),
            ("1.0.0", "1.0.1"),
        ] {
            assert!(v(lower) < v(higher), "{lower} {higher}");
        }
        assert_eq!(v("1.2.3+build"), v("1.2.3"));
        for wrong in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.3-", "v1.2.3", "1.2.99999999999"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pin_is_32_bytes_with_its_prefix() {
        let pin = Pin([7; 32]);
        assert_eq!(pin.to_string().parse(), Ok(pin));
        for wrong in ["sha256/", "sha256/AAAA", "AAAA", "sha1/AAAA"] {
            assert_eq!(wrong.parse::<Pin>(), Err(()), "{wrong}");
        }
    }
}
