//! Just enough of RFC 4180 for a list of users, and to write one of codes.

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

/// A line without its end. A field that a spreadsheet would take for a formula begins with `'`.
pub fn line<T: AsRef<str>>(fields: &[T]) -> String {
    let field = |text: &str| {
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let text = if formula { format!("'{text}") } else { text.to_owned() };
        match text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text,
        }
    };
    fields.iter().map(|f| field(f.as_ref())).collect::<Vec<_>>().join(",")
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
}
