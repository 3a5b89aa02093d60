use super::*;
use proptest::prelude::*;
use std::time::Duration;

const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODw";

fn creation() -> serde_json::Value {
    serde_json::json!({ "publicKey": {
        "rp": { "id": "stepup.bank.example", "name": "Bank" },
        "user": { "id": "dTE", "name": "trader1", "displayName": "Trader One" },
        "challenge": CHALLENGE,
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "other", "alg": 1 }, { "type": "public-key", "alg": -257 }],
        "timeout": 60000,
        "attestation": "direct",
        "excludeCredentials": [{ "type": "public-key", "id": "AQ" }, { "type": "other", "id": "Ag" }],
        "authenticatorSelection": { "residentKey": "discouraged", "requireResidentKey": false, "userVerification": "required" },
        "extensions": { "credProps": true, "minPinLength": true }
    }})
}

fn request() -> serde_json::Value {
    serde_json::json!({ "publicKey": {
        "rpId": "stepup.bank.example",
        "challenge": CHALLENGE,
        "allowCredentials": [{ "type": "public-key", "id": "AQ", "transports": ["usb"] }],
        "userVerification": "required"
    }})
}

fn order(operation: KeyOperation) -> Order {
    Order {
        operation,
        origin: "https://stepup.bank.example".into(),
        context: None,
        timeout: Duration::from_secs(1),
        window: None,
    }
}

fn register(json: &serde_json::Value) -> Result<Asked, CeremonyError> {
    Asked::of(&order(KeyOperation::Register(json.to_string())))
}

fn sign(json: &serde_json::Value) -> Result<Asked, CeremonyError> {
    Asked::of(&order(KeyOperation::Sign(json.to_string())))
}

#[test]
fn what_a_gateway_sends_is_understood() {
    let Ok(Asked::Register(r)) = register(&creation()) else { panic!("creation options") };
    assert_eq!(r.algorithms, [-7, -257]);
    assert_eq!(r.exclude, [vec![1]]);
    assert_eq!(
        (r.user_id.as_slice(), r.user_name.as_str(), r.user_display_name.as_str()),
        (&b"u1"[..], "trader1", "Trader One")
    );
    assert!(r.min_pin_length && r.discoverable == Discoverable::Discouraged);
    let Ok(asked @ Asked::Sign(_)) = sign(&request()) else { panic!("request options") };
    let data = asked.client_data(&order(KeyOperation::Sign(String::new())));
    assert_eq!(
        data,
        client_data_json(CeremonyKind::Sign, CHALLENGE, "https://stepup.bank.example", None)
    );
}

#[test]
fn what_is_weaker_or_wrong_is_refused_with_the_member_at_fault() {
    let long = "A".repeat(300);
    let many: Vec<_> =
        (0..65).map(|_| serde_json::json!({ "type": "public-key", "id": "AQ" })).collect();
    for (pointer, value, named) in [
        (
            "/publicKey/authenticatorSelection/userVerification",
            serde_json::json!("preferred"),
            "userVerification",
        ),
        ("/publicKey/challenge", serde_json::json!("AAEC"), "challenge"),
        ("/publicKey/challenge", serde_json::json!("AAECAwQFBgcICQoLDA0ODw=="), "challenge"),
        ("/publicKey/rp/id", serde_json::json!("bank.example.evil"), "rp id"),
        ("/publicKey/rp/id", serde_json::json!("example.evil"), "rp id"),
        ("/publicKey/rp/id", serde_json::json!("example"), "rp id"),
        ("/publicKey/rp/id", serde_json::json!("p.bank.example"), "rp id"),
        ("/publicKey/rp/name", serde_json::json!("a\u{0}b"), "rp name"),
        ("/publicKey/user/name", serde_json::json!(long), "user name"),
        ("/publicKey/user/id", serde_json::json!(""), "user id"),
        ("/publicKey/pubKeyCredParams", serde_json::json!([]), "pubKeyCredParams"),
        ("/publicKey/excludeCredentials", serde_json::json!(many), "excludeCredentials"),
        ("/publicKey/excludeCredentials/0/id", serde_json::json!("AQ=="), "excludeCredentials"),
    ] {
        let mut json = creation();
        *json.pointer_mut(pointer).expect(pointer) = value.clone();
        match register(&json) {
            Err(CeremonyError::BadOptions(why)) => {
                assert!(why.contains(named), "{pointer} {value}: {why}")
            }
            other => panic!("{pointer} {value}: {other:?}"),
        }
    }
    for (pointer, value) in [
        ("/publicKey/userVerification", serde_json::json!("discouraged")),
        ("/publicKey/allowCredentials", serde_json::json!([])),
        ("/publicKey/allowCredentials", serde_json::json!([{ "type": "other", "id": "AQ" }])),
        ("/publicKey/rpId", serde_json::json!("")),
    ] {
        let mut json = request();
        *json.pointer_mut(pointer).expect(pointer) = value.clone();
        assert!(matches!(sign(&json), Err(CeremonyError::BadOptions(_))), "{pointer} {value}");
    }
    // A second member of the same name would leave open which one was meant.
    let twice = request().to_string().replacen("\"rpId\"", "\"rpId\":\"x\",\"rpId\"", 1);
    assert!(matches!(
        Asked::of(&order(KeyOperation::Sign(twice))),
        Err(CeremonyError::BadOptions(_))
    ));
    let huge = format!("{}{}", request(), " ".repeat(JSON_BYTES_MAX));
    assert!(matches!(
        Asked::of(&order(KeyOperation::Sign(huge))),
        Err(CeremonyError::BadOptions(_))
    ));
}

#[test]
fn a_parent_of_the_host_may_ask_and_nobody_else() {
    for (origin, rp_id, good) in [
        ("https://stepup.bank.example", "bank.example", true),
        ("https://stepup.bank.example:8443", "stepup.bank.example", true),
        ("https://stepup.bank.example", "up.bank.example", false),
        ("https://stepup.bank.example/", "stepup.bank.example", false),
        ("http://stepup.bank.example", "stepup.bank.example", false),
        ("https://Stepup.bank.example", "stepup.bank.example", false),
        ("https://stepup.bank.example:http", "stepup.bank.example", false),
        ("https://", "stepup.bank.example", false),
    ] {
        let mut json = request();
        json["publicKey"]["rpId"] = rp_id.into();
        let order = Order { origin: origin.into(), ..order(KeyOperation::Sign(json.to_string())) };
        assert_eq!(Asked::of(&order).is_ok(), good, "{origin} {rp_id}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), origin in any::<String>()) {
        let _ = Asked::of(&order(KeyOperation::Register(text.clone())));
        let _ = Asked::of(&Order { origin, ..order(KeyOperation::Sign(text)) });
    }

    #[test]
    fn no_mutation_of_good_options_panics_or_weakens(at in 0usize..400, byte in 0u8..128) {
        let mut json = request().to_string().into_bytes();
        let at = at % json.len();
        json[at] = byte;
        if let Ok(text) = String::from_utf8(json)
            && let Ok(Asked::Sign(s)) = Asked::of(&order(KeyOperation::Sign(text)))
        {
            prop_assert!(!s.allow.is_empty() && B64.decode(&s.challenge).is_ok_and(|c| c.len() >= CHALLENGE_BYTES_MIN));
        }
    }
}
