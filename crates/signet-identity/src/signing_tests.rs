use super::*;
use crate::key::{DeviceKey as _, Protection, SoftwareKey};
use proptest::prelude::*;

fn pair() -> (MessageKey, MessagePublicKey) {
    let key = SoftwareKey::from_pkcs8(
        &SoftwareKey::generate_pkcs8().unwrap(),
        Protection::SoftwareMemory,
    )
    .unwrap();
    let spki = key.spki();
    (
        MessageKey(Signer::Fixed(Arc::new(HandshakeKey(Arc::new(key))))),
        MessagePublicKey::of_spki(&spki).unwrap(),
    )
}

#[test]
fn many_signatures_are_good_under_the_certificates_key_and_no_other() {
    let ((key, public), (_, other)) = (pair(), pair());
    // Enough for short scalars and for both signs to occur.
    for n in 0..600u32 {
        let message = n.to_be_bytes();
        let signature = key.sign(&message).unwrap();
        assert!(public.is_good(&message, &signature));
        assert!(!other.is_good(&message, &signature) && !public.is_good(b"other", &signature));
    }
    assert!(!public.is_good(b"", &[0; 64]));
}

#[test]
fn only_p256_keys_sign_messages() {
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["x.example".into()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let der = certificate.der().clone();
        assert_eq!(MessagePublicKey::of_certificate(&der).unwrap_err(), MessageKeyError::NotP256);
        let key = rustls::pki_types::PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
        assert_eq!(
            MessageKey::of(&CertifiedKey::new(vec![der], key)).unwrap_err(),
            MessageKeyError::NotP256
        );
    }
    assert!(matches!(
        MessagePublicKey::of_certificate(&CertificateDer::from(vec![1, 2, 3])),
        Err(MessageKeyError::Certificate(_))
    ));
    let off_curve = [&P256_SPKI_PREFIX[..], &[4; 65]].concat();
    assert_eq!(MessagePublicKey::of_spki(&off_curve).unwrap_err(), MessageKeyError::NotP256);
}

#[test]
fn only_der_in_its_one_form_is_a_signature() {
    let good = [0x30, 0x08, 0x02, 0x02, 0x00, 0x80, 0x02, 0x02, 0x01, 0x02];
    let fixed = fixed_signature(&good).unwrap();
    assert_eq!((fixed[31], fixed[62], fixed[63]), (0x80, 1, 2));
    assert_eq!(fixed.iter().filter(|b| **b != 0).count(), 3);
    let long = [&[0x30, 0x27, 0x02, 0x22][..], &[1; 34], &[0x02, 0x01, 0x01]].concat();
    for bad in [
        &[][..],
        &[0x30],
        &[0x31, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
        &[0x30, 0x06, 0x03, 0x01, 0x01, 0x02, 0x01, 0x01],
        // Longer than said, shorter than said, something behind it.
        &[0x30, 0x05, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
        &[0x30, 0x07, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
        &[0x30, 0x07, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01, 0x00],
        &[0x30, 0x03, 0x02, 0x01, 0x01],
        // The long form of a length.
        &[0x30, 0x81, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
        // Negative, zero, empty, a needless zero byte.
        &[0x30, 0x06, 0x02, 0x01, 0x80, 0x02, 0x01, 0x01],
        &[0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x01],
        &[0x30, 0x05, 0x02, 0x00, 0x02, 0x01, 0x01],
        &[0x30, 0x07, 0x02, 0x02, 0x00, 0x01, 0x02, 0x01, 0x01],
        &long,
    ] {
        assert_eq!(fixed_signature(bad), None, "{bad:02x?}");
    }
}

#[test]
fn a_key_names_itself_to_nobody_and_its_refusal_has_a_code_and_a_cure() {
    let (key, public) = pair();
    assert_eq!(format!("{key:?} {public:?}"), "MessageKey(..) MessagePublicKey(..)");
    for e in [MessageKeyError::NotP256, MessageKeyError::Certificate(PeerError::Unreadable)] {
        assert!(e.code().starts_with("signature.") && !e.cure().is_empty());
    }
}

/// A key in a device that was pulled out.
#[derive(Debug)]
struct Gone;

impl crate::key::DeviceKey for Gone {
    fn public_point(&self) -> &[u8] {
        &[]
    }
    fn sign_es256(&self, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::Holder {
            code: "token.removed",
            fault: crate::HolderFault::Key,
            message: "the token was removed".into(),
            cure: "Insert it.",
        })
    }
    fn protection(&self) -> Protection {
        Protection::Hardware
    }
}

#[test]
fn the_holders_words_reach_whoever_wanted_a_signature() {
    let key = MessageKey(Signer::Fixed(Arc::new(HandshakeKey(Arc::new(Gone)))));
    assert!(key.sign(b"x").unwrap_err().to_string().contains("the token was removed"));
}

/// `SEQUENCE { INTEGER r, INTEGER s }` in DER.
fn der_of(raw: &[u8; 64]) -> Vec<u8> {
    let integer = |scalar: &[u8]| {
        let digits = &scalar[scalar.iter().position(|b| *b != 0).unwrap()..];
        // A leading one bit would make it negative.
        let sign: &[u8] = if digits[0] & 0x80 == 0 { &[] } else { &[0] };
        [&[0x02, (digits.len() + sign.len()) as u8], sign, digits].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [vec![0x30, body.len() as u8], body].concat()
}

proptest! {
    #[test]
    fn no_answer_of_a_key_holder_panics(bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
        let _ = fixed_signature(&bytes);
        let _ = MessagePublicKey::of_spki(&bytes);
    }

    #[test]
    fn what_is_read_is_what_der_would_write(r in proptest::collection::vec(any::<u8>(), 1..=32), s in proptest::collection::vec(any::<u8>(), 1..=32)) {
        prop_assume!(r.iter().any(|b| *b != 0) && s.iter().any(|b| *b != 0));
        let mut raw = [0; 64];
        raw[32 - r.len()..32].copy_from_slice(&r);
        raw[64 - s.len()..].copy_from_slice(&s);
        prop_assert_eq!(fixed_signature(&der_of(&raw)), Some(raw));
    }
}
