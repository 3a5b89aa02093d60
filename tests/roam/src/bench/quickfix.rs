//! The same changes under QuickFIX's own threaded OpenSSL initiator, with its minimum reconnect
//! interval and heartbeat, and QuickFIX's own acceptor at the other end.

use crate::{
    network::{Net, Network},
    statistics::percentiles,
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
const PATIENCE: Duration = Duration::from_secs(120);
/// Between changes, so that heartbeats flow and the peers agree.
const REST: Duration = Duration::from_millis(1_500);

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `what`: `switch` or `link-up`.
pub(super) fn run(what: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    certificates(dir.path());
    let mut network = Network::start(DELAY).expect("networks");
    let port = 19_443.to_string();
    let peer = std::env::current_exe().expect("a path").with_file_name(PEER);
    let certs = dir.path().display().to_string();
    let start = |command: &mut Command| {
        let made = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Peer(made.spawn().expect("openssl-peer is built (scripts/bench.sh)"))
    };
    let _acceptor = start(Command::new(&peer).args(["roam-acceptor", &port, &certs]));
    std::thread::sleep(Duration::from_secs(1));
    let mut roamer = start(
        Command::new("nsenter").arg(format!("--net={}", network.laptop())).arg(&peer).args([
            "roam-initiator",
            "10.99.0.1",
            &port,
            &certs,
        ]),
    );
    let heard = listen(&mut roamer.0);
    let (_, _) = (until(&heard, "on"), until(&heard, "quote"));
    let (mut on, mut tradable, mut here) = (Vec::new(), Vec::new(), Net::Wifi);
    for _ in 0..rounds {
        std::thread::sleep(REST);
        while heard.try_recv().is_ok() {}
        let from = if what == "switch" {
            network.silent(here, true);
            network.silent(here.other(), false);
            here = here.other();
            nanos()
        } else {
            network.down(here).expect("down");
            std::thread::sleep(Duration::from_secs(3));
            nanos()
        };
        network.up(here).expect("up");
        on.push(ms(from, until(&heard, "on")));
        tradable.push(ms(from, until(&heard, "quote")));
    }
    println!("   QuickFIX, {what}, ms: logged on         {}", percentiles(&mut on));
    println!("   QuickFIX, {what}, ms: a request quoted  {}", percentiles(&mut tradable));
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

fn until(heard: &Receiver<(u64, String)>, word: &str) -> u64 {
    loop {
        let (at, line) = heard.recv_timeout(PATIENCE).expect("QuickFIX comes back");
        if line == word {
            return at;
        }
    }
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
