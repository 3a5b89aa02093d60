//! The baseline's file, and what is said of a count beside it.

use crate::callgrind::Counted;
use std::fmt::Write as _;

/// A difference from the baseline is put into words above this share of it.
pub(crate) const SAID_FROM: f64 = 0.02;

/// The names of what counts depend on beside the code, as the file has them.
pub(crate) const FACTS: [&str; 3] = ["compiler", "valgrind", "processor"];

const INTRODUCTION: &str = "\
# Instructions of one operation of the gateway, counted by callgrind. `make instructions` compares,
# `UPDATE_BASELINE=1 make instructions` writes this file; docs/benchmarks.md says what is counted.
# A count depends on the compiler and on the processor that valgrind shows, and not on the speed or
# the load of the machine. What depends on random numbers varies; the table says by how much.
";

/// Counts by operation, and what they depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Baseline {
    /// In the order of [`FACTS`].
    pub(crate) facts: [String; 3],
    pub(crate) counts: Vec<(String, u64)>,
}

impl Baseline {
    /// Reads the file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut read = Self { facts: Default::default(), counts: Vec::new() };
        for (n, line) in (1..).zip(text.lines()) {
            match line.strip_prefix('#') {
                Some(comment) => read.take_fact(comment),
                None if line.trim().is_empty() => {}
                None => read.take_row(line).ok_or_else(|| {
                    format!(
                        "line {n} of instructions.txt is not one operation and its count above \
                         zero, or repeats an operation. Restore the file from git, or remove it \
                         and run UPDATE_BASELINE=1 make instructions"
                    )
                })?,
            }
        }
        Ok(read)
    }

    fn take_fact(&mut self, comment: &str) {
        let Some((name, value)) = comment.split_once(": ") else { return };
        if let Some(at) = FACTS.iter().position(|fact| *fact == name.trim()) {
            self.facts[at] = value.trim().to_owned();
        }
    }

    fn take_row(&mut self, line: &str) -> Option<()> {
        let (name, count) = line.split_once(' ')?;
        let count = count.trim().parse::<u64>().ok().filter(|n| *n > 0)?;
        if self.of(name).is_some() {
            return None;
        }
        self.counts.push((name.to_owned(), count));
        Some(())
    }

    /// As [`Self::parse`] reads it.
    pub(crate) fn to_text(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        for (name, value) in FACTS.iter().zip(&self.facts) {
            let _ = writeln!(text, "# {name}: {value}");
        }
        for (name, count) in &self.counts {
            let _ = writeln!(text, "{name:<30} {count:>10}");
        }
        text
    }

    /// Of one operation.
    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.counts.iter().find(|(n, _)| n == name).map(|(_, count)| *count)
    }
}

/// Over the rows.
pub(crate) const HEADER: &str =
    "   operation                      instructions   varies     baseline  ratio";

/// One row of the table.
pub(crate) fn row(name: &str, counted: &Counted, baseline: Option<u64>) -> String {
    let (median, varies) = (counted.median, counted.spread() * 100.0);
    let begin = format!("   {name:<30} {median:>12} {varies:>6.1} %");
    match baseline {
        Some(was) => {
            let ratio = 1.0 + counted.change(was);
            let line = format!("{begin} {was:>12}  {ratio:>5.2}  {}", remark(counted, was));
            line.trim_end().to_owned()
        }
        None => format!("{begin}  no baseline"),
    }
}

/// In words; nothing of a small difference.
fn remark(counted: &Counted, baseline: u64) -> String {
    let change = counted.change(baseline);
    if change.abs() <= SAID_FROM {
        return String::new();
    }
    let way = if change > 0.0 { "slower" } else { "faster" };
    let chance =
        if change.abs() <= counted.spread() { ", which is within what it varies by" } else { "" };
    format!("{way} by {:.0} %{chance}", change.abs() * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        Baseline {
            facts: ["rustc 1.2.3", "valgrind-4", "x86_64 aes avx2"].map(String::from),
            counts: vec![("encode.quote".into(), 1_200), ("route.accept".into(), 1_234_567)],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = baseline().to_text();
        assert_eq!(Baseline::parse(&text), Ok(baseline()));
        let read = Baseline::parse("\n# a: b\nencode.quote 7\n").unwrap();
        assert_eq!((read.of("encode.quote"), read.of("encode")), (Some(7), None));
        assert_eq!(read.facts, ["", "", ""]);
    }

    #[test]
    fn a_row_that_is_not_one_operation_and_its_count_is_named() {
        for bad in ["encode", "encode x", "encode 0", "encode -1", "encode 1 2", "a 1\nb 2\na 3"] {
            let line = bad.lines().count() + 1;
            let fault = Baseline::parse(&format!("# comment\n{bad}\n")).unwrap_err();
            assert!(fault.starts_with(&format!("line {line} of ")), "{bad}: {fault}");
        }
    }

    #[test]
    fn what_differs_by_more_than_two_percent_is_put_into_words() {
        let counted = |median, spread| Counted { least: median, median, most: median + spread };
        for (median, spread, words) in [
            (1_000, 0, ""),
            (1_020, 0, ""),
            (980, 0, ""),
            (1_021, 0, "slower by 2 %"),
            (1_120, 0, "slower by 12 %"),
            (979, 0, "faster by 2 %"),
            (500, 0, "faster by 50 %"),
            (3_000, 0, "slower by 200 %"),
            (1_040, 52, "slower by 4 %, which is within what it varies by"),
            (1_060, 10, "slower by 6 %"),
        ] {
            assert_eq!(remark(&counted(median, spread), 1_000), words, "{median} {spread}");
        }
    }

    #[test]
    fn a_row_has_count_baseline_ratio_and_words() {
        let counted = Counted { least: 1_112, median: 1_120, most: 1_123 };
        let words = |baseline| {
            let row = row("encode.quote", &counted, baseline);
            row.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(Some(1_000)), "encode.quote 1120 1.0 % 1000 1.12 slower by 12 %");
        assert_eq!(words(Some(1_120)), "encode.quote 1120 1.0 % 1120 1.00");
        assert_eq!(words(None), "encode.quote 1120 1.0 % no baseline");
    }
}
