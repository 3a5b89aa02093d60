//! What an administrator gives a new trader besides the one-time code: where to enrol, where to
//! trade, and the authorities to trust.
//!
//! Nothing in it is secret. Whoever can change the file can forge all of it, so the trader compares
//! [`Invitation::fingerprint`] with the administrator's word.

mod contents;
mod error;
mod file;

pub use contents::{EstAddress, FixAddress, HolderRule, Invitation, fingerprint, is_relying_party};
pub use error::{INVITATION_BYTES_MAX, INVITATION_LINK_PREFIX, InvitationError};
pub use file::INVITATION_EXTENSION;
