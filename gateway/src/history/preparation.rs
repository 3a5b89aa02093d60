//! What a security key signed to prepare a change of policy, so that anybody can verify it later.

use super::{Person, Policy, PolicyRefusal, approval::sha256};
use serde::{Deserialize, Serialize};
use signet_stepup::evidence::{EvidenceFault, SignedParts, WebProof};

/// A preparation by security key. Binary members are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPreparation {
    /// Who prepared the change, as certificates name them; part of the challenge.
    pub by: String,
    /// Drawn for this preparation; part of the challenge.
    pub nonce: String,
    /// The key, and what it signed.
    #[serde(flatten)]
    pub proof: WebProof,
}

impl KeyPreparation {
    /// The challenge for preparing this change: SHA-256 over lines of text. Its first line differs
    /// from that of an approval, so neither signature serves as the other.
    pub fn challenge(
        (by, nonce): (&str, &str),
        policy: Policy,
        before: &str,
        after: &str,
    ) -> [u8; 32] {
        sha256(&text_of((by, nonce), policy, before, after))
    }

    /// The text whose SHA-256 is the challenge for preparing this change.
    pub fn text(&self, policy: Policy, before: &str, after: &str) -> String {
        text_of((&self.by, &self.nonce), policy, before, after)
    }

    /// Whether the key signed for exactly this change, as prepared by [`Self::by`].
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, policy: Policy, before: &str, after: &str) -> Result<(), EvidenceFault> {
        self.proof.verify(&Self::challenge((&self.by, &self.nonce), policy, before, after))
    }

    /// Whether this person's preparation of exactly this change was signed.
    ///
    /// # Errors
    /// It is another person's, or for another change.
    pub fn covers(
        &self,
        who: &Person,
        policy: Policy,
        before: &str,
        after: &str,
    ) -> Result<(), PolicyRefusal> {
        if self.by != who.id {
            return Err(PolicyRefusal::OtherPrepared(format!("{} signed it", self.by)));
        }
        self.verify(policy, before, after)
            .map_err(|why| PolicyRefusal::OtherPrepared(why.to_string()))
    }

    /// What another program verifies.
    pub fn signed_parts(&self) -> Option<SignedParts> {
        self.proof.signed_parts()
    }
}

/// A name is printable ASCII: it begins no line.
fn text_of((by, nonce): (&str, &str), policy: Policy, before: &str, after: &str) -> String {
    let policy = policy.word();
    format!(
        "signet policy preparation v1\nnonce={nonce}\npolicy={policy}\nbefore={before}\n\
            after={after}\nby={by}\n"
    )
}

/// A key in software signs that this person prepares this change.
#[cfg(test)]
pub(crate) fn preparation_for(
    by: &str,
    policy: Policy,
    before: &str,
    after: &str,
) -> KeyPreparation {
    let nonce = super::new_nonce().unwrap();
    let challenge = KeyPreparation::challenge((by, &nonce), policy, before, after);
    let proof = super::approval::signed_in_software(&challenge);
    KeyPreparation { by: by.into(), nonce, proof }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{
        KeyApproval,
        approval::{new_nonce, signed_in_software},
    };
    use signet_events::Actor;

    #[test]
    fn a_key_that_signed_for_another_change_or_as_somebody_else_prepares_none() {
        let covered = |key: &KeyPreparation| {
            let actor = Actor::Administrator("sylvia".into());
            let who = Person { id: "sylvia".into(), actor, hardware_key: false };
            match key.covers(&who, Policy::Risk, "old", "new") {
                Ok(()) => true,
                Err(PolicyRefusal::OtherPrepared(_)) => false,
                Err(e) => panic!("{e}"),
            }
        };
        for (by, policy, before, after, want) in [
            ("sylvia", Policy::Risk, "old", "new", true),
            ("tom", Policy::Risk, "old", "new", false),
            ("sylvia", Policy::Entitlements, "old", "new", false),
            ("sylvia", Policy::Risk, "older", "new", false),
            ("sylvia", Policy::Risk, "old", "newer", false),
            ("sylvia", Policy::Risk, "new", "old", false),
        ] {
            let mut key = preparation_for(by, policy, before, after);
            assert_eq!(covered(&key), want, "{by} {policy:?} {before} {after}");
            // Nor does it become hers by saying so.
            key.by = "sylvia".into();
            assert_eq!(covered(&key), want, "{by}, renamed");
            key.nonce.push('A');
            assert!(!covered(&key), "another nonce makes another challenge");
        }
    }

    #[test]
    fn an_approval_is_not_taken_for_a_preparation() {
        let nonce = new_nonce().unwrap();
        let who = ("sylvia", nonce.as_str());
        let challenge = KeyApproval::challenge(who, Policy::Risk, "old", "new");
        let proof = signed_in_software(&challenge);
        let key = KeyPreparation { by: "sylvia".into(), nonce: nonce.clone(), proof };
        assert_eq!(key.verify(Policy::Risk, "old", "new"), Err(EvidenceFault::Challenge));
        let key = preparation_for("sylvia", Policy::Risk, "old", "new");
        let key = KeyApproval { by: Some(key.by), nonce: key.nonce, proof: key.proof };
        assert_eq!(key.verify(Policy::Risk, "old", "new"), Err(EvidenceFault::Challenge));
    }
}
