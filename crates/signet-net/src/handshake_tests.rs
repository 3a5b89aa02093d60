use super::*;
use tokio::net::TcpListener;

/// Longer than any machine needs, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(60);

fn config() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions");
    Arc::new(config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// A portal of a hotel: it takes the connection and never says a word.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

async fn attempt(address: &str, limit: Duration) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    handshake(config(), name, tcp, limit).await
}

#[test]
fn a_peer_that_accepts_and_says_nothing_keeps_no_thread() {
    // Two threads: the third attempt that keeps one would leave none for anybody.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (_listener, address) = silent().await;
        for n in 0..8 {
            let limit = Duration::from_millis(20);
            // Some callers give up before the limit, as a link does that is superseded.
            if n % 2 == 0 {
                let _ = timeout(Duration::from_millis(1), attempt(&address, limit)).await;
            } else {
                let ended = attempt(&address, limit).await.map(drop).expect_err("nobody answered");
                assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
            }
        }
        let free = timeout(PATIENCE, tokio::task::spawn_blocking(|| 7)).await;
        assert_eq!(free.expect("a thread is free").expect("it ran"), 7);
    });
}

/// The gateway of the first data centre is down; the one of the second answers.
#[tokio::test]
async fn the_first_host_that_answers_wins() {
    let living = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Bound and not listening: it refuses, and nothing else gets this port meanwhile.
    let gone = tokio::net::TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = |port: u16| Endpoint { host: "127.0.0.1".into(), port };
    let there = at(living.local_addr().unwrap().port());
    let refusing = at(gone.local_addr().unwrap().port());
    let nowhere = Endpoint { host: "no-such-host.invalid".into(), port: 1 };
    let limit = Duration::from_secs(20);
    for (endpoints, want) in [
        (vec![there.clone()], 0),
        (vec![refusing.clone(), there.clone()], 1),
        (vec![nowhere.clone(), refusing.clone(), there.clone()], 2),
    ] {
        let (which, stream) = dial_any(&endpoints, &ProxySetting::Direct, limit).await.unwrap();
        assert_eq!((which, stream.peer_addr().unwrap().port()), (want, there.port));
    }
    let refused = dial_any(&[refusing], &ProxySetting::Direct, limit).await.unwrap_err();
    assert_eq!(refused.code(), "net.connection_refused", "{refused}");
    assert!(dial_any(&[], &ProxySetting::Direct, limit).await.is_err());
}
