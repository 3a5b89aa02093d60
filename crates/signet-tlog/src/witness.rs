//! What a log sends a witness, and what it reads (C2SP tlog-witness, `add-checkpoint`).

use crate::{hash::Hash, note::NOTE_LEN_MAX};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::str::from_utf8;

/// What the address of the request ends with.
pub const CALL: &str = "/add-checkpoint";
/// Content type of the answer that says which size the witness has.
pub const SIZE_TYPE: &str = "text/x.tlog.size";
/// Most lines of a proof.
pub const PROOF_LINES_MAX: usize = 63;
/// A hash in base64, and the line feed.
const HASH_LINE_LEN: usize = 45;
const OLD: &str = "old ";
const SIZE_DIGITS_MAX: usize = 20;
/// Longest body that is read, bytes.
pub const BODY_LEN_MAX: usize =
    OLD.len() + SIZE_DIGITS_MAX + 1 + PROOF_LINES_MAX * HASH_LINE_LEN + 1 + NOTE_LEN_MAX;

/// A checkpoint with the proof that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint<'a> {
    /// Size of the tree that the proof begins at.
    pub old: u64,
    /// From the tree of that size to that of the checkpoint (RFC 6962 §2.1.2).
    pub proof: Vec<Hash>,
    /// The signed checkpoint, not read here.
    pub note: &'a [u8],
}

/// The body is not of this form. At fault: whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Not an old size, hashes, an empty line and a checkpoint.
    #[error("this is not an old size, a proof, an empty line and a checkpoint")]
    Malformed,
    /// More than [`PROOF_LINES_MAX`] hashes.
    #[error("a proof has at most {PROOF_LINES_MAX} hashes")]
    TooLong,
}

impl<'a> AddCheckpoint<'a> {
    /// As it travels.
    pub fn to_body(&self) -> Vec<u8> {
        let mut head = format!("{OLD}{}\n", self.old);
        for hash in &self.proof {
            head.push_str(&BASE64.encode(hash));
            head.push('\n');
        }
        head.push('\n');
        [head.as_bytes(), self.note].concat()
    }

    /// Reads a body that [`Self::to_body`] could have made, and no other.
    ///
    /// # Errors
    /// It is another body.
    pub fn parse(body: &'a [u8]) -> Result<Self, BodyError> {
        let bad = BodyError::Malformed;
        let end = body.windows(2).position(|pair| pair == b"\n\n").ok_or(bad)?;
        let (head, note) = (&body[..end], &body[end + 2..]);
        let mut lines = from_utf8(head).map_err(|_| bad)?.split('\n');
        let old = lines.next().and_then(|l| l.strip_prefix(OLD)).and_then(size).ok_or(bad)?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() >= PROOF_LINES_MAX {
                return Err(BodyError::TooLong);
            }
            let hash = BASE64.decode(line).map_err(|_| bad)?;
            proof.push(hash.try_into().map_err(|_| bad)?);
        }
        Ok(Self { old, proof, note })
    }

    /// The first line of the checkpoint, which says whose log it is about; not believed before the
    /// signature is.
    pub fn origin(&self) -> Option<&'a str> {
        from_utf8(self.note).ok()?.split('\n').next()
    }
}

/// The body of the answer 409: the size that the witness has.
pub fn size_body(size: u64) -> String {
    format!("{size}\n")
}

/// Reads the body of the answer 409.
pub fn read_size(body: &[u8]) -> Option<u64> {
    from_utf8(body).ok()?.strip_suffix('\n').and_then(size)
}

/// A size as the specification writes it: decimal, without leading zeroes.
fn size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the specification, without its second signature.
    const EXAMPLE: &str = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7\
        u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    #[test]
    fn the_published_example_is_read_and_written() {
        let read = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((read.old, read.proof.len()), (20_852_014, 4));
        assert_eq!(read.origin(), Some("example.com/behind-the-sofa"));
        assert!(read.note.starts_with(b"example.com/") && read.note.ends_with(b"YQ8=\n"));
        assert_eq!(read.to_body(), EXAMPLE.as_bytes());
    }

    /// "Each line MUST terminate in a newline"; "no leading zeroes"; "a single hash in base64"; "not
    /// send more than 63 consistency proof lines".
    #[test]
    fn every_other_form_is_refused() {
        let hash = BASE64.encode([7; 32]);
        let line = format!("{hash}\n");
        let most = format!("old 1\n{}\nnote\n", line.repeat(PROOF_LINES_MAX));
        assert_eq!(AddCheckpoint::parse(most.as_bytes()).unwrap().proof.len(), PROOF_LINES_MAX);
        let more = format!("old 1\n{}\nnote\n", line.repeat(PROOF_LINES_MAX + 1));
        assert_eq!(AddCheckpoint::parse(more.as_bytes()), Err(BodyError::TooLong));
        for body in [
            String::new(),
            "old 1\n".into(),
            "old 1\nnote\n".into(),
            "\n\nnote\n".into(),
            "old\n\nnote\n".into(),
            "old \n\nnote\n".into(),
            "old 01\n\nnote\n".into(),
            "old 00\n\nnote\n".into(),
            "old +1\n\nnote\n".into(),
            "old -1\n\nnote\n".into(),
            "old  1\n\nnote\n".into(),
            "old 1 \n\nnote\n".into(),
            "old 1\r\n\nnote\n".into(),
            "Old 1\n\nnote\n".into(),
            "old 18446744073709551616\n\nnote\n".into(),
            format!("{hash}\nold 1\n\nnote\n"),
            format!("old 1\n{hash} \n\nnote\n"),
            format!("old 1\n{hash}{hash}\n\nnote\n"),
            format!("old 1\n{}\n\nnote\n", &hash[..40]),
            format!("old 1\n{}\n\nnote\n", hash.replace('=', "")),
            format!("old 1\n{}\n\nnote\n", BASE64.encode([7; 33])),
        ] {
            let read = AddCheckpoint::parse(body.as_bytes());
            assert_eq!(read, Err(BodyError::Malformed), "{body:?}");
        }
        assert_eq!(AddCheckpoint::parse(b"old 1\n\xff\n\nnote\n"), Err(BodyError::Malformed));
        assert!(AddCheckpoint::parse(b"old 0\n\n").unwrap().note.is_empty());
    }

    #[test]
    fn table_of_sizes_in_answers() {
        for (body, want) in [
            (&b"0\n"[..], Some(0)),
            (b"7\n", Some(7)),
            (b"18446744073709551615\n", Some(u64::MAX)),
            (b"18446744073709551616\n", None),
            (b"7", None),
            (b"07\n", None),
            (b"+7\n", None),
            (b"7\n\n", None),
            (b"7 \n", None),
            (b"", None),
            (b"\xff\n", None),
        ] {
            assert_eq!(read_size(body), want, "{body:?}");
        }
        assert_eq!(read_size(size_body(u64::MAX).as_bytes()), Some(u64::MAX));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_no_bytes_make_it_panic(
            old in any::<u64>(), proof in prop::collection::vec(any::<Hash>(), 0..=PROOF_LINES_MAX),
            note in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            let sent = AddCheckpoint { old, proof, note: &note };
            let body = sent.to_body();
            prop_assert!(body.len() <= BODY_LEN_MAX);
            prop_assert_eq!(AddCheckpoint::parse(&body), Ok(sent));
            let _ = AddCheckpoint::parse(&note);
            let _ = read_size(&note);
        }
    }
}
