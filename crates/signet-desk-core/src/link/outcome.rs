//! How a connection ended or why it was not made, and what follows.

use super::watch::GivenUp;
use crate::{
    problem::{code_of_peer, problem, sentence},
    view::Problem,
};
use signet_fix::pump::Closed;
use signet_identity::{HolderFault, Refusal, Stage};
use signet_net::Doubling;
use std::{io, time::Duration};

/// The gateway does not know this certificate, or not with this CompID.
const LOGON_REFUSED: &str = "logon.refused";
/// ReasonCodes of a Logout after the risk of the access was scored.
const RISK_DENIED: &str = "risk.denied";
const RISK_NO_STEP_UP: &str = "risk.no_step_up";
/// Attempts in a row that the gateway did not answer, before the trader is told.
const UNANSWERED_UNTOLD: u32 = 2;
const RETRY: Doubling =
    Doubling { first: Duration::from_millis(100), longest: Duration::from_secs(2) };
/// A refusal for longer than a day is a person's to deal with.
const RETRY_SAID_MAX_S: u32 = 24 * 3_600;
/// The gateway's time is over for certain.
const RETRY_MARGIN: Duration = Duration::from_secs(1);
/// A connection that was up for so long is made again at once. One that ends sooner may end again:
/// two desks with one identity displace each other.
const STEADY: Duration = Duration::from_secs(1);

/// How an attempt to connect, or the connection it made, ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub next: Next,
    pub fault: Fault,
    pub problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    TryAgain,
    /// Another attempt would fail too; somebody must act.
    GiveUp,
    /// The gateway said when: another attempt before that would fail too.
    After(Duration),
    /// Refused because of where the laptop is: another network may be allowed.
    AwaitNetwork,
    /// Something else answers in the gateway's place, as a captive portal does: another network may
    /// lead to the gateway, and so may this one later, as when the trader has signed in there. The
    /// system may tell nothing of it.
    AwaitWay,
    /// What answers failed a check of the gateway's identity that no portal gets as far as. Another
    /// network may lead to the gateway; the trader reads of it whatever else answers on this one.
    AwaitGateway,
}

/// What was at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// This desk's certificate or its key: another key may work.
    OwnKey,
    /// The gateway took the connection and has not answered yet: it may be busy with a crowd of
    /// desks that come back.
    Unanswered,
    /// The gateway did not answer the logon in time.
    NoLogon,
    /// The gateway, or what stands before it, took the connection and closed it without a word.
    Closed,
    /// Anything that another key would not cure: the network, the gateway's own certificate.
    Other,
}

impl Ended {
    pub(super) fn lost(problem: Problem) -> Self {
        Self { next: Next::TryAgain, fault: Fault::Other, problem }
    }

    /// A connection that was made, and over which the gateway said nothing in time.
    pub(super) fn unanswered() -> Self {
        Self { fault: Fault::Unanswered, ..Self::by(&Refusal::TimedOut) }
    }

    /// What answers is not the gateway.
    pub(super) fn by_another(problem: Problem) -> Self {
        Self { next: Next::AwaitGateway, fault: Fault::Other, problem }
    }

    pub(super) fn refused(problem: Problem) -> Self {
        Self { next: Next::GiveUp, fault: Fault::Other, problem }
    }

    /// A refusal that may pass by itself is tried again; one that a person must cure is not. A
    /// server that shows another certificate, or speaks no TLS, may stand in the way of this
    /// network only, as a captive portal or a proxy that reads along does. A certificate of the
    /// venue's own authority with another key, another purpose, or one that was revoked, is none
    /// that a portal has.
    pub(super) fn by(r: &Refusal) -> Self {
        let next = match r {
            Refusal::DnsFailure
            | Refusal::ConnectionRefused
            | Refusal::Unreachable
            | Refusal::TimedOut
            | Refusal::ClosedDuringHandshake => Next::TryAgain,
            Refusal::NotTls
            | Refusal::NoCommonTlsVersion
            | Refusal::NoCommonSuite
            | Refusal::NameMismatch { .. }
            | Refusal::UnknownCa
            | Refusal::Expired
            | Refusal::NotYetValid
            | Refusal::ServerCertificateInvalid { .. } => Next::AwaitWay,
            Refusal::PinMismatch { .. }
            | Refusal::ServerNotCertifiedForThis
            | Refusal::ServerCertificateRevoked => Next::AwaitGateway,
            _ => Next::GiveUp,
        };
        Self { next, fault: Fault::of_refusal(r), problem: Problem::from(r) }
    }

    /// The desk gave the connection up.
    pub(super) fn given_up(why: GivenUp) -> Self {
        let (code, message) = match why {
            GivenUp::NoLogon => ("logon.unanswered", "The gateway did not answer the logon."),
            GivenUp::Dead => ("link.lost", "The gateway does not answer over this network."),
            GivenUp::Slept => ("link.lost", "The connection ended while this laptop slept."),
        };
        let fault = if why == GivenUp::NoLogon { Fault::NoLogon } else { Fault::Other };
        Self { fault, ..Self::lost(problem(code, message, "The desk reconnects by itself.")) }
    }

    /// The connection ended in place of an answer to the Logon.
    fn unanswered_logon() -> Self {
        let unanswered = problem(
            "logon.unanswered",
            "The gateway did not answer the logon.",
            "The desk tries again by itself.",
        );
        Self { fault: Fault::Closed, ..Self::lost(unanswered) }
    }

    /// The end of a connection, from how it closed, whether the logon was answered, and the text of
    /// a Logout.
    pub(super) fn of(closed: &Closed, logged_on: bool, goodbye: Option<Goodbye>) -> Self {
        if let (false, Some(g)) = (logged_on, &goodbye) {
            return g.refuses_logon();
        }
        match closed {
            Closed::Io(e) => {
                let r = Refusal::seen_by_client(e, Stage::Session);
                // In TLS 1.3 an alert in place of a Logon says that our certificate was refused.
                if !logged_on && is_end(e.kind()) {
                    Self::unanswered_logon()
                } else if logged_on || matches!(r, Refusal::Other { .. }) {
                    Self::lost(problem(
                        "link.lost",
                        "The connection to the gateway was lost.",
                        "The desk reconnects by itself.",
                    ))
                } else {
                    Self::by(&r)
                }
            }
            Closed::NotFix(e) => Self::refused(problem(
                "link.not_fix",
                format!("The server at the venue's address does not speak FIX: {e}."),
                "Have the venue's address checked.",
            )),
            _ if !logged_on => Self::unanswered_logon(),
            _ => {
                let why = goodbye
                    .map_or_else(String::new, |g| format!(" It said: {}", sentence(&g.text)));
                let text = format!("The connection to the gateway ended.{why}");
                Self::lost(problem("link.lost", text, "The desk reconnects by itself."))
            }
        }
    }
}

/// Whether the peer ended the connection. Some systems tell of a reset where others tell that the
/// stream is over.
fn is_end(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}

impl Next {
    /// Whether another way to the gateway may do better now.
    pub(super) fn may_be_the_way(self) -> bool {
        self.may_be_a_portal() || self == Self::AwaitGateway
    }

    /// Whether a captive portal may be why.
    pub(super) fn may_be_a_portal(self) -> bool {
        matches!(self, Self::TryAgain | Self::AwaitWay)
    }

    /// The only place that reads these codes of the protocol (ReasonCode, 20104, of a Logout): the
    /// risk of an access depends on the network it comes from.
    fn of_logout(code: &str) -> Self {
        match code {
            RISK_DENIED | RISK_NO_STEP_UP => Self::AwaitNetwork,
            _ => Self::GiveUp,
        }
    }
}

impl Fault {
    /// Whether the trader is told after so many attempts in a row that ended like this. A gateway
    /// that does not answer yet is waited for, as a person in a queue waits.
    pub(super) fn is_told(self, in_a_row: u32) -> bool {
        self != Self::Unanswered || in_a_row > UNANSWERED_UNTOLD
    }

    fn of_refusal(r: &Refusal) -> Self {
        match r {
            Refusal::ClientCertificateRefused { .. }
            | Refusal::ClientCertificateExpired
            | Refusal::ClientCertificateRevoked
            | Refusal::ClientCertificateUnknownCa
            | Refusal::NoClientCertificateSent
            | Refusal::KeyUnavailable { .. } => Self::OwnKey,
            Refusal::KeyHolder { fault: HolderFault::Key, .. } => Self::OwnKey,
            Refusal::ClosedDuringHandshake => Self::Closed,
            _ => Self::Other,
        }
    }

    /// The only place that reads this code of the protocol (ReasonCode, 20104, of a Logout): a
    /// gateway that does not know the certificate or its CompID answers `logon.refused`. Every
    /// other refusal would meet another key as well.
    fn of_logout(code: &str) -> Self {
        match code {
            LOGON_REFUSED => Self::OwnKey,
            _ => Self::Other,
        }
    }
}

/// The text, code (20104), cure (20105) and time to try again (20106) of the gateway's Logout.
#[derive(Debug)]
pub(super) struct Goodbye {
    pub text: String,
    pub code: Option<String>,
    pub cure: Option<String>,
    /// Seconds from when it was read.
    pub retry_s: Option<u32>,
}

impl Goodbye {
    fn refuses_logon(&self) -> Ended {
        let code = code_of_peer(self.code.as_deref().unwrap_or_default(), LOGON_REFUSED);
        let message = format!("The gateway refused the logon: {}", sentence(&self.text));
        let usual = "Tell your administrator; the certificate or its registration does not fit.";
        let cure = self.cure.as_deref().unwrap_or(usual);
        let Some(wait) = self.wait() else {
            let problem = problem(code, message, cure);
            return Ended { next: Next::of_logout(code), fault: Fault::of_logout(code), problem };
        };
        let cure = format!("The desk tries again by itself {}. {cure}", until(wait));
        let problem = problem(code, message, cure);
        Ended { next: Next::After(wait), fault: Fault::of_logout(code), problem }
    }

    /// A gateway that says a time is asked again then, and not sooner.
    fn wait(&self) -> Option<Duration> {
        let s = self.retry_s.filter(|s| (1..=RETRY_SAID_MAX_S).contains(s))?;
        Some(Duration::from_secs(u64::from(s)) + RETRY_MARGIN)
    }
}

/// When that is, by this laptop's clock and in its zone.
fn until(wait: Duration) -> String {
    let at = jiff::SignedDuration::try_from(wait).ok();
    let at = at.and_then(|w| jiff::Zoned::now().checked_add(w).ok());
    match at {
        Some(at) => format!("at {} ({})", at.strftime("%H:%M:%S"), at.strftime("%Y-%m-%d, %Z")),
        None => format!("in {} seconds", wait.as_secs()),
    }
}

pub(super) fn internal(why: &str) -> Problem {
    problem(
        "desk.internal",
        format!("Something inside Signet Desk failed: {why}"),
        "Restart Signet Desk; if it happens again, send the log to support.",
    )
}

/// What passes before attempt number `attempt` + 1. `was_on`: for how long the connection that
/// ended was up; `None`: its logon was not accepted, or it was not made.
pub(super) fn wait_before(attempt: u32, was_on: Option<Duration>) -> Duration {
    match was_on {
        Some(on) if on >= STEADY => Duration::ZERO,
        _ => backoff(attempt),
    }
}

/// Up to 0.3 s, so that desks which doubt at one moment do not dial in step.
pub(super) fn spread() -> Duration {
    let mut b = [0u8; 1];
    let _ = aws_lc_rs::rand::fill(&mut b);
    Duration::from_millis(300 * u64::from(b[0]) / 255)
}

/// How long to wait before the next attempt.
pub(super) fn backoff(attempt: u32) -> Duration {
    let mut b = [0u8; 1];
    let _ = aws_lc_rs::rand::fill(&mut b);
    backoff_with(attempt, b[0])
}

/// 100 ms, doubling to 2 s, with a quarter as jitter so that desks do not reconnect in step.
fn backoff_with(attempt: u32, jitter: u8) -> Duration {
    let base = RETRY.doubled_ms(attempt.saturating_sub(1));
    let ms = base - base / 8 + base / 4 * i64::from(jitter) / 255;
    Duration::from_millis(ms.unsigned_abs())
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
