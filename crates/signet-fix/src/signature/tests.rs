use super::*;
use crate::tagvalue::{Fields, seal};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        UnparsedPublicKey,
    },
};
use proptest::prelude::*;
use std::sync::OnceLock;

fn key() -> &'static EcdsaKeyPair {
    static KEY: OnceLock<EcdsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
}

fn signer() -> impl MessageSigner {
    |covered: &[u8]| {
        Ok(key().sign(&SystemRandom::new(), covered).unwrap().as_ref().try_into().unwrap())
    }
}

fn good_under(point: &[u8], covered: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(covered, signature).is_ok()
}

fn verification(required: Kinds) -> Verification {
    let point = key().public_key().as_ref();
    Verification {
        verifier: Rc::new(move |c: &[u8], s: &[u8; 64]| good_under(point, c, s)),
        required,
    }
}

/// As a session asks.
fn judged(frame: &[u8]) -> Result<bool, SignatureError> {
    judged_as(frame, every)
}

fn judged_as(frame: &[u8], required: Kinds) -> Result<bool, SignatureError> {
    let mut fields = vec![];
    let read = cut(frame, &mut fields);
    let kind =
        Fields::parse(frame).ok().and_then(|f| f.text(35).map(str::to_owned)).unwrap_or_default();
    judge(frame, read.as_ref().map(|()| &fields[..]), &kind, &verification(required), None)
}

const REQUEST: &str =
    "35=R|34=7|49=ALICE|52=20261121-02:22:00.125|56=SIGNET|131=R1|146=1|55=EUR/USD|38=5000000|";

fn frame(body: &str) -> Vec<u8> {
    seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())
}

fn signed() -> Vec<u8> {
    sign(&frame(REQUEST), &signer()).unwrap()
}

fn text(frame: &[u8]) -> String {
    String::from_utf8_lossy(frame).replace('\u{1}', "|")
}

/// The body of a frame put into a new one, so that length and sum are right whatever was changed.
fn resealed(body: &str) -> Vec<u8> {
    frame(body)
}

fn body_of(frame: &[u8]) -> String {
    let (_, body) = split_header(frame).unwrap();
    text(body)
}

#[test]
fn a_signed_message_is_the_same_message_with_two_more_fields() {
    let (plain, signed) = (frame(REQUEST), signed());
    assert_eq!(signed.len(), plain.len() + FIELDS_LEN + 1, "BodyLength grew by one digit");
    let fields = Fields::parse(&signed).unwrap();
    let tags: Vec<u32> = fields.as_slice().iter().map(|(t, _)| *t).collect();
    assert_eq!(tags, [8, 9, 35, 34, 49, 52, 56, 131, 146, 55, 38, 93, 89, 10]);
    assert_eq!((fields.text(93), fields.get(89).unwrap().len()), (Some("88"), ENCODED_LEN));
    // Length and sum are those of the whole: sealing the same body again changes nothing.
    assert_eq!(resealed(&body_of(&signed)), signed);
    let p = parts(&signed).unwrap();
    assert!(signed.starts_with(p.covered) && signed[p.covered.len()..].starts_with(b"93="));
    assert_eq!(judged(&signed), Ok(true));
}

#[test]
fn what_is_not_one_unsigned_message_is_not_signed() {
    let twice = signed();
    for bytes in [
        &b""[..],
        b"8=FIX.4.4\x01",
        b"9=5\x018=FIX.4.4\x0135=0\x0110=000\x01",
        b"8=FIX.4.4\x019=5\x01junk\x0110=000\x01",
        &twice,
    ] {
        assert!(sign(bytes, &signer()).is_err(), "{}", text(bytes));
    }
    let failing = |_: &[u8]| Err(SignError("the token was removed".into()));
    assert_eq!(sign(&frame(REQUEST), &failing), Err(SignError("the token was removed".into())));
}

#[test]
fn whatever_is_not_exactly_right_is_refused() {
    let good = body_of(&signed());
    let at = good.find("|93=").unwrap() + 1;
    let (before, fields) = good.split_at(at);
    let value = fields.strip_prefix("93=88|89=").unwrap().strip_suffix('|').unwrap();
    let (missing, malformed, bad) =
        (SignatureError::Missing, SignatureError::Malformed, SignatureError::Bad);
    let other_key = {
        let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let by_other = move |c: &[u8]| {
            Ok(other.sign(&SystemRandom::new(), c).unwrap().as_ref().try_into().unwrap())
        };
        body_of(&sign(&frame(REQUEST), &by_other).unwrap())
    };
    let zeros = BASE64.encode([0; 64]);
    for (body, want) in [
        (before.to_owned(), missing.clone()),
        (format!("{before}{fields}{fields}"), malformed.clone()),
        (format!("{before}89={value}|93=88|"), malformed.clone()),
        (format!("{before}89={value}|"), malformed.clone()),
        (format!("{before}93=88|"), malformed.clone()),
        (format!("{before}93=87|89={value}|"), malformed.clone()),
        (format!("{before}93=088|89={value}|"), malformed.clone()),
        (format!("{before}93=64|89={}|", "x".repeat(64)), malformed.clone()),
        (format!("{before}93=88|89={}|", "!".repeat(88)), malformed.clone()),
        // Not canonical: bits behind the last byte.
        (format!("{before}93=88|89={}B==|", &value[..85]), malformed.clone()),
        (format!("{before}93=88|89={value}|58=more|"), malformed.clone()),
        (format!("35=R|{fields}{}", before.strip_prefix("35=R|").unwrap()), malformed.clone()),
        (format!("{before}93=88|89={value}|{fields}"), malformed.clone()),
        // A whole signature inside a data field is text, not a signature.
        (format!("{before}95={}|96={}|", fields.len() - 1, &fields[..fields.len() - 1]), missing),
        (format!("{before}93=88|89={zeros}|"), bad.clone()),
        (good.replace("38=5000000", "38=9000000"), bad.clone()),
        (good.replace("34=7", "34=8"), bad.clone()),
        (good.replace("56=SIGNET", "56=OTHER!"), bad.clone()),
        (other_key, bad),
    ] {
        assert_eq!(judged(&resealed(&body)), Err(want), "{body}");
    }
    assert_eq!(judged(&resealed(&good)), Ok(true), "or nothing above says anything");
    // A padded BodyLength is FIX, and another message than the one signed.
    let padded = text(&signed()).replacen("|9=", "|9=0", 1).replace('|', "\u{1}").into_bytes();
    assert_eq!(judged(&padded), Err(SignatureError::Bad));
}

#[test]
fn a_signature_nobody_asked_for_must_be_good_too() {
    let none = |_: &str| false;
    assert_eq!(judged_as(&frame(REQUEST), none), Ok(false));
    assert_eq!(judged_as(&signed(), none), Ok(true));
    let changed = resealed(&body_of(&signed()).replace("131=R1", "131=R2"));
    assert_eq!(judged_as(&changed, none), Err(SignatureError::Bad));
}

#[test]
fn each_refusal_has_a_code_and_a_cure() {
    let codes: Vec<_> = [
        SignatureError::Missing,
        SignatureError::Malformed,
        SignatureError::Bad,
        SignatureError::NotKept,
    ]
    .iter()
    .map(|e| (e.code(), !e.cure().is_empty() && !e.to_string().is_empty()))
    .collect();
    assert_eq!(
        codes,
        [
            ("signature.missing", true),
            ("signature.bad", true),
            ("signature.bad", true),
            ("signature.not_kept", true)
        ]
    );
}

#[test]
fn evidence_says_nothing_of_itself_in_a_log() {
    assert_eq!(format!("{:?}", SignedFrame(b"secret"[..].into())), "SignedFrame(6 bytes)");
}

/// The vectors of docs/protocol.md; `tests/interop/signatures.py` and OpenSSL verify the same file.
#[test]
fn the_published_vectors_are_what_this_code_judges() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/interop/signature_vectors.json"))
            .unwrap();
    let point = BASE64.decode(vectors["publicPoint"].as_str().unwrap()).unwrap();
    let all = vectors["messages"].as_array().unwrap();
    let mut good = 0;
    for v in all {
        let frame = v["frame"].as_str().unwrap().replace('|', "\u{1}").into_bytes();
        let found = parts(&frame);
        let verdict = found.is_ok_and(|p| good_under(&point, p.covered, &p.signature));
        assert_eq!(verdict, v["good"].as_bool().unwrap(), "{}", v["name"]);
        good += usize::from(verdict);
        let resealed = resealed(&body_of(&frame));
        assert_eq!(resealed == frame, v["intact"].as_bool().unwrap(), "{}", v["name"]);
    }
    assert!(good >= 2 && good < all.len());
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), tail in prop::bool::ANY) {
        let mut frame = bytes;
        if tail { frame.extend_from_slice(b"\x0193=88\x0189="); frame.extend_from_slice(&[b'A'; 88]); frame.extend_from_slice(b"\x0110=000\x01"); }
        let _ = parts(&frame);
        prop_assert_ne!(judged(&frame), Ok(true));
        let _ = sign(&frame, &signer());
    }

    /// Every bit that is covered counts, length included, however the rest is put right again.
    #[test]
    fn a_flipped_bit_in_what_is_covered_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut frame = signed();
        let covered = parts(&frame).unwrap().covered.len();
        let at = at.index(covered);
        frame[at] ^= 1 << bit;
        let sum_at = frame.len() - CHECKSUM_LEN;
        let sum = frame[..sum_at].iter().fold(0u8, |n, b| n.wrapping_add(*b));
        frame[sum_at..].copy_from_slice(format!("10={sum:03}\u{1}").as_bytes());
        prop_assert!(judged(&frame).is_err(), "{}", text(&frame));
    }

    #[test]
    fn a_changed_character_of_the_signature_is_refused(at in 0usize..88, with in "[A-Za-z0-9+/=]") {
        let frame = signed();
        let start = parts(&frame).unwrap().covered.len() + "93=88|89=".len();
        let mut changed = frame.clone();
        changed[start + at] = with.as_bytes()[0];
        prop_assume!(changed != frame);
        let changed = resealed(&body_of(&changed));
        prop_assert!(judged(&changed).is_err(), "{}", text(&changed));
    }

    #[test]
    fn any_message_signs_and_verifies(value in "[ -~]{1,200}", data in prop::collection::vec(any::<u8>(), 1..200)) {
        let mut body = format!("35=j\u{1}34=1\u{1}58={value}\u{1}95={}\u{1}96=", data.len()).into_bytes();
        body.extend_from_slice(&data);
        body.push(1);
        let frame = sign(&seal("FIX.4.4", &body), &signer()).unwrap();
        prop_assert_eq!(judged(&frame), Ok(true));
        prop_assert_eq!(seal("FIX.4.4", split_header(&frame).unwrap().1), frame);
    }
}
