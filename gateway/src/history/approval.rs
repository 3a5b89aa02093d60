//! What a security key signed to approve a change of policy, so that anybody can verify it later.

use super::Policy;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::{Deserialize, Serialize};
use signet_stepup::evidence::{EvidenceFault, SignedParts, WebProof};

/// An approval by security key. Binary members are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyApproval {
    /// Drawn for this approval; part of what the challenge was made from.
    pub nonce: String,
    /// The key, and what it signed.
    #[serde(flatten)]
    pub proof: WebProof,
}

impl KeyApproval {
    /// The challenge for approving this change: SHA-256 over lines of text. It says what the key
    /// signs for, since a browser adds nothing of that itself.
    pub fn challenge(nonce: &str, policy: Policy, before: &str, after: &str) -> [u8; 32] {
        let text = format!(
            "signet policy approval v1\nnonce={nonce}\npolicy={}\nbefore={before}\nafter={after}\n",
            policy.word()
        );
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        sum
    }

    /// Whether the key signed for exactly this change.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, policy: Policy, before: &str, after: &str) -> Result<(), EvidenceFault> {
        self.proof.verify(&Self::challenge(&self.nonce, policy, before, after))
    }

    /// What another program verifies.
    pub fn signed_parts(&self) -> Option<SignedParts> {
        self.proof.signed_parts()
    }

    /// A new nonce; `None`: the system has no randomness.
    pub fn new_nonce() -> Option<String> {
        let mut random = [0u8; 32];
        aws_lc_rs::rand::fill(&mut random).ok()?;
        Some(B64.encode(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_change_is_in_its_challenge() {
        let of = |nonce: &str, policy, before: &str, after: &str| {
            KeyApproval::challenge(nonce, policy, before, after)
        };
        let one = of("n", Policy::Risk, "a", "b");
        assert_eq!(one, of("n", Policy::Risk, "a", "b"));
        for other in [
            of("m", Policy::Risk, "a", "b"),
            of("n", Policy::Entitlements, "a", "b"),
            of("n", Policy::Risk, "c", "b"),
            of("n", Policy::Risk, "a", "c"),
            of("n", Policy::Risk, "b", "a"),
        ] {
            assert_ne!(one, other);
        }
    }
}
