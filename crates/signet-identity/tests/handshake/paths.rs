//! Certification paths as banks' authorities issue them (RFC 5280 §4.2, §6), by clause: what webpki
//! does not process is validated whole, not waved through.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, KeyPair, SanType};
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use signet_identity::{ClientProfile, ServerProfile, TlsVersions, TrustRoots};
use time::{Duration, OffsetDateTime};

use crate::lists::{Authority, authority_params, extension, tlv};
use crate::pair::{Pair, issue, pki};

const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
const POLICIES: &[u64] = &[2, 5, 29, 32];
const POLICY_CONSTRAINTS: &[u64] = &[2, 5, 29, 36];
const INHIBIT_ANY: &[u64] = &[2, 5, 29, 54];

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

/// nameConstraints with one permitted or excluded URI host.
fn uri_constraint(permitted: bool, host: &str) -> Vec<u8> {
    let subtree = sequence(&[&tlv(0x86, &[host.as_bytes()])]);
    sequence(&[&tlv(if permitted { 0xa0 } else { 0xa1 }, &[&subtree])])
}

/// certificatePolicies with these policies, each under 2.999.
fn policies(last_arcs: &[u8]) -> Vec<u8> {
    let all: Vec<u8> =
        last_arcs.iter().flat_map(|arc| sequence(&[&tlv(6, &[&[0x88, 0x37, *arc]])])).collect();
    sequence(&[&all])
}

/// policyConstraints: requireExplicitPolicy 0.
fn explicit_policy() -> Vec<u8> {
    sequence(&[&tlv(0x80, &[&[0]])])
}

/// A root, an issuing authority below it with these extensions, and a desk below that.
fn chain(
    authority: Vec<rcgen::CustomExtension>,
    desk: impl FnOnce(&mut CertificateParams),
) -> (Authority, Arc<CertifiedKey>) {
    let root = Authority::new("Example Root");
    let mut params = authority_params("Example Issuing");
    params.custom_extensions = authority;
    let issuing = Authority(
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root.0).unwrap(),
    );
    let key = issuing.desk(&[issuing.der()], desk);
    (root, key)
}

/// A whole handshake, in both versions of TLS.
fn admitted(anchor: &CertificateDer<'static>, desk: &Arc<CertifiedKey>) -> Result<(), String> {
    let pki = pki();
    let roots = TrustRoots::new([anchor.clone()]).unwrap();
    let mut last = Ok(());
    for versions in [TlsVersions::Tls13Only, TlsVersions::AllowTls12] {
        let server =
            ServerProfile::new(roots.clone(), issue(&pki, &signet_devca::Order::gateway("SIGNET")))
                .with_versions(versions);
        let client = ClientProfile::new(pki.gateway_roots().unwrap(), Arc::clone(desk))
            .with_versions(versions);
        let mut config = rustls::ClientConfig::clone(&client.config().unwrap());
        if versions == TlsVersions::AllowTls12 {
            let provider = Arc::clone(config.crypto_provider());
            let only_12 = rustls::ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS12])
                .unwrap();
            let root_store = {
                let mut store = rustls::RootCertStore::empty();
                store.add(pki.root(signet_identity::Role::Gateway).clone()).unwrap();
                store
            };
            let resolver = rustls::sign::SingleCertAndKey::from(CertifiedKey::clone(desk));
            config = only_12
                .with_root_certificates(root_store)
                .with_client_cert_resolver(Arc::new(resolver));
        }
        let connected = Pair::connect(&Arc::new(config), &server.config().unwrap());
        last = connected.map(drop).map_err(|f| format!("{versions:?}: {:?}", f.server));
        last.clone()?;
    }
    last
}

/// §4.2.1.10, X509-SVID §4.2: constraints on the host of a URI, here the trust domain.
#[test]
fn name_constraints_on_uris_are_enforced() {
    let domain = "practice.signet.example";
    for critical in [true, false] {
        let with = |c: Vec<u8>| chain(vec![extension(NAME_CONSTRAINTS, critical, c)], |_| ());
        let (root, desk) = with(uri_constraint(true, domain));
        assert_eq!(admitted(&root.der(), &desk), Ok(()), "permitted, critical {critical}");
        let (root, desk) = with(uri_constraint(true, "elsewhere.example"));
        assert!(admitted(&root.der(), &desk).is_err(), "not permitted, critical {critical}");
        let (root, desk) = with(uri_constraint(false, domain));
        assert!(admitted(&root.der(), &desk).is_err(), "excluded, critical {critical}");
    }
    // The authority that carries them as the anchor itself.
    let anchor = |host: &str| {
        let value = uri_constraint(true, host);
        Authority::with("Example Issuing", |p| {
            p.custom_extensions = vec![extension(NAME_CONSTRAINTS, true, value)]
        })
    };
    let (ours, other) = (anchor(domain), anchor("elsewhere.example"));
    assert_eq!(admitted(&ours.der(), &ours.desk(&[], |_| ())), Ok(()));
    assert!(admitted(&other.der(), &other.desk(&[], |_| ())).is_err());
}

/// §4.2.1.4, §4.2.1.11, §4.2.1.14, §6.1: policies may be critical, and are processed.
#[test]
fn critical_policies_are_processed() {
    let desk_policies = |arcs: &'static [u8]| {
        move |p: &mut CertificateParams| {
            p.custom_extensions.push(extension(POLICIES, true, policies(arcs)))
        }
    };
    let (root, desk) =
        chain(vec![extension(POLICIES, true, policies(&[1, 2]))], desk_policies(&[1]));
    assert_eq!(admitted(&root.der(), &desk), Ok(()), "critical policies");
    let strict = |arcs: &[u8]| {
        vec![
            extension(POLICIES, true, policies(arcs)),
            extension(POLICY_CONSTRAINTS, true, explicit_policy()),
        ]
    };
    let (root, desk) = chain(strict(&[1]), desk_policies(&[1]));
    assert_eq!(admitted(&root.der(), &desk), Ok(()), "explicit policy, met");
    let (root, desk) = chain(strict(&[2]), desk_policies(&[1]));
    assert!(admitted(&root.der(), &desk).is_err(), "explicit policy, not met");
    let (root, desk) = chain(strict(&[1]), |_| ());
    assert!(admitted(&root.der(), &desk).is_err(), "explicit policy, none");
    let inhibit = vec![
        extension(POLICIES, true, policies(&[1])),
        extension(INHIBIT_ANY, true, tlv(2, &[&[0]])),
    ];
    let (root, desk) = chain(inhibit, desk_policies(&[1]));
    assert_eq!(admitted(&root.der(), &desk), Ok(()), "inhibitAnyPolicy");
    // On the leaf alone, straight under its anchor.
    let issuing = Authority::new("Example Issuing");
    let desk = issuing.desk(&[], desk_policies(&[1]));
    assert_eq!(admitted(&issuing.der(), &desk), Ok(()), "leaf");
}

/// Everything else that webpki asks is still asked of such a path.
#[test]
fn a_path_beyond_webpki_keeps_every_other_rule() {
    let critical = |p: &mut CertificateParams| {
        p.custom_extensions.push(extension(POLICIES, true, policies(&[1])))
    };
    let issuing = Authority::new("Example Issuing");
    let stranger = Authority::new("Example Issuing");
    let good = issuing.desk(&[], critical);
    assert_eq!(admitted(&issuing.der(), &good), Ok(()));
    assert!(admitted(&stranger.der(), &good).is_err(), "another key of the same name");
    let server_only = issuing.desk(&[], |p| {
        critical(p);
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert!(admitted(&issuing.der(), &server_only).is_err(), "purpose");
    let expired = issuing.desk(&[], |p| {
        critical(p);
        p.not_before = OffsetDateTime::now_utc() - Duration::days(9);
        p.not_after = OffsetDateTime::now_utc() - Duration::days(2);
    });
    assert!(admitted(&issuing.der(), &expired).is_err(), "dates");
    let unheard_of =
        issuing.desk(&[], |p| p.custom_extensions.push(extension(&[2, 5, 935], true, tlv(5, &[]))));
    assert!(admitted(&issuing.der(), &unheard_of).is_err(), "an extension that nobody processes");
    // A desk that poses as an authority.
    let below = {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        critical(&mut params);
        let leaf = CertifiedIssuer::signed_by(params, key, &issuing.0).unwrap();
        Authority(leaf)
    };
    let posed = below.desk(&[below.der()], critical);
    assert!(admitted(&issuing.der(), &posed).is_err(), "not an authority");
}

/// The dialling end: the host is still asked for.
#[test]
fn a_server_with_critical_policies_must_name_its_host() {
    let issuing = Authority::new("Example Servers");
    let server_of = |host: &str| {
        let name = SanType::DnsName(host.try_into().unwrap());
        issuing.desk(&[], |p| {
            p.subject_alt_names = vec![name];
            p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            p.custom_extensions.push(extension(POLICIES, true, policies(&[1])));
        })
    };
    let pki = pki();
    let client = ClientProfile::new(
        TrustRoots::new([issuing.der()]).unwrap(),
        issue(&pki, &signet_devca::Order::desk("TRADER1")),
    );
    for (host, good) in [("localhost", true), ("elsewhere.example", false)] {
        let server = ServerProfile::new(pki.desk_roots().unwrap(), server_of(host));
        let connected = Pair::connect(&client.config().unwrap(), &server.config().unwrap());
        assert_eq!(connected.is_ok(), good, "{host}");
    }
}
