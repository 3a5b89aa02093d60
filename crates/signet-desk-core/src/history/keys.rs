//! The keys of a history. Both come from the identity's secret in the keychain, so neither is ever
//! on the disk, and a laptop whose key is in a token signs checkpoints without asking for a touch:
//! the key in the token certifies the signing key once for each certificate.

use super::HistoryError;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use signet_journal::StoreKey;
use signet_tlog::note::{SignerKey, VerifierKey};
use zeroize::Zeroizing;

const SALT: &[u8] = b"signet desk history 1";
const LENGTH: usize = 32;

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        LENGTH
    }
}

/// The key that seals the files, and the one that signs their checkpoints.
pub(crate) struct Keys {
    pub(super) store: StoreKey,
    pub(super) signer: SignerKey,
    /// Whose history it is: the name of the identity's folder.
    pub(super) desk: String,
}

impl Keys {
    /// From the secret of the identity whose folder has this name.
    pub(crate) fn derive(secret: &[u8; LENGTH], desk: &str) -> Result<Self, HistoryError> {
        let store = StoreKey::new(*derived(secret, b"seal")?);
        let seed = derived(secret, b"sign")?;
        let signer = SignerKey::new(&format!("{desk}/history"), &seed);
        Ok(Self { store, signer: signer.map_err(|_| HistoryError::Crypto)?, desk: desk.into() })
    }

    /// The public part of the signing key.
    pub(crate) fn verifier(&self) -> &VerifierKey {
        self.signer.verifier()
    }
}

fn derived(secret: &[u8], what: &[u8]) -> Result<Zeroizing<[u8; LENGTH]>, HistoryError> {
    let mut out = Zeroizing::new([0; LENGTH]);
    let key = Salt::new(HKDF_SHA256, SALT).extract(secret);
    key.expand(&[what], Length)
        .and_then(|okm| okm.fill(&mut out[..]))
        .map_err(|_| HistoryError::Crypto)?;
    Ok(out)
}
