//! What a security key signed to approve a change of policy, so that anybody can verify it later.

use super::{Person, Policy, PolicyRefusal};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::{Deserialize, Serialize};
use signet_stepup::evidence::{EvidenceFault, SignedParts, WebProof};

/// An approval by security key. Binary members are base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyApproval {
    /// Who approved the change, as certificates name them; part of the challenge. `None`: the text
    /// was of version 1, which named nobody, and the approval is of an earlier gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Drawn for this approval; part of what the challenge was made from.
    pub nonce: String,
    /// The key, and what it signed.
    #[serde(flatten)]
    pub proof: WebProof,
}

impl KeyApproval {
    /// The challenge for approving this change: SHA-256 over lines of text. It says who signs and
    /// for what, since a browser adds nothing of that itself.
    pub fn challenge(
        (by, nonce): (&str, &str),
        policy: Policy,
        before: &str,
        after: &str,
    ) -> [u8; 32] {
        sha256(&text_of((Some(by), nonce), policy, before, after))
    }

    /// The text whose SHA-256 is the challenge for approving this change, in its version.
    pub fn text(&self, policy: Policy, before: &str, after: &str) -> String {
        text_of((self.by.as_deref(), &self.nonce), policy, before, after)
    }

    /// Whether the key signed for exactly this change, as approved by [`Self::by`].
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, policy: Policy, before: &str, after: &str) -> Result<(), EvidenceFault> {
        self.proof.verify(&sha256(&self.text(policy, before, after)))
    }

    /// Whether this person's approval of exactly this change was signed. An approval that names
    /// nobody does not count: the first version of the text is only verified, not taken.
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
        match &self.by {
            Some(by) if *by == who.id => self
                .verify(policy, before, after)
                .map_err(|why| PolicyRefusal::OtherApproved(why.to_string())),
            Some(by) => Err(PolicyRefusal::OtherApproved(format!("{by} signed it"))),
            None => Err(PolicyRefusal::OtherApproved("it names nobody".into())),
        }
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

/// A name is printable ASCII, so it cannot bring in a line of its own. The first lines differ, so
/// that no text of one version is one of the other.
fn text_of((by, nonce): (Option<&str>, &str), policy: Policy, before: &str, after: &str) -> String {
    let (version, by) = match by {
        Some(by) => (2, format!("by={by}\n")),
        None => (1, String::new()),
    };
    let policy = policy.word();
    format!(
        "signet policy approval v{version}\nnonce={nonce}\npolicy={policy}\nbefore={before}\n\
            after={after}\n{by}"
    )
}

/// A key in software signs that this person approves this change; without a person in the first
/// version of the text.
#[cfg(test)]
pub(crate) fn approval_for(
    by: Option<&str>,
    policy: Policy,
    before: &str,
    after: &str,
) -> KeyApproval {
    let nonce = new_nonce().unwrap();
    let challenge = sha256(&text_of((by, &nonce), policy, before, after));
    KeyApproval { by: by.map(str::to_owned), nonce, proof: signed_in_software(&challenge) }
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
    use signet_events::Actor;

    #[test]
    fn every_part_of_a_change_is_in_its_challenge() {
        let one = KeyApproval::challenge(("tom", "n"), Policy::Risk, "a", "b");
        for (who, policy, before, after, same) in [
            (("tom", "n"), Policy::Risk, "a", "b", true),
            (("ada", "n"), Policy::Risk, "a", "b", false),
            (("tom", "m"), Policy::Risk, "a", "b", false),
            (("tom", "n"), Policy::Entitlements, "a", "b", false),
            (("tom", "n"), Policy::Risk, "c", "b", false),
            (("tom", "n"), Policy::Risk, "a", "c", false),
            (("tom", "n"), Policy::Risk, "b", "a", false),
        ] {
            let other = KeyApproval::challenge(who, policy, before, after);
            assert_eq!(other == one, same, "{who:?} {policy:?} {before} {after}");
        }
    }

    #[test]
    fn both_versions_of_the_text_are_what_was_signed() {
        let text = |by| text_of((by, "N"), Policy::Risk, "D1", "D2");
        let lines = "nonce=N\npolicy=risk\nbefore=D1\nafter=D2\n";
        assert_eq!(text(None), format!("signet policy approval v1\n{lines}"));
        assert_eq!(text(Some("tom")), format!("signet policy approval v2\n{lines}by=tom\n"));
    }

    #[test]
    fn an_approval_of_earlier_verifies_and_approves_nothing_now() {
        let actor = Actor::Administrator("tom".into());
        let tom = Person { id: "tom".into(), actor, hardware_key: false };
        let verified = |key: &KeyApproval| key.verify(Policy::Risk, "old", "new").is_ok();
        let covered = |key: &KeyApproval| key.covers(&tom, Policy::Risk, "old", "new").is_ok();
        let new = approval_for(Some("tom"), Policy::Risk, "old", "new");
        let old = approval_for(None, Policy::Risk, "old", "new");
        assert!(verified(&new) && covered(&new));
        assert!(verified(&old) && !covered(&old), "it names nobody");
        // Neither becomes the other by a name that is put in or taken out, or is another one's.
        for (key, by) in [(&new, None), (&new, Some("ada")), (&old, Some("tom"))] {
            let forged = KeyApproval { by: by.map(str::to_owned), ..key.clone() };
            assert!(!verified(&forged) && !covered(&forged), "{by:?}");
        }
        let hers = approval_for(Some("ada"), Policy::Risk, "old", "new");
        assert!(verified(&hers) && !covered(&hers), "another person's");
    }

    /// Records of the history from before the second version have no name.
    #[test]
    fn an_approval_of_earlier_is_read_and_written_as_it_was() {
        let old = approval_for(None, Policy::Risk, "old", "new");
        let written = serde_json::to_value(&old).unwrap();
        assert!(written.get("by").is_none(), "{written}");
        let read: KeyApproval = serde_json::from_value(written).unwrap();
        assert_eq!(read, old);
        assert!(read.verify(Policy::Risk, "old", "new").is_ok());
    }
}
