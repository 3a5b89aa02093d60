//! Managed settings: what a firm decides for the desks of its traders.
//!
//! A policy comes from one place per system: a signed file on Linux, group policy on Windows, a
//! configuration profile on macOS. [`load`] finds it and judges it; a policy that is there and not
//! good is an error, and the caller must not go on without it. [`merge`] says which settings are in
//! force: a trader's own can only be stricter than the firm's, but for those that the firm leaves
//! to them.
//!
//! Reading and judging are apart: [`judge`], [`merge`] and [`values::policy`] are pure.

#![warn(missing_docs, unreachable_pub)]

mod error;
mod explain;
mod judge;
mod merge;
mod minisign;
mod place;
mod policy;
mod record;
mod settings;
mod since;
pub mod values;

pub use error::ManagedError;
pub use explain::{Report, Row, Signer};
pub use judge::{Found, Managed, Origin, judge};
pub use merge::{
    Change, Difference, Effective, Own, Refused, Setting, Source, VenueField, admits,
    admits_invitation, merge,
};
#[cfg(any(test, feature = "sign"))]
pub use minisign::Secret;
pub use minisign::{PublicKey, SignatureError};
pub use place::{Place, load};
pub use policy::{POLICY_BYTES_MAX, Policy};
pub use record::Record;
pub use settings::{Channel, Holder, May, Pin, VenueSettings, Version, venue_key};
pub use since::LaterPart;
