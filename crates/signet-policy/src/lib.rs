//! Whether an action is allowed, and which approvals it needs first.
//!
//! Two decisions, both pure: the [`score`] of an access (who, how authenticated, from which device,
//! network and country), and the entitlements of a person (who may ask which dealer for what, up to
//! how much). Beside them, [`software`] says which versions of the desk may log on. Policies, facts
//! and the time go in; a decision with its reasons comes out. The crate has no I/O, no clock, no
//! randomness, and uses no type of our other crates.

#![warn(missing_docs, unreachable_pub)]

#[cfg(feature = "entitle")]
pub mod entitle;
pub mod place;
pub mod posture;
pub mod score;
pub mod software;
