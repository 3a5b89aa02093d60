//! A refusal in the parts that a person reads.

use super::ticket::TicketField;
use crate::peer_text::shown;
use serde::{Deserialize, Serialize};
use specta::Type;

/// Longest code, bytes.
const CODE_LEN_MAX: usize = 60;

/// Something that went wrong: what happened, what cures it, and a code. `code` is for tests, logs
/// and support; no program decides on it or on the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable: an area, a dot and what happened, as the gateway writes it too. For example
    /// `keychain.locked`.
    pub code: String,
    /// What happened and who is at fault, in plain words.
    pub message: String,
    /// What would cure it, in plain words.
    pub cure: String,
    /// The field of the ticket that must be changed, if the ticket was refused for one.
    pub field: Option<TicketField>,
}

impl Problem {
    /// A problem that belongs to no field of the ticket. `code` is one of ours; for a code that
    /// somebody else sent, see `problem::code_of_peer`.
    pub fn new(code: &str, message: impl Into<String>, cure: impl Into<String>) -> Self {
        debug_assert!(is_code(code), "{code}: not an area, a dot and a name");
        // Errors of every kind become problems, and some quote a peer: a venue, a proxy, an
        // enrolment service, a certificate.
        let (message, cure) = (shown(&message.into()), shown(&cure.into()));
        Self { code: code.into(), message, cure, field: None }
    }

    /// The same, refused for this field of the ticket.
    pub(crate) fn about(self, field: TicketField) -> Self {
        Self { field: Some(field), ..self }
    }
}

/// Whether `text` has the form of a code: `area.what_happened`.
pub(crate) fn is_code(text: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b == b'_';
    text.len() <= CODE_LEN_MAX
        && text.split_once('.').is_some_and(|(area, what)| {
            !area.is_empty()
                && area.bytes().all(lower)
                && !what.is_empty()
                && what.bytes().all(|b| lower(b) || b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::{CODE_LEN_MAX, is_code};

    #[test]
    fn a_code_is_an_area_a_dot_and_a_name() {
        for good in ["link.lost", "settlement_date.early", "token.no_p256"] {
            assert!(is_code(good), "{good}");
        }
        for bad in ["", "lost", ".lost", "link.", "link.Lost", "link.lost.twice", "l1nk.lost"] {
            assert!(!is_code(bad), "{bad}");
        }
        assert!(!is_code(&format!("link.{}", "a".repeat(CODE_LEN_MAX))));
    }
}
