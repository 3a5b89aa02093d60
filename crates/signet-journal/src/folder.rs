//! Folders that only their owner may read.

use std::{fs, io, path::Path};

/// Makes `path` and what is missing above it, with mode 0700 where the system has modes. A folder
/// that exists keeps the mode somebody gave it.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
