//! FIXS 1.1: what two ends of ours agree on.

use std::sync::Arc;

use crate::pair::{Pair, TRUST_DOMAIN, desk, gateway, issue, pki};
use rustls::{HandshakeKind, ProtocolVersion};
use signet_devca::Order;
use signet_identity::{
    ClientProfile, Identity, IdentityError, PeerError, PeerIdentity, ProfileError, Protection,
    Role, ServerProfile, SoftwareKey, SpkiPin, TlsVersions, TrustRoots, channel_binding, describe,
};

#[test]
fn tls13_with_the_hybrid_group_and_both_identities() {
    let pki = pki();
    let mut pair =
        Pair::connect(&desk(&pki).config().unwrap(), &gateway(&pki).config().unwrap()).unwrap();
    assert_eq!(describe(&pair.client), "TLS 1.3 · X25519MLKEM768 · AES-256-GCM");
    assert_eq!(describe(&pair.client), describe(&pair.server));

    let trader = PeerIdentity::of_connection(&pair.server).unwrap();
    assert_eq!((trader.role, trader.comp_id.as_str()), (Role::Desk, "TRADER1"));
    trader.require(Role::Desk, TRUST_DOMAIN).unwrap();
    assert!(matches!(
        trader.require(Role::Dealer, TRUST_DOMAIN),
        Err(PeerError::WrongRole { found: Role::Desk, .. })
    ));
    assert!(matches!(
        trader.require(Role::Desk, "other.example"),
        Err(PeerError::WrongTrustDomain { .. })
    ));
    let gateway = PeerIdentity::of_connection(&pair.client).unwrap();
    assert_eq!((gateway.role, gateway.comp_id.as_str()), (Role::Gateway, "SIGNET"));
    pair.exchange();
}

#[test]
fn rfc9266_channel_binding_is_equal_at_both_ends_and_new_each_time() {
    let pki = pki();
    let (client, server) = (desk(&pki).config().unwrap(), gateway(&pki).config().unwrap());
    let one = Pair::connect(&client, &server).unwrap();
    let two = Pair::connect(&client, &server).unwrap();
    let binding = channel_binding(&one.client).unwrap();
    assert_eq!(binding, channel_binding(&one.server).unwrap());
    assert_ne!(binding, channel_binding(&two.client).unwrap());
}

#[test]
fn nothing_is_resumed() {
    let pki = pki();
    for versions in [TlsVersions::Tls13Only, TlsVersions::AllowTls12] {
        let client = desk(&pki).with_versions(versions).config().unwrap();
        let server = gateway(&pki).with_versions(versions).config().unwrap();
        for _ in 0..3 {
            let mut pair = Pair::connect(&client, &server).unwrap();
            pair.exchange();
            assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(pair.client.tls13_tickets_received(), 0);
        }
    }
}

#[test]
fn tls12_when_allowed_uses_ecdhe_with_aes_gcm() {
    let pki = pki();
    let server = gateway(&pki).with_versions(TlsVersions::AllowTls12);
    let mut only12 = ServerOnly12::from(&server);
    let client = desk(&pki).with_versions(TlsVersions::AllowTls12).config().unwrap();
    let pair = Pair::connect(&client, &only12.take()).unwrap();
    assert_eq!(pair.client.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    // The other end is rustls with its own defaults, which leave X25519 out in FIPS mode.
    let group = if cfg!(feature = "fips") { "P-256" } else { "X25519" };
    assert_eq!(describe(&pair.client), format!("TLS 1.2 · {group} · AES-256-GCM"));
    assert_eq!(channel_binding(&pair.client).unwrap(), channel_binding(&pair.server).unwrap());
}

/// A counterparty that knows nothing newer than TLS 1.2: rustls's own defaults for the rest.
struct ServerOnly12(Option<Arc<rustls::ServerConfig>>);

impl ServerOnly12 {
    fn from(profile: &ServerProfile) -> Self {
        let ours = profile.config().unwrap();
        let theirs =
            rustls::ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&ours.cert_resolver));
        Self(Some(Arc::new(theirs)))
    }

    fn take(&mut self) -> Arc<rustls::ServerConfig> {
        self.0.take().unwrap()
    }
}

#[test]
fn only_ecdhe_aes_gcm_suites_are_offered() {
    let pki = pki();
    let config = desk(&pki).with_versions(TlsVersions::AllowTls12).config().unwrap();
    let provider = config.crypto_provider();
    for suite in &provider.cipher_suites {
        let name = format!("{:?}", suite.suite());
        assert!(
            name.contains("GCM") && (name.contains("ECDHE") || name.starts_with("TLS13")),
            "{name}"
        );
    }
    let groups: Vec<String> =
        provider.kx_groups.iter().map(|group| format!("{:?}", group.name())).collect();
    assert_eq!(groups, ["X25519MLKEM768", "X25519", "secp256r1", "secp384r1"]);
}

#[test]
fn the_right_pin_among_several_is_accepted() {
    let pki = pki();
    let certified_key = issue(&pki, &Order::gateway("SIGNET"));
    let leaf = PeerIdentity::from_certificate(&certified_key.cert[0]).unwrap();
    let client = desk(&pki).with_pins([SpkiPin::from([7; 32]), leaf.spki_sha256]);
    let server = ServerProfile::new(pki.desk_roots().unwrap(), certified_key);
    Pair::connect(&client.config().unwrap(), &server.config().unwrap()).unwrap();
}

#[test]
fn an_rsa_server_is_accepted() {
    let pki = pki();
    let key = issue(&pki, &Order::gateway("SIGNET").with_rsa_key());
    let server = ServerProfile::new(pki.desk_roots().unwrap(), key).config().unwrap();
    Pair::connect(&desk(&pki).config().unwrap(), &server).unwrap();
}

#[test]
fn a_gateway_dials_a_dealer_with_the_same_certificate() {
    let pki = pki();
    let dialler =
        ClientProfile::new(pki.dealer_roots().unwrap(), issue(&pki, &Order::gateway("SIGNET")));
    let dealer =
        ServerProfile::new(pki.gateway_roots().unwrap(), issue(&pki, &Order::dealer("NORTHBANK")));
    let pair = Pair::connect(&dialler.config().unwrap(), &dealer.config().unwrap()).unwrap();
    let dialled = PeerIdentity::of_connection(&pair.client).unwrap();
    dialled.require(Role::Dealer, TRUST_DOMAIN).unwrap();
}

#[test]
fn a_certificate_of_another_key_is_caught_before_any_connection() {
    let pki = pki();
    let chain = pki.issue(&Order::desk("TRADER1")).unwrap().chain().to_vec();
    let other = SoftwareKey::generate_pkcs8().unwrap();
    let other = SoftwareKey::from_pkcs8(&other, Protection::SoftwareMemory).unwrap();
    assert!(matches!(
        Identity::new(chain, Arc::new(other)),
        Err(IdentityError::CertificateOfAnotherKey)
    ));
}

#[test]
fn certificates_that_name_no_single_signet_identity() {
    let pki = pki();
    let peer =
        |order: Order| PeerIdentity::from_certificate(&pki.issue(&order).unwrap().chain()[0]);
    assert_eq!(peer(Order::desk("T").with_uri("fix://TRADER1")), Err(PeerError::NotASignetUri));
    assert_eq!(peer(Order::desk("T R")), Err(PeerError::BadCompId));
    assert!(peer(Order::desk("T").expired()).is_ok(), "validity is the handshake's business");
}

#[test]
fn no_authority_means_nobody_is_trusted() {
    assert!(matches!(TrustRoots::new([]), Err(ProfileError::NoAuthority)));
}

#[cfg(unix)]
#[test]
fn a_server_key_that_others_can_read_is_refused() {
    use signet_identity::{PemError, ServerIdentity};
    use std::os::unix::fs::PermissionsExt as _;
    let pki = pki();
    let directory = tempfile::tempdir().unwrap();
    let files =
        pki.issue(&Order::gateway("SIGNET")).unwrap().write_to(directory.path(), "gw").unwrap();
    let loaded = ServerIdentity::from_pem_files(&files.chain, &files.key).unwrap();
    assert_eq!(loaded.peer().unwrap().comp_id.as_str(), "SIGNET");

    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = ServerIdentity::from_pem_files(&files.chain, &files.key).unwrap_err();
    assert!(matches!(error, PemError::KeyReadableByOthers { mode: 0o640, .. }), "{error}");
    assert!(error.to_string().contains("chmod 600"));

    let other =
        pki.issue(&Order::gateway("SIGNET")).unwrap().write_to(directory.path(), "other").unwrap();
    assert!(matches!(
        ServerIdentity::from_pem_files(&files.chain, &other.key),
        Err(PemError::CertificateOfAnotherKey { .. })
    ));
    assert!(matches!(
        ServerIdentity::from_pem_files(&files.chain, &files.chain),
        Err(PemError::NoKey { .. })
    ));
    let roots = pki.write_roots(directory.path()).unwrap();
    TrustRoots::from_pem_file(&roots.desks).unwrap();
    assert!(TrustRoots::from_pem_file(&other.key).is_err());
}
