//! The last lines of the desk's log, for the log viewer.

use signet_desk_core::peer_text::is_deceptive;
use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, PoisonError},
};
use tracing_subscriber::fmt::MakeWriter;

const LINES_MAX: usize = 2_000;
const LINE_CHARS_MAX: usize = 500;
/// Of the lines that match, so many are shown.
const SHOWN_MAX: usize = 500;

/// What the program has logged, in memory only.
pub(crate) static LOG: Log = Log(Mutex::new(VecDeque::new()));

/// Lines, the latest last.
pub(crate) struct Log(Mutex<VecDeque<String>>);

impl Log {
    fn add(&self, text: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in text.lines().filter(|line| !line.is_empty()) {
            if lines.len() == LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(line.chars().take(LINE_CHARS_MAX).map(plain).collect());
        }
    }

    /// The latest lines that hold every word of `text`, in any case; the latest last.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        let words: Vec<String> = text
            .chars()
            .take(LINE_CHARS_MAX)
            .collect::<String>()
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |line: &&String| {
            let line = line.to_lowercase();
            words.iter().all(|word| line.contains(word))
        };
        let mut shown: Vec<String> =
            lines.iter().rev().filter(holds).take(SHOWN_MAX).cloned().collect();
        shown.reverse();
        shown
    }
}

/// A line stays one line, its direction is that of its letters, and all of it shows.
fn plain(c: char) -> char {
    if is_deceptive(c) { ' ' } else { c }
}

/// Takes what the subscriber writes: one call for each event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToLog;

impl io::Write for ToLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A text of a peer in it may have lines that look like others of the log.
        LOG.add(&String::from_utf8_lossy(bytes).trim_end().replace(['\r', '\n'], " "));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for ToLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_its_lines_are_plain() {
        let log = Log(Mutex::new(VecDeque::new()));
        for n in 0..LINES_MAX + 10 {
            log.add(&format!("line {n}\n"));
        }
        assert_eq!(log.0.lock().unwrap().len(), LINES_MAX);
        assert_eq!(log.lines("").len(), SHOWN_MAX);
        assert_eq!(log.lines("").last().unwrap(), &format!("line {}", LINES_MAX + 9));
        assert!(log.lines("line 9").iter().all(|line| line.contains('9')), "the filter");
        log.add(&format!("a\u{1b}[31mb\u{202e}c {}\n\nnext", "x".repeat(9_000)));
        let last = log.lines("");
        assert_eq!(last[SHOWN_MAX - 1], "next");
        assert!(last[SHOWN_MAX - 2].starts_with("a [31mb c xxx"), "{}", last[SHOWN_MAX - 2]);
        assert_eq!(last[SHOWN_MAX - 2].chars().count(), LINE_CHARS_MAX);
    }

    #[test]
    fn an_event_is_one_line_whatever_a_peer_wrote_into_it() {
        use std::io::Write as _;
        ToLog.write_all(b"WARN a peer says \"x\r\nERROR forged line\"\n").unwrap();
        ToLog.write_all(b"INFO forged next\n").unwrap();
        let lines = LOG.lines("forged");
        let want = ["WARN a peer says \"x  ERROR forged line\"", "INFO forged next"];
        assert_eq!(lines, want);
    }

    #[test]
    fn the_filter_wants_every_word_in_any_case() {
        let log = Log(Mutex::new(VecDeque::new()));
        log.add("WARN link lost\nINFO link up\nWARN disk full");
        assert_eq!(log.lines(" warn  LINK "), ["WARN link lost"]);
        assert_eq!(log.lines("nothing"), Vec::<String>::new());
    }
}
