//! Logs for the tests of this module.

use signet_tlog::{Hash, consistency, leaf_hash};

/// The log that is honest.
pub(super) const HONEST: u64 = u64::MAX;

/// Leaves of the log with this number, which differ from those of others from there on.
pub(super) fn leaves(log: u64, size: u64) -> Vec<Hash> {
    let of = |n: u64| if n >= log { [n, log] } else { [n, 0] };
    (0..size).map(|n| leaf_hash(&of(n).map(u64::to_be_bytes).concat())).collect()
}

/// The proof for whoever has `old` records of it; none where nothing is to be proved.
pub(super) fn proof(log: u64, old: u64, size: u64) -> Vec<Hash> {
    match old == 0 || old >= size {
        true => Vec::new(),
        false => consistency(&leaves(log, size), old as usize).unwrap(),
    }
}
