//! The relying party of a web page: challenges of the caller's choice, and proofs that outlive it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::json;
use signet_softkey::{Maker, Quirk, SoftKey, challenge_of};
use signet_stepup::{
    evidence::{EvidenceFault, WebProof},
    rp::{AttestationList, NewWebKey, Person, RpError, RpSettings, WebAssertion, WebParty},
};
use std::{path::Path, slice::from_ref, time::Duration};

const MODEL: &str = "00112233-4455-6677-8899-aabbccddeeff";
const RP_ID: &str = "console.bank.example";
const ORIGIN: &str = "https://console.bank.example:9447";
const CHALLENGE: [u8; 32] = [9; 32];

fn party(list: Option<&str>) -> WebParty {
    let settings = RpSettings {
        rp_id: RP_ID.into(),
        origin: Some(ORIGIN.into()),
        name: "Bank".into(),
        timeout: Duration::from_secs(60),
    };
    let list = list.map(|l| AttestationList::from_toml(l, Path::new("/")).unwrap());
    WebParty::new(&settings, list).unwrap()
}

fn client_data(kind: &str, challenge: &str, origin: &str, cross: bool) -> String {
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": cross })
        .to_string()
}

fn register(p: &WebParty, key: &mut SoftKey, origin: &str) -> Result<NewWebKey, RpError> {
    let person = Person { id: [1; 16], name: "ada".into(), display: "Ada".into() };
    let (options, pending) = p.begin_registration(&person, &[]).unwrap();
    let options = options.to_string();
    let data = client_data("webauthn.create", &challenge_of(&options), origin, false);
    p.finish_registration(pending, &key.register(&options, &data))
}

fn sign(
    p: &WebParty,
    key: &mut SoftKey,
    made: &NewWebKey,
    data: &str,
) -> Result<WebAssertion, RpError> {
    let pending = p.begin_assertion(from_ref(&made.passkey), &CHALLENGE).unwrap();
    let options = p.request_options(&CHALLENGE, from_ref(&made.credential_id)).to_string();
    p.finish_assertion(pending, &key.sign(&options, data).unwrap())
}

#[test]
fn table_of_registrations() {
    let (maker, other) = (Maker::new("Maker"), Maker::new("Other"));
    let list = maker.list(&[(MODEL, "Blue key")]);
    for (name, quirk, of_maker, listed, want) in [
        ("any model", None, false, false, Ok("")),
        ("no attestation", Some(Quirk::NoAttestation), false, false, Ok("")),
        ("no credProtect", Some(Quirk::NoCredProtect), false, false, Ok("")),
        ("no PIN", Some(Quirk::NoUserVerification), false, false, Err("stepup.not_verified")),
        ("no touch", Some(Quirk::NoUserPresence), false, false, Err("stepup.not_present")),
        ("can be copied", Some(Quirk::BackupEligible), false, false, Err("stepup.copyable")),
        ("other party", Some(Quirk::OtherRpId), false, false, Err("stepup.rp_id_differs")),
        ("listed", None, true, true, Ok("Blue key")),
        ("of another maker", None, false, true, Err("stepup.maker_not_listed")),
        (
            "listed, not attested",
            Some(Quirk::NoAttestation),
            true,
            true,
            Err("stepup.not_attested"),
        ),
    ] {
        let p = party(listed.then_some(list.as_str()));
        let mut key = if of_maker { maker.key(MODEL) } else { other.key(MODEL) };
        key.quirk = quirk;
        let made = register(&p, &mut key, ORIGIN);
        let found = made.as_ref().map(|m| m.model.as_str()).map_err(RpError::code);
        assert_eq!(found, want, "{name}");
    }
    let mut key = other.key(MODEL);
    let elsewhere = register(&party(None), &mut key, "https://console.bank.example");
    assert_eq!(elsewhere.unwrap_err().code(), "stepup.origin_differs");
}

#[test]
fn table_of_answers() {
    let p = party(None);
    let ours = B64.encode(CHALLENGE);
    let (get, create) = ("webauthn.get", "webauthn.create");
    let evil = "https://evil.example";
    for (name, data, quirk, want) in [
        ("good", client_data(get, &ours, ORIGIN, false), None, Ok(2)),
        (
            "without a counter",
            client_data(get, &ours, ORIGIN, false),
            Some(Quirk::CounterZero),
            Err("stepup.counter_went_back"),
        ),
        (
            "another challenge",
            client_data(get, &B64.encode([8; 32]), ORIGIN, false),
            None,
            Err("stepup.challenge_differs"),
        ),
        (
            "another origin",
            client_data(get, &ours, evil, false),
            None,
            Err("stepup.origin_differs"),
        ),
        (
            "another port",
            client_data(get, &ours, "https://console.bank.example", false),
            None,
            Err("stepup.origin_differs"),
        ),
        (
            "in a frame of another page",
            client_data(get, &ours, ORIGIN, true),
            None,
            Err("stepup.origin_differs"),
        ),
        (
            "a registration",
            client_data(create, &ours, ORIGIN, false),
            None,
            Err("stepup.malformed"),
        ),
        (
            "no PIN",
            client_data(get, &ours, ORIGIN, false),
            Some(Quirk::NoUserVerification),
            Err("stepup.not_verified"),
        ),
        (
            "no touch",
            client_data(get, &ours, ORIGIN, false),
            Some(Quirk::NoUserPresence),
            Err("stepup.not_present"),
        ),
        (
            "other party",
            client_data(get, &ours, ORIGIN, false),
            Some(Quirk::OtherRpId),
            Err("stepup.rp_id_differs"),
        ),
        (
            "counter back",
            client_data(get, &ours, ORIGIN, false),
            Some(Quirk::CounterBack),
            Err("stepup.counter_went_back"),
        ),
        (
            "counter stays",
            client_data(get, &ours, ORIGIN, false),
            Some(Quirk::CounterStays),
            Err("stepup.counter_went_back"),
        ),
    ] {
        let mut key = Maker::new("Maker").key(MODEL);
        let made = register(&p, &mut key, ORIGIN).unwrap();
        key.quirk = quirk;
        let found = sign(&p, &mut key, &made, &data).map(|a| a.counter);
        assert_eq!(found.map_err(|e| e.code()), want, "{name}");
    }
    // A key that became copyable since.
    let mut key = Maker::new("Maker").key(MODEL);
    let made = register(&p, &mut key, ORIGIN).unwrap();
    key.quirk = Some(Quirk::BackupEligible);
    assert!(sign(&p, &mut key, &made, &client_data(get, &ours, ORIGIN, false)).is_err());
    // The key of somebody else.
    let mut key = Maker::new("Maker").key(MODEL);
    let (made, other) =
        (register(&p, &mut key, ORIGIN).unwrap(), register(&p, &mut key, ORIGIN).unwrap());
    let pending = p.begin_assertion(from_ref(&made.passkey), &CHALLENGE).unwrap();
    let options = p.request_options(&CHALLENGE, from_ref(&other.credential_id)).to_string();
    let answer = key.sign(&options, &client_data(get, &ours, ORIGIN, false)).unwrap();
    assert_eq!(p.finish_assertion(pending, &answer), Err(RpError::UnknownKey));
    assert!(p.begin_assertion(&[], &CHALLENGE).is_err());
}

#[test]
fn a_proof_is_verified_without_the_relying_party() {
    let p = party(None);
    let mut key = Maker::new("Maker").key(MODEL);
    let made = register(&p, &mut key, ORIGIN).unwrap();
    let data = client_data("webauthn.get", &B64.encode(CHALLENGE), ORIGIN, false);
    let a = sign(&p, &mut key, &made, &data).unwrap();
    let proof = WebProof {
        rp_id: RP_ID.into(),
        origin: ORIGIN.into(),
        credential_id: B64.encode(&a.credential_id),
        public_key: B64.encode(&made.public_key),
        client_data_json: B64.encode(&a.client_data_json),
        authenticator_data: B64.encode(&a.authenticator_data),
        signature: B64.encode(&a.signature),
    };
    assert_eq!(proof.verify(&CHALLENGE), Ok(()));
    assert_eq!(proof.verify(&[8; 32]), Err(EvidenceFault::Challenge));
    let flipped = |text: &str, at: usize| {
        let mut bytes = B64.decode(text).unwrap();
        bytes[at] ^= 1;
        B64.encode(bytes)
    };
    let with = |change: &dyn Fn(&mut WebProof)| {
        let mut p = proof.clone();
        change(&mut p);
        p.verify(&CHALLENGE)
    };
    // Every byte of what was signed.
    for at in 0..a.client_data_json.len() {
        let found = with(&|p| p.client_data_json = flipped(&proof.client_data_json, at));
        assert_eq!(found, Err(EvidenceFault::Signature), "client data {at}");
    }
    for at in 0..a.authenticator_data.len() {
        let found = with(&|p| p.authenticator_data = flipped(&proof.authenticator_data, at));
        assert_eq!(found, Err(EvidenceFault::Signature), "authenticator data {at}");
    }
    assert_eq!(with(&|p| p.rp_id = "bank.example".into()), Err(EvidenceFault::RpId));
    assert_eq!(with(&|p| p.origin = "https://evil.example".into()), Err(EvidenceFault::Origin));
    assert_eq!(with(&|p| p.public_key = "AA".into()), Err(EvidenceFault::KeyKind));
    assert_eq!(with(&|p| p.signature = "!".into()), Err(EvidenceFault::Member("signature")));
    assert!(proof.signed_parts().is_some());
}
