//! A bundle as one file: POSIX ustar, regular files only. Pure.

use std::collections::BTreeMap;

const BLOCK: usize = 512;

/// The archive of these files below a folder. Names that do not fit are left out; ours fit.
pub(super) fn archive(folder: &str, files: &BTreeMap<String, Vec<u8>>, at_s: u64) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, bytes) in files {
        let Some(header) = header(&format!("{folder}/{name}"), bytes.len(), at_s) else { continue };
        all.extend_from_slice(&header);
        all.extend_from_slice(bytes);
        all.resize(all.len().next_multiple_of(BLOCK), 0);
    }
    all.resize(all.len() + 2 * BLOCK, 0);
    all
}

fn header(name: &str, length: usize, at_s: u64) -> Option<[u8; BLOCK]> {
    let mut h = [0u8; BLOCK];
    let mut put = |at: usize, room: usize, text: &str| {
        let bytes = text.as_bytes();
        let place = h.get_mut(at..at + room)?.get_mut(..bytes.len())?;
        place.copy_from_slice(bytes);
        Some(())
    };
    put(0, 100, name)?;
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
            ("x".repeat(200), b"left out".to_vec()),
            ("empty".to_owned(), vec![]),
        ]);
        std::fs::write(dir.path().join("b.tar"), archive("rfq-1", &files, 1_000_000)).unwrap();
        let out = std::process::Command::new("tar")
            .args(["-xf", "b.tar"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let read = |name: &str| std::fs::read(dir.path().join("rfq-1").join(name)).unwrap();
        assert_eq!(read("index.txt"), b"hello\n");
        assert_eq!(read("records/7.bin"), vec![7; 1_000]);
        assert_eq!(read("empty"), b"");
    }
}
