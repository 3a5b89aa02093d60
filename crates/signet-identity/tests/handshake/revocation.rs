//! Revocation, at both ends and past every shortcut.

use std::io::Read as _;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::{CertificateRevocationListDer, ServerName};
use rustls::{ClientConfig, HandshakeKind};
use signet_devca::{DevPki, Order};
use signet_identity::{
    ClientProfile, Crls, PinMatch, ProfileError, Refusal, Revocation, Role, ServerProfile, SpkiPin,
    TlsPolicy, TlsVersions,
};
use time::{Duration, OffsetDateTime};

use crate::pair::{Pair, desk, failure, gateway, issue, pki};

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn tomorrow() -> OffsetDateTime {
    now() + Duration::days(1)
}

fn crls(lists: Vec<CertificateRevocationListDer<'static>>) -> Crls {
    Crls::new(lists).unwrap()
}

/// A desk and a gateway whose lists are those given.
fn pair_with(pki: &DevPki, lists: Crls) -> (ClientProfile, ServerProfile) {
    (desk(pki), gateway(pki).with_crls(lists))
}

#[test]
fn a_client_the_list_does_not_name_is_admitted() {
    let pki = pki();
    let other = pki.issue(&Order::desk("TRADER9")).unwrap();
    let (client, server) =
        pair_with(&pki, crls(vec![pki.crl(Role::Desk, &[&other.chain()[0]], tomorrow()).unwrap()]));
    Pair::connect(&client.config().unwrap(), &server.config().unwrap()).unwrap();
}

#[test]
fn a_revoked_client_is_refused_whatever_the_setting() {
    let pki = pki();
    let key = issue(&pki, &Order::desk("TRADER1"));
    let client = ClientProfile::new(pki.gateway_roots().unwrap(), Arc::clone(&key));
    for (until, setting) in [
        (tomorrow(), Revocation::Required),
        (tomorrow(), Revocation::BestEffort),
        (now(), Revocation::BestEffort),
    ] {
        let lists = crls(vec![pki.crl(Role::Desk, &[&key.cert[0]], until).unwrap()])
            .with_revocation(setting);
        let failed = failure(&client, &gateway(&pki).with_crls(lists.clone()));
        assert_eq!(failed.server, Some(Refusal::ClientCertificateRevoked), "{setting:?}");
        assert_eq!(failed.client, Some(Refusal::ClientCertificateRevoked), "{setting:?}");
        let rechecked = gateway(&pki).with_crls(lists).recheck(&key.cert, now());
        assert_eq!(rechecked, Err(Refusal::ClientCertificateRevoked));
    }
    gateway(&pki).recheck(&key.cert, now()).unwrap();
}

#[test]
fn a_revoked_server_is_refused() {
    let pki = pki();
    let key = issue(&pki, &Order::gateway("SIGNET"));
    let lists = crls(vec![pki.crl(Role::Gateway, &[&key.cert[0]], tomorrow()).unwrap()]);
    let client = desk(&pki).with_crls(lists);
    let server = ServerProfile::new(pki.desk_roots().unwrap(), Arc::clone(&key));
    assert_eq!(failure(&client, &server).client, Some(Refusal::ServerCertificateRevoked));
    let name = ServerName::try_from("localhost").unwrap();
    assert_eq!(client.recheck(&key.cert, &name, now()), Err(Refusal::ServerCertificateRevoked));
    desk(&pki).recheck(&key.cert, &name, now()).unwrap();
}

/// The same list with a signature that is not its authority's.
fn forged(list: &CertificateRevocationListDer<'_>) -> CertificateRevocationListDer<'static> {
    let mut bytes = list.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bytes.into()
}

/// Each way in which lists cannot tell has its own words; each closes the door or not, by setting.
#[test]
fn lists_that_cannot_tell() {
    let (ours, namesake, theirs) = (pki(), pki(), crate::pair::foreign_pki());
    let list = |pki: &DevPki, role, until| pki.crl(role, &[], until).unwrap();
    let cases = [
        ("crl.missing", vec![]),
        ("crl.stale", vec![list(&ours, Role::Desk, now() - Duration::hours(3))]),
        (
            "crl.other_authority",
            vec![list(&ours, Role::Gateway, tomorrow()), list(&theirs, Role::Desk, tomorrow())],
        ),
        // An authority of the same name with another key: its lists say nothing of ours.
        ("crl.other_authority", vec![list(&namesake, Role::Desk, tomorrow())]),
        ("crl.invalid", vec![forged(&list(&ours, Role::Desk, tomorrow()))]),
    ];
    for (code, lists) in cases {
        let (client, server) = pair_with(&ours, crls(lists.clone()));
        let failed = failure(&client, &server);
        let seen = failed.server.unwrap();
        assert_eq!(seen.code(), code);
        assert!(seen.message().ends_with('.') && seen.cure().ends_with('.'), "{seen}");
        // The client is told nothing it could mistake for its own fault.
        assert_eq!(
            failed.client,
            Some(Refusal::ClientCertificateRefused { alert: "CertificateUnknown".into() }),
            "{code}"
        );

        let lenient = crls(lists).with_revocation(Revocation::BestEffort);
        let (client, server) = pair_with(&ours, lenient);
        let connected = Pair::connect(&client.config().unwrap(), &server.config().unwrap());
        // A list with a forged signature is an attack or a muddle, never a reason to go on.
        assert_eq!(connected.is_ok(), code != "crl.invalid", "{code}");
    }
    // The dialling end in the same words.
    for (code, lists) in [
        ("crl.missing", vec![]),
        ("crl.stale", vec![list(&ours, Role::Gateway, now() - Duration::days(3))]),
    ] {
        assert_eq!(
            failure(&desk(&ours).with_crls(crls(lists)), &gateway(&ours)).client.unwrap().code(),
            code
        );
    }
}

#[test]
fn staleness_is_known_before_anybody_is_refused() {
    let pki = pki();
    let lists = crls(vec![pki.crl(Role::Desk, &[], tomorrow()).unwrap()]);
    assert_eq!(lists.stale(now()).count(), 0);
    let stale: Vec<_> = lists.stale(tomorrow() + Duration::seconds(1)).collect();
    assert_eq!(stale.len(), 1);
    assert!(
        stale[0].issuer.contains("practice.signet.example desks") && stale[0].revoked == 0,
        "{stale:?}"
    );
}

#[test]
fn lists_from_files_in_both_forms() {
    let pki = pki();
    let directory = tempfile::tempdir().unwrap();
    let (der_file, pem_file) = (directory.path().join("a.crl"), directory.path().join("b.pem"));
    let (desks, dealers) = (
        pki.crl(Role::Desk, &[], tomorrow()).unwrap(),
        pki.crl(Role::Dealer, &[], tomorrow()).unwrap(),
    );
    std::fs::write(&der_file, &desks).unwrap();
    let made = std::process::Command::new("openssl")
        .args(["crl", "-inform", "DER", "-in"])
        .arg(&der_file)
        .arg("-out")
        .arg(&pem_file)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no openssl here");
        return;
    }
    let mut both = std::fs::read(&pem_file).unwrap();
    both.extend_from_slice(&std::fs::read(&pem_file).unwrap());
    std::fs::write(&pem_file, both).unwrap();
    std::fs::write(&der_file, &dealers).unwrap();
    assert_eq!(Crls::from_files([&der_file, &pem_file]).facts().len(), 3);
    std::fs::write(&der_file, &dealers[..dealers.len() - 1]).unwrap();
    let half = Crls::from_files([&der_file, &pem_file]);
    assert_eq!((half.facts().len(), half.unusable().len()), (2, 1));
    assert_eq!(half.unusable()[0].path.as_ref(), Some(&der_file));
}

/// A client that would resume if it could: not one of ours.
fn eager(
    pki: &DevPki,
    key: &Arc<rustls::sign::CertifiedKey>,
    versions: TlsVersions,
) -> Arc<ClientConfig> {
    let profile =
        ClientProfile::new(pki.gateway_roots().unwrap(), Arc::clone(key)).with_versions(versions);
    let mut config = ClientConfig::clone(&profile.config().unwrap());
    config.resumption = Resumption::in_memory_sessions(32);
    Arc::new(config)
}

#[test]
fn a_client_that_wants_to_resume_after_its_revocation_is_refused() {
    let pki = pki();
    for versions in [TlsVersions::Tls13Only, TlsVersions::AllowTls12] {
        let key = issue(&pki, &Order::desk("TRADER1"));
        let client = eager(&pki, &key, versions);
        let open = gateway(&pki).with_versions(versions);
        let before = open.config().unwrap();
        for _ in 0..2 {
            let mut pair = Pair::connect(&client, &before).unwrap();
            pair.exchange();
            assert_eq!(
                pair.server.handshake_kind(),
                Some(HandshakeKind::Full),
                "nothing to resume with"
            );
            assert_eq!(pair.client.tls13_tickets_received(), 0);
            assert_eq!(
                pair.client.reader().read(&mut [0; 1]).unwrap_err().kind(),
                std::io::ErrorKind::WouldBlock
            );
        }
        let lists = crls(vec![pki.crl(Role::Desk, &[&key.cert[0]], tomorrow()).unwrap()]);
        let mut after = rustls::ServerConfig::clone(&open.with_crls(lists).config().unwrap());
        // Even if the new configuration inherited what the old one remembers.
        (after.session_storage, after.ticketer) =
            (Arc::clone(&before.session_storage), Arc::clone(&before.ticketer));
        let Err(failed) = Pair::connect(&client, &Arc::new(after)) else {
            panic!("a revoked client came back")
        };
        assert_eq!(failed.server, Some(Refusal::ClientCertificateRevoked));
    }
}

#[test]
fn hybrid_only_refuses_what_a_quantum_computer_could_read() {
    let pki = pki();
    let hybrid = TlsPolicy { hybrid_only: true, ..TlsPolicy::default() };
    let (client, server) = (desk(&pki).with_policy(hybrid), gateway(&pki).with_policy(hybrid));
    let pair = Pair::connect(&client.config().unwrap(), &server.config().unwrap()).unwrap();
    assert_eq!(
        pair.client.negotiated_key_exchange_group().map(|g| format!("{:?}", g.name())).as_deref(),
        Some("X25519MLKEM768")
    );

    let mut classical = rustls::crypto::aws_lc_rs::default_provider();
    classical.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pki.root(Role::Gateway).clone()).unwrap();
    let old = ClientConfig::builder_with_provider(Arc::new(classical))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let old = Arc::new(old.with_root_certificates(roots).with_no_client_auth());
    let Err(failed) = Pair::connect(&old, &server.config().unwrap()) else {
        panic!("classical key exchange was accepted")
    };
    assert_eq!(
        (failed.server, failed.client),
        (Some(Refusal::NoCommonSuite), Some(Refusal::NoCommonSuite))
    );

    let muddled = TlsPolicy { versions: TlsVersions::AllowTls12, ..hybrid };
    assert!(matches!(server.with_policy(muddled).config(), Err(ProfileError::HybridNeedsTls13)));
}

#[cfg(not(feature = "fips"))]
#[test]
fn fips_is_not_pretended() {
    let pki = pki();
    let fips = TlsPolicy { fips: true, ..TlsPolicy::default() };
    assert!(matches!(desk(&pki).with_policy(fips).config(), Err(ProfileError::NotFips)));
    assert!(matches!(gateway(&pki).with_policy(fips).config(), Err(ProfileError::NotFips)));
}

/// `cargo test -p signet-identity --features fips`; needs CMake and Go.
#[cfg(feature = "fips")]
#[test]
fn fips_with_the_module() {
    let pki = pki();
    let fips = TlsPolicy { fips: true, ..TlsPolicy::default() };
    let (client, server) = (
        desk(&pki).with_policy(fips).config().unwrap(),
        gateway(&pki).with_policy(fips).config().unwrap(),
    );
    assert!(client.fips() && server.fips());
    let pair = Pair::connect(&client, &server).unwrap();
    assert_eq!(signet_identity::describe(&pair.client), "TLS 1.3 · X25519MLKEM768 · AES-256-GCM");
}

#[test]
fn the_backup_pin_is_accepted_and_said_to_be_the_backup() {
    let pki = pki();
    let key = issue(&pki, &Order::gateway("SIGNET"));
    let pin = signet_identity::PeerIdentity::from_certificate(&key.cert[0]).unwrap().spki_sha256;
    let other = SpkiPin::from([7; 32]);
    let table = [
        (vec![pin, other], Some(PinMatch::Current)),
        (vec![other, pin], Some(PinMatch::Backup)),
        (vec![other], None),
        (vec![], None),
    ];
    for (pins, expected) in table {
        assert_eq!(desk(&pki).with_pins(pins).pin_match(&key.cert[0]), expected);
    }
    let server = ServerProfile::new(pki.desk_roots().unwrap(), key);
    Pair::connect(&desk(&pki).with_pins([other, pin]).config().unwrap(), &server.config().unwrap())
        .unwrap();
}

#[test]
fn an_enrolment_listener_takes_clients_with_and_without_a_certificate_but_no_bad_one() {
    let pki = pki();
    let server = gateway(&pki).with_optional_client_certificate().config().unwrap();
    let newcomer = ClientProfile::without_certificate(pki.gateway_roots().unwrap());
    let pair = Pair::connect(&newcomer.config().unwrap(), &server).unwrap();
    assert!(pair.server.peer_certificates().is_none());
    let pair = Pair::connect(&desk(&pki).config().unwrap(), &server).unwrap();
    assert!(pair.server.peer_certificates().is_some());
    let expired = ClientProfile::new(
        pki.gateway_roots().unwrap(),
        issue(&pki, &Order::desk("TRADER1").expired()),
    );
    assert!(Pair::connect(&expired.config().unwrap(), &server).is_err());
}
