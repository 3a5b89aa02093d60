//! Inclusion and consistency proofs (RFC 9162 §2.1.3, §2.1.4).

use crate::hash::{Hash, node_hash, sha256};

/// A proof does not show what it should. At fault: whoever made the proof, or changed the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf is not in a tree of this size, or the older tree is larger than the newer one.
    #[error("the number is outside the tree")]
    OutOfRange,
    /// Too few or too many hashes for a tree of this size.
    #[error("the proof has the wrong length")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}

/// The root of a tree of these leaves.
pub fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// What proves that leaf `index` is in the tree of these leaves: the siblings on its way to the
/// root, lowest first.
///
/// # Errors
/// The tree has no leaf with this number.
pub fn inclusion(leaves: &[Hash], index: usize) -> Result<Vec<Hash>, ProofError> {
    if index >= leaves.len() {
        return Err(ProofError::OutOfRange);
    }
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if index < left.len() {
            path.push(root_of(right));
            leaves = left;
        } else {
            path.push(root_of(left));
            (leaves, index) = (right, index - left.len());
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` is number `index` in the tree of `size` leaves with this root.
///
/// # Errors
/// It is not shown.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut number, mut last, mut node) = (index, size - 1, *leaf);
    for p in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if number & 1 == 1 || number == last {
            node = node_hash(p, &node);
            // A right edge without a sibling goes up unchanged.
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, p);
        }
        number >>= 1;
        last >>= 1;
    }
    match (last, node == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// What proves that the tree of the first `old` leaves is the beginning of the tree of all.
///
/// # Errors
/// `old` is 0 or more than there are.
pub fn consistency(leaves: &[Hash], old: usize) -> Result<Vec<Hash>, ProofError> {
    if old == 0 || old > leaves.len() {
        return Err(ProofError::OutOfRange);
    }
    let (mut leaves, mut old, mut whole, mut path) = (leaves, old, true, Vec::new());
    while old < leaves.len() {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if old <= left.len() {
            path.push(root_of(right));
            leaves = left;
        } else {
            path.push(root_of(left));
            (leaves, old, whole) = (right, old - left.len(), false);
        }
    }
    if !whole {
        path.push(root_of(leaves));
    }
    path.reverse();
    Ok(path)
}

/// Checks that the tree of `old` leaves is the beginning of the tree of `new` leaves. An empty tree
/// is the beginning of every tree and needs no proof.
///
/// # Errors
/// It is not shown.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old == 0 || old == new {
        let same = if old == 0 { *old_root == sha256(&[]) } else { old_root == new_root };
        return match (proof.is_empty(), same) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    // An old tree that is complete is a node of the new one and is not repeated in the proof.
    let first = if old.is_power_of_two() { Some(old_root) } else { None };
    let mut path = first.into_iter().chain(proof);
    let Some(seed) = path.next() else { return Err(ProofError::Length) };
    let (mut number, mut last) = (old - 1, new - 1);
    while number & 1 == 1 {
        number >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (*seed, *seed);
    for p in path {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if number & 1 == 1 || number == last {
            of_old = node_hash(p, &of_old);
            of_new = node_hash(p, &of_new);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node_hash(&of_new, p);
        }
        number >>= 1;
        last >>= 1;
    }
    match (last, of_old == *old_root && of_new == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
