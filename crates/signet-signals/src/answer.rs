//! What a receiver's answer to a push means (RFC 8935 §2.2 to §2.4).

use serde::Deserialize;

/// Longest part of a receiver's words that is kept, characters.
const WORDS_MAX: usize = 200;
/// Tries of one token that a receiver refuses without saying why.
const TRIES_MAX: u32 = 8;

/// What follows for the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushAnswer {
    /// The receiver has it.
    Taken,
    /// It will never take this one; the next may be another matter.
    Never {
        /// `err` of the answer, or `status-NNN`.
        err: String,
        /// Its description, one line.
        words: String,
    },
    /// It is sent again after a pause.
    Again,
}

#[derive(Deserialize)]
struct Refusal {
    err: String,
    #[serde(default)]
    description: String,
}

/// Judges an answer; `tries` is how often this token was sent before.
pub fn push_answer(status: u16, body: &[u8], tries: u32) -> PushAnswer {
    let line = |text: &str| text.chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect();
    match status {
        200..=299 => PushAnswer::Taken,
        400 => match serde_json::from_slice::<Refusal>(body) {
            // About who sends, and not about this token.
            Ok(r) if ["authentication_failed", "access_denied"].contains(&r.err.as_str()) => {
                PushAnswer::Again
            }
            Ok(r) => PushAnswer::Never { err: line(&r.err), words: line(&r.description) },
            Err(_) => unexplained(status, tries),
        },
        // Who asks, where, and when.
        401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 429 => PushAnswer::Again,
        401..=499 => unexplained(status, tries),
        _ => PushAnswer::Again,
    }
}

fn unexplained(status: u16, tries: u32) -> PushAnswer {
    if tries < TRIES_MAX {
        return PushAnswer::Again;
    }
    let words = format!("refused {tries} times without a reason");
    PushAnswer::Never { err: format!("status-{status}"), words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_answers() {
        let never =
            |err: &str, words: &str| PushAnswer::Never { err: err.into(), words: words.into() };
        let spent = |s: u16| never(&format!("status-{s}"), "refused 8 times without a reason");
        let bad_key = r#"{"err":"invalid_key","description":"no such\nkey"}"#;
        for (status, body, tries, want) in [
            (202, "", 0, PushAnswer::Taken),
            (200, "<html>", 0, PushAnswer::Taken),
            (400, bad_key, 0, never("invalid_key", "no suchkey")),
            (400, r#"{"err":"invalid_request"}"#, 0, never("invalid_request", "")),
            (400, r#"{"err":"invalid_issuer"}"#, 0, never("invalid_issuer", "")),
            (400, r#"{"err":"invalid_audience"}"#, 0, never("invalid_audience", "")),
            (400, r#"{"err":"of its own"}"#, 0, never("of its own", "")),
            (400, r#"{"err":"authentication_failed"}"#, 99, PushAnswer::Again),
            (400, r#"{"err":"access_denied"}"#, 99, PushAnswer::Again),
            (400, "", 7, PushAnswer::Again),
            (400, "", 8, spent(400)),
            (400, r#"{"err":5}"#, 8, spent(400)),
            (413, "", 7, PushAnswer::Again),
            (413, "", 8, spent(413)),
            (422, "", 8, spent(422)),
            (401, "", 99, PushAnswer::Again),
            (403, bad_key, 99, PushAnswer::Again),
            (404, "", 99, PushAnswer::Again),
            (429, "", 99, PushAnswer::Again),
            (302, "", 99, PushAnswer::Again),
            (500, "", 99, PushAnswer::Again),
            (503, bad_key, 99, PushAnswer::Again),
        ] {
            assert_eq!(
                push_answer(status, body.as_bytes(), tries),
                want,
                "{status} {body} {tries}"
            );
        }
        let long = format!(r#"{{"err":"{}"}}"#, "x".repeat(1_000));
        let PushAnswer::Never { err, .. } = push_answer(400, long.as_bytes(), 0) else { panic!() };
        assert_eq!(err.len(), WORDS_MAX);
    }
}
