//! The part that the holder of a certificate plays.

use std::fmt;

/// The part that the holder of a certificate plays: the first segment of its SPIFFE path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A trader's desktop client.
    Desk,
    /// The policy enforcement point.
    Gateway,
    /// A liquidity provider.
    Dealer,
    /// An administrator of the gateway.
    Admin,
}

impl Role {
    /// The path segment of the SPIFFE URI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Gateway => "gateway",
            Self::Dealer => "dealer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
