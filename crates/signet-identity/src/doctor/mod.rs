//! Why a connection does not come about, walked step by step and said in plain words.
//!
//! [`look`] does the I/O and writes down what it saw; [`conclude`] decides, from that alone. The
//! report holds names, addresses, dates and digests of public keys: no key, PIN, code or password.

mod conclude;
mod look;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::net::{DialError, ProxyError, ProxySetting};
use crate::peer::CertificateFacts;
use crate::profile::ClientProfile;
use crate::refusal::Refusal;

pub use conclude::conclude;
pub use look::{diagnose, look};

/// How long each step may take, unless told otherwise.
pub const STEP_TIME_MAX_DEFAULT: Duration = Duration::from_secs(10);

/// What is to be examined.
#[derive(Debug, Clone)]
pub struct DoctorInputs {
    pub host: String,
    pub port: u16,
    /// The name the server's certificate must bear.
    pub server_name: String,
    pub profile: ClientProfile,
    pub proxy: ProxySetting,
    /// The time by a server's clock, such as the `Date` of an HTTP answer, next to the time here
    /// when it was heard.
    pub server_date: Option<(OffsetDateTime, OffsetDateTime)>,
    pub step_time_max: Duration,
}

/// What was seen. Every field is filled by [`look`] or, in tests, by hand.
#[derive(Debug, Clone)]
pub struct Observations {
    pub endpoint: String,
    pub server_name: String,
    pub now: OffsetDateTime,
    /// The distinguished names of the authorities that are trusted.
    pub trusted: Vec<String>,
    /// Our own certificate.
    pub own: Option<CertificateFacts>,
    /// The server's clock minus ours.
    pub clock_difference_s: Option<i64>,
    /// Which proxy is used, if any, or why the setting cannot be used.
    pub proxy: Result<Option<String>, ProxyError>,
    /// `None` when a proxy looks the name up.
    pub addresses: Option<Result<Vec<IpAddr>, Refusal>>,
    pub connected: Option<Result<(), DialError>>,
    /// The server's certificates, leaf first, trusted or not.
    pub shown: Vec<CertificateFacts>,
    /// What was agreed, or why not.
    pub secured: Option<Result<String, Refusal>>,
    /// What the server said within a moment after the handshake; in TLS 1.3 it refuses a client's
    /// certificate only then.
    pub after: Option<After>,
}

/// The first moment after the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Nothing, as a FIX acceptor before the Logon, or data.
    Fine,
    /// The connection was closed without a reason.
    Closed,
    /// A reason.
    Refused(Refusal),
}

/// The steps, in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    Clock,
    Proxy,
    Name,
    Route,
    Tls,
    Validity,
    Authority,
    Revocation,
    ServerName,
    Pin,
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

    /// For a person.
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

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Ok(String),
    Failed { code: String, sentence: String, cure: String },
    Skipped(String),
}

/// One step of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub check: Check,
    pub outcome: Outcome,
}

/// The whole examination. `Display` is what to send to support.
#[derive(Debug, Clone)]
pub struct Report {
    pub steps: Vec<Step>,
    pub observations: Observations,
}

impl Report {
    /// The first step that failed: the one to cure.
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

fn date(at: OffsetDateTime) -> String {
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
