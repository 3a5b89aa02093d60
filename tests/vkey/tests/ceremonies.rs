//! Whole ceremonies between the desk's back end, the firmware and a relying party.

mod support;

use signet_stepup::{
    Context, Digest,
    client::{CeremonyError, KeyOperation, Pin, Status, StepUp},
};
use signet_vkey::{COUNTER_STEP_MAX, Settings, TestAuthority, VirtualKey, VirtualKeys};
use std::time::Duration;
use support::*;
use webauthn_rs::prelude::{AttestedPasskey, WebauthnError};

struct World {
    authority: TestAuthority,
    rp: Rp,
    key: VirtualKey,
    keys: VirtualKeys,
}

fn world() -> World {
    let authority = TestAuthority::generate().expect("authority");
    let key = key(&authority, "one");
    World {
        rp: Rp::trusting(&authority),
        keys: VirtualKeys::new(vec![key.clone()]),
        authority,
        key,
    }
}

const ASK: Status = Status::Pin { wrong: false, left: None };

#[tokio::test]
async fn a_key_registers_and_signs_what_is_on_the_screen() {
    let w = world();
    let (options, state) = w.rp.ask_to_register(&[]);
    let (answer, seen) = run(w.keys.begin(order(KeyOperation::Register(options))), knows_pin).await;
    assert_eq!(seen, [Status::Verifying, ASK, Status::Verifying, Status::Touch]);
    let mut passkey = w.rp.registered(&answer.expect("registered"), &state).expect("accepted");

    let context = Context { approval: Digest([7; 32]), exporter: [9; 32] };
    for counter in 0..2 {
        let (options, state) = w.rp.ask_to_sign(std::slice::from_ref(&passkey));
        let order = with_context(order(KeyOperation::Sign(options)), context);
        let (answer, seen) = run(w.keys.begin(order), knows_pin).await;
        assert_eq!(
            seen,
            [Status::Verifying, ASK, Status::Verifying, Status::Touch],
            "one PIN, one touch"
        );
        let answer = answer.expect("signed");
        let result = w.rp.signed(&answer, &state).expect("accepted");
        assert!(result.user_verified());
        assert!(result.counter() > counter);
        passkey.update_credential(&result);
        assert_eq!(Context::of_client_data(&client_data(&answer)), Some(context));
    }
}

fn client_data(answer: &str) -> Vec<u8> {
    let json: serde_json::Value = serde_json::from_str(answer).expect("JSON");
    let parsed: webauthn_rs::prelude::PublicKeyCredential =
        serde_json::from_value(json).expect("an assertion");
    parsed.response.client_data_json
}

#[tokio::test]
async fn a_wrong_pin_is_asked_for_again_with_what_is_left() {
    let w = world();
    let passkey = w.rp.register(&w.keys).await;
    let (options, state) = w.rp.ask_to_sign(&[passkey]);
    let mut pins = ["00000000", "11111111", PIN].into_iter();
    let (answer, seen) =
        run(w.keys.begin(order(KeyOperation::Sign(options))), |ceremony, status| {
            if let Status::Pin { .. } = status {
                ceremony
                    .give_pin(Pin::new(pins.next().expect("no fourth PIN is asked for").into()));
            }
        })
        .await;
    w.rp.signed(&answer.expect("signed"), &state).expect("accepted");
    let asked: Vec<_> = seen.into_iter().filter(|s| matches!(s, Status::Pin { .. })).collect();
    assert_eq!(
        asked,
        [
            ASK,
            Status::Pin { wrong: true, left: Some(7) },
            Status::Pin { wrong: true, left: Some(6) }
        ]
    );
}

#[tokio::test]
async fn three_wrong_pins_pause_the_key_and_eight_block_it() {
    let w = world();
    let passkey = w.rp.register(&w.keys).await;
    let (options, _) = w.rp.ask_to_sign(&[passkey]);
    let mut outcomes = Vec::new();
    let mut asked = 0;
    while asked < 8 {
        let (answer, _) =
            run(w.keys.begin(order(KeyOperation::Sign(options.clone()))), |ceremony, status| {
                if let Status::Pin { .. } = status {
                    asked += 1;
                    ceremony.give_pin(Pin::new("00000000".into()));
                }
            })
            .await;
        outcomes.push(answer.expect_err("wrong PINs only"));
        // Out and in again: the key allows three more.
        w.key.unplug();
        w.key.plug().expect("plugged");
    }
    assert_eq!(
        outcomes,
        [CeremonyError::PinPaused, CeremonyError::PinPaused, CeremonyError::PinBlocked]
    );
    let (answer, _) = run(w.keys.begin(order(KeyOperation::Sign(options))), knows_pin).await;
    assert_eq!(answer, Err(CeremonyError::PinBlocked), "the right PIN helps no more");
}

#[tokio::test]
async fn no_touch_ends_in_time() {
    let w = world();
    let passkey = w.rp.register(&w.keys).await;
    let (options, _) = w.rp.ask_to_sign(&[passkey]);
    w.key.hold_finger(false);
    // The order's deadline, and the key's own.
    let short = signet_stepup::client::Order {
        timeout: Duration::from_millis(400),
        ..order(KeyOperation::Sign(options.clone()))
    };
    let (answer, _) = run(w.keys.begin(short), knows_pin).await;
    assert_eq!(answer, Err(CeremonyError::TimedOut));

    let impatient = Settings::named("impatient").pin(PIN).touch_timeout(Duration::from_millis(200));
    let impatient = VirtualKey::plug_in(&w.authority, impatient).expect("key");
    let keys = VirtualKeys::new(vec![impatient]);
    let (options, _) = w.rp.ask_to_register(&[]);
    let (answer, seen) = run(keys.begin(order(KeyOperation::Register(options))), knows_pin).await;
    assert_eq!(answer, Err(CeremonyError::TimedOut));
    assert_eq!(seen.last(), Some(&Status::Touch));
}

#[tokio::test]
async fn no_key_is_waited_for_and_the_first_to_come_is_taken() {
    let w = world();
    w.key.unplug();
    let (options, state) = w.rp.ask_to_register(&[]);
    let short = signet_stepup::client::Order {
        timeout: Duration::from_secs(2),
        ..order(KeyOperation::Register(options.clone()))
    };
    let (answer, seen) = run(w.keys.begin(short), knows_pin).await;
    assert_eq!((answer, seen), (Err(CeremonyError::TimedOut), vec![Status::Insert]));

    let (answer, seen) = run(
        w.keys.begin(order(KeyOperation::Register(options))),
        |ceremony, status| match status {
            Status::Insert => w.key.plug().expect("plugged"),
            other => knows_pin(ceremony, other),
        },
    )
    .await;
    assert_eq!(seen, [Status::Insert, Status::Verifying, ASK, Status::Verifying, Status::Touch]);
    w.rp.registered(&answer.expect("registered"), &state).expect("accepted");
}

#[tokio::test]
async fn cancelling_works_at_every_wait() {
    let w = world();
    let passkey = w.rp.register(&w.keys).await;
    let (options, state) = w.rp.ask_to_sign(&[passkey]);
    for at in ["insert", "pin", "touch"] {
        w.key.hold_finger(false);
        if at == "insert" {
            w.key.unplug();
        }
        let (answer, seen) =
            run(w.keys.begin(order(KeyOperation::Sign(options.clone()))), |ceremony, status| {
                match status {
                    Status::Insert => ceremony.cancel(),
                    Status::Pin { .. } if at == "pin" => ceremony.cancel(),
                    Status::Touch => ceremony.cancel(),
                    other => knows_pin(ceremony, other),
                }
            })
            .await;
        assert_eq!(answer, Err(CeremonyError::Cancelled), "{at}");
        assert_eq!(seen.last().map(|s| matches!(s, Status::Insert)), Some(at == "insert"));
        w.key.plug().expect("plugged");
    }
    // A dialog that went away cancels as well, and the key is free for the next.
    drop(w.keys.begin(order(KeyOperation::Sign(options.clone()))));
    w.key.hold_finger(true);
    let (answer, _) = run(w.keys.begin(order(KeyOperation::Sign(options))), knows_pin).await;
    w.rp.signed(&answer.expect("signed"), &state).expect("accepted");
}

#[tokio::test]
async fn a_key_pulled_out_is_told_at_every_wait() {
    let w = world();
    let passkey = w.rp.register(&w.keys).await;
    let (options, state) = w.rp.ask_to_sign(&[passkey]);
    for at_touch in [false, true] {
        w.key.hold_finger(false);
        let (answer, _) =
            run(w.keys.begin(order(KeyOperation::Sign(options.clone()))), |ceremony, status| {
                match status {
                    Status::Pin { .. } if !at_touch => w.key.unplug(),
                    Status::Touch => w.key.unplug(),
                    other => knows_pin(ceremony, other),
                }
            })
            .await;
        assert_eq!(answer, Err(CeremonyError::Removed), "at touch: {at_touch}");
        w.key.plug().expect("plugged");
    }
    w.key.hold_finger(true);
    let (answer, _) = run(w.keys.begin(order(KeyOperation::Sign(options))), knows_pin).await;
    w.rp.signed(&answer.expect("signed"), &state).expect("accepted");
}

#[tokio::test]
async fn one_touch_is_one_approval() {
    let w = world();
    let passkey = w.rp.register(&w.keys).await;
    w.key.hold_finger(false);
    let (options, state) = w.rp.ask_to_sign(std::slice::from_ref(&passkey));
    let (answer, _) =
        run(w.keys.begin(order(KeyOperation::Sign(options.clone()))), |ceremony, status| {
            match status {
                // A touch before the PIN is not one for what comes after it.
                Status::Pin { .. } => {
                    w.key.touch_once();
                    knows_pin(ceremony, status);
                }
                Status::Touch => w.key.touch_once(),
                _ => {}
            }
        })
        .await;
    w.rp.signed(&answer.expect("signed"), &state).expect("accepted");

    let short = signet_stepup::client::Order {
        timeout: Duration::from_secs(1),
        ..order(KeyOperation::Sign(options))
    };
    let (answer, _) = run(w.keys.begin(short), |ceremony, status| {
        if let Status::Pin { .. } = status {
            w.key.touch_once();
        }
        knows_pin(ceremony, status);
    })
    .await;
    assert_eq!(answer, Err(CeremonyError::TimedOut), "an early touch does not count");
}

#[tokio::test]
async fn with_two_keys_the_touched_one_answers() {
    let w = world();
    let other = key(&w.authority, "two");
    let first = w.rp.register(&w.keys).await;
    let second = w.rp.register(&VirtualKeys::new(vec![other.clone()])).await;
    w.keys.add(other.clone());
    assert_eq!(w.keys.keys().len(), 2);
    for (touched, passkey) in [(&w.key, &first), (&other, &second)] {
        w.key.hold_finger(false);
        other.hold_finger(false);
        let (options, state) = w.rp.ask_to_sign(&[first.clone(), second.clone()]);
        let (answer, seen) = run(
            w.keys.begin(order(KeyOperation::Sign(options))),
            |ceremony, status| match status {
                Status::ChooseByTouch | Status::Touch => touched.touch_once(),
                other => knows_pin(ceremony, other),
            },
        )
        .await;
        assert_eq!(
            seen,
            [Status::ChooseByTouch, Status::Verifying, ASK, Status::Verifying, Status::Touch]
        );
        let result = w.rp.signed(&answer.expect("signed"), &state).expect("accepted");
        assert_eq!(result.cred_id(), passkey.cred_id(), "{}", touched.name());
    }
}

#[tokio::test]
async fn choosing_can_be_cancelled_and_both_keys_pulled() {
    let w = world();
    let passkey = w.rp.register(&w.keys).await;
    let other = key(&w.authority, "two");
    w.keys.add(other.clone());
    w.key.hold_finger(false);
    other.hold_finger(false);
    let (options, _) = w.rp.ask_to_sign(&[passkey]);
    let (answer, seen) =
        run(w.keys.begin(order(KeyOperation::Sign(options.clone()))), |ceremony, _| {
            ceremony.cancel()
        })
        .await;
    assert_eq!((answer, seen), (Err(CeremonyError::Cancelled), vec![Status::ChooseByTouch]));
    let (answer, _) = run(w.keys.begin(order(KeyOperation::Sign(options))), |_, _| {
        w.key.unplug();
        other.unplug();
    })
    .await;
    assert_eq!(answer, Err(CeremonyError::Removed));
}

#[tokio::test]
async fn a_key_that_is_not_registered_is_told_from_one_that_is() {
    let w = world();
    let mine = w.rp.register(&w.keys).await;
    let strangers = VirtualKeys::new(vec![key(&w.authority, "stranger")]);
    let (options, _) = w.rp.ask_to_sign(std::slice::from_ref(&mine));
    let (answer, _) = run(strangers.begin(order(KeyOperation::Sign(options))), knows_pin).await;
    assert_eq!(answer, Err(CeremonyError::WrongKey));

    let (options, _) = w.rp.ask_to_register(&[&mine]);
    let (answer, _) =
        run(w.keys.begin(order(KeyOperation::Register(options.clone()))), knows_pin).await;
    assert_eq!(answer, Err(CeremonyError::AlreadyRegistered));
    let (answer, _) = run(strangers.begin(order(KeyOperation::Register(options))), knows_pin).await;
    assert!(answer.is_ok(), "another key of the same person may register");
}

#[tokio::test]
async fn a_key_without_a_pin_says_so() {
    let w = world();
    let blank = VirtualKey::plug_in(&w.authority, Settings::named("blank")).expect("key");
    blank.hold_finger(true);
    let keys = VirtualKeys::new(vec![blank.clone()]);
    let (options, state) = w.rp.ask_to_register(&[]);
    let (answer, _) =
        run(keys.begin(order(KeyOperation::Register(options.clone()))), knows_pin).await;
    assert_eq!(answer, Err(CeremonyError::PinNotSet));
    blank.set_pin(PIN).expect("first PIN");
    assert!(blank.set_pin("13572468").is_err(), "only the first PIN is set this way");
    let (answer, _) = run(keys.begin(order(KeyOperation::Register(options))), knows_pin).await;
    w.rp.registered(&answer.expect("registered"), &state).expect("accepted");
}

#[tokio::test]
async fn a_clone_is_caught_by_its_counter() {
    let w = world();
    let mut passkey = w.rp.register(&w.keys).await;
    let clone = VirtualKey::clone_of(&w.key, "clone").expect("clone");
    clone.hold_finger(true);
    let clones = VirtualKeys::new(vec![clone]);
    let first = sign(&w, &w.keys, &mut passkey).await.expect("the original");
    while sign(&w, &w.keys, &mut passkey).await.expect("the original") <= first + COUNTER_STEP_MAX {
    }
    let error = sign(&w, &clones, &mut passkey).await.expect_err("a clone");
    assert!(matches!(error, WebauthnError::CredentialPossibleCompromise), "{error:?}");
}

async fn sign(
    w: &World,
    keys: &VirtualKeys,
    passkey: &mut AttestedPasskey,
) -> Result<u32, WebauthnError> {
    let (options, state) = w.rp.ask_to_sign(std::slice::from_ref(passkey));
    let (answer, _) = run(keys.begin(order(KeyOperation::Sign(options))), knows_pin).await;
    let result = w.rp.signed(&answer.expect("signed"), &state)?;
    passkey.update_credential(&result);
    Ok(result.counter())
}

#[tokio::test]
async fn a_key_in_a_file_is_the_same_key_tomorrow() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = || Settings::named("kept").pin(PIN).kept_in(folder.path().join("key.json"));
    let authority = TestAuthority::in_folder(folder.path()).expect("authority");
    let rp = Rp::trusting(&authority);
    let key = VirtualKey::plug_in(&authority, settings()).expect("key");
    key.hold_finger(true);
    let passkey = rp.register(&VirtualKeys::new(vec![key.clone()])).await;
    drop(key);

    let authority = TestAuthority::in_folder(folder.path()).expect("the same authority");
    let key = VirtualKey::plug_in(&authority, settings()).expect("the same key");
    key.hold_finger(true);
    let (options, state) = rp.ask_to_sign(&[passkey]);
    let (answer, _) =
        run(VirtualKeys::new(vec![key]).begin(order(KeyOperation::Sign(options))), knows_pin).await;
    rp.signed(&answer.expect("signed"), &state).expect("accepted");
}

#[tokio::test]
async fn a_model_or_maker_nobody_reviewed_is_refused_by_the_relying_party() {
    let w = world();
    let other = TestAuthority::generate().expect("authority");
    let strangers = VirtualKeys::new(vec![key(&other, "other maker")]);
    let (options, state) = w.rp.ask_to_register(&[]);
    let (answer, _) = run(strangers.begin(order(KeyOperation::Register(options))), knows_pin).await;
    assert!(w.rp.registered(&answer.expect("the key does its part"), &state).is_err());
}
