//! What may be done, and what is owed first.
//!
//! Two decisions, both pure: the [`score`] of an access (the founding table: who, how
//! authenticated, from which device, network and country), and the entitlements of a person (who
//! may ask which dealer for what, up to how much). Policies, facts and the time go in; a decision
//! with its reasons comes out. No I/O, no clock, no randomness, and no type of the other rooms.

#![warn(missing_docs, unreachable_pub)]

#[cfg(feature = "entitle")]
pub mod entitle;
pub mod place;
pub mod posture;
pub mod score;
