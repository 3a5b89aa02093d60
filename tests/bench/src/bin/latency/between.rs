//! What stands between: a relay in place of the gateway, a receiver of events behind it, and a
//! network that takes its time.

use crate::on_a_thread;
use signet_bench::{
    firm::GATEWAY,
    pace::Pace,
    process::{Process, free_address},
};
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, ServerIdentity, ServerProfile, TrustRoots};
use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, rustls::pki_types::ServerName};

// ----- the receiver of events -----

pub fn start_receiver(pki: &DevPki, dir: &Path) -> (Process, SocketAddr) {
    pki.issue(&Order::dealer("SIEM").with_dns(["localhost"]))
        .expect("a certificate")
        .write_to(dir, "siem")
        .expect("written");
    pki.write_roots(dir).expect("roots");
    let at = free_address();
    let me = std::env::current_exe().expect("a path");
    let mut process = Process::start(Command::new(me).args(["receiver", &at.to_string()]).arg(dir));
    process.wait_for(at);
    (process, at)
}

/// Reads whatever comes.
pub async fn receive(listen: SocketAddr, dir: &Path) {
    let identity = ServerIdentity::from_pem_files(&dir.join("siem.pem"), &dir.join("siem-key.pem"))
        .expect("an identity");
    let roots = TrustRoots::from_pem_file(&dir.join("gateways-ca.pem")).expect("roots");
    let tls = ServerProfile::new(roots, identity.certified_key()).config().expect("a profile");
    let listener = TcpListener::bind(listen).await.expect("a port");
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let Ok(mut stream) = TlsAcceptor::from(tls.clone()).accept(tcp).await else { continue };
        let mut bytes = vec![0; 256 * 1024];
        while let Ok(1..) = stream.read(&mut bytes).await {}
    }
}

// ----- the relay -----

pub fn start_relay(pki: &DevPki, dir: &Path, dealer: SocketAddr) -> (Process, SocketAddr) {
    pki.issue(&Order::gateway(GATEWAY))
        .expect("a certificate")
        .write_to(dir, "relay")
        .expect("written");
    pki.write_roots(dir).expect("roots");
    let at = free_address();
    let me = std::env::current_exe().expect("a path");
    let mut process = Process::start(
        Command::new(me).args(["relay", &at.to_string(), &dealer.to_string()]).arg(dir),
    );
    process.wait_for(at);
    (process, at)
}

/// Ends mutual TLS on both sides with the gateway's profiles and copies bytes between; understands
/// none of them.
pub async fn relay(listen: SocketAddr, dealer: SocketAddr, dir: &Path) {
    let identity =
        ServerIdentity::from_pem_files(&dir.join("relay.pem"), &dir.join("relay-key.pem"))
            .expect("an identity");
    let roots = |name| TrustRoots::from_pem_file(&dir.join(name)).expect("roots");
    let tls = ServerProfile::new(roots("desks-ca.pem"), identity.certified_key())
        .config()
        .expect("a profile");
    let onward = ClientProfile::new(roots("dealers-ca.pem"), identity.certified_key());
    let onward = TlsConnector::from(onward.config().expect("a profile"));
    let listener = TcpListener::bind(listen).await.expect("a port");
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let (tls, onward) = (tls.clone(), onward.clone());
        tokio::task::spawn_local(async move {
            let _ = tcp.set_nodelay(true);
            let Ok(mut desk) = TlsAcceptor::from(tls).accept(tcp).await else { return };
            let tcp = TcpStream::connect(dealer).await.expect("connected");
            tcp.set_nodelay(true).expect("nodelay");
            let name = ServerName::try_from("localhost").expect("a name");
            let mut dealer = onward.connect(name, tcp).await.expect("a handshake");
            let _ = tokio::io::copy_bidirectional(&mut desk, &mut dealer).await;
        });
    }
}

// ----- a network that takes its time -----

/// Carries bytes to this address and back, each way so much later; where it listens.
pub fn start_delay(to: SocketAddr, by: Duration) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let at = listener.local_addr().expect("an address");
    on_a_thread("delay", async move || {
        carry_all(TcpListener::from_std(listener).expect("a listener"), to, by).await;
    });
    at
}

async fn carry_all(listener: TcpListener, to: SocketAddr, by: Duration) {
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        tokio::task::spawn_local(carry(tcp, to, by));
    }
}

async fn carry(here: TcpStream, to: SocketAddr, by: Duration) {
    let Ok(there) = TcpStream::connect(to).await else { return };
    for stream in [&here, &there] {
        let _ = stream.set_nodelay(true);
    }
    let ((from_here, to_here), (from_there, to_there)) = (here.into_split(), there.into_split());
    tokio::join!(one_way(from_here, to_there, by), one_way(from_there, to_here, by));
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, by: Duration) {
    let (queue, mut queued) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut bytes).await {
            if queue.send((Instant::now() + by, bytes[..n].to_vec())).is_err() {
                return;
            }
        }
    };
    let writing = async move {
        let pace = Pace::new();
        while let Some((at, bytes)) = queued.recv().await {
            pace.until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // What came before the end has gone before it.
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
