use super::*;
use crate::est::http::judge;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

fn headers(named: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    named.iter().map(pair).collect()
}

/// What a server's refusal becomes.
#[test]
fn table_of_refusals() {
    const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");
    type Row =
        (u16, &'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);
    let table: &[Row] = &[
        (
            401,
            &[TEXT, ("signet-code", "enrol.code_wrong")],
            "That code is not right.\nmore",
            "enrol.code_wrong",
            "That code is not right.",
        ),
        (
            403,
            &[TEXT, ("signet-code", "enrol.user_locked")],
            "Locked.",
            "enrol.user_locked",
            "Locked.",
        ),
        (
            429,
            &[TEXT, ("signet-code", "enrol.rate_limited"), ("retry-after", "900")],
            "Slow.",
            "enrol.rate_limited",
            "Slow.",
        ),
        (401, &[], "", "enrol.unauthorised", "the enrolment service refused with HTTP status 401"),
        (
            401,
            &[("signet-code", "Bad Code!")],
            "",
            "enrol.unauthorised",
            "the enrolment service refused with HTTP status 401",
        ),
        (
            500,
            &[("content-type", "text/html")],
            "<h1>x</h1>",
            "enrol.server_failed",
            "the enrolment service refused with HTTP status 500",
        ),
        (
            302,
            &[("location", "http://x")],
            "",
            "enrol.refused",
            "the enrolment service refused with HTTP status 302",
        ),
        (
            202,
            &[("retry-after", "99999999")],
            "",
            "enrol.waiting",
            "the request is waiting for approval",
        ),
        (
            200,
            &[("content-type", "text/html")],
            "hello",
            "enrol.not_est",
            "what answers is no enrolment service: it sends another kind of content",
        ),
    ];
    for (status, named, body, code, message) in table {
        let error = judge(StatusCode::from_u16(*status).unwrap(), &headers(named), body.as_bytes())
            .unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (*code, *message));
        assert!(error.cure().ends_with('.'), "{error:?}");
        if let EstError::Waiting { retry_after_s } = error {
            assert_eq!(retry_after_s, Some(86_400), "a server does not make us wait for years");
        }
    }
    let good = judge(
        StatusCode::OK,
        &headers(&[("content-type", "application/pkcs7-mime; smime-type=certs-only")]),
        b"AAAA",
    );
    assert_eq!(good.unwrap(), b"AAAA");
}

#[test]
fn table_of_attributes() {
    // Made with `openssl asn1parse -genstr`: an OID; an attribute with a curve; one with RSA.
    let table: [(&[u8], &[&str], bool); 4] = [
        (&[0x30, 0x00], &[], false),
        (
            &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            &["1.2.840.10045.3.1.7"],
            false,
        ),
        (
            &[
                0x30, 0x14, 0x30, 0x12, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x31,
                0x07, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
            ],
            &["1.2.840.10045.2.1", "1.3.132.0.34"],
            true,
        ),
        (
            &[0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
            &["1.2.840.113549.1.1.1"],
            true,
        ),
    ];
    for (der, oids, excludes) in table {
        let found = csr_attributes(der).unwrap();
        assert_eq!(found.oids, oids);
        assert_eq!(found.excludes_p256(), excludes, "{oids:?}");
    }
    for rubbish in [&b""[..], b"x", &[0x30, 0x05, 0x06], &[0x30, 0x00, 0x00]] {
        assert_eq!(csr_attributes(rubbish).unwrap_err().code(), "enrol.not_est");
    }
}

mod issued {
    //! What an authority may have issued, and what is thought of it.
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
        IsCa, KeyPair, KeyUsagePurpose, SanType,
    };
    use signet_identity::{DeviceKey, Protection, SoftwareKey};
    use time::Duration as Span;

    const URI: &str = "spiffe://bank.example/desk/ALICE1/alice/x1/keychain";

    struct World {
        authority: CertifiedIssuer<'static, KeyPair>,
        key: KeyPair,
    }

    fn now() -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn expected() -> Expected {
        Expected {
            trust_domain: "bank.example".into(),
            user: "alice".into(),
            device: "x1".into(),
            comp_id: None,
        }
    }

    impl World {
        fn new() -> Self {
            Self { authority: authority("issuer"), key: KeyPair::generate().unwrap() }
        }

        fn leaf(&self, uri: &str, from: Span, until: Span) -> CertificateDer<'static> {
            let mut params = CertificateParams::default();
            params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            (params.not_before, params.not_after) = (now() + from, now() + until);
            params.signed_by(&self.key, &self.authority).unwrap().der().clone()
        }

        fn good(&self) -> CertificateDer<'static> {
            self.leaf(URI, Span::minutes(-5), Span::days(7))
        }

        fn judge(
            &self,
            given: Vec<CertificateDer<'static>>,
            expected: &Expected,
        ) -> Result<Enrolled, EstError> {
            use rcgen::PublicKeyData as _;
            check(
                given,
                &[self.authority.der().clone()],
                &self.key.subject_public_key_info(),
                expected,
                now(),
            )
        }
    }

    #[test]
    fn what_is_right_is_put_in_order() {
        let world = World::new();
        let enrolled =
            world.judge(vec![world.authority.der().clone(), world.good()], &expected()).unwrap();
        assert_eq!(enrolled.chain, [world.good()].map(|_| enrolled.chain[0].clone()));
        assert_eq!(
            (enrolled.peer.comp_id.as_str(), enrolled.peer.enrolled.unwrap().user.as_str()),
            ("ALICE1", "alice")
        );
        // A clock that is a little slow here.
        world.judge(vec![world.leaf(URI, Span::minutes(5), Span::days(7))], &expected()).unwrap();
    }

    #[test]
    fn what_is_wrong_is_named() {
        let (world, stranger) = (World::new(), World::new());
        let code = |given: Vec<CertificateDer<'static>>, expected: Expected| {
            world.judge(given, &expected).unwrap_err().code().to_owned()
        };
        let day = Span::days(1);
        let named = |uri: &str| world.leaf(uri, -day, day);
        assert_eq!(code(vec![], expected()), "enrol.other_key");
        assert_eq!(code(vec![stranger.good()], expected()), "enrol.other_key");
        assert_eq!(code(vec![world.good(), world.good()], expected()), "enrol.other_key");
        assert_eq!(
            code(vec![named("spiffe://bank.example/desk/ALICE1/bob/x1/keychain")], expected()),
            "enrol.other_name"
        );
        assert_eq!(
            code(vec![named("spiffe://bank.example/desk/ALICE1/alice/x2/keychain")], expected()),
            "enrol.other_name"
        );
        assert_eq!(
            code(vec![named("spiffe://other.example/desk/ALICE1/alice/x1/keychain")], expected()),
            "enrol.certificate_unusable"
        );
        assert_eq!(
            code(vec![named("spiffe://bank.example/desk/ALICE1")], expected()),
            "enrol.certificate_unusable"
        );
        assert_eq!(
            code(vec![named("spiffe://bank.example/gateway/G")], expected()),
            "enrol.certificate_unusable"
        );
        let renewed = Expected { comp_id: Some("BOB1".parse().unwrap()), ..expected() };
        assert_eq!(code(vec![world.good()], renewed), "enrol.other_name");
        assert_eq!(code(vec![world.leaf(URI, -day, Span::hours(-1))], expected()), "enrol.clock");
        assert_eq!(code(vec![world.leaf(URI, day, Span::days(7))], expected()), "enrol.clock");
        assert_eq!(
            code(vec![world.leaf(URI, -day, Span::days(900))], expected()),
            "enrol.too_long_lived"
        );
        // Our key and name, signed by somebody who only bears the authority's name.
        let impostor = World {
            authority: authority("issuer"),
            key: KeyPair::from_pem(&world.key.serialize_pem()).unwrap(),
        };
        assert_eq!(code(vec![impostor.good()], expected()), "enrol.other_authority");
    }

    #[test]
    fn words_for_a_holder_that_refused_come_through() {
        let error = EstError::from(signet_identity::KeyError::from(crate::HolderError::PinLocked));
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("token.pin_locked", "the token's PIN is locked")
        );
        let document = SoftwareKey::generate_pkcs8().unwrap();
        let key = SoftwareKey::from_pkcs8(&document, Protection::SoftwareMemory).unwrap();
        assert_eq!(key.public_point().len(), 65);
    }
}

proptest! {
    #[test]
    fn no_answer_of_a_server_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = base64(&bytes).map(|der| certificates(&der).is_ok());
        let _ = certificates(&bytes);
        let _ = csr_attributes(&bytes);
        let mut der = vec![0x30, 0x82, 0x01, 0x00];
        der.extend_from_slice(&bytes);
        let _ = (certificates(&der), csr_attributes(&der));
    }
}
