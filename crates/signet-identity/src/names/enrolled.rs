//! What a certificate of an enrolled desk states beyond role and CompID.

use super::comp_id::CompId;
use super::error::PeerError;
use super::role::Role;
use super::rules::{is_device_name, is_user_id};

/// The protections a certificate can state.
pub const PROTECTIONS: [&str; 2] = ["keychain", "token"];

/// What the long form of the URI adds to role and CompID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnrolledFacts {
    /// The user's id: 1 to 32 of `a-z 0-9 . _ -`.
    pub user: String,
    /// The device's name: 1 to 40 of the same.
    pub device: String,
    /// `keychain` or `token`: what the admin ordered the key to be held in. Without attestation
    /// it does not prove where the key is.
    pub protection: String,
}

impl EnrolledFacts {
    /// Checks the three names.
    ///
    /// # Errors
    /// [`PeerError::BadUser`], [`PeerError::BadDevice`] or [`PeerError::BadProtection`].
    pub fn new(user: &str, device: &str, protection: &str) -> Result<Self, PeerError> {
        if !is_user_id(user) {
            return Err(PeerError::BadUser);
        }
        if !is_device_name(device) {
            return Err(PeerError::BadDevice);
        }
        if !PROTECTIONS.contains(&protection) {
            return Err(PeerError::BadProtection);
        }
        Ok(Self {
            user: user.to_owned(),
            device: device.to_owned(),
            protection: protection.to_owned(),
        })
    }

    /// The URI an issuer writes into the desk's certificate: the long form of a desk's SPIFFE URI.
    /// Use a `comp_id` made by [`str::parse`]; one with a slash gives a URI that nobody accepts.
    #[must_use]
    pub fn desk_uri(&self, trust_domain: &str, comp_id: &CompId) -> String {
        let Self { user, device, protection } = self;
        format!("spiffe://{trust_domain}/{}/{comp_id}/{user}/{device}/{protection}", Role::Desk)
    }
}
