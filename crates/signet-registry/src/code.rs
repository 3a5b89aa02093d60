//! One-time enrolment codes: how they are written, and whether one may be used.

use super::{CodePurpose, CodeState, hex_sha256};
use signet_rfq::UtcMillis;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Crockford's base 32: no I, L, O or U, so that nothing is misread from paper.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 128 bits are 26 characters of five bits; one more checks them.
const CHARACTERS: usize = 27;
const GROUP: usize = 5;
/// How long a key that claimed a code has it for itself while an outside authority is asked.
pub const CLAIM_MAX_MS: i64 = 120_000;

/// 128 random bits. Shown once; the registry keeps a digest.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct OneTimeCode([u8; 16]);

impl OneTimeCode {
    /// A code of 128 bits, which the caller takes from a random source fit for keys.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// What somebody typed. Case, dashes and spaces do not matter; O is 0, I and L are 1. `None`
    /// when it cannot be a code at all: mistyped, as the check character tells.
    pub fn read(typed: &str) -> Option<Self> {
        let mut digits = Zeroizing::new([0u8; CHARACTERS]);
        let mut n = 0;
        for b in typed.bytes().filter(|b| !matches!(b, b'-' | b' ')) {
            *digits.get_mut(n)? = digit(b)?;
            n += 1;
        }
        let (check, body) = digits.split_last()?;
        // 26 characters hold two bits more than a code has.
        if n != CHARACTERS || *check != check_digit(body) || body[0] >= 8 {
            return None;
        }
        let mut value: u128 = 0;
        for d in body {
            value = (value << 5) | u128::from(*d);
        }
        let code = Self(value.to_be_bytes());
        value.zeroize();
        Some(code)
    }

    /// In groups of five, for a person.
    pub fn shown(&self) -> Zeroizing<String> {
        let mut value = u128::from_be_bytes(self.0);
        let mut digits = Zeroizing::new([0u8; CHARACTERS]);
        for d in digits[..CHARACTERS - 1].iter_mut().rev() {
            *d = u8::try_from(value & 31).unwrap_or_default();
            value >>= 5;
        }
        digits[CHARACTERS - 1] = check_digit(&digits[..CHARACTERS - 1]);
        let mut text = Zeroizing::new(String::with_capacity(CHARACTERS + CHARACTERS / GROUP));
        for (i, d) in digits.iter().enumerate() {
            if i > 0 && i % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(*d)]));
        }
        text
    }

    /// What the registry keeps of an enrolment code. A fast digest is enough, as
    /// nobody can try 2^128 codes.
    pub fn digest(&self) -> String {
        self.digest_for(CodePurpose::Enrol)
    }

    /// The same for any purpose: no code is ever taken for one of another purpose.
    pub fn digest_for(&self, purpose: CodePurpose) -> String {
        let label: &[u8] = match purpose {
            CodePurpose::Enrol => b"signet enrolment code v1:",
            CodePurpose::Key => b"signet security key code v1:",
            CodePurpose::Console => b"signet console code v1:",
        };
        let mut labelled = Zeroizing::new(label.to_vec());
        labelled.extend_from_slice(&self.0);
        hex_sha256(&labelled)
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(..)")
    }
}

fn digit(b: u8) -> Option<u8> {
    let b = match b.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        b => b,
    };
    ALPHABET.iter().position(|a| *a == b).and_then(|p| u8::try_from(p).ok())
}

/// Luhn's rule in base 32: every single wrong character shows, and nearly every swap of neighbours.
fn check_digit(body: &[u8]) -> u8 {
    let mut sum = 0u32;
    for (i, d) in body.iter().rev().enumerate() {
        let d = u32::from(*d) * if i % 2 == 0 { 2 } else { 1 };
        sum += d / 32 + d % 32;
    }
    u8::try_from((32 - sum % 32) % 32).unwrap_or_default()
}

/// A code as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRow {
    /// Open, used or replaced.
    pub state: CodeState,
    /// `keychain` or `token`: where the device's key is to be held.
    pub protection: String,
    /// First moment at which it is not accepted.
    pub expires: UtcMillis,
    /// SHA-256 of the public key that the certificate was asked for with, once claimed or used.
    pub claim: String,
    /// When that key claimed it; 0 when none has.
    pub claimed: UtcMillis,
    /// The certificate it was used for.
    pub serial: String,
    /// The certificate will say that the firm manages the device.
    pub managed: bool,
}

/// What a right code is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeVerdict {
    /// It may be used.
    Good,
    /// It was used for this very key, and the answer may have been lost on its way: give it again.
    Again(String),
    /// It was used for another key.
    Used,
    /// The admin made a newer one.
    Replaced,
    /// Its time is over.
    Expired,
    /// Another request with this code is being answered.
    InUse,
}

/// Whether a known code may be used for the public key with this digest.
pub fn judge(code: &CodeRow, key: &str, now: UtcMillis) -> CodeVerdict {
    match code.state {
        _ if now >= code.expires => CodeVerdict::Expired,
        CodeState::Used if code.claim == key => CodeVerdict::Again(code.serial.clone()),
        CodeState::Used => CodeVerdict::Used,
        CodeState::Replaced => CodeVerdict::Replaced,
        CodeState::Open if code.claim.is_empty() || code.claim == key => CodeVerdict::Good,
        CodeState::Open if now.since(code.claimed) < CLAIM_MAX_MS => CodeVerdict::InUse,
        CodeState::Open => CodeVerdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_written_in_groups_and_read_back() {
        let code = OneTimeCode::new(*b"0123456789abcdef");
        let shown = code.shown();
        assert_eq!(shown.len(), 27 + 5);
        assert!(shown.split('-').take(5).all(|g| g.len() == 5));
        assert_eq!(OneTimeCode::read(&shown), Some(code.clone()));
        assert_eq!(OneTimeCode::read(&shown.to_lowercase().replace('-', " ")), Some(code.clone()));
        assert_eq!(
            OneTimeCode::read(&shown.replace('0', "o").replace('1', "l")),
            Some(code.clone())
        );
        assert_eq!(format!("{code:?}"), "OneTimeCode(..)");
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in [
            "",
            "-",
            "alice",
            "00000",
            &"0".repeat(26),
            &"0".repeat(28),
            &"Z".repeat(27),
            "ÄÖÜ",
            &"U".repeat(27),
        ] {
            assert_eq!(OneTimeCode::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_code_comes_back(random in any::<[u8; 16]>()) {
            let code = OneTimeCode::new(random);
            prop_assert_eq!(OneTimeCode::read(&code.shown()), Some(code));
        }

        #[test]
        fn one_wrong_character_always_shows(random in any::<[u8; 16]>(), at in 0usize..32, to in 0usize..32) {
            let mut text = OneTimeCode::new(random).shown().as_bytes().to_vec();
            prop_assume!(text[at] != b'-' && text[at] != ALPHABET[to]);
            text[at] = ALPHABET[to];
            prop_assert_eq!(OneTimeCode::read(std::str::from_utf8(&text).unwrap()), None);
        }

        #[test]
        fn rubbish_never_panics(text in ".{0,200}") {
            let _ = OneTimeCode::read(&text);
        }
    }

    #[test]
    fn table_of_code_states() {
        let row = |state, claim: &str, claimed: i64| CodeRow {
            state,
            protection: "keychain".into(),
            expires: UtcMillis(1_000_000),
            claim: claim.into(),
            claimed: UtcMillis(claimed),
            serial: "0a".into(),
            managed: false,
        };
        use CodeState::*;
        let later = 10 + CLAIM_MAX_MS;
        for (code, now, want) in [
            (row(Open, "", 0), 10, CodeVerdict::Good),
            (row(Open, "", 0), 999_999, CodeVerdict::Good),
            (row(Open, "", 0), 1_000_000, CodeVerdict::Expired),
            (row(Open, "mine", 10), 11, CodeVerdict::Good),
            (row(Open, "other", 10), 11, CodeVerdict::InUse),
            (row(Open, "other", 10), later, CodeVerdict::Good),
            (row(Used, "mine", 10), 11, CodeVerdict::Again("0a".into())),
            (row(Used, "mine", 10), 1_000_000, CodeVerdict::Expired),
            (row(Used, "other", 10), 11, CodeVerdict::Used),
            (row(Replaced, "", 0), 11, CodeVerdict::Replaced),
            (row(Replaced, "", 0), 1_000_000, CodeVerdict::Expired),
        ] {
            assert_eq!(judge(&code, "mine", UtcMillis(now)), want, "{code:?} at {now}");
        }
    }
}
