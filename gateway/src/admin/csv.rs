//! Just enough of RFC 4180 for a list of users, and to write one of codes.

use signet_events::one_line;

/// A line's number, counted from 1, and its fields.
pub type Line = (usize, Vec<String>);

/// The lines' fields. A field may be in quotes, with `""` for a quote; no line break inside one.
pub fn read(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let mut all = vec![];
    for (n, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if !line.trim().is_empty() {
            all.push((n + 1, fields(line).map_err(|why| (n + 1, why))?));
        }
    }
    Ok(all)
}

/// A line without its end. No field begins a line or another field, and none is a formula to a
/// spreadsheet.
pub fn line<T: AsRef<str>>(fields: &[T]) -> String {
    let field = |text: &str| {
        let text = neutral(&one_line(text));
        match text.contains([',', '"']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text,
        }
    };
    fields.iter().map(|f| field(f.as_ref())).collect::<Vec<_>>().join(",")
}

/// A text with `'` before each place where a spreadsheet would find a formula: at its beginning,
/// and at that of each part that a program finds which splits lines elsewhere than at commas, or
/// does not know quotes. As the desk's exports have it (`insight/export.rs` of `signet-desk-core`).
fn neutral(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for c in text.chars() {
        // The second four are the wide forms, which some spreadsheets take for the first.
        let formula = "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c);
        if begins && formula {
            out.push('\'');
        }
        // White space and quotes are taken off by some programs.
        let stays = c.is_whitespace() || c == '\'';
        begins = matches!(c, ',' | ';' | '|' | '"') || (begins && stays);
        out.push(c);
    }
    out
}

fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut all = vec![];
    let mut chars = line.chars().peekable();
    loop {
        let mut field = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next() {
                    Some('"') if chars.next_if_eq(&'"').is_some() => field.push('"'),
                    Some('"') => break,
                    Some(c) => field.push(c),
                    None => return Err("a quote is not closed".into()),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                field.push(c);
            }
            field = field.trim().to_owned();
        }
        all.push(field);
        match chars.next() {
            None => return Ok(all),
            Some(',') => {}
            Some(_) => return Err("text after a closed quote".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_of_lines() {
        let one =
            |text: &str| read(text).map(|l| l.into_iter().map(|(_, f)| f).collect::<Vec<_>>());
        assert_eq!(
            one("a,b\n\nc, d "),
            Ok(vec![vec!["a".into(), "b".into()], vec!["c".into(), "d".into()]])
        );
        assert_eq!(
            one("\u{feff}\"Adams, \"\"Al\"\"\",x\r\n"),
            Ok(vec![vec!["Adams, \"Al\"".into(), "x".into()]])
        );
        assert_eq!(one("a,"), Ok(vec![vec!["a".into(), String::new()]]));
        assert_eq!(read("a\n\"b"), Err((2, "a quote is not closed".into())));
        assert_eq!(read("\"a\"b"), Err((1, "text after a closed quote".into())));
    }

    #[test]
    fn a_text_that_could_be_a_formula_gets_an_apostrophe() {
        for (text, want) in [
            ("acme-1.2", "acme-1.2"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", " '=1"),
            ("\r=1", " '=1"),
            ("a\n=1", "a =1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("'=1", "''=1"),
            ("a;=1", "a;'=1"),
            ("a, -1", "\"a, '-1\""),
            ("\"=1", "\"\"\"'=1\""),
            ("\u{1b}[2J", " [2J"),
            ("", ""),
        ] {
            assert_eq!(line(&[text]), want, "{text:?}");
        }
    }

    /// Texts as a hostile peer would write them.
    fn hostile() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[=+@|-]",
            "[\t\r\n ;,'\"]",
            "(=cmd\\|' /C calc'!A0|@SUM\\(1\\+1\\)|-2)",
            "[A-Za-z0-9. ]{0,4}",
            any::<char>().prop_map(String::from),
        ];
        proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    fn begins_a_formula(cell: &str) -> bool {
        let bare = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"');
        bare.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn no_text_of_a_peer_is_a_formula_a_line_or_a_field(
            texts in proptest::collection::vec(hostile(), 1..4)
        ) {
            let written = line(&texts);
            prop_assert_eq!(&written, &one_line(&written), "a line, without controls");
            // A reader that knows no quotes, whatever it splits at.
            for cell in written.split([',', ';', '|']) {
                prop_assert!(!begins_a_formula(cell), "{:?} of {:?}", cell, texts);
            }
            // A reader that does finds each text, but for apostrophes and what one_line replaces.
            let read = read(&format!("x,{written}")).expect("a line of ours");
            let [(_, cells)] = &read[..] else { panic!("{read:?}") };
            prop_assert_eq!(cells.len(), texts.len() + 1);
            let bare = |t: &str| one_line(t).replace('\'', "").trim().to_owned();
            for (cell, text) in cells[1..].iter().zip(&texts) {
                prop_assert_eq!(bare(cell), bare(text));
            }
        }
    }
}
