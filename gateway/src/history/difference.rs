//! Two versions of a policy, compared for people.

use super::Documents;
use similar::TextDiff;
use std::time::Duration;

/// Lines around a change.
const CONTEXT: usize = 3;
/// After this the smallest difference is searched for no further; it is still whole.
const SEARCH_MAX: Duration = Duration::from_secs(1);

/// A unified diff, document by document; empty when nothing differs.
pub fn difference(old: &Documents, new: &Documents) -> String {
    difference_within(SEARCH_MAX, old, new)
}

fn difference_within(search_max: Duration, old: &Documents, new: &Documents) -> String {
    let mut text = String::new();
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let of = |d: &Documents| d.get(name).cloned().unwrap_or_default();
        let (before, after) = (of(old), of(new));
        if before != after {
            let mut config = TextDiff::configure();
            let config = config.timeout(search_max).newline_terminated(true);
            let diff = config.diff_slices(&lines(&before), &lines(&after));
            let header = (format!("{name} before"), format!("{name} after"));
            let mut unified = diff.unified_diff();
            let unified = unified.context_radius(CONTEXT).header(&header.0, &header.1);
            text.push_str(&unified.to_string());
        }
    }
    text
}

/// Where readers of the difference end a line: at a line feed alone. A line that also ended at a
/// carriage return would hide the one after it, which then has no sign of its own.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_what_changed_and_where() {
        let d = |name: &str, text: &str| Documents::from([(name.to_owned(), text.to_owned())]);
        let (old, new) = (d("settings", "a = 1\nb = 2\n"), d("settings", "a = 1\nb = 3\n"));
        let text = difference(&old, &new);
        for line in ["--- settings before", "+++ settings after", " a = 1", "-b = 2", "+b = 3"] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert_eq!(difference(&old, &old), "");
        assert!(difference(&Documents::new(), &new).contains("+a = 1"));
    }
    /// What a difference makes of the old text; `None`: it does not fit it.
    fn applied(old: &str, difference: &str) -> Option<String> {
        let (mut left, mut new) = (lines(old).into_iter().peekable(), String::new());
        let mut before = 0;
        for line in lines(difference).into_iter().skip(2) {
            if let Some(hunk) = line.strip_prefix("@@ -") {
                let from: usize = hunk.split([',', ' ']).next()?.parse().ok()?;
                while before + 1 < from {
                    new.push_str(left.next()?);
                    before += 1;
                }
                continue;
            }
            let (sign, text) = line.split_at_checked(1)?;
            if sign != "+" {
                before += 1;
                (left.next()? == text).then_some(())?;
            }
            if sign != "-" {
                new.push_str(text);
            }
        }
        Some(new + &left.collect::<String>())
    }

    #[test]
    fn however_short_the_search_is_nothing_is_left_out() {
        let d = |text: &str| Documents::from([("table".to_owned(), text.to_owned())]);
        let old: Vec<String> = (0..3_000).map(|n| format!("line {n}\n")).collect();
        // Lines in common, in another order, so that there is something to search for.
        let new = (0..3_000).map(|n| format!("line {}\n", n * 7 % 3_001)).collect::<String>();
        let old = old.concat();
        for search in [Duration::ZERO, SEARCH_MAX] {
            let text = difference_within(search, &d(&old), &d(&new));
            assert_eq!(applied(&old, &text).as_deref(), Some(&new[..]), "{search:?}");
        }
    }

    #[test]
    fn a_line_that_is_added_after_a_carriage_return_has_its_sign() {
        let d = |text: &str| Documents::from([("cedar".to_owned(), text.to_owned())]);
        let text = difference(&d("// x\ry\n"), &d("// x\rpermit(principal);\ry\n"));
        let added = text.split('\n').find(|l| l.contains("permit")).unwrap();
        assert!(added.starts_with('+'), "{text:?}");
    }
}
