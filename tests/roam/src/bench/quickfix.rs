//! The same changes under QuickFIX's own threaded OpenSSL initiator, with its minimum reconnect
//! interval and heartbeat, and QuickFIX's own acceptor at the other end.

use super::sheet::Sheet;
use crate::{
    network::{Net, Network},
    talk::nanos,
    world::{DELAY, ms},
};
use signet_devca::{DevPki, Order};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

/// Beside this program, where scripts/bench.sh builds it.
const PEER: &str = "../openssl/release/openssl-peer";
/// Who is not back by then counts as not back.
const PATIENCE: Duration = Duration::from_secs(30);
const PORT: u16 = 19_443;
/// A silent connection ends after about two seconds.
const RETRIES: u32 = 3;
/// Between changes, so that heartbeats flow and the peers agree.
const REST: Duration = Duration::from_millis(1_500);

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `what`: `switch`, `link-up` or `reset`.
pub(super) fn run(what: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    certificates(dir.path());
    let mut network = Network::start(DELAY).expect("networks");
    // Without it, this initiator is not back within two minutes of a silent path: it closes with
    // SSL_shutdown and waits for the peer's answer for as long as the kernel tries.
    network.give_up_after(RETRIES).expect("tcp_retries2");
    let mut pair = Pair::start(&network, dir.path(), PORT);
    let (words, mut lost, mut here) = (what_it_is(what), 0, Net::Wifi);
    let sheet = |end: &str| Sheet::new("QuickFIX", format!("{words}: {end}"), rounds, None);
    let (mut on, mut tradable) = (sheet("logged on"), sheet("a request quoted"));
    for n in 0..rounds {
        std::thread::sleep(REST);
        while pair.heard.try_recv().is_ok() {}
        let from = change(&mut network, &mut here, what);
        match pair.until("on").zip(pair.until("quote")) {
            Some((logged_on, quoted)) => {
                on.push(std::iter::once(ms(from, logged_on)));
                tradable.push(std::iter::once(ms(from, quoted)));
            }
            // Both begin again, at another port, because the acceptor may hold the old one.
            None => {
                lost += 1;
                tradable.note(format!("not back within {PATIENCE:?}: {lost}"));
                let port = PORT + 1 + u16::try_from(n).unwrap_or(0);
                drop(pair);
                pair = Pair::start(&network, dir.path(), port);
            }
        }
    }
}

fn what_it_is(what: &str) -> &'static str {
    match what {
        "switch" => "silent switch",
        "link-up" => "link up, new address",
        _ => "reset",
    }
}

/// Answers since when a connection is possible.
fn change(network: &mut Network, here: &mut Net, what: &str) -> u64 {
    match what {
        "reset" => {
            network.reset(*here);
            return nanos();
        }
        "switch" => {
            network.silent(*here, true);
            network.silent(here.other(), false);
            *here = here.other();
        }
        _ => {
            network.down(*here).expect("down");
            std::thread::sleep(Duration::from_secs(3));
        }
    }
    let from = nanos();
    network.up(*here).expect("up");
    from
}

/// QuickFIX at both ends, logged on.
struct Pair {
    heard: Receiver<(u64, String)>,
    _peers: [Peer; 2],
}

impl Pair {
    fn start(network: &Network, certs: &Path, port: u16) -> Self {
        let peer = std::env::current_exe().expect("a path").with_file_name(PEER);
        let (port, certs) = (port.to_string(), certs.display().to_string());
        let start = |command: &mut Command| {
            let made = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            Peer(made.spawn().expect("openssl-peer is built (scripts/bench.sh)"))
        };
        let acceptor = start(Command::new(&peer).args(["roam-acceptor", &port, &certs]));
        std::thread::sleep(Duration::from_secs(1));
        let mut roamer =
            start(
                Command::new("nsenter")
                    .arg(format!("--net={}", network.laptop()))
                    .arg(&peer)
                    .args(["roam-initiator", "10.99.0.1", &port, &certs]),
            );
        let pair = Self { heard: listen(&mut roamer.0), _peers: [acceptor, roamer] };
        pair.until("quote").expect("QuickFIX logs on");
        pair
    }

    fn until(&self, word: &str) -> Option<u64> {
        loop {
            let (at, line) = self.heard.recv_timeout(PATIENCE).ok()?;
            if line == word {
                return Some(at);
            }
        }
    }
}

fn listen(child: &mut Child) -> Receiver<(u64, String)> {
    let output = BufReader::new(child.stdout.take().expect("output"));
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if tell.send((nanos(), line)).is_err() {
                return;
            }
        }
    });
    heard
}

fn certificates(dir: &Path) {
    let now = time::OffsetDateTime::now_utc();
    let pki = DevPki::generate(crate::firm::DOMAIN, now).expect("a CA");
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect("written");
    for (order, name) in [(Order::gateway("SIGNET"), "server"), (Order::desk("BENCH1"), "client")] {
        let issued = pki.issue(&order).expect("a certificate");
        write(&format!("{name}.pem"), issued.chain_pem());
        write(&format!("{name}-key.pem"), issued.key_pem());
    }
    let roots = pki.write_roots(dir).expect("roots");
    let all = [&roots.desks, &roots.gateways].map(|p| fs::read_to_string(p).expect("read"));
    write("ca.pem", &all.concat());
    write("FIX44.xml", include_str!("../../../../crates/signet-fix/dictionary/FIX44-signet.xml"));
}
