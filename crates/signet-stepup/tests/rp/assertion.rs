//! Which step-ups count (WebAuthn Level 2 §7.2, and what it leaves to the relying party).

use crate::support::{
    EXPORTER, MODEL, ORIGIN, RP_ID, World, context, edit_client_data, other_context,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_softkey::{Quirk, challenge_of};
use signet_stepup::{
    CeremonyKind, Context, client_data_json,
    rp::{ANSWER_LEN_MAX, KEYS_MAX, RpError},
};
use std::slice::from_ref;

#[test]
fn a_touch_for_exactly_this_counts() {
    let w = World::new();
    let (mut key, new) = w.registered();
    let first = w.step_up(&mut key, &new, Some(&context()), |a| a).unwrap();
    assert_eq!((first.credential_id.as_slice(), first.counter), (new.credential_id.as_slice(), 2));
    assert_eq!(first.passkey.counter(), 2);
    assert_eq!(Context::of_client_data(&first.client_data_json), Some(context()));
    let second = w.step_up(&mut key, &new, Some(&context()), |a| a).unwrap();
    assert_ne!(first.challenge, second.challenge);
}

#[test]
fn what_is_asked_of_a_key() {
    let w = World::new();
    let (_, new) = w.registered();
    let (options, _) = w.rp.begin_assertion(from_ref(&new.passkey)).unwrap();
    let ask = &serde_json::from_str::<serde_json::Value>(&options).unwrap()["publicKey"];
    assert_eq!((&ask["userVerification"], &ask["rpId"]), (&"required".into(), &RP_ID.into()));
    assert_eq!(ask["allowCredentials"][0]["id"], B64.encode(&new.credential_id));
    assert_eq!(B64.decode(ask["challenge"].as_str().unwrap()).unwrap().len(), 32);
    assert!(matches!(w.rp.begin_assertion(&[]), Err(RpError::Setup(_))));
    assert!(matches!(
        w.rp.begin_assertion(&vec![new.passkey; KEYS_MAX + 1]),
        Err(RpError::Setup(_))
    ));
}

#[test]
fn table_of_contexts() {
    let w = World::new();
    let (mut key, new) = w.registered();
    let elsewhere = Context { exporter: [8; 32], ..context() };
    for (name, signed, want) in [
        ("another approval", Some(other_context()), RpError::ApprovalDiffers),
        ("relayed over another connection", Some(elsewhere), RpError::OtherConnection),
        ("no context", None, RpError::NoContext),
    ] {
        assert_eq!(w.step_up(&mut key, &new, signed.as_ref(), |a| a), Err(want), "{name}");
    }
}

#[test]
fn a_context_edited_after_signing_is_no_signature() {
    let w = World::new();
    let (mut key, new) = w.registered();
    let (right, wrong) = (B64.encode(context().approval.0), B64.encode(other_context().approval.0));
    let (here, there) = (B64.encode(EXPORTER), B64.encode([8; 32]));
    let there_signed = Context { exporter: [8; 32], ..context() };
    for (name, signed, from, to) in [
        ("another approval made to look like this one", other_context(), &wrong, &right),
        ("another connection made to look like this one", there_signed, &there, &here),
        ("and the other way round", context(), &right, &wrong),
    ] {
        let refused = w.step_up(&mut key, &new, Some(&signed), |a| edit_client_data(&a, from, to));
        assert_eq!(refused, Err(RpError::BadSignature), "{name}");
    }
    let injected = w.step_up(&mut key, &new, None, |a| {
        let member = format!("\"crossOrigin\":false,\"stepUp\":{{\"v\":1,\"txn\":\"{right}\",\"tlsExporter\":\"{here}\"}}");
        edit_client_data(&a, "\"crossOrigin\":false", &member)
    });
    assert_eq!(injected, Err(RpError::BadSignature));
}

#[test]
fn table_of_keys_that_misbehave() {
    let w = World::new();
    for (quirk, want) in [
        (Quirk::NoUserVerification, RpError::NotVerified),
        (Quirk::NoUserPresence, RpError::NotPresent),
        (Quirk::BackupEligible, RpError::Copyable),
        (Quirk::OtherRpId, RpError::RpIdDiffers),
    ] {
        let (key, new) = w.registered();
        assert_eq!(
            w.step_up(&mut key.with(quirk), &new, Some(&context()), |a| a),
            Err(want),
            "{quirk:?}"
        );
    }
    for quirk in [Quirk::CounterBack, Quirk::CounterStays, Quirk::CounterZero] {
        let (key, new) = w.registered();
        let want = RpError::CounterWentBack { credential_id: B64.encode(&new.credential_id) };
        assert_eq!(
            w.step_up(&mut key.with(quirk), &new, Some(&context()), |a| a),
            Err(want),
            "{quirk:?}"
        );
    }
}

#[test]
fn a_key_that_does_not_count_is_a_key() {
    let w = World::new();
    let mut key = w.maker.key(MODEL).with(Quirk::CounterZero);
    let new = w.register(&mut key).unwrap();
    for _ in 0..2 {
        assert_eq!(w.step_up(&mut key, &new, Some(&context()), |a| a).map(|a| a.counter), Ok(0));
    }
    // One that begins to count and then does not any more is not.
    key.quirk = None;
    let counted = w.step_up(&mut key, &new, Some(&context()), |a| a).unwrap();
    key.quirk = Some(Quirk::CounterZero);
    let new = signet_stepup::rp::NewKey { passkey: counted.passkey, ..new };
    assert!(matches!(
        w.step_up(&mut key, &new, Some(&context()), |a| a),
        Err(RpError::CounterWentBack { .. })
    ));
}

/// That an answer counts once is the pending state's doing: judging takes it. A replay meets
/// another challenge.
#[test]
fn a_replayed_answer_meets_another_challenge() {
    let w = World::new();
    let (mut key, new) = w.registered();
    let (options, pending) = w.rp.begin_assertion(from_ref(&new.passkey)).unwrap();
    let data =
        client_data_json(CeremonyKind::Sign, &challenge_of(&options), ORIGIN, Some(&context()));
    let answer = key.sign(&options, &data).unwrap();
    assert!(w.rp.finish_assertion(pending, &answer, &context()).is_ok());
    let (_, pending) = w.rp.begin_assertion(&[new.passkey]).unwrap();
    assert_eq!(w.rp.finish_assertion(pending, &answer, &context()), Err(RpError::ChallengeDiffers));
}

#[test]
fn table_of_answers_that_are_refused() {
    let w = World::new();
    let (mut key, new) = w.registered();
    let (_, other) = w.registered();
    for (name, origin) in [
        ("a subdomain", "https://a.stepup.bank.example"),
        ("not byte by byte", "https://stepup.bank.example/"),
    ] {
        let (options, pending) = w.rp.begin_assertion(from_ref(&new.passkey)).unwrap();
        let data =
            client_data_json(CeremonyKind::Sign, &challenge_of(&options), origin, Some(&context()));
        let answer = key.sign(&options, &data).unwrap();
        assert_eq!(
            w.rp.finish_assertion(pending, &answer, &context()),
            Err(RpError::OriginDiffers),
            "{name}"
        );
    }
    let (options, pending) = w.rp.begin_assertion(from_ref(&other.passkey)).unwrap();
    let data =
        client_data_json(CeremonyKind::Sign, &challenge_of(&options), ORIGIN, Some(&context()));
    assert_eq!(key.sign(&options, &data), None, "a good key says itself that it is not asked");
    assert_eq!(
        w.rp.finish_assertion(pending, &key.sign_unasked(RP_ID, &data), &context()),
        Err(RpError::UnknownKey)
    );
    // The other key's name on this key's answer.
    let swap =
        |a: String| a.replace(&B64.encode(&new.credential_id), &B64.encode(&other.credential_id));
    let (options, pending) =
        w.rp.begin_assertion(&[new.passkey.clone(), other.passkey.clone()]).unwrap();
    let data =
        client_data_json(CeremonyKind::Sign, &challenge_of(&options), ORIGIN, Some(&context()));
    let answer = key.sign(&options, &data).unwrap();
    assert_eq!(
        w.rp.finish_assertion(pending, &swap(answer), &context()),
        Err(RpError::BadSignature)
    );
    let refused =
        w.step_up(&mut key, &new, Some(&context()), |a| a.replace("public-key", "password"));
    assert!(matches!(refused, Err(RpError::Malformed(_))));
    let refused =
        w.step_up(&mut key, &new, Some(&context()), |a| a.replacen("\"id\":\"", "\"id\":\"A", 1));
    assert!(matches!(refused, Err(RpError::Malformed(_))));
    let refused = w.step_up(&mut key, &new, Some(&context()), |a| a + &" ".repeat(ANSWER_LEN_MAX));
    assert_eq!(refused, Err(RpError::AnswerTooLong));
}
