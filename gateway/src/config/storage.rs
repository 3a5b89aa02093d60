//! The sections `[store]`, `[journal]` and `[disk]`: the files of the state folder, and the room
//! that they need.

use super::{ConfigError, value};
use serde::Deserialize;
use signet_router::journal::OnBadRecord;
use std::path::PathBuf;

const MIB: u64 = 1024 * 1024;
/// 1 TiB.
const LOW_MIB_MAX: u32 = 1024 * 1024;
/// Above it, a disk of ordinary use would be low for good.
const LOW_PERCENT_MAX: u32 = 50;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// 32 random bytes, readable by the gateway only; made at the first start if it is not there.
    /// Defaults to `store.key` in the state directory.
    pub key_file: Option<PathBuf>,
    /// Wait for the disk after every message sent and every record of the journal. Survives a power
    /// cut, costs a disk write each.
    #[serde(default)]
    pub sync: bool,
}

/// What a start does with the journal of RFQs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSection {
    /// A record that cannot be read: `stop`, or `set-aside`.
    #[serde(default)]
    pub on_bad_record: OnBadRecord,
}

/// Below how much room the disk of the state folder is said to be low.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskSection {
    /// Free space, MiB; 0: nothing is said.
    pub low_mib: u32,
    /// A small disk is low below this share of its size, in percent, where that is less.
    pub low_percent: u32,
}

impl Default for DiskSection {
    fn default() -> Self {
        Self { low_mib: 1_024, low_percent: 5 }
    }
}

impl DiskSection {
    /// Below how many free bytes a disk of this size is low.
    pub fn low_bytes(&self, size: u64) -> u64 {
        let share = (size / 100).saturating_mul(self.low_percent.into());
        u64::from(self.low_mib).saturating_mul(MIB).min(share)
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.low_mib > LOW_MIB_MAX {
            return Err(value("disk.low_mib", format!("0 to {LOW_MIB_MAX}")));
        }
        if !(1..=LOW_PERCENT_MAX).contains(&self.low_percent) {
            return Err(value("disk.low_percent", format!("1 to {LOW_PERCENT_MAX}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_amount_and_share_counts() {
        const GIB: u64 = 1024 * MIB;
        for (low_mib, low_percent, size, low) in [
            (1_024, 5, 0, 0),
            (1_024, 5, 100 * MIB, 5 * MIB),
            (1_024, 5, 20 * GIB, 20 * GIB / 100 * 5),
            (1_024, 5, 1_000 * GIB, GIB),
            (1_024, 50, u64::MAX, GIB),
            (4_096, 5, 1_000 * GIB, 4 * GIB),
            (0, 5, 1_000 * GIB, 0),
        ] {
            let section = DiskSection { low_mib, low_percent };
            assert_eq!(section.low_bytes(size), low, "{low_mib} {low_percent} {size}");
            assert!(section.check().is_ok());
        }
        for (low_mib, low_percent) in [(LOW_MIB_MAX + 1, 5), (1, 0), (1, 51)] {
            assert!(DiskSection { low_mib, low_percent }.check().is_err(), "{low_mib}");
        }
    }
}
