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
        sha256(&text_of(nonce, policy, before, after))
    }

    /// The text whose SHA-256 is the challenge for approving this change.
    pub fn text(&self, policy: Policy, before: &str, after: &str) -> String {
        text_of(&self.nonce, policy, before, after)
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
}

/// A nonce for a challenge, base64url; `None`: the system has no randomness.
pub fn new_nonce() -> Option<String> {
    let mut random = [0u8; 32];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(B64.encode(random))
}

/// The challenge of a text.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    sum
}

fn text_of(nonce: &str, policy: Policy, before: &str, after: &str) -> String {
    let policy = policy.word();
    format!(
        "signet policy approval v1\nnonce={nonce}\npolicy={policy}\nbefore={before}\n\
            after={after}\n"
    )
}

/// A key in software approves this change.
#[cfg(test)]
pub(crate) fn approval_for(policy: Policy, before: &str, after: &str) -> KeyApproval {
    let nonce = new_nonce().unwrap();
    let challenge = KeyApproval::challenge(&nonce, policy, before, after);
    KeyApproval { nonce, proof: signed_in_software(&challenge) }
}

/// A new key in software answers this challenge.
#[cfg(test)]
pub(super) fn signed_in_software(challenge: &[u8; 32]) -> WebProof {
    use signet_softkey::{Maker, challenge_of};
    use signet_stepup::{
        CeremonyKind, client_data_json,
        rp::{Person, RpSettings, WebParty},
    };
    const ORIGIN: &str = "https://console.bank.example";
    let settings = RpSettings {
        rp_id: "console.bank.example".into(),
        origin: Some(ORIGIN.into()),
        name: "Bank".into(),
        timeout: std::time::Duration::from_secs(60),
    };
    let party = WebParty::new(&settings, None).unwrap();
    let mut key = Maker::new("Maker").key("00112233-4455-6677-8899-aabbccddeeff");
    let person = Person { id: [1; 16], name: "tom".into(), display: "tom".into() };
    let (options, pending) = party.begin_registration(&person, &[]).unwrap();
    let options = options.to_string();
    let data = client_data_json(CeremonyKind::Register, &challenge_of(&options), ORIGIN, None);
    let made = party.finish_registration(pending, &key.register(&options, &data)).unwrap();
    let pending = party.begin_assertion(std::slice::from_ref(&made.passkey), challenge).unwrap();
    let options = party.request_options(challenge, std::slice::from_ref(&made.credential_id));
    let options = options.to_string();
    let data = client_data_json(CeremonyKind::Sign, &challenge_of(&options), ORIGIN, None);
    let signed = party.finish_assertion(pending, &key.sign(&options, &data).unwrap()).unwrap();
    WebProof {
        rp_id: party.rp_id().into(),
        origin: party.origin().into(),
        credential_id: B64.encode(&signed.credential_id),
        public_key: B64.encode(&made.public_key),
        client_data_json: B64.encode(&signed.client_data_json),
        authenticator_data: B64.encode(&signed.authenticator_data),
        signature: B64.encode(&signed.signature),
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
