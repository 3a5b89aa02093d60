//! What an examination saw, and the report about it.

use std::fmt;
use std::net::IpAddr;

use signet_identity::{CertificateFacts, Refusal};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{DialError, ProxyError};

/// What was seen. Every field is filled by [`look`](super::look) or, in tests, by hand.
#[derive(Debug, Clone)]
pub struct Observations {
    /// Host and port that were dialled.
    pub endpoint: String,
    /// The name that the server's certificate must state.
    pub server_name: String,
    /// This computer's clock when the examination began.
    pub now: OffsetDateTime,
    /// The distinguished names of the authorities that are trusted.
    pub trusted: Vec<String>,
    /// The certificate that this client shows, if any.
    pub own: Option<CertificateFacts>,
    /// The server's clock minus this computer's, in seconds; `None` when the server's is unknown.
    pub clock_difference_s: Option<i64>,
    /// Which proxy is used, if any, or why the setting cannot be used.
    pub proxy: Result<Option<String>, ProxyError>,
    /// The host's addresses; `None` when a proxy looks the name up.
    pub addresses: Option<Result<Vec<IpAddr>, Refusal>>,
    /// Whether a TCP connection (or a tunnel) was opened; `None` when that was not tried.
    pub connected: Option<Result<(), DialError>>,
    /// The server's certificates, leaf first, trusted or not.
    pub shown: Vec<CertificateFacts>,
    /// What the handshake agreed on, or why it failed; `None` when it was not tried.
    pub secured: Option<Result<String, Refusal>>,
    /// What the server said within a moment after the handshake; in TLS 1.3 it refuses a client's
    /// certificate only then.
    pub after: Option<After>,
}

/// The first moment after the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Silence, as of a FIX acceptor before the Logon, or data.
    Fine,
    /// The connection was closed without a reason.
    Closed,
    /// The server gave a reason.
    Refused(Refusal),
}

/// The steps, in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// This computer's clock against the server's.
    Clock,
    /// The proxy setting.
    Proxy,
    /// The name service.
    Name,
    /// The TCP connection.
    Route,
    /// Version, key exchange and cipher.
    Tls,
    /// The dates of the server's certificate.
    Validity,
    /// Whether the server's chain leads to a trusted authority.
    Authority,
    /// Whether the server's certificate was revoked.
    Revocation,
    /// Whether the server's certificate names the server.
    ServerName,
    /// Whether the server's key is a pinned one.
    Pin,
    /// Whether the server accepts this client's certificate.
    ClientCertificate,
}

impl Check {
    /// Every step, in order.
    pub const ALL: [Self; 11] = [
        Self::Clock,
        Self::Proxy,
        Self::Name,
        Self::Route,
        Self::Tls,
        Self::Validity,
        Self::Authority,
        Self::Revocation,
        Self::ServerName,
        Self::Pin,
        Self::ClientCertificate,
    ];

    /// A short title for a person.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Proxy => "proxy",
            Self::Name => "name service",
            Self::Route => "way to the server",
            Self::Tls => "encryption",
            Self::Validity => "certificate's dates",
            Self::Authority => "certificate's authority",
            Self::Revocation => "revocation",
            Self::ServerName => "certificate's name",
            Self::Pin => "pinned key",
            Self::ClientCertificate => "this client's certificate",
        }
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Passed; a detail for a person.
    Ok(String),
    /// Failed.
    Failed {
        /// A stable name for programs and logs.
        code: String,
        /// What is wrong and who is at fault.
        sentence: String,
        /// The remedy.
        cure: String,
    },
    /// Not judged; why.
    Skipped(String),
}

/// One step of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which step.
    pub check: Check,
    /// How it went.
    pub outcome: Outcome,
}

/// The whole examination. `Display` is what to send to support.
#[derive(Debug, Clone)]
pub struct Report {
    /// Every step, in the order of [`Check::ALL`].
    pub steps: Vec<Step>,
    /// What the steps were judged from.
    pub observations: Observations,
}

impl Report {
    /// The first step that failed: the one to mend first.
    #[must_use]
    pub fn failure(&self) -> Option<&Step> {
        self.steps.iter().find(|step| matches!(step.outcome, Outcome::Failed { .. }))
    }

    /// Whether the connection can be made.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.failure().is_none()
    }
}

pub(super) fn date(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = &self.observations;
        writeln!(
            f,
            "Signet {} on {}, {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            date(seen.now)
        )?;
        writeln!(f, "server {} (certificate for {})", seen.endpoint, seen.server_name)?;
        for Step { check, outcome } in &self.steps {
            let title = check.title();
            match outcome {
                Outcome::Ok(detail) => writeln!(f, "  ok       {title:<26} {detail}")?,
                Outcome::Skipped(why) => writeln!(f, "  -        {title:<26} {why}")?,
                Outcome::Failed { code, sentence, cure } => {
                    writeln!(f, "  FAILED   {title:<26} {sentence} [{code}]")?;
                    writeln!(f, "           {:<26} {cure}", "what to do:")?;
                }
            }
        }
        for (number, certificate) in seen.shown.iter().enumerate() {
            writeln!(f, "server's certificate {number}: {}", Shown(certificate))?;
        }
        if let Some(own) = &seen.own {
            writeln!(f, "own certificate: {}", Shown(own))?;
        }
        writeln!(
            f,
            "trusted authorities: {}",
            if seen.trusted.is_empty() { "none".into() } else { seen.trusted.join("; ") }
        )
    }
}

struct Shown<'a>(&'a CertificateFacts);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CertificateFacts {
            subject, issuer, serial, spki_sha256, not_before, not_after, ..
        } = self.0;
        // A server's own words: kept to one line.
        let line =
            |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        let (subject, issuer) = (line(subject), line(issuer));
        write!(
            f,
            "{subject}, issued by {issuer}, serial {serial}, {} to {}, key {spki_sha256}",
            date(*not_before),
            date(*not_after)
        )
    }
}
