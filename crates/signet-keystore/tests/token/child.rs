//! What a child is told about its token, by its environment.

use std::path::{Path, PathBuf};

pub const PIN: &str = "12345678";
pub const TOKEN: &str = "signet test";
/// The module's file.
pub const MODULE: &str = "SIGNET_TOKEN_MODULE";
/// A folder for files that ask the awkward module for something.
pub const AWKWARD: &str = "SIGNET_AWKWARD";

/// In the child: the plain module.
pub fn module() -> PathBuf {
    std::env::var_os(MODULE).expect("run as a child").into()
}

/// In the child: a file that asks the awkward module for something.
pub fn awkward_file(name: &str) -> PathBuf {
    Path::new(&std::env::var_os(AWKWARD).expect("run as a child")).join(name)
}
