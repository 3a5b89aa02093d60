use super::*;
use crate::{Algorithm, Identifier, Replays, TOKEN_BYTES_MAX};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use proptest::prelude::*;
use serde_json::json;

const NOW: i64 = 1_800_000_000;
const EXPECTED: Expected<'_> = Expected {
    issuer: "https://idp.bank.example",
    audience: "https://gateway.bank.example/signals",
    age_max_s: 300,
    skew_s: 30,
};

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

struct Issuer {
    pairs: Vec<(&'static str, &'static str, Pair)>,
    keys: Keys,
}

impl Issuer {
    /// With a key for each algorithm.
    fn new() -> Self {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ed = Ed25519KeyPair::generate().unwrap();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let point = ec.public_key().as_ref().to_vec();
        // RSAPublicKey (RFC 8017 A.1.1): two heads, the modulus with a zero in front, the exponent.
        let der = rsa.public_key().as_ref();
        let (n, e) = (&der[9..265], &der[der.len() - 3..]);
        let set = json!({"keys": [
            {"kid": "ec", "kty": "EC", "crv": "P-256", "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..])},
            {"kid": "ed", "kty": "OKP", "crv": "Ed25519", "x": B64.encode(ed.public_key())},
            {"kid": "rsa", "kty": "RSA", "alg": "RS256", "n": B64.encode(n), "e": B64.encode(e)},
        ]});
        let keys = Keys::read(&set.to_string()).unwrap();
        assert_eq!(keys.algorithm("rsa"), Some(Algorithm::Rs256));
        let pairs = vec![
            ("ec", "ES256", Pair::Ec(ec)),
            ("ed", "EdDSA", Pair::Ed(ed)),
            ("rsa", "RS256", Pair::Rsa(rsa)),
        ];
        Self { pairs, keys }
    }

    fn signature(&self, kid: &str, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pairs.iter().find(|(k, ..)| *k == kid).unwrap().2 {
            Pair::Ec(k) => k.sign(&random, signed).unwrap().as_ref().to_vec(),
            Pair::Ed(k) => k.sign(signed).as_ref().to_vec(),
            Pair::Rsa(k) => {
                let mut out = vec![0; k.public_modulus_len()];
                k.sign(&RSA_PKCS1_SHA256, &random, signed, &mut out).unwrap();
                out
            }
        }
    }

    fn token(&self, kid: &str, header: &Value, claims: &Value) -> String {
        let part = |v: &Value| B64.encode(v.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.signature(kid, signed.as_bytes());
        format!("{signed}.{}", B64.encode(signature))
    }

    fn good(&self) -> String {
        self.token("ec", &header(), &claims())
    }

    fn judge(&self, token: &str) -> Result<Received, SetRefusal> {
        judge(token, &self.keys, &EXPECTED, NOW)
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "secevent+jwt", "kid": "ec"})
}

fn claims() -> Value {
    json!({
        "iss": EXPECTED.issuer, "aud": EXPECTED.audience, "iat": NOW - 1, "jti": "24c63fb5",
        "sub_id": {"format": "email", "email": "alice@bank.example"},
        "events": {SESSION_REVOKED: {"event_timestamp": NOW - 2, "reason_admin": {"en": "left\nthe firm"}}},
    })
}

/// The claims with some replaced; `null` takes one away.
fn with(changes: Value) -> Value {
    let mut all = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            v => all[name] = v.clone(),
        }
    }
    all
}

#[test]
fn each_algorithm_with_its_own_key_is_good() {
    let issuer = Issuer::new();
    for (kid, alg, _) in &issuer.pairs {
        let header = json!({"alg": alg, "typ": "application/secevent+JWT", "kid": kid});
        let received = issuer.judge(&issuer.token(kid, &header, &claims())).unwrap();
        assert_eq!((received.jti.as_str(), received.signal), ("24c63fb5", Signal::SessionRevoked));
        assert_eq!(received.reason, "leftthe firm");
        let user = Identifier::Email("alice@bank.example".into());
        assert_eq!(received.subject, Some(Subject { user, device: None }));
        assert_eq!(received.too_old_at, NOW - 1 + 300);
    }
}

#[test]
fn a_member_that_is_there_twice_makes_no_token() {
    let issuer = Issuer::new();
    let raw = |header: &str, claims: &str| {
        let signed = format!("{}.{}", B64.encode(header), B64.encode(claims));
        let signature = issuer.signature("ec", signed.as_bytes());
        format!("{signed}.{}", B64.encode(signature))
    };
    let (header, claims) = (header().to_string(), claims().to_string());
    assert!(issuer.judge(&raw(&header, &claims)).is_ok());
    let twice = |text: &str, member: &str, other: &str| {
        assert!(text.contains(member), "{text}");
        text.replacen(member, &format!("{other},{member}"), 1)
    };
    let event = format!("\"{SESSION_REVOKED}\":");
    let empty = format!("{event}{{}}");
    for (member, other) in [
        ("\"jti\":", "\"jti\":\"other\""),
        ("\"jti\":", "\"x\":1,\"x\":2"),
        ("\"email\":", "\"email\":\"bob@bank.example\""),
        ("\"event_timestamp\":", "\"event_timestamp\":1"),
        ("\"en\":", "\"en\":\"other\""),
        (event.as_str(), empty.as_str()),
    ] {
        let token = raw(&header, &twice(&claims, member, other));
        assert_eq!(issuer.judge(&token), Err(SetRefusal::Claims), "{other}");
    }
    for other in ["\"kid\":\"rsa\"", "\"x\":1,\"x\":2"] {
        let token = raw(&twice(&header, "\"kid\":", other), &claims);
        assert_eq!(issuer.judge(&token), Err(SetRefusal::Header), "{other}");
    }
}

#[test]
fn table_of_headers() {
    let issuer = Issuer::new();
    let h = |alg: &str, typ: &str, kid: &str| json!({"alg": alg, "typ": typ, "kid": kid});
    let t = "secevent+jwt";
    for (header, want) in [
        (h("none", t, "ec"), SetRefusal::Algorithm),
        (h("HS256", t, "ec"), SetRefusal::Algorithm),
        (h("ES512", t, "ec"), SetRefusal::Algorithm),
        (h("es256", t, "ec"), SetRefusal::Algorithm),
        (h("RS256", t, "ec"), SetRefusal::KeyMismatch),
        (h("ES256", t, "rsa"), SetRefusal::KeyMismatch),
        (h("ES256", t, "other"), SetRefusal::UnknownKey),
        (h("EdDSA", t, "ed"), SetRefusal::Signature),
        (h("ES256", "JWT", "ec"), SetRefusal::Type),
        (h("ES256", "", "ec"), SetRefusal::Type),
        (json!({"alg": "ES256", "kid": "ec"}), SetRefusal::Type),
        (json!({"alg": "ES256", "typ": t}), SetRefusal::NoKeyId),
        (json!({"typ": t, "kid": "ec"}), SetRefusal::Algorithm),
        (json!({"alg": "ES256", "typ": t, "kid": 7}), SetRefusal::Header),
        (json!([]), SetRefusal::Header),
        (
            json!({"alg": "ES256", "typ": t, "kid": "ec", "crit": ["b64"]}),
            SetRefusal::HeaderParameter("crit"),
        ),
        (
            json!({"alg": "ES256", "typ": t, "kid": "ec", "jwk": {}}),
            SetRefusal::HeaderParameter("jwk"),
        ),
        (
            json!({"alg": "ES256", "typ": t, "kid": "ec", "jku": "https://evil.example"}),
            SetRefusal::HeaderParameter("jku"),
        ),
        (
            json!({"alg": "ES256", "typ": t, "kid": "ec", "x5c": []}),
            SetRefusal::HeaderParameter("x5c"),
        ),
    ] {
        let refused = issuer.judge(&issuer.token("ec", &header, &claims())).unwrap_err();
        assert_eq!(refused, want, "{header}");
    }
}

#[test]
fn table_of_claims() {
    let issuer = Issuer::new();
    let (us, session) = (EXPECTED.audience, SESSION_REVOKED);
    for (changes, want) in [
        (json!({}), Ok(())),
        (json!({"iss": "https://idp.bank.example/"}), Err(SetRefusal::Issuer)),
        (json!({"iss": null}), Err(SetRefusal::Issuer)),
        (json!({"iss": 7}), Err(SetRefusal::Claims)),
        (json!({"aud": ["https://other.example", us]}), Ok(())),
        (json!({"aud": "https://other.example"}), Err(SetRefusal::Audience)),
        (json!({"aud": []}), Err(SetRefusal::Audience)),
        (json!({"aud": null}), Err(SetRefusal::Audience)),
        (json!({"iat": NOW - 299}), Ok(())),
        (json!({"iat": NOW - 300}), Err(SetRefusal::TooOld)),
        (json!({"iat": NOW + 30}), Ok(())),
        (json!({"iat": NOW + 31}), Err(SetRefusal::Future)),
        (json!({"iat": i64::MAX}), Err(SetRefusal::Claims)),
        (json!({"iat": i64::MIN}), Err(SetRefusal::TooOld)),
        (json!({"iat": "now"}), Err(SetRefusal::Claims)),
        (json!({"iat": null}), Err(SetRefusal::Claims)),
        (json!({"jti": ""}), Err(SetRefusal::Id)),
        (json!({"jti": "x".repeat(257)}), Err(SetRefusal::Id)),
        (json!({"jti": null}), Err(SetRefusal::Id)),
        (json!({"exp": NOW + 60}), Err(SetRefusal::Claim("exp"))),
        (json!({"sub": "alice"}), Err(SetRefusal::Claim("sub"))),
        (json!({"nonce": "n"}), Err(SetRefusal::Claim("nonce"))),
        (json!({"events": {}}), Err(SetRefusal::Events)),
        (json!({"events": null}), Err(SetRefusal::Events)),
        (json!({"events": {session: {}, "urn:other": {}}}), Err(SetRefusal::Events)),
        (json!({"events": {session: "now"}}), Err(SetRefusal::Event)),
        (json!({"sub_id": null}), Err(SetRefusal::Subject)),
        (json!({"sub_id": {"format": "email"}}), Err(SetRefusal::Subject)),
    ] {
        let token = issuer.token("ec", &header(), &with(changes.clone()));
        assert_eq!(issuer.judge(&token).map(drop), want, "{changes}");
    }
}

#[test]
fn table_of_events() {
    let issuer = Issuer::new();
    let no = Err(SetRefusal::Event);
    let change = |credential: &str, change: &str| json!({"credential_type": credential, "change_type": change});
    for (uri, members, want) in [
        (SESSION_REVOKED, json!({}), Ok(Signal::SessionRevoked)),
        (
            CREDENTIAL_CHANGE,
            change("fido2-roaming", "revoke"),
            Ok(Signal::CredentialChange {
                credential: "fido2-roaming".into(),
                change: "revoke".into(),
            }),
        ),
        (CREDENTIAL_CHANGE, change("password", "forgotten"), no.clone()),
        (CREDENTIAL_CHANGE, json!({"change_type": "revoke"}), no.clone()),
        (
            DEVICE_COMPLIANCE_CHANGE,
            json!({"current_status": "compliant"}),
            Ok(Signal::DeviceCompliance { compliant: true }),
        ),
        (
            DEVICE_COMPLIANCE_CHANGE,
            json!({"current_status": "not-compliant"}),
            Ok(Signal::DeviceCompliance { compliant: false }),
        ),
        (DEVICE_COMPLIANCE_CHANGE, json!({"current_status": "perhaps"}), no.clone()),
        (DEVICE_COMPLIANCE_CHANGE, json!({"current_status": true}), no.clone()),
        (VERIFICATION, json!({"state": "x"}), Ok(Signal::Verification)),
        ("urn:other", json!({}), Ok(Signal::Other("urn:other".into()))),
    ] {
        let token = issuer.token("ec", &header(), &with(json!({"events": {uri: members}})));
        assert_eq!(issuer.judge(&token).map(|r| r.signal), want, "{uri} {members}");
    }
}

/// When it became so: by the event, and not later than the token was issued.
#[test]
fn table_of_times() {
    let issuer = Issuer::new();
    let iat_us = (NOW - 1) * 1_000_000;
    for (event_timestamp, want) in [
        (Value::Null, iat_us),
        (json!(NOW - 9), (NOW - 9) * 1_000_000),
        (json!(1_799_999_990.25), 1_799_999_990_250_000),
        (json!(NOW), iat_us),
        // Milliseconds, as older drafts had it.
        (json!(NOW * 1_000), iat_us),
        (json!(1e300), iat_us),
        (json!(-5), 0),
        (json!(-1e300), 0),
        (json!("yesterday"), iat_us),
    ] {
        let events = json!({"events": {SESSION_REVOKED: {"event_timestamp": event_timestamp}}});
        let token = issuer.token("ec", &header(), &with(events));
        assert_eq!(issuer.judge(&token).map(|r| r.said_at_us), Ok(want), "{event_timestamp}");
    }
}

#[test]
fn another_key_of_the_same_name_is_not_good() {
    let (issuer, thief) = (Issuer::new(), Issuer::new());
    assert_eq!(issuer.judge(&thief.good()), Err(SetRefusal::Signature));
}

#[test]
fn what_is_no_token_is_refused() {
    let issuer = Issuer::new();
    let good = issuer.good();
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned() + ".";
    for (token, want) in [
        (String::new(), SetRefusal::NotCompact),
        ("a.b".into(), SetRefusal::NotCompact),
        (format!("{good}.x"), SetRefusal::NotCompact),
        (format!("{good}="), SetRefusal::NotCompact),
        (format!(" {good}"), SetRefusal::NotCompact),
        (unsigned, SetRefusal::Signature),
        ("x".repeat(TOKEN_BYTES_MAX + 1), SetRefusal::TooLong),
    ] {
        assert_eq!(issuer.judge(&token), Err(want), "{token:.40}");
    }
}

#[test]
fn a_token_is_taken_once() {
    let (issuer, mut replays) = (Issuer::new(), Replays::new(10));
    let r = issuer.judge(&issuer.good()).unwrap();
    assert_eq!(replays.take(&r.jti, r.too_old_at, NOW), Ok(()));
    replays.done(&r.jti);
    assert_eq!(replays.take(&r.jti, r.too_old_at, NOW), Err(SetRefusal::Replayed));
}

#[test]
fn every_flipped_bit_is_refused() {
    let issuer = Issuer::new();
    let good = issuer.good();
    for n in 0..good.len() {
        for bit in 0..8u8 {
            let mut bytes = good.clone().into_bytes();
            bytes[n] ^= 1 << bit;
            // What is not UTF-8 does not get here.
            let Ok(token) = String::from_utf8(bytes) else { continue };
            assert!(issuer.judge(&token).is_err(), "byte {n} bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_anybody_writes_is_taken(token in "[ -~]{0,200}", claims in "\\PC{0,200}") {
        let issuer = Keys::default();
        prop_assert!(judge(&token, &issuer, &EXPECTED, NOW).is_err());
        let made = format!("{}.{}.{}", B64.encode(header().to_string()), B64.encode(claims), B64.encode("x"));
        prop_assert!(judge(&made, &issuer, &EXPECTED, NOW).is_err());
    }
}
