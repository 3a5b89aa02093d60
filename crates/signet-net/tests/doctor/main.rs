//! `doctor` against real sockets: each way a connection fails, and the one where it does not.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, Crls, Role, ServerProfile, SpkiPin};
use signet_net::ProxySetting;
use signet_net::doctor::{Check, DoctorInputs, Outcome, Report, diagnose};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn pki(domain: &str) -> DevPki {
    DevPki::generate(domain, OffsetDateTime::now_utc()).unwrap()
}

fn profile(pki: &DevPki) -> ClientProfile {
    let key = pki.issue(&Order::desk("TRADER1")).unwrap().certified_key().unwrap();
    ClientProfile::new(pki.gateway_roots().unwrap(), key)
}

fn server(pki: &DevPki, order: &Order) -> ServerProfile {
    ServerProfile::new(
        pki.desk_roots().unwrap(),
        pki.issue(order).unwrap().certified_key().unwrap(),
    )
}

/// A listener that says nothing after the handshake, as a FIX acceptor.
async fn listen(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = TlsAcceptor::from(Arc::clone(&config));
            tokio::spawn(async move {
                if let Ok(mut tls) = acceptor.accept(tcp).await {
                    let _ = tls.read(&mut [0; 1]).await;
                }
            });
        }
    });
    port
}

async fn examine(port: u16, profile: ClientProfile) -> Report {
    let inputs = DoctorInputs {
        host: "127.0.0.1".into(),
        port,
        server_name: "localhost".into(),
        profile,
        proxy: ProxySetting::Direct,
        server_date: None,
        step_time_max: Duration::from_secs(5),
    };
    diagnose(&inputs).await
}

fn failed(report: &Report) -> (Check, String) {
    match report.failure().map(|step| (step.check, &step.outcome)) {
        Some((check, Outcome::Failed { code, .. })) => (check, code.clone()),
        _ => panic!("{report}"),
    }
}

#[tokio::test]
async fn a_healthy_connection() {
    let pki = pki("bank.example");
    let port = listen(server(&pki, &Order::gateway("SIGNET")).config().unwrap()).await;
    let report = examine(port, profile(&pki)).await;
    assert!(report.is_healthy(), "{report}");
    let text = report.to_string();
    assert!(
        text.contains("TLS 1.3 · X25519MLKEM768") && text.contains("bank.example gateways"),
        "{text}"
    );
    assert!(!text.contains("PRIVATE") && text.lines().count() < 25, "{text}");
}

#[tokio::test]
async fn each_failure_at_its_own_step() {
    let (ours, theirs) = (pki("bank.example"), pki("inspector.example"));
    let good = Order::gateway("SIGNET");

    let port = listen(server(&theirs, &good).config().unwrap()).await;
    let report = examine(port, profile(&ours)).await;
    assert_eq!(failed(&report), (Check::Authority, "server.unknown_ca".into()));
    assert!(report.to_string().contains("issued by CN=inspector.example gateways"), "{report}");

    let port = listen(server(&ours, &good.clone().expired()).config().unwrap()).await;
    assert_eq!(
        failed(&examine(port, profile(&ours)).await),
        (Check::Validity, "server.expired".into())
    );

    let port =
        listen(server(&ours, &good.clone().with_dns(["other.example"])).config().unwrap()).await;
    assert_eq!(
        failed(&examine(port, profile(&ours)).await),
        (Check::ServerName, "server.name_mismatch".into())
    );

    let port = listen(server(&ours, &good).config().unwrap()).await;
    let pinned = profile(&ours).with_pins([SpkiPin::from([9; 32])]);
    assert_eq!(failed(&examine(port, pinned).await), (Check::Pin, "server.pin_mismatch".into()));
    let unlisted = profile(&ours).with_crls(Crls::new([]).unwrap());
    assert_eq!(failed(&examine(port, unlisted).await), (Check::Revocation, "crl.missing".into()));

    let stranger = theirs.issue(&Order::desk("TRADER1")).unwrap().certified_key().unwrap();
    let stranger = ClientProfile::new(ours.gateway_roots().unwrap(), stranger);
    assert_eq!(
        failed(&examine(port, stranger).await),
        (Check::ClientCertificate, "client.unknown_ca".into())
    );
    let shown = ours.issue(&Order::desk("TRADER2")).unwrap();
    let tomorrow = OffsetDateTime::now_utc() + time::Duration::days(1);
    let lists = Crls::new([ours.crl(Role::Desk, &[&shown.chain()[0]], tomorrow).unwrap()]).unwrap();
    let revoking = listen(server(&ours, &good).with_crls(lists).config().unwrap()).await;
    let revoked = ClientProfile::new(ours.gateway_roots().unwrap(), shown.certified_key().unwrap());
    assert_eq!(
        failed(&examine(revoking, revoked).await),
        (Check::ClientCertificate, "client.revoked".into())
    );

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut tcp, _) = plain.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = tcp.read(&mut [0; 2048]).await;
    });
    assert_eq!(failed(&examine(port, profile(&ours)).await), (Check::Tls, "tls.not_tls".into()));

    // Bound and not listening: it refuses, and nothing else gets this port meanwhile.
    let gone = tokio::net::TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let free = gone.local_addr().unwrap().port();
    assert_eq!(
        failed(&examine(free, profile(&ours)).await),
        (Check::Route, "net.connection_refused".into())
    );
}
