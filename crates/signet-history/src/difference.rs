//! What differs between a gateway's evidence and a desk's history, and what proves which.

use crate::account::{Fact, Signer};
use serde::Serialize;
use std::fmt;

/// Whom the signatures speak against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The gateway signed, or must have had, what its evidence does not say.
    Gateway,
    /// The desk signed what its history does not say, or two different things.
    Desk,
    /// No signature decides it.
    Open,
}

/// A signature that shows something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Whose key made it: `gateway SIGNET`.
    pub signed_by: String,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub certificate_sha256: String,
    /// Its serial number.
    pub serial: String,
    /// Which side keeps the message, and where.
    pub kept: String,
    /// What it shows.
    pub shows: String,
}

/// One thing that the two sides do not say alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Never changes between releases.
    pub code: &'static str,
    /// The RFQ, as its desk names it.
    pub rfq: String,
    /// In one sentence.
    pub what: String,
    /// What the gateway says, and where it keeps that; `None`: nothing.
    pub gateway: Option<String>,
    /// What the desk says, and where it keeps that; `None`: nothing.
    pub desk: Option<String>,
    /// Whom the signatures speak against.
    pub against: Blame,
    /// Why this may be nobody's fault; empty when nothing explains it. It proves nothing, and takes
    /// nothing from what the signatures say.
    pub explained: String,
    /// The signatures.
    pub proof: Vec<Proof>,
}

impl Proof {
    pub(crate) fn of(side: &str, f: &Fact, shows: impl Into<String>) -> Option<Self> {
        let Signer { who, certificate, serial, .. } = f.signer.clone()?;
        Some(Self {
            signed_by: who,
            certificate_sha256: certificate,
            serial,
            kept: format!("{side}, {}", f.place),
            shows: shows.into(),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} [{}] {}", self.rfq, self.code, self.what)?;
        let nothing = || "nothing".to_owned();
        writeln!(f, "  gateway: {}", self.gateway.clone().unwrap_or_else(nothing))?;
        writeln!(f, "  desk:    {}", self.desk.clone().unwrap_or_else(nothing))?;
        for p in &self.proof {
            writeln!(
                f,
                "  proof:   signed by {} (certificate {}, serial {}; {}): {}",
                p.signed_by, p.certificate_sha256, p.serial, p.kept, p.shows
            )?;
        }
        // What may explain it takes no signature back.
        if !self.explained.is_empty() {
            writeln!(f, "  may be:  {}", self.explained)?;
        }
        match self.against {
            Blame::Gateway => write!(f, "  speaks against the gateway"),
            Blame::Desk => write!(f, "  speaks against the desk"),
            Blame::Open => write!(f, "  no signature decides it"),
        }
    }
}
