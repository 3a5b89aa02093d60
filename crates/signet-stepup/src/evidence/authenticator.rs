//! What an authenticator signs: authenticator data and attestation object (WebAuthn Level 2 §6.1,
//! §6.5).

use super::cbor::{self, Value};
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm},
};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;
/// credProtect: `userVerificationRequired` (CTAP 2.1 §12.1).
const VERIFICATION_REQUIRED: i128 = 3;

/// Authenticator data, taken apart. Borrowed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthenticatorData<'a> {
    pub rp_id_hash: &'a [u8],
    flags: u8,
    pub counter: u32,
    pub credential: Option<AttestedCredential<'a>>,
    pub protected: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttestedCredential<'a> {
    pub aaguid: [u8; 16],
    pub id: &'a [u8],
    /// COSE_Key, as it stands.
    pub public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// `None` when it is malformed, or more follows.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (aaguid, after) = rest.split_first_chunk::<16>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let (id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            let (_, behind) = cbor::read(after)?;
            let public_key = &after[..after.len() - behind.len()];
            credential = Some(AttestedCredential { aaguid: *aaguid, id, public_key });
            rest = behind;
        }
        let mut protected = false;
        if flags & HAS_EXTENSIONS != 0 {
            let (extensions, behind) = cbor::read(rest)?;
            protected =
                extensions.named("credProtect").and_then(Value::int) == Some(VERIFICATION_REQUIRED);
            rest = behind;
        }
        rest.is_empty().then_some(Self {
            rp_id_hash,
            flags,
            counter: u32::from_be_bytes(*counter),
            credential,
            protected,
        })
    }

    pub(crate) fn user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    pub(crate) fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    /// The secret can leave the key, or has left it (flags BE, BS).
    pub(crate) fn copyable(&self) -> bool {
        self.flags & (BACKUP_ELIGIBLE | BACKED_UP) != 0
    }
}

/// The authenticator data in an attestation object.
pub(crate) fn attested_data(attestation_object: &[u8]) -> Option<&[u8]> {
    cbor::read_all(attestation_object)?.named("authData")?.bytes()
}

/// A signature algorithm that evidence can be checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Es256,
    Ed25519,
}

/// A COSE_Key (RFC 9053 §7): ES256 on P-256, or EdDSA on Ed25519. As the kind and the key's plain
/// bytes.
pub(crate) fn public_key(cose: &[u8]) -> Option<(KeyKind, Vec<u8>)> {
    let key = cbor::read_all(cose)?;
    let number = |n| key.at(n).and_then(Value::int);
    let coordinate = |n| key.at(n).and_then(Value::bytes).filter(|b| b.len() == 32);
    match (number(1)?, number(3)?, number(-1)?) {
        (2, -7, 1) => Some((KeyKind::Es256, [&[4u8], coordinate(-2)?, coordinate(-3)?].concat())),
        (1, -8, 6) => Some((KeyKind::Ed25519, coordinate(-2)?.to_vec())),
        _ => None,
    }
}

/// SubjectPublicKeyInfo of a COSE_Key.
pub(crate) fn spki(cose: &[u8]) -> Option<Vec<u8>> {
    let (kind, plain) = public_key(cose)?;
    Some(match kind {
        KeyKind::Es256 => [P256_SPKI, &plain].concat(),
        KeyKind::Ed25519 => [ED25519_SPKI, &plain].concat(),
    })
}

/// Whether `signature` is the key's over `message`; `None` when the key is of a kind that is not
/// known.
pub(crate) fn signed_by(cose: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    let (kind, plain) = public_key(cose)?;
    let how: &'static dyn VerificationAlgorithm = match kind {
        KeyKind::Es256 => &ECDSA_P256_SHA256_ASN1,
        KeyKind::Ed25519 => &ED25519,
    };
    Some(UnparsedPublicKey::new(how, plain).verify(message, signature).is_ok())
}

/// SubjectPublicKeyInfo of a P-256 key up to the point (RFC 5480 §2).
const P256_SPKI: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
    \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
/// The same of an Ed25519 key (RFC 8410 §4).
const ED25519_SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const ES256: i128 = -7;

/// Whether the certificate in a packed attestation (WebAuthn Level 2 §8.2) vouches for this
/// attestation object and these client data. `None` when it is of another kind than packed, with a
/// P-256 certificate. Says nothing about who issued the certificate.
pub(crate) fn attested_by_certificate(
    attestation_object: &[u8],
    client_data: &[u8],
) -> Option<bool> {
    let object = cbor::read_all(attestation_object)?;
    let statement = object.named("attStmt")?;
    if *object.named("fmt")? != Value::Text("packed") || statement.named("alg")?.int()? != ES256 {
        return None;
    }
    let Value::Array(chain) = statement.named("x5c")? else { return None };
    let point = subject_key(chain.first()?.bytes()?)?.strip_prefix(P256_SPKI)?;
    let message =
        [object.named("authData")?.bytes()?, digest(&SHA256, client_data).as_ref()].concat();
    let signature = statement.named("sig")?.bytes()?;
    Some(UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&message, signature).is_ok())
}

/// The SubjectPublicKeyInfo of a certificate, DER (RFC 5280 §4.1).
fn subject_key(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let sequence = |input| der_item(input).map(|(i, _)| i).filter(|i| i.tag == SEQUENCE);
    let mut rest = sequence(sequence(certificate)?.content)?.content;
    let (first, after) = der_item(rest)?;
    if first.tag == VERSION {
        rest = after;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = der_item(rest)?.1;
    }
    Some(sequence(rest)?.whole)
}

#[derive(Clone, Copy)]
struct Item<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

/// One DER item with a one-byte tag and what follows it.
fn der_item(input: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((Item { tag, content, whole: &input[..input.len() - after.len()] }, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counter 7, credential `0a0b` with an empty COSE map, credProtect 3.
    fn good() -> Vec<u8> {
        [
            &[9u8; 32][..],
            &[0xc5],
            &[0, 0, 0, 7],
            &[1; 16],
            &[0, 2, 0x0a, 0x0b],
            &[0xa0],
            b"\xa1\x6bcredProtect\x03",
        ]
        .concat()
    }

    #[test]
    fn authenticator_data_is_taken_apart() {
        let bytes = good();
        let data = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!((data.rp_id_hash, data.counter, data.protected), (&[9u8; 32][..], 7, true));
        assert!(data.user_present() && data.user_verified() && !data.copyable());
        let made = data.credential.unwrap();
        assert_eq!(
            (made.aaguid, made.id, made.public_key),
            ([1; 16], &[0x0a, 0x0b][..], &[0xa0][..])
        );
        for end in 0..bytes.len() {
            assert_eq!(AuthenticatorData::read(&bytes[..end]), None, "cut off at {end}");
        }
        assert_eq!(
            AuthenticatorData::read(&[&bytes[..], &[0]].concat()),
            None,
            "more than there should be"
        );
        for (level, want) in [(1, false), (2, false), (3, true), (4, false)] {
            let mut other = good();
            *other.last_mut().unwrap() = level;
            assert_eq!(
                AuthenticatorData::read(&other).unwrap().protected,
                want,
                "credProtect {level}"
            );
        }
    }

    #[test]
    fn der_lengths_are_read() {
        for (bytes, want) in [
            (&b"\x30\x01\xff"[..], Some(1)),
            (b"\x30\x81\x01\xff", Some(1)),
            (b"\x30\x82\x00\x01\xff", Some(1)),
            (b"\x30\x80\xff", None),
            (b"\x30\x83\x00\x00\x01\xff", None),
            (b"\x30\x02\xff", None),
            (b"\x30", None),
            (b"", None),
        ] {
            assert_eq!(der_item(bytes).map(|(i, _)| i.content.len()), want, "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = AuthenticatorData::read(&bytes);
            let _ = public_key(&bytes);
            let _ = subject_key(&bytes);
            let _ = attested_by_certificate(&bytes, &bytes);
        }

        #[test]
        fn one_changed_byte_never_panics(at in 0usize..70, to in any::<u8>()) {
            let mut bytes = good();
            let at = at.min(bytes.len() - 1);
            bytes[at] = to;
            let _ = AuthenticatorData::read(&bytes);
        }
    }
}
