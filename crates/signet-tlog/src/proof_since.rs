//! A consistency proof (RFC 6962 §2.1.2) from an older tree and the leaves that came since.

use crate::{hash::Hash, proof::ProofError, range::CompactRange};

/// One hash of the proof.
#[derive(Debug, Clone)]
enum Node {
    /// A complete subtree of the older tree.
    Old(Hash),
    /// A subtree of newer leaves, up to the leaf with this number, which is not in it.
    New(u64, CompactRange),
}

/// The proof while its leaves come. It holds at most 64 hashes and as many small trees, however
/// many leaves there are.
#[derive(Debug, Clone)]
pub struct ProofSince {
    /// Lowest first, as in the proof. Those of newer leaves are in the order of their leaves.
    nodes: Vec<Node>,
    /// Leaves so far, those of the older tree included.
    size: u64,
    new: u64,
}

impl ProofSince {
    /// For the step from `old` to the tree of its first `new` leaves.
    ///
    /// # Errors
    /// The older tree is empty, which needs no proof, or is the larger one.
    pub fn new(old: &CompactRange, new: u64) -> Result<Self, ProofError> {
        let size = old.size();
        if size == 0 || size > new {
            return Err(ProofError::OutOfRange);
        }
        let (mut nodes, mut peaks) = (Vec::new(), old.peaks().iter());
        // The node of the newer tree that holds the end of the older one, from the root down.
        let (mut start, mut leaves, mut whole) = (0, new, true);
        while size - start < leaves {
            let left = split(leaves);
            if size - start <= left {
                nodes.push(Node::New(start + leaves, CompactRange::default()));
                leaves = left;
            } else {
                // It is complete and lies in the older tree, so it is the next of its subtrees.
                nodes.push(Node::Old(*peaks.next().ok_or(ProofError::Length)?));
                (start, leaves, whole) = (start + left, leaves - left, false);
            }
        }
        if !whole {
            nodes.push(Node::Old(*peaks.next().ok_or(ProofError::Length)?));
        }
        nodes.reverse();
        Ok(Self { nodes, size, new })
    }

    /// Takes the next leaf. Those beyond the newer tree are left aside.
    pub fn push(&mut self, leaf: Hash) {
        if self.size >= self.new {
            return;
        }
        let number = self.size;
        self.size += 1;
        let of_leaf = self.nodes.iter_mut().find_map(|node| match node {
            Node::New(end, range) if number < *end => Some(range),
            _ => None,
        });
        if let Some(range) = of_leaf {
            range.push(leaf);
        }
    }

    /// The proof.
    ///
    /// # Errors
    /// Leaves are missing.
    pub fn proof(self) -> Result<Vec<Hash>, ProofError> {
        if self.size != self.new {
            return Err(ProofError::Length);
        }
        let hash = |node: Node| match node {
            Node::Old(hash) => hash,
            Node::New(_, range) => range.root(),
        };
        Ok(self.nodes.into_iter().map(hash).collect())
    }
}

/// The largest power of two below `n`, which is at least 2.
pub(crate) const fn split(n: u64) -> u64 {
    1 << (u64::BITS - 1 - (n - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{consistency, leaf_hash};

    fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    fn range(leaves: &[Hash]) -> CompactRange {
        let mut range = CompactRange::default();
        leaves.iter().for_each(|leaf| range.push(*leaf));
        range
    }

    /// That of all leaves is the reference: it is the one of the standard's own tests.
    #[test]
    fn it_is_the_proof_that_all_leaves_give_at_every_size() {
        let all = leaves(70);
        for new in 1..=all.len() {
            for old in 1..=new {
                let mut since = ProofSince::new(&range(&all[..old]), new as u64).unwrap();
                // Also those that are in the log beyond the newer tree.
                all[old..].iter().for_each(|leaf| since.push(*leaf));
                let want = consistency(&all[..new], old);
                assert_eq!(since.proof(), want, "{old} to {new}");
            }
        }
    }

    #[test]
    fn what_is_missing_or_turned_round_makes_no_proof() {
        let all = leaves(9);
        let five = range(&all[..5]);
        assert!(ProofSince::new(&CompactRange::default(), 5).is_err());
        assert!(ProofSince::new(&five, 4).is_err());
        let mut short = ProofSince::new(&five, 9).unwrap();
        all[5..8].iter().for_each(|leaf| short.push(*leaf));
        assert_eq!(short.clone().proof(), Err(ProofError::Length));
        short.push(all[8]);
        assert_eq!(short.proof(), consistency(&all, 5));
        // A size that no log of this machine reaches neither overflows nor takes room.
        assert!(ProofSince::new(&five, u64::MAX).is_ok());
    }
}
