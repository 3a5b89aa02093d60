//! The encodings in which PKCS#11 and CNG differ from everybody else.

/// DER of the object identifier of P-256 (1.2.840.10045.3.1.7).
#[cfg(feature = "pkcs11")]
pub(super) const P256_OID: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// An uncompressed point on P-256.
pub(super) const POINT_BYTES: usize = 65;
const SCALAR_BYTES: usize = 32;

/// `CKA_EC_POINT` is a DER OCTET STRING round the point by the standard, and the bare point with
/// some tokens.
#[cfg(feature = "pkcs11")]
pub(super) fn point(attribute: &[u8]) -> Option<[u8; POINT_BYTES]> {
    let bare = match attribute {
        [0x04, 0x41, rest @ ..] if rest.len() == POINT_BYTES => rest,
        bare => bare,
    };
    let point: [u8; POINT_BYTES] = bare.try_into().ok()?;
    (point[0] == 0x04).then_some(point)
}

/// `CKM_ECDSA` and `NCryptSignHash` give r and s, 32 bytes each; TLS wants
/// `SEQUENCE { INTEGER r, INTEGER s }`.
pub(super) fn signature_der(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.len() != 2 * SCALAR_BYTES {
        return None;
    }
    let (r, s) = raw.split_at(SCALAR_BYTES);
    let mut body = Vec::with_capacity(2 * (SCALAR_BYTES + 3));
    for scalar in [r, s] {
        let start = scalar.iter().position(|b| *b != 0)?;
        let digits = &scalar[start..];
        // A leading one bit would make it negative.
        let sign = usize::from(digits[0] & 0x80 != 0);
        body.extend([0x02, u8::try_from(digits.len() + sign).ok()?]);
        body.extend(std::iter::repeat_n(0, sign));
        body.extend_from_slice(digits);
    }
    let mut der = vec![0x30, u8::try_from(body.len()).ok()?];
    der.append(&mut body);
    Some(der)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    };
    use proptest::prelude::*;

    #[cfg(feature = "pkcs11")]
    #[test]
    fn table_of_points() {
        let bare = [vec![0x04], vec![7; 64]].concat();
        let wrapped = [vec![0x04, 0x41], bare.clone()].concat();
        assert_eq!(point(&bare).unwrap().as_slice(), bare);
        assert_eq!(point(&wrapped).unwrap().as_slice(), bare);
        let compressed = [vec![0x02], vec![7; 32]].concat();
        let p384 = [vec![0x04], vec![7; 96]].concat();
        for wrong in
            [&[][..], &compressed, &p384, &wrapped[..66], &[vec![0x03], vec![7; 64]].concat()]
        {
            assert_eq!(point(wrong), None);
        }
    }

    #[test]
    fn many_real_signatures_verify_in_the_other_encoding() {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
        // Enough for short scalars and for both signs to occur.
        for n in 0..600u32 {
            let message = n.to_be_bytes();
            let raw = key.sign(&random, &message).unwrap();
            public.verify(&message, &signature_der(raw.as_ref()).unwrap()).unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_answer_of_a_token_panics(bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
            let _ = signature_der(&bytes);
            #[cfg(feature = "pkcs11")]
            let _ = point(&bytes);
        }
    }
}
