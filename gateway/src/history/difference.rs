//! Two versions of a policy, compared for people.

use super::Documents;
use similar::TextDiff;

/// Lines around a change.
const CONTEXT: usize = 3;

/// A unified diff, document by document; empty when nothing differs.
pub fn difference(old: &Documents, new: &Documents) -> String {
    let mut text = String::new();
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let of = |d: &Documents| d.get(name).cloned().unwrap_or_default();
        let (before, after) = (of(old), of(new));
        if before != after {
            let diff = TextDiff::from_lines(&before, &after);
            let header = (format!("{name} before"), format!("{name} after"));
            let mut unified = diff.unified_diff();
            let unified = unified.context_radius(CONTEXT).header(&header.0, &header.1);
            text.push_str(&unified.to_string());
        }
    }
    text
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
}
