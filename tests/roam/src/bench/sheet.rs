//! The figures of one cell: printed when it ends, also when it fails half way.

use crate::statistics::percentile;
use serde::{Deserialize, Serialize};

/// Begins a line that [`super::all`] reads for its table.
const MARK: &str = "FIGURES ";

/// The samples of one cell. Dropped, it prints what it has.
#[derive(Debug)]
pub(super) struct Sheet {
    line: Line,
    samples: Vec<f64>,
}

/// A line of the table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    over: String,
    what: String,
    rounds: usize,
    samples: usize,
    /// p50, p99 and the largest, milliseconds.
    figures: Option<[f64; 3]>,
    wanted: Option<f64>,
    note: String,
    failed: bool,
}

impl Sheet {
    /// `wanted`: the largest p99 that is asked for, milliseconds.
    pub(super) fn new(over: &str, what: String, rounds: usize, wanted: Option<f64>) -> Self {
        let (over, note) = (over.to_owned(), String::new());
        let line =
            Line { over, what, rounds, samples: 0, figures: None, wanted, note, failed: false };
        Self { line, samples: Vec::new() }
    }

    pub(super) fn push(&mut self, samples: impl Iterator<Item = f64>) {
        self.samples.extend(samples);
    }

    pub(super) fn note(&mut self, note: String) {
        self.line.note = note;
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        self.samples.sort_by(f64::total_cmp);
        self.line.samples = self.samples.len();
        self.line.failed = std::thread::panicking();
        self.line.figures = (!self.samples.is_empty())
            .then(|| [0.5, 0.99, 1.0].map(|q| percentile(&self.samples, q)));
        println!("{MARK}{}", serde_json::to_string(&self.line).expect("JSON"));
    }
}

impl Line {
    /// What a cell printed; `None`: something else, for a person.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text.strip_prefix(MARK)?).ok()
    }

    pub(super) fn heading() -> String {
        format!(
            "   {:9} {:52} {:>5} {:>7} {:>7} {:>7} {:>11}   {}",
            "over", "what, ms", "n", "p50", "p99", "max", "wanted p99", "remark"
        )
    }

    pub(super) fn text(&self) -> String {
        let figure = |i: usize| self.figures.map_or("-".into(), |f| format!("{:.0}", f[i]));
        let wanted = match (self.wanted, self.figures) {
            (Some(w), Some([_, p99, _])) if p99 < w => format!("< {w:.0} yes"),
            (Some(w), _) => format!("< {w:.0} NO"),
            (None, _) => String::new(),
        };
        let failed = if self.failed { "FAILED half way; " } else { "" };
        format!(
            "   {:9} {:52} {:>5} {:>7} {:>7} {:>7} {:>11}   {failed}{}",
            self.over,
            self.what,
            self.samples,
            figure(0),
            figure(1),
            figure(2),
            wanted,
            self.note
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_printed() {
        let line = Line {
            over: "FIXS".into(),
            what: "reset".into(),
            rounds: 3,
            samples: 2,
            figures: Some([1.0, 399.0, 400.0]),
            wanted: Some(400.0),
            note: "one was not back".into(),
            failed: true,
        };
        let printed = format!("{MARK}{}", serde_json::to_string(&line).unwrap());
        let read = Line::parse(&printed).unwrap();
        assert_eq!(read.text(), line.text());
        assert!(line.text().contains("< 400 yes") && line.text().contains("FAILED"));
        assert!(Line { figures: None, ..line }.text().contains("NO"));
        assert!(Line::parse("   a word").is_none() && Line::parse("FIGURES {").is_none());
    }
}
