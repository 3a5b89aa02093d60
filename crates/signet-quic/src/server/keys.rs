//! The keys of an endpoint that outlive its process.

use aws_lc_rs::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of [`Keys`].
pub const KEYS_BYTES: usize = 40;

/// Reset key and connection-id key. An endpoint that starts again with the same keys knows its old
/// connection ids and answers with stateless resets, so that clients do not wait for a time-out.
pub struct Keys(Zeroizing<[u8; KEYS_BYTES]>);

impl Keys {
    /// From bytes that were kept, or random ones.
    #[must_use]
    pub fn new(bytes: Zeroizing<[u8; KEYS_BYTES]>) -> Self {
        Self(bytes)
    }

    pub(super) fn reset(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0[..32])
    }

    pub(super) fn connection_ids(&self) -> u64 {
        self.0[32..].iter().fold(0, |n, b| n << 8 | u64::from(*b))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}
