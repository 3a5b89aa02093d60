//! Updates of the desk, which the firm signs and the system's administrator account installs.
//!
//! The firm publishes a list of releases ([`ReleaseList`]), signed offline with a key that the
//! managed policy names. [`decide`] says what a computer does about it; it is pure. The rest of the
//! crate reads and writes: [`Source`] fetches, [`Store`] keeps packages and the [`State`],
//! [`desks`] says whether a desk of any user has a request open and whether a new version works,
//! [`Installer`] runs the package manager, and [`Updater`] puts them together.

#![warn(missing_docs, unreachable_pub)]

pub mod aside;
mod decide;
pub mod desks;
mod digest;
mod dpkg;
mod error;
mod install;
mod list;
mod machine;
mod source;
mod state;
mod store;
mod updater;

pub use decide::{Facts, Marks, Refusal, Step, TRIAL_STARTS_MAX, Wait, bucket, decide};
pub use digest::Digest;
pub use error::UpdateError;
pub use install::{CommandLine, End, Installed, Installer, Kind};
pub use list::{Channel, LIST_BYTES_MAX, Package, Release, ReleaseList, Ring};
pub use machine::lies_below;
pub use source::{Server, Source};
pub use state::{Kept, State, Trial};
pub use store::{Place, Store};
pub use updater::{Outcome, Settings, Updater, installed_version};
