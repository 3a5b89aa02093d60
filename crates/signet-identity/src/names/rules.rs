//! How long a name may be, and what a user id, a device name and a trust domain look like.

/// The longest CompID accepted, in characters (each is one byte).
pub const COMP_ID_CHARS_MAX: usize = 64;
/// The longest trust domain, in characters (SPIFFE-ID §2.1).
const TRUST_DOMAIN_CHARS_MAX: usize = 255;
/// The longest user id, in characters.
pub const USER_CHARS_MAX: usize = 32;
/// The longest device name, in characters.
pub const DEVICE_CHARS_MAX: usize = 40;

/// Whether this is a user id as certificates, invitations and EST carry it: 1 to 32 of
/// `a-z 0-9 . _ -`, not only dots.
#[must_use]
pub fn is_user_id(text: &str) -> bool {
    is_lower_case_name(text, USER_CHARS_MAX)
}

/// Whether this is a device name as certificates carry it: 1 to 40 of `a-z 0-9 . _ -`, not only
/// dots.
#[must_use]
pub fn is_device_name(text: &str) -> bool {
    is_lower_case_name(text, DEVICE_CHARS_MAX)
}

/// The device name nearest to what a person typed or a computer is called: lower case, a dash for
/// each run of other characters, cut to [`DEVICE_CHARS_MAX`]. `None` when no character is usable.
#[must_use]
pub fn device_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.trim().chars() {
        let c = c.to_ascii_lowercase();
        let usable = c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let c = if usable { c } else { '-' };
        if name.len() == DEVICE_CHARS_MAX {
            break;
        }
        if !(c == '-' && name.ends_with('-')) {
            name.push(c);
        }
    }
    let name = name.trim_matches('-');
    is_device_name(name).then(|| name.to_owned())
}

/// The beginning of the name of a file that is kept for a party, as in `NORTH.fix`. A CompID may
/// have a slash (FIX allows it), which would lead into another folder: it is written `%2F`. Two
/// names never have one file, and a name without a slash is written as it is, but for a `%` that
/// would be read as one of these.
#[must_use]
pub fn file_stem(name: &str) -> String {
    let mut stem = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let rest = name.get(at..).unwrap_or_default();
        match c {
            '/' => stem.push_str("%2F"),
            '%' if rest.starts_with("%2F") || rest.starts_with("%25") => stem.push_str("%25"),
            c => stem.push(c),
        }
    }
    stem
}

/// The name that [`file_stem`] wrote so.
#[must_use]
pub fn name_of_file(stem: &str) -> String {
    // In one pass: what `%25` becomes begins nothing.
    let parts: Vec<String> = stem.split("%25").map(|part| part.replace("%2F", "/")).collect();
    parts.join("%")
}

/// `.` and `..` are path segments of their own in URIs (SPIFFE-ID §2.2), so no name is only dots.
fn is_lower_case_name(text: &str, chars_max: usize) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=chars_max).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().any(|b| b != b'.')
}

/// Whether this is a trust domain (SPIFFE-ID §2.1): 1 to 255 lower-case letters, digits, dots,
/// dashes and underscores.
#[must_use]
pub fn is_trust_domain(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (1..=TRUST_DOMAIN_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_of_device_names() {
        let long = "x".repeat(60);
        let table = [
            ("Alice's ThinkPad X1", Some("alice-s-thinkpad-x1")),
            ("  laptop-7.bank.example ", Some("laptop-7.bank.example")),
            ("ÄÖÜ", None),
            ("", None),
            ("..", None),
            ("a//b", Some("a-b")),
            (long.as_str(), Some(&long[..DEVICE_CHARS_MAX])),
        ];
        for (typed, expected) in table {
            assert_eq!(device_name(typed).as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn table_of_names_of_files() {
        for (name, stem) in [
            ("NORTHBANK", "NORTHBANK"),
            ("NORTH BANK", "NORTH BANK"),
            ("NORTH BANK/FX", "NORTH BANK%2FFX"),
            ("/etc/cron.d/x", "%2Fetc%2Fcron.d%2Fx"),
            ("../../x", "..%2F..%2Fx"),
            // As files were called before.
            ("100%", "100%"),
            ("A%2fB", "A%2fB"),
            ("A%2FB", "A%252FB"),
            ("A%25B", "A%2525B"),
            ("%2/F", "%2%2FF"),
        ] {
            assert_eq!(file_stem(name), stem);
            assert_eq!(name_of_file(stem), name);
        }
    }

    proptest! {
        #[test]
        fn a_file_lies_in_its_folder_and_names_its_party(
            name in "[%25F/.A]{0,12}|[ -~]{0,24}",
        ) {
            let stem = file_stem(&name);
            prop_assert!(!stem.contains('/'), "{}", stem);
            prop_assert_eq!(name_of_file(&stem), name);
        }

        #[test]
        fn a_normalised_device_name_is_one_and_stays_as_it_is(typed in ".{0,80}") {
            if let Some(name) = device_name(&typed) {
                prop_assert!(is_device_name(&name));
                prop_assert_eq!(device_name(&name), Some(name));
            }
        }
    }
}
