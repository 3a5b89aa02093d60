//! What a certificate request may ask. Pure: bytes in, decision out.

use super::refusal::EnrolRefusal;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::{SpkiPin, device_name};
use signet_registry::{CertificateRequest, hex};
use x509_parser::{
    certification_request::X509CertificationRequest,
    cri_attributes::ParsedCriAttribute,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ECDSA_WITH_SHA256},
    prelude::FromDer as _,
};

/// Largest request, DER.
pub const CSR_BYTES_MAX: usize = 16 * 1024;
/// A subject's name is cut here before it is looked at: the rest could not make a device's name.
const NAME_CHARS_MAX: usize = 200;
/// An uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// A request whose sender has the private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr {
    pub ask: CertificateRequest,
    /// DER SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// DER of the whole, to be sent on to an outside authority.
    pub der: Vec<u8>,
    /// URIs the request asks for. Other kinds of names are refused at once.
    uris: Vec<String>,
}

impl Csr {
    /// Reads an EST body (RFC 7030 §4.2.1): base64 of DER. PEM is taken too, since it is what
    /// people have at hand.
    pub fn read(body: &[u8]) -> Result<Self, EnrolRefusal> {
        Self::from_der(&der_of(body)?)
    }

    pub fn from_der(der: &[u8]) -> Result<Self, EnrolRefusal> {
        if der.len() > CSR_BYTES_MAX {
            return Err(EnrolRefusal::TooLarge);
        }
        let Ok(([], csr)) = X509CertificationRequest::from_der(der) else {
            return Err(EnrolRefusal::Malformed);
        };
        check_key(&csr)?;
        let info = &csr.certification_request_info;
        let mut names = info.subject.iter_common_name();
        let (Some(name), None) = (names.next(), names.next()) else {
            return Err(EnrolRefusal::NoDeviceName);
        };
        let name = name.as_str().map_err(|_| EnrolRefusal::NoDeviceName)?;
        let common_name: String =
            name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        let device = device_name(&common_name).ok_or(EnrolRefusal::NoDeviceName)?;
        let uris = wanted(&csr)?;
        let spki = info.subject_pki.raw.to_vec();
        let key = hex(SpkiPin::of_spki(&spki).as_bytes());
        Ok(Self {
            ask: CertificateRequest { common_name, device, key },
            spki,
            der: der.to_vec(),
            uris,
        })
    }

    /// Whether it asks for no other name than it will get. Key usage and the like are not asked
    /// about: the profile sets them, whatever the request says (RFC 7030 §4.2.1).
    pub fn permits(&self, uri: &str) -> Result<(), EnrolRefusal> {
        if self.uris.iter().all(|u| u == uri) { Ok(()) } else { Err(EnrolRefusal::OtherNames) }
    }
}

/// The public key (DER SubjectPublicKeyInfo) in a request, base64 or PEM, whose sender has the
/// private key. What else the request asks for is left to whoever issues.
///
/// # Errors
/// It cannot be read, its key is not on P-256, or its signature is not by that key.
pub(crate) fn key_in_request(body: &[u8]) -> Result<Vec<u8>, EnrolRefusal> {
    let der = der_of(body)?;
    if der.len() > CSR_BYTES_MAX {
        return Err(EnrolRefusal::TooLarge);
    }
    let Ok(([], csr)) = X509CertificationRequest::from_der(&der) else {
        return Err(EnrolRefusal::Malformed);
    };
    check_key(&csr)?;
    Ok(csr.certification_request_info.subject_pki.raw.to_vec())
}

fn der_of(body: &[u8]) -> Result<Vec<u8>, EnrolRefusal> {
    let text = std::str::from_utf8(body).map_err(|_| EnrolRefusal::Malformed)?;
    let digits: String = text
        .lines()
        .filter(|l| !l.starts_with("-----"))
        .flat_map(str::chars)
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    if digits.len() > CSR_BYTES_MAX.div_ceil(3) * 4 {
        return Err(EnrolRefusal::TooLarge);
    }
    BASE64.decode(digits).map_err(|_| EnrolRefusal::Malformed)
}

/// P-256, and the sender has the private key.
fn check_key(csr: &X509CertificationRequest<'_>) -> Result<(), EnrolRefusal> {
    let info = &csr.certification_request_info;
    let key = &info.subject_pki;
    let curve = key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
    let point = key.subject_public_key.data.as_ref();
    let p256 = key.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == Some(OID_EC_P256);
    if !p256
        || point.len() != POINT_BYTES
        || point.first() != Some(&4)
        || key.subject_public_key.unused_bits != 0
    {
        return Err(EnrolRefusal::KeyKind);
    }
    if csr.signature_algorithm.algorithm != OID_SIG_ECDSA_WITH_SHA256 {
        return Err(EnrolRefusal::SignatureKind);
    }
    // Also refuses a point that is not on the curve.
    let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(info.raw, csr.signature_value.data.as_ref());
    verified.map_err(|_| EnrolRefusal::NotPossessed)
}

fn wanted(csr: &X509CertificationRequest<'_>) -> Result<Vec<String>, EnrolRefusal> {
    let mut uris = vec![];
    for attribute in csr.certification_request_info.iter_attributes() {
        let ParsedCriAttribute::ExtensionRequest(request) = attribute.parsed_attribute() else {
            continue;
        };
        for extension in &request.extensions {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(b) if b.ca => {
                    return Err(EnrolRefusal::AsksForAuthority);
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    for n in &names.general_names {
                        let GeneralName::URI(uri) = n else { return Err(EnrolRefusal::OtherNames) };
                        uris.push((*uri).to_owned());
                    }
                }
                ParsedExtension::ParseError { .. } => return Err(EnrolRefusal::Malformed),
                _ => {}
            }
        }
    }
    Ok(uris)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, SanType};

    fn key() -> KeyPair {
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
    }

    fn csr(change: impl FnOnce(&mut CertificateParams), key: &KeyPair) -> Vec<u8> {
        let mut p = CertificateParams::default();
        p.distinguished_name = DistinguishedName::new();
        p.distinguished_name.push(DnType::CommonName, "Alice's ThinkPad");
        change(&mut p);
        p.serialize_request(key).unwrap().der().to_vec()
    }

    fn uri(text: &str) -> SanType {
        SanType::URI(text.try_into().unwrap())
    }

    #[test]
    fn a_good_request_is_read() {
        let key = key();
        let csr = Csr::from_der(&csr(|_| {}, &key)).unwrap();
        assert_eq!(csr.ask.device, "alice-s-thinkpad");
        assert_eq!(csr.ask.common_name, "Alice's ThinkPad");
        assert_eq!(csr.permits("spiffe://b/desk/A/a/d/keychain"), Ok(()));
        assert_eq!(Csr::read(BASE64.encode(&csr.der).as_bytes()).unwrap(), csr);
    }

    #[test]
    fn table_of_requests() {
        type Change = fn(&mut CertificateParams);
        let want = "spiffe://bank.example/desk/ALICE1/alice/laptop/keychain";
        let table: &[(&str, Change, Result<(), EnrolRefusal>)] = &[
            ("nothing more", |_| {}, Ok(())),
            (
                "the very URI",
                |p| {
                    p.subject_alt_names =
                        vec![uri("spiffe://bank.example/desk/ALICE1/alice/laptop/keychain")]
                },
                Ok(()),
            ),
            (
                "another's URI",
                |p| {
                    p.subject_alt_names =
                        vec![uri("spiffe://bank.example/desk/BOB1/bob/laptop/keychain")]
                },
                Err(EnrolRefusal::OtherNames),
            ),
            (
                "both",
                |p| {
                    p.subject_alt_names = vec![
                        uri("spiffe://bank.example/desk/ALICE1/alice/laptop/keychain"),
                        uri("spiffe://bank.example/desk/BOB1/bob/laptop/keychain"),
                    ];
                },
                Err(EnrolRefusal::OtherNames),
            ),
            (
                "a host name",
                |p| {
                    p.subject_alt_names =
                        vec![SanType::DnsName("fix.bank.example".try_into().unwrap())]
                },
                Err(EnrolRefusal::OtherNames),
            ),
            (
                "no name",
                |p| p.distinguished_name = DistinguishedName::new(),
                Err(EnrolRefusal::NoDeviceName),
            ),
            (
                "a name of signs",
                |p| p.distinguished_name.push(DnType::CommonName, "!!!"),
                Err(EnrolRefusal::NoDeviceName),
            ),
            (
                "a long name",
                |p| p.distinguished_name.push(DnType::CommonName, "x".repeat(5_000)),
                Ok(()),
            ),
        ];
        for (name, change, expected) in table {
            let found = Csr::from_der(&csr(*change, &key())).and_then(|c| c.permits(want));
            assert_eq!(found, *expected, "{name}");
        }
    }

    #[test]
    fn only_p256_with_sha256_that_proves_possession() {
        for (kind, want) in [
            (&rcgen::PKCS_ECDSA_P384_SHA384, EnrolRefusal::KeyKind),
            (&rcgen::PKCS_ED25519, EnrolRefusal::KeyKind),
            (&rcgen::PKCS_RSA_SHA256, EnrolRefusal::KeyKind),
        ] {
            let key = KeyPair::generate_for(kind).unwrap();
            assert_eq!(Csr::from_der(&csr(|_| {}, &key)), Err(want));
        }
        let mut der = csr(|_| {}, &key());
        let last = der.len() - 1;
        der[last] ^= 1;
        assert_eq!(Csr::from_der(&der), Err(EnrolRefusal::NotPossessed));
        // A request with somebody else's key in it.
        let (mine, theirs) = (key(), key());
        let mut der = csr(|_| {}, &mine);
        let at = der.windows(65).position(|w| w == mine.public_key_raw()).unwrap();
        der[at..at + 65].copy_from_slice(theirs.public_key_raw());
        assert_eq!(Csr::from_der(&der), Err(EnrolRefusal::NotPossessed));
    }

    #[test]
    fn an_authority_is_not_issued() {
        let der = csr(|p| p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained), &key());
        // rcgen leaves basicConstraints out of requests; openssl, in the integration tests, does
        // not.
        assert!(matches!(Csr::from_der(&der), Ok(_) | Err(EnrolRefusal::AsksForAuthority)));
    }

    #[test]
    fn sizes_and_rubbish() {
        assert_eq!(Csr::from_der(&vec![0x30; CSR_BYTES_MAX + 1]), Err(EnrolRefusal::TooLarge));
        assert_eq!(Csr::read("A".repeat(40_000).as_bytes()), Err(EnrolRefusal::TooLarge));
        assert_eq!(Csr::read(b"????"), Err(EnrolRefusal::Malformed));
        assert_eq!(Csr::read(b""), Err(EnrolRefusal::Malformed));
        let mut trailing = csr(|_| {}, &key());
        trailing.push(0);
        assert_eq!(Csr::from_der(&trailing), Err(EnrolRefusal::Malformed));
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Csr::read(&bytes);
            let _ = Csr::from_der(&bytes);
        }

        #[test]
        fn a_damaged_request_never_panics_nor_passes(at in 0usize..200, to in any::<u8>()) {
            let key = key();
            let mut der = csr(|_| {}, &key);
            prop_assume!(at < der.len() && der[at] != to);
            der[at] = to;
            // ASN.1 has places that say nothing, so a few damaged ones still parse; none is for
            // another key.
            if let Ok(read) = Csr::from_der(&der) {
                prop_assert_eq!(&read.spki[read.spki.len() - 65..], key.public_key_raw());
            }
        }
    }
}
