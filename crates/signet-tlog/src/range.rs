//! A tree that grows at its right end, as the roots of its complete subtrees.

use crate::hash::{HASH_LEN, Hash, node_hash, sha256};

/// Bytes of the size in the stored form.
const SIZE_LEN: usize = 8;

/// The complete subtrees of a tree of `size` leaves, largest first: one for each bit set in `size`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub(crate) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf at the right end.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each complete subtree on the right that has a sibling now becomes its parent.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root of the tree; SHA-256 of nothing for a tree without leaves.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// The stored form: size, big-endian, and the subtrees' roots.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.size.to_be_bytes().to_vec();
        self.peaks.iter().for_each(|p| out.extend_from_slice(p));
        out
    }

    /// Reads the stored form from the beginning of `bytes`; the rest follows it.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (size, rest) = bytes.split_first_chunk::<SIZE_LEN>()?;
        let size = u64::from_be_bytes(*size);
        let (peaks, rest) = rest.split_at_checked(size.count_ones() as usize * HASH_LEN)?;
        let mut range = Self { size, peaks: Vec::with_capacity(peaks.len() / HASH_LEN) };
        for p in peaks.chunks_exact(HASH_LEN) {
            range.peaks.push(p.try_into().ok()?);
        }
        Some((range, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{leaf_hash, root_of};

    #[test]
    fn it_has_the_root_of_the_whole_tree_and_survives_storage_at_every_size() {
        let leaves: Vec<Hash> = (0..200u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut range = CompactRange::default();
        for n in 0..leaves.len() {
            assert_eq!(range.root(), root_of(&leaves[..n]), "{n} leaves");
            assert_eq!(range.size(), n as u64);
            let stored = [range.to_bytes(), b"rest".to_vec()].concat();
            let (read, rest) = CompactRange::read(&stored).unwrap();
            assert_eq!((&read, rest), (&range, &b"rest"[..]));
            if n > 0 {
                assert!(CompactRange::read(&range.to_bytes()[1..]).is_none_or(|(r, _)| r != range));
                let short = range.to_bytes();
                assert_eq!(CompactRange::read(&short[..short.len() - 1]), None);
            }
            range.push(leaves[n]);
        }
    }
}
