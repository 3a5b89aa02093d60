//! The secret of a store.

use crate::LogError;
use zeroize::Zeroizing;

/// The secret that a store is sealed with: 32 bytes from the OS keychain (desk) or from the
/// operator's key file (gateway). Wiped on drop.
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// Takes the 32 bytes of the secret.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// From a slice, which is what a keychain hands out.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, LogError> {
        let fixed: [u8; 32] = bytes.try_into().map_err(|_| LogError::BadKey)?;
        Ok(Self::new(fixed))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..]
    }
}

impl Clone for StoreKey {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(..)")
    }
}
