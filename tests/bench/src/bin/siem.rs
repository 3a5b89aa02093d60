//! How fast events go to the SIEM: from the registry through the sealed spool into a file, and to a
//! syslog receiver over mutual TLS. Whole gateway in a process of its own.

use signet_bench::{
    firm::{DOMAIN, Firm, pki},
    process::{Process, free_address},
};
use signet_devca::{DevPki, Order};
use signet_identity::{ServerIdentity, ServerProfile};
use signet_registry::{NewEvent, Registry};
use signet_rfq::UtcMillis;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tokio_rustls::TlsAcceptor;

const EVENTS: usize = 50_000;
const BATCH: usize = 1_000;
/// Longer than this is a failure.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    let pki = pki();
    pki.issue(&Order::dealer("SIEM").with_dns(["localhost"]))
        .expect("a certificate")
        .write_to(dir.path(), "siem")
        .expect("written");
    let receiver = receiver(&pki, dir.path()).await;
    let Firm { config, gateway, address, pki: _pki, .. } =
        Firm::start(dir.path(), 0, free_address(), pki).await;
    drop(gateway);
    let url = config.registry.as_ref().expect("a registry").url().expect("a URL");
    let registry = Registry::open(&url).await.expect("the registry");
    for _ in 0..EVENTS / BATCH {
        let one = || {
            let words = format!("score 35 of {DOMAIN}: country (20), posture (15)");
            NewEvent::new(UtcMillis(1_795_176_000_000), "gateway", "risk.assessed", "alice", words)
        };
        registry.note_all((0..BATCH).map(|_| one()).collect()).await.expect("written");
    }
    registry.close().await;
    let base = fs::read_to_string(dir.path().join("gateway.toml")).expect("a configuration");
    let file = "[[siem.sink]]\nkind = \"file\"\nname = \"file\"\npath = \"events.jsonl\"\n\
        rotate_mb = 4096\n";
    let syslog = format!(
        "[[siem.sink]]\nkind = \"syslog\"\nname = \"soc\"\naddress = \"localhost:{}\"\n\
        trust = \"dealers-ca.pem\"\n",
        receiver.0.port()
    );
    for (what, sink) in [("into a file", file.to_owned()), ("to syslog over TLS", syslog)] {
        let _ = fs::remove_dir_all(dir.path().join("state/siem"));
        let text = format!("{base}[siem]\nspool_mb = 1024\n{sink}");
        fs::write(dir.path().join("gateway.toml"), text).expect("written");
        let mut gateway = Process::gateway(&dir.path().join("gateway.toml"));
        gateway.wait_for(address);
        let (seconds, bytes) = match what {
            "into a file" => filled(&dir.path().join("events.jsonl")),
            _ => received(&receiver.1),
        };
        println!(
            "   {EVENTS} events {what}: {:.0} events/s, {:.1} MB/s",
            EVENTS as f64 / seconds,
            bytes as f64 / seconds / 1e6
        );
    }
}

type Heard = std::sync::mpsc::Receiver<(Instant, usize, usize)>;

/// Seconds from the first sight to the last event, and bytes.
fn filled(path: &Path) -> (f64, u64) {
    let began = Instant::now();
    let lines = || {
        let bytes = fs::read(path).unwrap_or_default();
        (bytes.iter().filter(|b| **b == b'\n').count(), bytes.len() as u64)
    };
    loop {
        let (count, bytes) = lines();
        if count >= EVENTS {
            return (began.elapsed().as_secs_f64(), bytes);
        }
        assert!(began.elapsed() < PATIENCE, "{count} events only");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn received(heard: &Heard) -> (f64, u64) {
    let (began, mut count, mut bytes) = (Instant::now(), 0, 0);
    while count < EVENTS {
        let (_, more, read) = heard.recv_timeout(PATIENCE).expect("events");
        count += more;
        bytes += read as u64;
    }
    (began.elapsed().as_secs_f64(), bytes)
}

/// A receiver that counts frames by their lengths.
async fn receiver(pki: &DevPki, dir: &Path) -> (std::net::SocketAddr, Heard) {
    let identity = ServerIdentity::from_pem_files(&dir.join("siem.pem"), &dir.join("siem-key.pem"))
        .expect("an identity");
    let profile = ServerProfile::new(pki.gateway_roots().expect("roots"), &identity);
    let acceptor = TlsAcceptor::from(profile.config().expect("TLS"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (said, heard) = std::sync::mpsc::channel();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let (mut buffer, mut read) = (Vec::new(), vec![0; 256 * 1024]);
            while let Ok(n @ 1..) = tls.read(&mut read).await {
                buffer.extend_from_slice(&read[..n]);
                let frames = take_frames(&mut buffer);
                if said.send((Instant::now(), frames, n)).is_err() {
                    return;
                }
            }
        }
    });
    (address, heard)
}

/// Whole frames at the beginning, which are taken off.
fn take_frames(buffer: &mut Vec<u8>) -> usize {
    let (mut at, mut frames) = (0, 0);
    while let Some(blank) = buffer[at..].iter().position(|b| *b == b' ') {
        let digits = std::str::from_utf8(&buffer[at..at + blank]).expect("a length");
        let end = at + blank + 1 + digits.parse::<usize>().expect("a length");
        if end > buffer.len() {
            break;
        }
        (at, frames) = (end, frames + 1);
    }
    buffer.drain(..at);
    frames
}
