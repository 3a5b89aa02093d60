//! Evidence stands by itself, and every alteration shows.

use crate::support::{EXPORTER, ORIGIN, RP_ID, World, approval, context};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_stepup::{
    Approval,
    evidence::{Evidence, EvidenceFault, RECORD_LEN_MAX, VERSION, dashed},
    rp::{Assertion, NewKey},
};

fn record(new: &NewKey, a: &Assertion) -> Evidence {
    Evidence {
        v: VERSION,
        at_ms: 1_000,
        user: "alice".into(),
        approver: "ALICE".into(),
        key_name: "blue key".into(),
        approval: approval().text().unwrap(),
        policy: "none".into(),
        challenge: B64.encode(&a.challenge),
        deadline_ms: 1_000,
        rp_id: RP_ID.into(),
        origin: ORIGIN.into(),
        tls_exporter: B64.encode(EXPORTER),
        credential_id: B64.encode(&new.credential_id),
        public_key: B64.encode(&new.public_key),
        aaguid: dashed(new.aaguid),
        client_data_json: B64.encode(&a.client_data_json),
        authenticator_data: B64.encode(&a.authenticator_data),
        signature: B64.encode(&a.signature),
        attestation_object: B64.encode(&new.attestation_object),
        registration_client_data_json: B64.encode(&new.client_data_json),
    }
}

fn other_approval() -> Approval {
    Approval { gateway: "OTHER".into(), ..approval() }
}

fn made() -> (Evidence, Evidence) {
    let w = World::new();
    let one = || {
        let (mut key, new) = w.registered();
        let a = w.step_up(&mut key, &new, Some(&context()), |a| a).unwrap();
        record(&new, &a)
    };
    (one(), one())
}

/// One bit of the bytes in a member, at a place counted from the end when negative.
fn flip(text: &mut String, at: isize, bit: u8) {
    let mut bytes = B64.decode(text.as_str()).unwrap();
    let at = usize::try_from(at).unwrap_or_else(|_| bytes.len() - at.unsigned_abs());
    bytes[at] ^= bit;
    *text = B64.encode(bytes);
}

#[test]
fn a_record_stands_by_itself() {
    let (record, _) = made();
    assert_eq!(record.verify(), Ok(()));
    let text = record.to_json();
    assert_eq!(Evidence::from_json(&text), Ok(record));
    assert_eq!(Evidence::from_json(&text).unwrap().to_json(), text);
}

#[test]
fn every_alteration_shows() {
    use EvidenceFault::*;
    let (good, other) = made();
    type Change = fn(&mut Evidence, &Evidence);
    let table: &[(&str, Change, EvidenceFault)] = &[
        ("version", |e, _| e.v = 2, Version),
        ("judged late", |e, _| e.at_ms = 1_001, Late),
        ("deadline", |e, _| e.deadline_ms = 999, Late),
        ("another desk", |e, _| e.approver = "BOB".into(), Approver),
        ("another approval", |e, _| e.approval = other_approval().text().unwrap(), ApprovalDigest),
        ("no approval", |e, _| e.approval.push('\n'), Approval),
        ("another challenge", |e, o| e.challenge = o.challenge.clone(), Challenge),
        ("another relying party", |e, _| e.rp_id = "bank.example".into(), RpId),
        ("another origin", |e, _| e.origin = "https://bank.example".into(), Origin),
        ("another connection", |e, _| e.tls_exporter = B64.encode([8; 32]), Exporter),
        ("another credential", |e, o| e.credential_id = o.credential_id.clone(), OtherKey),
        ("another key", |e, o| e.public_key = o.public_key.clone(), Signature),
        ("another model", |e, _| e.aaguid = dashed([1; 16]), Model),
        ("what was signed", |e, _| flip(&mut e.client_data_json, -3, 1), Signature),
        ("flags", |e, _| flip(&mut e.authenticator_data, 32, 4), Signature),
        ("counter", |e, _| flip(&mut e.authenticator_data, -1, 1), Signature),
        ("signature", |e, _| flip(&mut e.signature, -1, 1), Signature),
        ("another assertion's signature", |e, o| e.signature = o.signature.clone(), Signature),
        (
            "another attestation",
            |e, o| e.attestation_object = o.attestation_object.clone(),
            OtherKey,
        ),
        (
            "attestation's counter",
            |e, _| flip(&mut e.attestation_object, -14 - 77 - 34 - 16 - 1, 0x10),
            AttestationSignature,
        ),
        (
            "registration",
            |e, o| e.registration_client_data_json = o.registration_client_data_json.clone(),
            AttestationSignature,
        ),
        (
            "no registration",
            |e, _| e.registration_client_data_json = e.client_data_json.clone(),
            Registration,
        ),
        ("no text", |e, _| e.signature = "!".into(), Member("signature")),
        ("no key", |e, _| e.public_key = B64.encode([0xa0]), KeyKind),
        (
            "no attestation",
            |e, _| e.attestation_object = B64.encode([0xa0]),
            Member("attestation_object"),
        ),
    ];
    for (name, change, want) in table {
        let mut e = good.clone();
        change(&mut e, &other);
        assert_ne!(e, good, "{name}");
        assert_eq!(e.verify(), Err(*want), "{name}");
    }
}

/// A relying party that judged wrongly would be found out.
#[test]
fn what_should_not_have_been_accepted_shows() {
    use signet_softkey::{Quirk, challenge_of};
    use signet_stepup::{CeremonyKind, Context, Digest, client_data_json};
    let w = World::new();
    let elsewhere = Context { exporter: [8; 32], ..context() };
    let other = Context { approval: Digest([9; 32]), ..context() };
    for (quirk, signed, kind, want) in [
        (None, Some(context()), CeremonyKind::Sign, Ok(())),
        (
            Some(Quirk::NoUserPresence),
            Some(context()),
            CeremonyKind::Sign,
            Err(EvidenceFault::NotPresent),
        ),
        (
            Some(Quirk::NoUserVerification),
            Some(context()),
            CeremonyKind::Sign,
            Err(EvidenceFault::NotVerified),
        ),
        (
            Some(Quirk::BackupEligible),
            Some(context()),
            CeremonyKind::Sign,
            Err(EvidenceFault::Copyable),
        ),
        (Some(Quirk::OtherRpId), Some(context()), CeremonyKind::Sign, Err(EvidenceFault::RpId)),
        (None, None, CeremonyKind::Sign, Err(EvidenceFault::NoContext)),
        (None, Some(elsewhere), CeremonyKind::Sign, Err(EvidenceFault::Exporter)),
        (None, Some(other), CeremonyKind::Sign, Err(EvidenceFault::ApprovalDigest)),
        (None, Some(context()), CeremonyKind::Register, Err(EvidenceFault::ClientData)),
    ] {
        let (mut key, new) = w.registered();
        key.quirk = quirk;
        let (options, _) = w.rp.begin_assertion(std::slice::from_ref(&new.passkey)).unwrap();
        let data = client_data_json(kind, &challenge_of(&options), ORIGIN, signed.as_ref());
        let answer: serde_json::Value =
            serde_json::from_str(&key.sign(&options, &data).unwrap()).unwrap();
        let bytes = |name: &str| B64.decode(answer["response"][name].as_str().unwrap()).unwrap();
        let a = Assertion {
            credential_id: new.credential_id.clone(),
            counter: 2,
            passkey: new.passkey.clone(),
            challenge: B64.decode(challenge_of(&options)).unwrap(),
            client_data_json: bytes("clientDataJSON"),
            authenticator_data: bytes("authenticatorData"),
            signature: bytes("signature"),
        };
        assert_eq!(record(&new, &a).verify(), want, "{quirk:?} {signed:?}");
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let (good, _) = made();
    let text = good.to_json();
    for (bad, want) in [
        (text.replacen("\"v\":1", "\"v\":2", 1), EvidenceFault::Version),
        (text.replacen("\"v\":1", "\"v\":1,\"x\":0", 1), EvidenceFault::Unreadable),
        (text.replacen("\"user\"", "\"who\"", 1), EvidenceFault::Unreadable),
        (text.clone() + &" ".repeat(RECORD_LEN_MAX), EvidenceFault::Unreadable),
        (String::new(), EvidenceFault::Unreadable),
    ] {
        assert_eq!(Evidence::from_json(&bad), Err(want));
    }
}
