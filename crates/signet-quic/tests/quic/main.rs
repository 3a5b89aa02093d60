//! Both ends over real UDP on the loopback, directly and through a relay.

mod addresses;
mod own_thread;
mod support;

use rustls::AlertDescription;
use signet_quic::{
    client::{self, ConnectError},
    server::{ConnectionFault, Endpoint},
};
use std::{net::SocketAddr, rc::Rc, time::Duration};
use support::{NAME, Pair, Pki, bind, connect, endpoint, keys, run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UdpSocket,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_round_trip_with_equal_exporters() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let mut p = connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
        assert_eq!(p.exporters[0], p.exporters[1]);
        p.client.write_all(b"8=FIX").await.unwrap();
        let mut buf = [0; 16];
        let n = p.server.read(&mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"8=FIX");
        p.server.write_all(b"answer").await.unwrap();
        let n = p.client.read(&mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"answer");
    });
}

/// The Client Hello is then larger than one packet.
#[test]
fn the_hybrid_group_works_alone() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let hybrid = rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
        let tls = pki.client_of_group(hybrid);
        let dials = client::connect(bind("127.0.0.1:0"), at, NAME, &tls);
        let accepts = async { e.accept().await.accept().unwrap().established().await };
        let (client, server) = tokio::join!(dials, accepts);
        assert_eq!(client.unwrap().exporter(), server.unwrap().exporter());
    });
}

#[test]
fn a_client_without_a_certificate_reads_the_alert_from_its_stream() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let tls = pki.client_without_certificate();
        let dials = async {
            let mut stream =
                client::connect(bind("127.0.0.1:0"), at, NAME, &tls).await.unwrap().into_stream();
            stream.read_u8().await.unwrap_err()
        };
        let accepts = async { e.accept().await.accept().unwrap().established().await.unwrap_err() };
        let (seen, fault) = tokio::join!(dials, accepts);
        let want = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let seen = ConnectError::of_stream(&seen).unwrap();
        assert_eq!((seen.code(), seen.tls()), ("quic.alert", Some(&want)), "{seen}");
        assert!(
            matches!(
                fault,
                ConnectionFault::Tls { alert: AlertDescription::CertificateRequired, .. }
            ),
            "{fault:?}"
        );
    });
}

#[test]
fn a_server_that_is_not_trusted_is_told_from_one_that_is_silent() {
    run(async {
        let (pki, other) = (Pki::new(), Pki::new());
        let (e, at) = endpoint(&pki);
        let tls = other.client();
        let dials = client::connect(bind("127.0.0.1:0"), at, NAME, &tls);
        let accepts = async { e.accept().await.accept().unwrap().established().await.unwrap_err() };
        let (seen, fault) = tokio::join!(dials, accepts);
        let seen = seen.unwrap_err();
        assert!(matches!(seen.tls(), Some(rustls::Error::InvalidCertificate(_))), "{seen:?}");
        assert!(matches!(fault, ConnectionFault::Alert(_)), "{fault:?}");
    });
}

#[test]
fn a_client_of_another_protocol_is_refused() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let mut tls = pki.client();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
        let mut other = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        other.set_default_client_config(quinn::ClientConfig::new(std::sync::Arc::new(crypto)));
        let dials = async { other.connect(at, NAME).unwrap().await.unwrap_err() };
        let accepts = async { e.accept().await.accept().map(|_| ()) };
        let (seen, accepted) = tokio::join!(dials, accepts);
        let seen = ConnectError::from(seen);
        let want = rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol);
        assert_eq!(seen.tls(), Some(&want), "{seen:?} {accepted:?}");
    });
}

async fn read_all(mut from: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    timeout(SOON, from.read_to_end(&mut all)).await.unwrap().unwrap();
    all
}

/// `shutdown` returns when the peer has it; what is dropped after that loses nothing, in either
/// direction, even when the reader comes late.
#[test]
fn closing_loses_no_message() {
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let text = vec![b'x'; 40_000];
        for by_client in [true, false] {
            let Pair { mut client, mut server, moves, .. } =
                connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
            client.write_all(b"hello").await.unwrap();
            let mut hello = [0; 5];
            server.read_exact(&mut hello).await.unwrap();
            let got = if by_client {
                client.write_all(&text).await.unwrap();
                client.shutdown().await.unwrap();
                drop(client);
                tokio::time::sleep(Duration::from_millis(50)).await;
                read_all(server).await
            } else {
                server.write_all(&text).await.unwrap();
                server.shutdown().await.unwrap();
                drop((server, moves));
                tokio::time::sleep(Duration::from_millis(50)).await;
                read_all(client).await
            };
            assert_eq!(got.len(), text.len(), "by the client: {by_client}");
        }
        while e.open_connections() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

#[test]
fn an_endpoint_that_starts_again_with_its_keys_resets_old_connections() {
    run(async {
        let pki = Pki::new();
        let socket = bind("127.0.0.1:0");
        let (at, tls) = (socket.local_addr().unwrap(), pki.server());
        // A process that is killed says nothing: its runtime goes with everything in it.
        let (kill, killed) = tokio::sync::oneshot::channel::<()>();
        let first = std::thread::spawn(move || {
            run(async move {
                let e = Endpoint::new(socket, &tls, &keys(), 8).unwrap();
                let on = e.accept().await.accept().unwrap().established().await.unwrap();
                killed.await.unwrap();
                drop((e, on));
            });
        });
        let tls = pki.client();
        let client = client::connect(bind("127.0.0.1:0"), at, NAME, &tls).await.unwrap();
        let mut client = client.into_stream();
        client.write_all(b"before").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        kill.send(()).unwrap();
        first.join().unwrap();
        let _again = Endpoint::new(bind(&at.to_string()), &pki.server(), &keys(), 8).unwrap();
        client.write_all(b"after").await.unwrap();
        let seen = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
        let seen = ConnectError::of_stream(&seen).unwrap();
        assert!(matches!(seen, ConnectError::Reset), "{seen:?}");
    });
}

/// Many clients at once, and nobody accepts: few of them without a Retry token, and the queue has
/// an end.
#[test]
fn a_flood_of_attempts_is_bounded() {
    run(async {
        let pki = Pki::new();
        let unproved = 4;
        let e = Endpoint::new(bind("127.0.0.1:0"), &pki.server(), &keys(), unproved).unwrap();
        let at: SocketAddr = e.local_addr().unwrap();
        let tls = Rc::new(pki.client());
        for _ in 0..150 {
            let tls = tls.clone();
            tokio::task::spawn_local(async move {
                let _ = client::connect(bind("127.0.0.1:0"), at, NAME, &tls).await;
            });
        }
        let mut got = Vec::new();
        let end = tokio::time::Instant::now() + SOON;
        tokio::time::sleep(Duration::from_millis(800)).await;
        // No attempt is dropped before all are counted: else the next ones take their places. On a
        // busy machine those that return their token take longer.
        loop {
            match timeout(Duration::from_millis(20), e.accept()).await {
                Ok(incoming) => got.push(incoming),
                Err(_) if got.len() > unproved || tokio::time::Instant::now() > end => break,
                Err(_) => {}
            }
            if got.len() > 200 {
                break;
            }
        }
        let without = got.iter().filter(|i| !i.is_validated()).count();
        assert!(without <= unproved && got.len() > unproved, "{without} of {}", got.len());
        assert_eq!(e.open_connections(), 0, "no handshake began");
    });
}

/// Revocation lists change while a client is on its way with its token.
#[test]
fn a_retry_token_outlives_the_tls_profile() {
    run(async {
        let pki = Pki::new();
        let e = Endpoint::new(bind("127.0.0.1:0"), &pki.server(), &keys(), 0).unwrap();
        let e = Rc::new(e);
        let (changes, newer) = (e.clone(), pki.server());
        let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        back.connect(e.local_addr().unwrap()).await.unwrap();
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = front.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            let (mut asked, mut said) = ([0; 2_000], [0; 2_000]);
            let (mut client, mut is_first) = (to, true);
            loop {
                tokio::select! {
                    heard = front.recv_from(&mut asked) => {
                        let (n, from) = heard.unwrap();
                        client = from;
                        back.send(&asked[..n]).await.unwrap();
                    }
                    heard = back.recv(&mut said) => {
                        let n = heard.unwrap();
                        // The Retry packet has been sent, and is not there yet.
                        if std::mem::take(&mut is_first) {
                            changes.set_tls(&newer).unwrap();
                        }
                        front.send_to(&said[..n], client).await.unwrap();
                    }
                }
            }
        });
        let tls = pki.client();
        let dials = client::connect(bind("127.0.0.1:0"), to, NAME, &tls);
        let accepts = async {
            let incoming = e.accept().await;
            assert!(incoming.is_validated());
            incoming.accept().unwrap().established().await
        };
        let both = async { tokio::join!(dials, accepts) };
        let (client, server) = timeout(SOON, both).await.expect("the token counts");
        assert_eq!(client.unwrap().exporter(), server.unwrap().exporter());
    });
}
