//! The names that certificates, invitations, EST and FIX sessions carry. Pure.
//!
//! Each name has one spelling and needs no escaping, so two texts never mean the same identity.

mod address;
mod comp_id;
mod enrolled;
mod error;
mod role;
mod rules;
#[cfg(feature = "tls")]
mod spiffe;

pub use address::{AddressError, authority, host_and_optional_port, host_and_port, is_host};
pub use comp_id::{CompId, CompIdError};
pub use enrolled::{EnrolledFacts, PROTECTIONS};
pub use error::PeerError;
pub use role::Role;
pub use rules::{
    COMP_ID_CHARS_MAX, DEVICE_CHARS_MAX, USER_CHARS_MAX, device_name, file_stem, is_device_name,
    is_trust_domain, is_user_id, name_of_file,
};
#[cfg(feature = "tls")]
pub(crate) use spiffe::SpiffeName;
