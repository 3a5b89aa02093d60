//! The orders of one dealer in a file, so that a restart fills nothing twice.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::order::Order;

/// The longest line read back, in bytes; an order takes about 1 kB.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// One order a line, as JSON; the last line of an order counts.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
    path: PathBuf,
}

/// The file of orders cannot be used. At fault: this machine, or whoever changed the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It cannot be opened, read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line of it is not an order.
    #[error("{path}, line {line}: not an order")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

impl Ledger {
    /// Opens or makes the file and reads what it holds. A last line cut short by a crash was
    /// never answered and is dropped.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Order>), LedgerError> {
        let failed = |source| LedgerError::File { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        let mut orders = BTreeMap::new();
        let (mut whole_bytes, mut line_number) = (0_u64, 0);
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        loop {
            line.clear();
            line_number += 1;
            let count = reader.read_until(b'\n', &mut line).map_err(failed)?;
            if count == 0 || line.last() != Some(&b'\n') {
                break;
            }
            let damaged = || LedgerError::Damaged { path: path.to_owned(), line: line_number };
            if count > LINE_BYTES_MAX {
                return Err(damaged());
            }
            let order: Order = serde_json::from_slice(&line).map_err(|_| damaged())?;
            orders.insert(order.cl_ord_id.clone(), order);
            whole_bytes += u64::try_from(count).unwrap_or(0);
        }
        file.set_len(whole_bytes).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok((Self { file, path: path.to_owned() }, orders.into_values().collect()))
    }

    /// Keeps an order; it is on the disk when this returns.
    pub(crate) fn keep(&mut self, order: &Order) -> Result<(), LedgerError> {
        let failed = |source| LedgerError::File { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(order).map_err(|e| failed(e.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }
}
