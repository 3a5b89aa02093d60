//! How deep and how long one policy may be, looked at before Cedar reads it: its parser recurses,
//! and a text that exhausts the stack would end the process.

use super::EntitleError;

/// Brackets within brackets.
const MAX_DEPTH: usize = 24;
/// Words, texts and signs of one policy; also how long a chain of `&&` can be.
const MAX_TOKENS: usize = 600;

/// Refuses what is too deep or too long to be read safely. Says nothing about whether it is Cedar.
pub(super) fn check(text: &str) -> Result<(), EntitleError> {
    let (mut depth, mut tokens, mut line) = (0usize, 0usize, 1usize);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                tokens += 1;
                // A text that never ends is Cedar's to refuse.
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    line += usize::from(c == '\n');
                    if c == '\\' {
                        chars.next();
                    }
                }
            }
            ';' if depth == 0 => tokens = 0,
            c if c.is_whitespace() => {}
            c if is_word(c) => {
                tokens += 1;
                while chars.next_if(|c| is_word(*c)).is_some() {}
            }
            c => {
                tokens += 1;
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
        let why = match () {
            () if depth > MAX_DEPTH => format!("brackets are nested more than {MAX_DEPTH} deep"),
            () if tokens > MAX_TOKENS => {
                format!(
                    "one policy has more than {MAX_TOKENS} words and signs; use groups and lists, \
                        or several policies"
                )
            }
            () => continue,
        };
        return Err(EntitleError::Syntax { place: format!("line {line}"), message: why });
    }
    Ok(())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_shapes() {
        let nested = |n| format!("{}1{}", "(".repeat(n), ")".repeat(n));
        for (text, good) in [
            (String::new(), true),
            (nested(MAX_DEPTH), true),
            (nested(MAX_DEPTH + 1), false),
            (format!("// {}", nested(MAX_DEPTH + 1)), true),
            (format!("\"{}\\\" {}\"", nested(MAX_DEPTH + 1), nested(MAX_DEPTH + 1)), true),
            ("a ".repeat(MAX_TOKENS), true),
            ("a ".repeat(MAX_TOKENS + 1), false),
            ("!".repeat(MAX_TOKENS + 1), false),
            ("a.b;".repeat(MAX_TOKENS), true),
            // A semicolon within brackets ends nothing.
            (format!("({})", "a;".repeat(MAX_TOKENS)), false),
            // A word is one, however long, and so is a text.
            ("ab_c1 ".repeat(MAX_TOKENS), true),
            ("\"a b\" ".repeat(MAX_TOKENS), true),
            ("\"a b\" ".repeat(MAX_TOKENS + 1), false),
            // A frame that is closed does not surround what follows.
            ("([{}])".repeat(MAX_DEPTH), true),
            // One stroke begins no comment.
            (format!("/ {}", nested(MAX_DEPTH + 1)), false),
            ("\"never ends".into(), true),
            ("\"ends in a backslash \\".into(), true),
        ] {
            assert_eq!(check(&text).is_ok(), good, "{text:.60}");
        }
    }

    #[test]
    fn the_line_is_named() {
        let text = format!("a;\n// (((\n\"b\nc\"\n{}", "(".repeat(MAX_DEPTH + 1));
        assert!(check(&text).unwrap_err().to_string().contains("line 5"));
    }
}
