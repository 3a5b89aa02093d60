//! What an answer of a collector means for what it was sent.

use super::messages::{Answer, answer};
use crate::delivery::DeliveryFailure;

/// What follows.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It has them, but for so many that it will never take, and why.
    Taken { rejected: Option<(u64, String)> },
    /// It refuses the request as it is: perhaps for its size, or for one of the events.
    Split,
    /// It will never take this one event.
    SetAside(u16),
    /// They are sent again after a pause.
    Again(DeliveryFailure),
}

/// Judges the answer to a request with so many events.
///
/// 401, 403, 404, 405 and 407 are about who asks and where, not about the events: setting these
/// aside would lose every event that happens while a token is out of date.
pub(super) fn verdict(status: u16, body: &[u8], events: usize) -> Verdict {
    match status {
        200..=299 => match answer(body) {
            Answer::Taken => Verdict::Taken { rejected: None },
            Answer::Rejected { count, words } => Verdict::Taken { rejected: Some((count, words)) },
            Answer::Unreadable => {
                Verdict::Again(DeliveryFailure::Answer("no ExportLogsServiceResponse".into()))
            }
        },
        401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 429 => {
            Verdict::Again(DeliveryFailure::Status(status))
        }
        400..=499 if events > 1 => Verdict::Split,
        400..=499 => Verdict::SetAside(status),
        _ => Verdict::Again(DeliveryFailure::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_statuses() {
        let word = |status, events| match verdict(status, b"", events) {
            Verdict::Taken { .. } => "taken",
            Verdict::Split => "split",
            Verdict::SetAside(s) if s == status => "aside",
            Verdict::Again(DeliveryFailure::Status(s)) if s == status => "again",
            other => panic!("{other:?}"),
        };
        for (statuses, many, one) in [
            (&[200, 202, 204][..], "taken", "taken"),
            (&[400, 402, 406, 409, 410, 411, 413, 414, 415, 422, 431, 451, 499], "split", "aside"),
            (&[401, 403, 404, 405, 407, 408, 421, 425, 429], "again", "again"),
            (&[100, 301, 302, 307, 500, 501, 502, 503, 504, 599], "again", "again"),
        ] {
            for s in statuses {
                assert_eq!((word(*s, 2), word(*s, 1)), (many, one), "{s}");
            }
        }
        assert!(matches!(verdict(200, b"<html>", 1), Verdict::Again(DeliveryFailure::Answer(_))));
    }
}
