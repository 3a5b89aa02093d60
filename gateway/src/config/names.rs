//! Names that traders read.

use super::{ConfigError, value};
use signet_rfq::is_deceptive;

/// Longest name, in characters.
const NAME_MAX: usize = 60;

/// Refuses a name that is blank, too long, or has characters that do not show.
pub(super) fn check_name(key: &str, name: &str) -> Result<(), ConfigError> {
    let too_long = name.chars().count() > NAME_MAX;
    if name.trim().is_empty() || too_long || name.chars().any(is_deceptive) {
        return Err(value(key, format!("write 1 to {NAME_MAX} printable characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_characters_that_show() {
        let (longest, longer) = ("é".repeat(60), "x".repeat(61));
        for (name, good) in [
            ("Northbank", true),
            ("Crédit du Nord", true),
            (longest.as_str(), true),
            (longer.as_str(), false),
            ("", false),
            (" ", false),
            ("North\nbank", false),
            ("North\u{200b}bank", false),
            ("\u{202e}knabhtroN", false),
        ] {
            let said = check_name("dealer N: name", name).map_err(|e| e.to_string());
            let why = "dealer N: name: write 1 to 60 printable characters".to_owned();
            assert_eq!(said, if good { Ok(()) } else { Err(why) }, "{name:?}");
        }
    }
}
