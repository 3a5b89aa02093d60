//! A bundle as one file: POSIX ustar, regular files only. Pure.

use crate::evidence::BundleError;
use std::{collections::BTreeMap, io, path::Path};

const BLOCK: usize = 512;

/// The archive of these files below a folder.
///
/// # Errors
/// Names the file that an archive of this kind cannot hold: evidence with a file left out would
/// be no evidence.
pub(super) fn archive(
    folder: &str,
    files: &BTreeMap<String, Vec<u8>>,
    at_s: u64,
) -> Result<Vec<u8>, BundleError> {
    let mut all = Vec::new();
    for (name, bytes) in files {
        let header = header(folder, name, bytes.len(), at_s).ok_or_else(|| BundleError::Out {
            path: Path::new(folder).join(name),
            source: io::Error::other("it does not fit into an archive"),
        })?;
        all.extend_from_slice(&header);
        all.extend_from_slice(bytes);
        all.resize(all.len().next_multiple_of(BLOCK), 0);
    }
    all.resize(all.len() + 2 * BLOCK, 0);
    Ok(all)
}

/// `None` for a name of more than 100 bytes, a folder of more than 155, or a file of 8 GiB.
fn header(folder: &str, name: &str, length: usize, at_s: u64) -> Option<[u8; BLOCK]> {
    let mut h = [0u8; BLOCK];
    let mut put = |at: usize, room: usize, text: &str| {
        let bytes = text.as_bytes();
        let place = h.get_mut(at..at + room)?.get_mut(..bytes.len())?;
        place.copy_from_slice(bytes);
        Some(())
    };
    put(0, 100, name)?;
    put(345, 155, folder)?;
    put(100, 8, "0000600")?;
    put(108, 8, "0000000")?;
    put(116, 8, "0000000")?;
    put(124, 12, &format!("{length:011o}"))?;
    put(136, 12, &format!("{at_s:011o}"))?;
    put(148, 8, "        ")?;
    put(156, 1, "0")?;
    put(257, 8, "ustar\u{0}00")?;
    let sum: u32 = h.iter().map(|b| u32::from(*b)).sum();
    let text = format!("{sum:06o}\u{0} ");
    h.get_mut(148..156)?.copy_from_slice(text.as_bytes());
    Some(h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let files = BTreeMap::from([
            ("index.txt".to_owned(), b"hello\n".to_vec()),
            ("records/7.bin".to_owned(), vec![7; 1_000]),
            // The longest name: a digest in a folder, and a folder of the longest RFQ.
            (format!("certificates/{}.pem", "a".repeat(64)), b"long".to_vec()),
            (format!("x/{}", "b".repeat(98)), b"longest".to_vec()),
            ("empty".to_owned(), vec![]),
        ]);
        let folder = "r".repeat(80);
        let made = archive(&folder, &files, 1_000_000).unwrap();
        std::fs::write(dir.path().join("b.tar"), made).unwrap();
        let out = std::process::Command::new("tar")
            .args(["-xf", "b.tar"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let read = |name: &str| std::fs::read(dir.path().join(&folder).join(name)).unwrap();
        assert_eq!(read("index.txt"), b"hello\n");
        assert_eq!(read("records/7.bin"), vec![7; 1_000]);
        assert_eq!(read("empty"), b"");
        for name in files.keys() {
            assert_eq!(read(name), files[name]);
        }
    }

    #[test]
    fn what_does_not_fit_is_named_and_not_left_out() {
        let files = |name: String| BTreeMap::from([(name, vec![])]);
        let why = archive("f", &files("x".repeat(101)), 0).unwrap_err().to_string();
        assert!(why.contains("xxx: it does not fit"), "{why}");
        assert!(archive(&"f".repeat(156), &files("x".into()), 0).is_err());
        assert!(archive(&"f".repeat(155), &files("x".repeat(100)), 0).is_ok());
    }
}
