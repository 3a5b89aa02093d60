//! Who may register what (WebAuthn Level 2 §7.1).

use crate::support::{MODEL, ORIGIN, OTHER_MODEL, World, person, relying_party};
use signet_softkey::{Maker, Quirk, challenge_of};
use signet_stepup::{
    CeremonyKind, client_data_json,
    rp::{ANSWER_LEN_MAX, PASSKEY_LEN_MAX, Passkey, RpError},
};

#[test]
fn a_listed_key_is_registered_and_kept_as_text() {
    let w = World::new();
    let (_, new) = w.registered();
    assert_eq!(
        (new.model.as_str(), new.transports.as_slice()),
        ("Test key", ["usb".to_owned()].as_slice())
    );
    assert_eq!(
        (new.passkey.credential_id(), new.passkey.aaguid()),
        (new.credential_id.as_slice(), Some(new.aaguid))
    );
    let text = new.passkey.to_json().unwrap();
    assert_eq!(Passkey::from_json(&text), Ok(new.passkey.clone()));
    assert_eq!(new.passkey.clone().with_counter(7).counter(), 7);
    assert!(matches!(Passkey::from_json("{}"), Err(RpError::StoredKey(_))));
    assert!(matches!(
        Passkey::from_json(&" ".repeat(PASSKEY_LEN_MAX + 1)),
        Err(RpError::StoredKey(_))
    ));
}

#[test]
fn what_is_asked_of_a_key() {
    let w = World::new();
    let (_, new) = w.registered();
    let (options, _) = w.rp.begin_registration(&person(), &[new.passkey]).unwrap();
    let ask = &serde_json::from_str::<serde_json::Value>(&options).unwrap()["publicKey"];
    assert_eq!(ask["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(ask["authenticatorSelection"]["authenticatorAttachment"], "cross-platform");
    assert_eq!(ask["attestation"], "direct");
    assert_eq!(ask["pubKeyCredParams"], serde_json::json!([{"type": "public-key", "alg": -7}]));
    let protect = serde_json::json!({"credentialProtectionPolicy": "userVerificationRequired", "enforceCredentialProtectionPolicy": true});
    assert_eq!(ask["extensions"], protect);
    assert_eq!(ask["excludeCredentials"].as_array().unwrap().len(), 1);
}

#[test]
fn table_of_keys_that_are_refused() {
    let listed = |aaguid: &str| RpError::ModelNotListed(aaguid.into());
    let w = World::new();
    let stranger = Maker::new("Maker Root");
    for (name, mut key, want) in [
        ("a model that is not listed", w.maker.key(OTHER_MODEL), listed(OTHER_MODEL)),
        ("a maker that is not listed", stranger.key(MODEL), RpError::MakerNotListed),
        (
            "software without attestation",
            w.maker.key(MODEL).with(Quirk::NoAttestation),
            RpError::NotAttested,
        ),
        (
            "software that attests itself",
            w.maker.key(MODEL).with(Quirk::SelfAttestation),
            RpError::NotAttested,
        ),
        (
            "a borrowed attestation certificate",
            w.maker.key(MODEL).with(Quirk::FalseAttestation),
            RpError::BadSignature,
        ),
        ("no PIN", w.maker.key(MODEL).with(Quirk::NoUserVerification), RpError::NotVerified),
        ("no touch", w.maker.key(MODEL).with(Quirk::NoUserPresence), RpError::NotPresent),
        (
            "a key that can be copied",
            w.maker.key(MODEL).with(Quirk::BackupEligible),
            RpError::Copyable,
        ),
        ("no credProtect", w.maker.key(MODEL).with(Quirk::NoCredProtect), RpError::NotProtected),
        (
            "weak credProtect",
            w.maker.key(MODEL).with(Quirk::WeakCredProtect),
            RpError::NotProtected,
        ),
        ("another relying party", w.maker.key(MODEL).with(Quirk::OtherRpId), RpError::RpIdDiffers),
    ] {
        assert_eq!(w.register(&mut key), Err(want), "{name}");
    }
}

#[test]
fn table_of_answers_that_are_refused() {
    let w = World::new();
    let data =
        |kind, challenge: &str, origin: &str| client_data_json(kind, challenge, origin, None);
    type Make = fn(&dyn Fn(CeremonyKind, &str, &str) -> String, &str) -> String;
    let table: [(&str, Make, RpError); 4] = [
        (
            "another challenge",
            |d, _| d(CeremonyKind::Register, "AAEC", ORIGIN),
            RpError::ChallengeDiffers,
        ),
        (
            "a subdomain",
            |d, c| d(CeremonyKind::Register, c, "https://a.stepup.bank.example"),
            RpError::OriginDiffers,
        ),
        (
            "the parent",
            |d, c| d(CeremonyKind::Register, c, "https://bank.example"),
            RpError::OriginDiffers,
        ),
        (
            "not byte by byte",
            |d, c| d(CeremonyKind::Register, c, "https://stepup.bank.example/"),
            RpError::OriginDiffers,
        ),
    ];
    for (name, make, want) in table {
        let (options, pending) = w.rp.begin_registration(&person(), &[]).unwrap();
        let answer = w.maker.key(MODEL).register(&options, &make(&data, &challenge_of(&options)));
        assert_eq!(w.rp.finish_registration(pending, &answer), Err(want), "{name}");
    }
    let (options, pending) = w.rp.begin_registration(&person(), &[]).unwrap();
    let answer = w
        .maker
        .key(MODEL)
        .register(&options, &data(CeremonyKind::Sign, &challenge_of(&options), ORIGIN));
    assert!(matches!(w.rp.finish_registration(pending, &answer), Err(RpError::Malformed(_))));
    for (text, long) in
        [("".to_owned(), false), ("{}".into(), false), ("x".repeat(ANSWER_LEN_MAX + 1), true)]
    {
        let (_, pending) = w.rp.begin_registration(&person(), &[]).unwrap();
        let refused = w.rp.finish_registration(pending, &text).unwrap_err();
        assert!(
            if long {
                refused == RpError::AnswerTooLong
            } else {
                matches!(refused, RpError::Malformed(_))
            },
            "{refused}"
        );
    }
}

#[test]
fn the_same_credential_is_not_registered_twice() {
    let w = World::new();
    let mut key = w.maker.key(MODEL);
    let (options, pending) = w.rp.begin_registration(&person(), &[]).unwrap();
    let data = client_data_json(CeremonyKind::Register, &challenge_of(&options), ORIGIN, None);
    let answer = key.register(&options, &data);
    let new = w.rp.finish_registration(pending, &answer).unwrap();
    let (_, pending) = w.rp.begin_registration(&person(), &[new.passkey]).unwrap();
    assert_eq!(w.rp.finish_registration(pending, &answer), Err(RpError::AlreadyRegistered));
}

#[test]
fn a_model_that_was_withdrawn_stops_working() {
    let w = World::new();
    let (mut key, new) = w.registered();
    assert_eq!(w.rp.still_listed(&new.passkey), Ok("Test key"));
    let withdrawn = relying_party(&w.maker.list(&[(OTHER_MODEL, "Newer key")]));
    assert_eq!(withdrawn.still_listed(&new.passkey), Err(RpError::ModelNotListed(MODEL.into())));
    let other_maker = relying_party(&Maker::new("Other").list(&[(MODEL, "Test key")]));
    assert_eq!(other_maker.still_listed(&new.passkey), Err(RpError::MakerNotListed));
    // The model is listed, for another maker.
    let swapped = format!(
        "{}{}",
        w.maker.list(&[(OTHER_MODEL, "Newer")]),
        Maker::new("Other").list(&[(MODEL, "Test key")])
    );
    assert_eq!(
        relying_party(&swapped).still_listed(&new.passkey),
        Err(RpError::ModelNotListed(MODEL.into()))
    );
    // Withdrawn between challenge and answer.
    let w = World { rp: withdrawn, ..w };
    let refused = w.step_up(&mut key, &new, Some(&crate::support::context()), |a| a);
    assert_eq!(refused, Err(RpError::ModelNotListed(MODEL.into())));
}
