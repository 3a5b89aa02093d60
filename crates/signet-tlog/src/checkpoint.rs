//! Checkpoints (C2SP tlog-checkpoint): origin, size and root of a tree, as a signed note.

use crate::{
    hash::Hash,
    note::{NoteError, SignerKey, VerifierKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// Most lines beyond the first three that are read.
const EXTENSIONS_MAX: usize = 16;

/// What a log says of itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is; the name of its key.
    pub origin: String,
    /// How many leaves its tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
    /// Further lines, such as the time.
    pub extensions: Vec<String>,
}

/// Why a checkpoint is not believed. At fault: whoever wrote or changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note that it is in.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not origin, size and root.
    #[error("the signed text is not a checkpoint")]
    Malformed,
    /// It is about another log than its key is for.
    #[error("the checkpoint is of another log")]
    OtherLog,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads a text that [`Self::text`] could have made, and no other.
    ///
    /// # Errors
    /// It is another text.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let bad = CheckpointError::Malformed;
        let lines = text.strip_suffix('\n').ok_or(bad)?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(bad);
        };
        let root = BASE64.decode(root).map_err(|_| bad)?.try_into().map_err(|_| bad)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let read =
            Self { origin: origin.into(), size: size.parse().map_err(|_| bad)?, root, extensions };
        let empty = read.origin.is_empty() || read.extensions.iter().any(String::is_empty);
        // Written again it must be the same: no leading zero, no plus, no other base64.
        if empty || read.extensions.len() > EXTENSIONS_MAX || read.text() != text {
            return Err(bad);
        }
        Ok(read)
    }

    /// As a note signed by the log's key.
    ///
    /// # Errors
    /// The origin is not the key's name, or a line cannot stand in a note.
    pub fn sign(&self, key: &SignerKey) -> Result<String, CheckpointError> {
        let text = self.text();
        if self.origin != key.verifier().name() {
            return Err(CheckpointError::OtherLog);
        }
        Self::parse(&text)?;
        Ok(key.sign(&text)?)
    }

    /// Reads a checkpoint that the log's key signed.
    ///
    /// # Errors
    /// It is not one.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let read = Self::parse(key.open(note)?)?;
        if read.origin == key.name() { Ok(read) } else { Err(CheckpointError::OtherLog) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn key(name: &str) -> SignerKey {
        SignerKey::new(name, &Zeroizing::new([3; 32])).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "gw1.firm.example/evidence".into(),
            size: 20_852_163,
            root: [0xa5; 32],
            extensions: vec!["time 2026-11-28T18:40:32Z".into()],
        }
    }

    #[test]
    fn what_is_signed_is_read_again() {
        for extensions in [vec![], checkpoint().extensions] {
            let c = Checkpoint { extensions, ..checkpoint() };
            let note = c.sign(&key(&c.origin)).unwrap();
            assert_eq!(Checkpoint::open(note.as_bytes(), key(&c.origin).verifier()), Ok(c));
        }
    }

    /// The example of the specification, without its signature.
    #[test]
    fn the_published_example_is_read() {
        let text =
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let c = Checkpoint::parse(text).unwrap();
        assert_eq!((c.origin.as_str(), c.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(c.text(), text);
    }

    #[test]
    fn every_flipped_bit_and_every_other_form_is_refused() {
        let c = checkpoint();
        let note = c.sign(&key(&c.origin)).unwrap().into_bytes();
        for bit in 0..note.len() * 8 {
            let mut wrong = note.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::open(&wrong, key(&c.origin).verifier()).is_err(), "bit {bit}");
        }
        let root = BASE64.encode([1; 32]);
        for text in [
            "".into(),
            format!("o\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n-1\n{root}\n"),
            format!("o\n18446744073709551616\n{root}\n"),
            format!("o\n1\n{}\n", &root[..40]),
            format!("o\n1\n{root}\n\n"),
            format!("o\n1\n{root}\n{}", "x\n".repeat(17)),
        ] {
            assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_checkpoint_of_another_log_is_refused() {
        let c = checkpoint();
        assert_eq!(c.sign(&key("gw2")), Err(CheckpointError::OtherLog));
        let note = key("gw2").sign(&c.text()).unwrap();
        let opened = Checkpoint::open(note.as_bytes(), key("gw2").verifier());
        assert_eq!(opened, Err(CheckpointError::OtherLog));
    }
}
