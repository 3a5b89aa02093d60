//! Signed notes (C2SP signed-note): a text, and under it lines with Ed25519 signatures.

use crate::hash::sha256;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// Longest note that is read, bytes.
pub const NOTE_LEN_MAX: usize = 16 * 1024;
/// Most signatures of a note that are read.
const SIGNATURES_MAX: usize = 100;
/// The signature type of Ed25519.
const TYPE_ED25519: u8 = 1;
const ID_LEN: usize = 4;
const KEY_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;
const DASH: &str = "\u{2014} ";

/// Why a note or a key cannot be read or believed. At fault: whoever wrote or changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Not text, then an empty line, then signature lines.
    #[error("this is not a signed note")]
    Malformed,
    /// Longer than [`NOTE_LEN_MAX`], or more signatures than are read.
    #[error("the note is too long")]
    TooLong,
    /// No line of this key.
    #[error("the note is not signed with this key")]
    OtherKey,
    /// The signature of this key does not fit.
    #[error("the signature of the note does not fit: it was changed")]
    Signature,
    /// Not `name+id+key`, or the id is not that of the key.
    #[error("this is not a key of a signed note, or it was changed")]
    Key,
    /// Empty, or with a blank, a control character or `+`.
    #[error("this is not a name for a key")]
    Name,
}

/// Who signs: a name and an Ed25519 public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: [u8; KEY_LEN],
}

impl VerifierKey {
    /// # Errors
    /// The name cannot stand in a note.
    pub fn new(name: &str, key: [u8; KEY_LEN]) -> Result<Self, NoteError> {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > 200 || name.chars().any(bad) {
            return Err(NoteError::Name);
        }
        Ok(Self { name: name.into(), key })
    }

    /// The name that stands in the signature line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key.
    pub fn key(&self) -> &[u8; KEY_LEN] {
        &self.key
    }

    /// The first four bytes of SHA-256 over name, line feed, type and key.
    pub fn id(&self) -> [u8; ID_LEN] {
        let digest = sha256(&[self.name.as_bytes(), b"\n", &[TYPE_ED25519], &self.key]);
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&digest[..ID_LEN]);
        id
    }

    /// Whether this key signed these bytes, which are not a note.
    pub fn is_good(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(bytes, signature).is_ok()
    }

    /// The text of a note that this key signed. Signatures of other keys are left aside.
    ///
    /// # Errors
    /// It is not a note, or this key did not sign it.
    pub fn open<'a>(&self, note: &'a [u8]) -> Result<&'a str, NoteError> {
        let (text, lines) = parts(note)?;
        let mut found = false;
        for line in lines {
            let (name, bytes) = signature_line(line)?;
            let Some((id, signature)) = bytes.split_first_chunk::<ID_LEN>() else {
                return Err(NoteError::Malformed);
            };
            if name != self.name || *id != self.id() {
                continue;
            }
            if found || signature.len() != SIGNATURE_LEN {
                return Err(NoteError::Malformed);
            }
            UnparsedPublicKey::new(&ED25519, &self.key)
                .verify(text.as_bytes(), signature)
                .map_err(|_| NoteError::Signature)?;
            found = true;
        }
        if found { Ok(text) } else { Err(NoteError::OtherKey) }
    }
}

impl fmt::Display for VerifierKey {
    /// `name+id+key`, as other programs read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = BASE64.encode([&[TYPE_ED25519][..], &self.key].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        // Base64 may hold a plus as well.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = BASE64.decode(key).map_err(|_| NoteError::Key)?;
        let Some((&TYPE_ED25519, key)) = bytes.split_first() else { return Err(NoteError::Key) };
        let read = Self::new(name, key.try_into().map_err(|_| NoteError::Key)?)?;
        // The id catches a name or a key that was copied wrongly.
        if read.to_string() == text && id.len() == 2 * ID_LEN {
            Ok(read)
        } else {
            Err(NoteError::Key)
        }
    }
}

/// Text, up to and with its last line feed, and the signature lines.
fn parts(note: &[u8]) -> Result<(&str, impl Iterator<Item = &str>), NoteError> {
    if note.len() > NOTE_LEN_MAX {
        return Err(NoteError::TooLong);
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed)?;
    if note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(NoteError::Malformed);
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, lines) = (&note[..=at], &note[at + 2..]);
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    if lines.split('\n').count() > SIGNATURES_MAX {
        return Err(NoteError::TooLong);
    }
    Ok((text, lines.split('\n')))
}

/// Name and bytes of a signature line.
fn signature_line(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let rest = line.strip_prefix(DASH).ok_or(NoteError::Malformed)?;
    let (name, bytes) = rest.split_once(' ').ok_or(NoteError::Malformed)?;
    let bytes = BASE64.decode(bytes).map_err(|_| NoteError::Malformed)?;
    Ok((name, bytes))
}

/// A key that signs notes.
pub struct SignerKey {
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

impl SignerKey {
    /// From the 32 bytes of an Ed25519 private key (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// The name cannot stand in a note.
    pub fn new(name: &str, seed: &Zeroizing<[u8; KEY_LEN]>) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(|_| NoteError::Key)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Key)?;
        Ok(Self { public: VerifierKey::new(name, key)?, pair })
    }

    /// The public part.
    pub fn verifier(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs bytes that are not a note, such as a manifest.
    pub fn sign_bytes(&self, bytes: &[u8]) -> [u8; SIGNATURE_LEN] {
        let mut out = [0; SIGNATURE_LEN];
        out.copy_from_slice(self.pair.sign(bytes).as_ref());
        out
    }

    /// The note with this text, which ends with a line feed.
    ///
    /// # Errors
    /// The text cannot stand in a note.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        let bytes = [&self.public.id()[..], &self.sign_bytes(text.as_bytes())].concat();
        let note = format!("{text}\n{DASH}{} {}\n", self.public.name, BASE64.encode(bytes));
        if self.public.open(note.as_bytes()) == Ok(text) {
            Ok(note)
        } else {
            Err(NoteError::Malformed)
        }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignerKey").field(&self.public.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the documentation of Go's `note` package, whose format this is.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
    const LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1F\
        FYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_example_is_read_and_written() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let note = format!("{TEXT}\n{LINE}");
        assert_eq!(key.open(note.as_bytes()), Ok(TEXT));
        let seed: [u8; 32] = BASE64.decode(SEED).unwrap()[1..].try_into().unwrap();
        let signer = SignerKey::new("PeterNeumann", &Zeroizing::new(seed)).unwrap();
        assert_eq!(signer.verifier(), &key);
        assert_eq!(signer.sign(TEXT).unwrap(), note);
    }

    #[test]
    fn bytes_that_are_no_note_are_signed_and_verified() {
        let signer = SignerKey::new("a", &Zeroizing::new([7; 32])).unwrap();
        let signature = signer.sign_bytes(b"manifest");
        assert!(signer.verifier().is_good(b"manifest", &signature));
        assert!(!signer.verifier().is_good(b"manifesto", &signature));
        assert!(!signer.verifier().is_good(b"manifest", &signature[..63]));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let key: VerifierKey = KEY.parse().unwrap();
        let note = format!("{TEXT}\n{LINE}").into_bytes();
        for bit in 0..note.len() * 8 {
            let mut wrong = note.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(&wrong).is_err(), "bit {bit}");
        }
        for end in 0..note.len() {
            assert!(key.open(&note[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn signatures_of_others_are_left_aside_and_one_of_ours_is_needed() {
        let key: VerifierKey = KEY.parse().unwrap();
        let other = SignerKey::new("witness.example", &Zeroizing::new([7; 32])).unwrap();
        let theirs = other.sign(TEXT).unwrap();
        assert_eq!(key.open(theirs.as_bytes()), Err(NoteError::OtherKey));
        let line = theirs.rsplit_once("\n\n").unwrap().1;
        let both = format!("{TEXT}\n{LINE}{line}");
        assert_eq!(key.open(both.as_bytes()), Ok(TEXT));
        assert_eq!(other.verifier().open(both.as_bytes()), Ok(TEXT));
        let twice = format!("{TEXT}\n{LINE}{LINE}");
        assert_eq!(key.open(twice.as_bytes()), Err(NoteError::Malformed));
        let many = format!("{TEXT}\n{LINE}{}", line.repeat(100));
        assert_eq!(key.open(many.as_bytes()), Err(NoteError::TooLong));
    }

    #[test]
    fn names_and_keys_that_cannot_be_are_refused() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
            assert_eq!(VerifierKey::new(name, [0; 32]), Err(NoteError::Name), "{name:?}");
        }
        for key in ["", "a", "a+b", &KEY.replace("c74f", "c74e"), &KEY.replace("Peter", "Pete")] {
            assert!(key.parse::<VerifierKey>().is_err(), "{key}");
        }
    }
}
