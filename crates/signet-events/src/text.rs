//! Text that may come from strangers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A text has so many characters at most.
pub const TEXT_CHARS_MAX: usize = 500;

/// Text on one line: control characters, line and paragraph separators, characters that show
/// nothing and those that change the direction of reading are blanks, and what is beyond
/// [`TEXT_CHARS_MAX`] is cut off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Text(String);

impl Text {
    /// What a value says of itself.
    #[must_use]
    pub fn of(value: impl fmt::Display) -> Self {
        let text = value.to_string();
        if stays_as_it_is(&text) { Self(text) } else { text.into() }
    }

    /// The text as it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        let text = text.as_ref();
        if stays_as_it_is(text) {
            return Self(text.to_owned());
        }
        Self(text.chars().take(TEXT_CHARS_MAX).map(plain).collect())
    }
}

/// Nearly every text is short and of printable ASCII, which is seen without a look at each
/// character by itself.
fn stays_as_it_is(text: &str) -> bool {
    text.len() <= TEXT_CHARS_MAX && text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// The same of text that keeps its length: a line of the log, a row of a table.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(plain).collect()
}

fn plain(c: char) -> char {
    if may_mislead(c) { ' ' } else { c }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a character could begin a line, hide what stands there or stand there unseen (Unicode
/// 16, UAX #9, general category Cf, the blank letters and the variation selectors). Tags and
/// selectors (U+E0000 and those after it) show nothing and are text to whoever reads them by
/// program. The same as `signet_rfq::is_deceptive`, to which the gateway's tests hold it.
fn may_mislead(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}'
            | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_line_and_an_end() {
        for (said, kept) in [
            ("", ""),
            ("ALICE1", "ALICE1"),
            ("a\nb\r\nc\td\0e", "a b  c d e"),
            ("a\u{2028}b\u{2029}c", "a b c"),
            ("ali\u{202e}ce\u{2066}", "ali ce "),
            ("ali\u{61c}ce\u{e0041}", "ali ce "),
            ("a\u{ad}b\u{3164}c\u{fe0f}d\u{e0101}e\u{2800}", "a b c d e "),
            ("zwölf \u{feff}€", "zwölf  €"),
        ] {
            assert_eq!(Text::from(said).as_str(), kept, "{said:?}");
        }
        assert_eq!(Text::from("ä".repeat(9_999)).as_str().chars().count(), TEXT_CHARS_MAX);
    }

    /// What takes the short way is what the long way makes of it, whichever way a text is made.
    #[test]
    fn each_ascii_character_and_each_length_is_kept_as_by_the_long_way() {
        let long_way = |s: &str| s.chars().take(TEXT_CHARS_MAX).map(plain).collect::<String>();
        let mut texts: Vec<String> =
            (0..=0x7f_u8).map(|b| format!("a{}b", char::from(b))).collect();
        texts.extend([499, TEXT_CHARS_MAX, 501].map(|n| "x".repeat(n)));
        for text in texts {
            let kept = long_way(&text);
            assert_eq!(Text::from(text.as_str()).as_str(), kept, "{text:?}");
            assert_eq!(Text::of(&text).as_str(), kept, "{text:?}");
        }
    }
}
