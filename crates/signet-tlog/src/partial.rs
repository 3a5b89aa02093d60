//! A tree of which a reader knows only parts: whole runs of leaves by the roots of their complete
//! subtrees, and leaf by leaf what is to be proved.

use crate::{
    hash::{HASH_LEN, Hash, node_hash, sha256},
    proof::root_of,
    proof_since::split,
};
use std::{cell::RefCell, collections::HashMap};

/// Bytes of a number in the stored form.
const NUMBER_LEN: usize = 8;

/// A run of leaves as the roots of the complete subtrees that it consists of, first to last: at
/// most 128 hashes, however many leaves there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    begin: u64,
    end: u64,
    nodes: Vec<Hash>,
}

/// The complete subtrees that leaves `begin..end` consist of: where each begins, and its level.
fn subtrees(begin: u64, end: u64) -> impl Iterator<Item = (u64, u32)> {
    let mut at = begin;
    std::iter::from_fn(move || {
        let fits = end.checked_sub(at)?.checked_ilog2()?;
        let (here, level) = (at, at.trailing_zeros().min(fits));
        at = at.checked_add(1 << level)?;
        Some((here, level))
    })
}

impl Span {
    /// Of leaves that follow one another, from number `begin` on. `None`: numbers end before them.
    pub fn of(begin: u64, leaves: &[Hash]) -> Option<Self> {
        let end = begin.checked_add(u64::try_from(leaves.len()).ok()?)?;
        let (mut rest, mut nodes) = (leaves, Vec::new());
        for (_, level) in subtrees(begin, end) {
            let (of_subtree, others) = rest.split_at_checked(1_usize.checked_shl(level)?)?;
            nodes.push(root_of(of_subtree));
            rest = others;
        }
        Some(Self { begin, end, nodes })
    }

    /// The number of its first leaf.
    pub fn begin(&self) -> u64 {
        self.begin
    }

    /// The number of the first leaf after it.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The stored form: both numbers, big-endian, and the subtrees' roots.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = [self.begin.to_be_bytes(), self.end.to_be_bytes()].concat();
        self.nodes.iter().for_each(|n| out.extend_from_slice(n));
        out
    }

    /// Reads the stored form from the beginning of `bytes`; the rest follows it.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (begin, rest) = bytes.split_first_chunk::<NUMBER_LEN>()?;
        let (end, mut rest) = rest.split_first_chunk::<NUMBER_LEN>()?;
        let (begin, end) = (u64::from_be_bytes(*begin), u64::from_be_bytes(*end));
        if begin > end {
            return None;
        }
        let mut nodes = Vec::new();
        for _ in subtrees(begin, end) {
            let (node, others) = rest.split_first_chunk::<HASH_LEN>()?;
            nodes.push(*node);
            rest = others;
        }
        Some((Self { begin, end, nodes }, rest))
    }
}

/// The parts of a tree that are known. What follows from them is worked out once and remembered.
#[derive(Debug, Default)]
pub struct PartialTree {
    /// Roots of complete subtrees, by their level (0: a leaf) and their number on that level.
    nodes: RefCell<HashMap<(u32, u64), Hash>>,
}

impl PartialTree {
    /// Takes leaves that follow one another, from number `begin` on.
    pub fn add_leaves(&mut self, begin: u64, leaves: &[Hash]) {
        let numbered = (begin..).zip(leaves);
        self.nodes.get_mut().extend(numbered.map(|(number, leaf)| ((0, number), *leaf)));
    }

    /// Takes a run of leaves.
    pub fn add_span(&mut self, span: &Span) {
        let placed = subtrees(span.begin, span.end).zip(&span.nodes);
        self.nodes.get_mut().extend(placed.map(|((at, level), n)| ((level, at >> level), *n)));
    }

    /// The root of the tree of the first `size` leaves; `None`: too little of it is known.
    pub fn root(&self, size: u64) -> Option<Hash> {
        if size == 0 { Some(sha256(&[])) } else { self.subtree(0, size) }
    }

    /// What proves that leaf `index` is in the tree of the first `size` leaves, as
    /// [`crate::inclusion`] makes it from all leaves. `None`: the leaf is not in that tree, or too
    /// little is known.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        if index >= size {
            return None;
        }
        let (mut begin, mut end, mut path) = (0, size, Vec::new());
        while end - begin > 1 {
            let middle = begin + split(end - begin);
            if index < middle {
                path.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                path.push(self.subtree(begin, middle)?);
                begin = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The root of the subtree of these leaves, of which there is at least one.
    fn subtree(&self, begin: u64, end: u64) -> Option<Hash> {
        let leaves = end - begin;
        if leaves.is_power_of_two() {
            let level = leaves.trailing_zeros();
            return self.complete(level, begin >> level);
        }
        let middle = begin + split(leaves);
        Some(node_hash(&self.subtree(begin, middle)?, &self.subtree(middle, end)?))
    }

    fn complete(&self, level: u32, number: u64) -> Option<Hash> {
        let known = self.nodes.borrow().get(&(level, number)).copied();
        if known.is_some() {
            return known;
        }
        let (below, left) = (level.checked_sub(1)?, number.checked_mul(2)?);
        let node = node_hash(&self.complete(below, left)?, &self.complete(below, left + 1)?);
        self.nodes.borrow_mut().insert((level, number), node);
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inclusion, leaf_hash};
    use proptest::prelude::*;

    fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    /// The tree of all leaves cut at these places, of which the parts in `whole` are known leaf by
    /// leaf.
    fn cut(all: &[Hash], cuts: &[usize], whole: &[bool]) -> (PartialTree, Vec<usize>) {
        let mut places: Vec<usize> = cuts.iter().map(|c| c % (all.len() + 1)).collect();
        places.extend([0, all.len()]);
        places.sort_unstable();
        let (mut tree, mut provable) = (PartialTree::default(), vec![]);
        for (n, ends) in places.windows(2).enumerate() {
            let (part, begin) = (&all[ends[0]..ends[1]], ends[0] as u64);
            if whole[n % whole.len()] {
                tree.add_leaves(begin, part);
                provable.extend(ends[0]..ends[1]);
            } else {
                let span = Span::of(begin, part).unwrap();
                let stored = [span.to_bytes(), b"rest".to_vec()].concat();
                let (read, rest) = Span::read(&stored).unwrap();
                assert_eq!((&read, rest), (&span, &b"rest"[..]));
                assert!(Span::read(&stored[..stored.len() - 5]).is_none());
                tree.add_span(&read);
            }
        }
        (tree, provable)
    }

    proptest! {
        /// All leaves are the reference: that is the one of the standard's own tests.
        #[test]
        fn parts_give_the_root_and_the_proofs_that_all_leaves_give(
            n in 1..200_u64,
            cuts in prop::collection::vec(any::<usize>(), 0..8),
            whole in prop::collection::vec(any::<bool>(), 1..8),
        ) {
            let all = leaves(n);
            let (tree, provable) = cut(&all, &cuts, &whole);
            prop_assert_eq!(tree.root(n), Some(root_of(&all)));
            for index in provable {
                let want = inclusion(&all, index).ok();
                prop_assert_eq!(tree.inclusion(index as u64, n), want, "{}", index);
            }
        }
    }

    #[test]
    fn a_smaller_tree_is_known_as_far_as_its_end_is_not_within_a_run() {
        let all = leaves(40);
        let mut tree = PartialTree::default();
        tree.add_span(&Span::of(0, &all[..13]).unwrap());
        tree.add_leaves(13, &all[13..20]);
        tree.add_span(&Span::of(20, &all[20..40]).unwrap());
        for size in (13..=20).chain([40]) {
            assert_eq!(tree.root(size as u64), Some(root_of(&all[..size])), "{size}");
            let want = inclusion(&all[..size], 13).ok();
            assert_eq!(tree.inclusion(13, size as u64), want, "{size}");
        }
        assert_eq!((tree.root(0), tree.root(11)), (Some(root_of(&[])), None));
        assert_eq!((tree.root(41), tree.inclusion(40, 40)), (None, None));
        // Within a run nothing is known of single leaves.
        assert_eq!(tree.inclusion(5, 40), None);
    }

    #[test]
    fn what_is_stored_ends_after_it_begins() {
        let backwards = [2_u64.to_be_bytes(), 1_u64.to_be_bytes()].concat();
        assert_eq!(Span::read(&backwards), None);
        let empty = Span::of(7, &[]).unwrap();
        assert_eq!(Span::read(&empty.to_bytes()), Some((empty, &[][..])));
        assert_eq!(Span::of(u64::MAX, &leaves(2)), None);
        let endless = [0_u64.to_be_bytes(), u64::MAX.to_be_bytes()].concat();
        assert_eq!(Span::read(&endless), None);
    }
}
