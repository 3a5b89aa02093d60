//! Every way a handshake is refused, and what each end says about it.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::pair::{Pair, desk, failure, foreign_pki, gateway, issue, pki};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use signet_devca::Order;
use signet_identity::{
    ClientProfile, PeerIdentity, Refusal, ServerProfile, SpkiPin, Stage, TlsVersions,
};

fn server_showing(pki: &signet_devca::DevPki, order: &Order) -> ServerProfile {
    ServerProfile::new(pki.desk_roots().unwrap(), issue(pki, order))
}

fn desk_showing(pki: &signet_devca::DevPki, order: &Order) -> ClientProfile {
    ClientProfile::new(pki.gateway_roots().unwrap(), issue(pki, order))
}

#[test]
fn server_named_otherwise() {
    let pki = pki();
    let server = server_showing(&pki, &Order::gateway("SIGNET").with_dns(["attacker.example"]));
    let failed = failure(&desk(&pki), &server);
    let Some(Refusal::NameMismatch { presented }) = failed.client else { panic!("{failed:?}") };
    assert!(presented.iter().any(|name| name.contains("attacker.example")), "{presented:?}");
    assert!(matches!(failed.server, Some(Refusal::ServerCertificateRefused { .. })));
}

#[test]
fn server_of_an_unknown_authority() {
    let (ours, theirs) = (pki(), foreign_pki());
    let server = server_showing(&theirs, &Order::gateway("SIGNET"));
    assert_eq!(failure(&desk(&ours), &server).client, Some(Refusal::UnknownCa));
}

#[test]
fn an_authority_that_only_bears_the_name_of_ours() {
    let (ours, namesake) = (pki(), pki());
    let server = server_showing(&namesake, &Order::gateway("SIGNET"));
    assert_eq!(failure(&desk(&ours), &server).client, Some(Refusal::UnknownCa));
    let desk = ClientProfile::new(
        ours.gateway_roots().unwrap(),
        issue(&namesake, &Order::desk("TRADER1")),
    );
    let failed = failure(&desk, &gateway(&ours));
    assert_eq!(failed.server, Some(Refusal::ClientCertificateUnknownCa));
    let Some(Refusal::ClientCertificateRefused { alert }) = failed.client else {
        panic!("{failed:?}")
    };
    assert_eq!(alert, "DecryptError");
}

#[test]
fn server_outside_its_validity() {
    let pki = pki();
    let expired = server_showing(&pki, &Order::gateway("SIGNET").expired());
    assert_eq!(failure(&desk(&pki), &expired).client, Some(Refusal::Expired));
    let early = server_showing(&pki, &Order::gateway("SIGNET").not_yet_valid());
    assert_eq!(failure(&desk(&pki), &early).client, Some(Refusal::NotYetValid));
}

#[test]
fn server_with_a_key_that_is_not_pinned() {
    let pki = pki();
    let key = issue(&pki, &Order::gateway("SIGNET"));
    let presented = PeerIdentity::from_certificate(&key.cert[0]).unwrap().spki_sha256;
    let server = ServerProfile::new(pki.desk_roots().unwrap(), key);
    let client = desk(&pki).with_pins([SpkiPin::from([1; 32]), SpkiPin::from([2; 32])]);
    assert_eq!(failure(&client, &server).client, Some(Refusal::PinMismatch { presented }));
}

#[test]
fn the_right_pin_does_not_rescue_an_untrusted_chain() {
    let (ours, theirs) = (pki(), foreign_pki());
    let key = issue(&theirs, &Order::gateway("SIGNET"));
    let pin = PeerIdentity::from_certificate(&key.cert[0]).unwrap().spki_sha256;
    let server = ServerProfile::new(theirs.desk_roots().unwrap(), key);
    let failed = failure(&desk(&ours).with_pins([pin]), &server);
    assert_eq!(failed.client, Some(Refusal::UnknownCa));
}

#[test]
fn server_that_shows_a_client_certificate() {
    let pki = pki();
    let desk_certificate = issue(&pki, &Order::desk("TRADER2").with_dns(["localhost"]));
    let server = ServerProfile::new(pki.desk_roots().unwrap(), desk_certificate);
    let client =
        ClientProfile::new(pki.desk_roots().unwrap(), issue(&pki, &Order::desk("TRADER1")));
    assert_eq!(failure(&client, &server).client, Some(Refusal::ServerNotCertifiedForThis));
}

#[test]
fn client_of_an_unknown_authority_learns_it_after_its_own_handshake() {
    let (ours, theirs) = (pki(), foreign_pki());
    let stranger =
        ClientProfile::new(ours.gateway_roots().unwrap(), issue(&theirs, &Order::desk("TRADER1")));
    let failed = failure(&stranger, &gateway(&ours));
    assert!(failed.client_was_done, "TLS 1.3: the client had finished");
    assert_eq!(failed.client, Some(Refusal::ClientCertificateUnknownCa));
    assert_eq!(failed.server, Some(Refusal::ClientCertificateUnknownCa));
}

#[test]
fn client_outside_its_validity() {
    let pki = pki();
    for order in [Order::desk("TRADER1").expired(), Order::desk("TRADER1").not_yet_valid()] {
        let failed = failure(&desk_showing(&pki, &order), &gateway(&pki));
        assert_eq!(failed.client, Some(Refusal::ClientCertificateExpired));
        assert_eq!(failed.server, Some(Refusal::ClientCertificateExpired));
    }
}

#[test]
fn a_dealer_certificate_is_no_client_certificate() {
    let pki = pki();
    let dealer_as_client =
        ClientProfile::new(pki.gateway_roots().unwrap(), issue(&pki, &Order::dealer("NORTHBANK")));
    let server =
        ServerProfile::new(pki.dealer_roots().unwrap(), issue(&pki, &Order::gateway("SIGNET")));
    let failed = failure(&dealer_as_client, &server);
    assert!(matches!(failed.client, Some(Refusal::ClientCertificateRefused { .. })), "{failed:?}");
    assert!(matches!(failed.server, Some(Refusal::ClientCertificateRefused { .. })), "{failed:?}");
}

#[test]
fn client_without_a_certificate() {
    let pki = pki();
    let anonymous = anonymous(&pki, &[&rustls::version::TLS13]);
    let Err(failed) = Pair::connect(&anonymous, &gateway(&pki).config().unwrap()) else {
        panic!("an anonymous client was let in")
    };
    assert_eq!(failed.client, Some(Refusal::NoClientCertificateSent));
    assert_eq!(failed.server, Some(Refusal::NoClientCertificateSent));
}

#[test]
fn tls12_offered_to_an_end_that_wants_13() {
    let pki = pki();
    let old = anonymous(&pki, &[&rustls::version::TLS12]);
    let Err(failed) = Pair::connect(&old, &gateway(&pki).config().unwrap()) else {
        panic!("TLS 1.2 was accepted")
    };
    assert_eq!(failed.server, Some(Refusal::NoCommonTlsVersion));
    assert_eq!(failed.client, Some(Refusal::NoCommonTlsVersion));
    // Allowed, it goes as far as the missing certificate.
    let lenient = gateway(&pki).with_versions(TlsVersions::AllowTls12).config().unwrap();
    let Err(failed) = Pair::connect(&old, &lenient) else { panic!("let in") };
    assert_eq!(failed.server, Some(Refusal::NoClientCertificateSent));
}

fn anonymous(
    pki: &signet_devca::DevPki,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pki.root(signet_identity::Role::Gateway).clone()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Dials over a real socket and returns the error of the first failing step.
fn dial(config: &Arc<ClientConfig>, address: std::net::SocketAddr) -> (Stage, io::Error) {
    let mut socket = match TcpStream::connect(address) {
        Ok(socket) => socket,
        Err(error) => return (Stage::Connect, error),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    while tls.is_handshaking() {
        if let Err(error) = tls.complete_io(&mut socket) {
            return (Stage::Handshake, error);
        }
    }
    let mut stream = StreamOwned::new(tls, socket);
    match stream.read(&mut [0; 16]) {
        Ok(count) => panic!("read {count} bytes from a server that should refuse"),
        Err(error) => (Stage::Session, error),
    }
}

fn listener(serve: impl FnOnce(TcpStream) + Send + 'static) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

#[test]
fn over_a_socket_the_clients_first_read_tells_why_it_was_refused() {
    let (ours, theirs) = (pki(), foreign_pki());
    let config = gateway(&ours).config().unwrap();
    let address = listener(move |mut socket| {
        let mut tls = rustls::ServerConnection::new(config).unwrap();
        while tls.is_handshaking() {
            if let Err(error) = tls.complete_io(&mut socket) {
                let seen = Refusal::seen_by_server(&error, Stage::Handshake);
                assert_eq!(seen, Refusal::ClientCertificateUnknownCa);
                break;
            }
        }
    });
    let stranger =
        ClientProfile::new(ours.gateway_roots().unwrap(), issue(&theirs, &Order::desk("TRADER1")));
    let (stage, error) = dial(&stranger.config().unwrap(), address);
    assert_eq!(stage, Stage::Session);
    assert_eq!(Refusal::seen_by_client(&error, stage), Refusal::ClientCertificateUnknownCa);
}

#[test]
fn peers_that_do_not_speak_tls() {
    let config = desk(&pki()).config().unwrap();
    for greeting in ["8=FIX.4.4\u{1}9=5\u{1}", "HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n"]
    {
        let address = listener(move |mut socket| {
            socket.write_all(greeting.as_bytes()).unwrap();
            // Until the client leaves, so that it reads the text and not a reset.
            let _ = io::copy(&mut socket, &mut io::sink());
        });
        let (stage, error) = dial(&config, address);
        assert_eq!(Refusal::seen_by_client(&error, stage), Refusal::NotTls, "{greeting}: {error}");
    }
    let pki = pki();
    let mut server = rustls::ServerConnection::new(gateway(&pki).config().unwrap()).unwrap();
    server.read_tls(&mut b"8=FIX.4.4\x019=5\x01".as_slice()).unwrap();
    let error = server.process_new_packets().unwrap_err();
    assert_eq!(Refusal::seen_by_server(&error, Stage::Handshake), Refusal::NotTls);
}

#[test]
fn peers_that_are_not_there() {
    let config = desk(&pki()).config().unwrap();
    let address = listener(drop);
    let (stage, error) = dial(&config, address);
    assert_eq!(Refusal::seen_by_client(&error, stage), Refusal::ClosedDuringHandshake, "{error}");

    let free = (Ipv4Addr::LOCALHOST, crate::ports::free_port()).into();
    let (stage, error) = dial(&config, free);
    assert_eq!(Refusal::seen_by_client(&error, stage), Refusal::ConnectionRefused, "{error}");
}

#[test]
fn operating_system_errors_by_stage() {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut, UnexpectedEof};
    let table = [
        (TimedOut, Stage::Connect, "net.timed_out"),
        (TimedOut, Stage::Session, "net.timed_out"),
        (HostUnreachable, Stage::Connect, "net.unreachable"),
        (NetworkUnreachable, Stage::Connect, "net.unreachable"),
        (io::ErrorKind::Other, Stage::Resolve, "net.dns_failure"),
        (UnexpectedEof, Stage::Handshake, "tls.closed_during_handshake"),
        (UnexpectedEof, Stage::Session, "net.other"),
    ];
    for (kind, stage, code) in table {
        let error = io::Error::from(kind);
        assert_eq!(Refusal::seen_by_client(&error, stage).code(), code, "{kind:?} {stage:?}");
    }
}

#[test]
fn a_key_that_cannot_sign_is_named() {
    #[derive(Debug)]
    struct Unplugged(signet_identity::SoftwareKey);
    impl signet_identity::DeviceKey for Unplugged {
        fn public_point(&self) -> &[u8] {
            self.0.public_point()
        }
        fn sign_es256(&self, _: &[u8]) -> Result<Vec<u8>, signet_identity::KeyError> {
            Err(signet_identity::KeyError::Device("token removed".into()))
        }
        fn protection(&self) -> signet_identity::Protection {
            signet_identity::Protection::Hardware
        }
    }
    let pki = pki();
    let issued = pki.issue(&Order::desk("TRADER1")).unwrap();
    let key = signet_identity::SoftwareKey::from_pkcs8(
        issued.key_pkcs8(),
        signet_identity::Protection::SoftwareMemory,
    );
    let key = Arc::new(Unplugged(key.unwrap()));
    let identity = signet_identity::Identity::new(issued.chain().to_vec(), key).unwrap();
    let client = ClientProfile::new(pki.gateway_roots().unwrap(), identity.certified_key());
    let failed = failure(&client, &gateway(&pki));
    let Some(Refusal::KeyUnavailable { detail }) = failed.client else { panic!("{failed:?}") };
    assert!(detail.contains("token removed"));
}

#[test]
fn every_refusal_names_a_cause_and_a_cure() {
    let refusals = [
        Refusal::NotTls,
        Refusal::UnknownCa,
        Refusal::ClientCertificateExpired,
        Refusal::PinMismatch { presented: SpkiPin::from([0; 32]) },
    ];
    for refusal in refusals {
        assert!(refusal.message().ends_with('.') && refusal.cure().ends_with('.'), "{refusal:?}");
        assert!(refusal.code().contains('.'));
    }
}
