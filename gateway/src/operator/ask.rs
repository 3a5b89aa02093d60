//! What the commands on this machine ask the running gateway, and how it refuses: one line of JSON
//! each way, over a socket in the state directory.
//!
//! A local socket, not the administrators' interface: whoever is woken at night is on the machine,
//! and needs neither a certificate nor a working network. The kernel says who asks.

use crate::config::Config;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A question is never longer.
pub(super) const REQUEST_BYTES_MAX: u64 = 4 * 1024;
/// What the person at the desk reads.
const REASON_CHARS_MAX: usize = 120;

/// A question or an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Request {
    Status {},
    Sessions {},
    /// The text of the metrics.
    Metrics {},
    /// The newest alerts after the one with this number.
    Alerts {
        after: u64,
        limit: usize,
    },
    /// The networks that are locked out.
    Lockouts {},
    /// Lets a network try again.
    LiftNetwork {
        network: String,
    },
    /// Ends the sessions of a desk or a user, or with neither all of them.
    Kill {
        name: Option<String>,
        reason: String,
    },
}

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}\n  {code}: {cure}")]
pub struct ControlRefusal {
    /// Never changes between releases.
    pub code: String,
    /// Names who is at fault.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

impl ControlRefusal {
    pub(super) fn new(code: &str, message: impl Into<String>, cure: &str) -> Self {
        Self { code: code.into(), message: message.into(), cure: cure.into() }
    }
}

/// An answer as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done(serde_json::Value),
    Refused(ControlRefusal),
}

/// Where the running gateway listens.
pub fn control_path(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("control.sock")
}

/// The reason of an order, if it can be shown to a trader.
pub(super) fn checked_reason(reason: &str) -> Result<&str, ControlRefusal> {
    let printable = !reason.trim().is_empty() && reason.chars().all(|c| (' '..='~').contains(&c));
    if printable && reason.len() <= REASON_CHARS_MAX {
        return Ok(reason);
    }
    let words = format!("the reason must be 1 to {REASON_CHARS_MAX} printable ASCII characters");
    Err(ControlRefusal::new("operator.reason", words, "give a shorter or plainer --reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_requests() {
        for (text, want) in [
            (r#"{"ask":"status"}"#, Some(Request::Status {})),
            (
                r#"{"ask":"alerts","after":3,"limit":9}"#,
                Some(Request::Alerts { after: 3, limit: 9 }),
            ),
            (
                r#"{"ask":"kill","name":null,"reason":"x"}"#,
                Some(Request::Kill { name: None, reason: "x".into() }),
            ),
            (
                r#"{"ask":"kill","reason":"x"}"#,
                Some(Request::Kill { name: None, reason: "x".into() }),
            ),
            (r#"{"ask":"kill","nmae":"alice","reason":"x"}"#, None),
            (r#"{"ask":"lockouts"}"#, Some(Request::Lockouts {})),
            (
                r#"{"ask":"lift_network","network":"192.0.2.1"}"#,
                Some(Request::LiftNetwork { network: "192.0.2.1".into() }),
            ),
            (r#"{"ask":"lift_network"}"#, None),
            (r#"{"ask":"status","x":1}"#, None),
            (r#"{"ask":"delete"}"#, None),
            ("", None),
        ] {
            assert_eq!(serde_json::from_str::<Request>(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn table_of_reasons() {
        let long = "x".repeat(121);
        for (reason, good) in [
            ("fire drill", true),
            ("x", true),
            (&long[..120], true),
            ("", false),
            ("  ", false),
            (&long, false),
            ("two\nlines", false),
            ("\u{1}35=8", false),
            ("caf\u{e9}", false),
        ] {
            assert_eq!(checked_reason(reason).is_ok(), good, "{reason:?}");
        }
    }
}
