//! The operating system's keychain: the only place where a desk's private key rests.
//!
//! There is no fallback to a file. Every call may wait for a person to unlock the keychain, so
//! calls block, up to a deadline; from asynchronous code they belong on a blocking thread.

mod enrolled;
mod entries;
mod held;
mod holder;
mod identities;
mod interface;
mod loaded;
#[cfg(any(test, feature = "test-double"))]
mod memory;
mod name;
mod native;
mod os;

pub use interface::{Keychain, SECRET_BYTES, StoredIdentity};
pub use loaded::{Loaded, next_label, open_loaded};
#[cfg(any(test, feature = "test-double"))]
pub use memory::MemoryKeychain;
pub use name::IdentityName;
pub use os::{ANSWER_TIME_DEFAULT, OsKeychain};
