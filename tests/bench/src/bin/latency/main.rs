//! What the gateway adds between a desk and a dealer, with everything on: mutual TLS on both sides,
//! every message of a desk signed, judged and kept as evidence, risk, entitlements, the journal,
//! the registry, the gateway's own signatures.
//!
//! `latency [--only ROW,...] [RATE...]` measures the rows of `rows.rs` in turn, each in processes
//! of its own: straight to the dealer, through a relay that ends TLS and copies bytes, through
//! `signet-gateway`, and through one under a load beside it. Fifty desks send on a fixed schedule,
//! by turns a request (R) and the cancellation (U3) of one sent a tenth of a second before; RATE
//! counts both. A request's latency begins when the schedule says, not when the loader got round
//! to it, and ends when the dealer has it decrypted, read and in hand. So what is late delays
//! nothing that comes after it, and counts in full.
//!
//! | file | what it does |
//! | --- | --- |
//! | `rows.rs` | the rows, and how they are shown side by side |
//! | `load.rs` | the schedule, and what came of it |
//! | `desk.rs`, `dealers.rs` | the two ends |
//! | `beside.rs` | idle desks, and peers that flood |
//! | `between.rs`, `database.rs` | relay, receiver of events; PostgreSQL behind a slow network |

mod beside;
mod between;
mod database;
mod dealers;
mod desk;
mod load;
#[path = "../../../../needs/left_out.rs"]
mod needs;
#[path = "../../../../needs/ports.rs"]
mod ports;
#[allow(dead_code, reason = "other tests stop it and start it again")]
#[path = "../../../../../gateway/tests/identity/postgres.rs"]
mod postgres;
mod rows;

use between::{receive, relay, start_receiver, start_relay};
use database::Database;
use dealers::Arrivals;
use desk::Seat;
use load::{Figures, Loader};
use signet_bench::{
    firm::{DEALER, Firm, GATEWAY, Setup, pki, trader},
    process::{Process, raise_file_limit},
};
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, MessageKey};
use signet_rfq::DealerId;
use std::{net::SocketAddr, path::Path, rc::Rc, sync::Arc};
use tokio::task::LocalSet;

const DESKS: usize = 50;
const IDLE: usize = 5_000;
const DEALERS: usize = 12;
/// Verifies and makes signatures beside the trading thread.
const THREADED: &str = "signature_threads = 1\n";
/// The same, and sockets and TLS on another.
const CONNECTIONS: &str = "signature_threads = 1\nconnection_threads = 1\n";
/// Evidence goes to a second party once a second in any case; `watched` tells the SIEM, too.
const CHECKPOINTS: &str = "[checkpoint]\nevery_seconds = 1\npublish = [\"witness\"]\n";
/// Ten times what a desk may say by default, a twentieth of what a flooding peer says.
const FLOODED: &str = "desk_requests = { burst = 250, per_minute = 6000 }\n\
    desk_cancels = { burst = 500, per_minute = 6000 }\n\
    desk_kib = { burst = 2048, per_minute = 60000 }\nexcess_pause_seconds = 1\n";
/// Nobody is locked out, so that the flood goes on.
const NO_LOCKOUT: &str = "[response]\nperson_failures = 0\nnetwork_failures = 0\n";

const WARM_UP_S: u32 = 3;
const SECONDS: u32 = 8;
/// The search: from the first rate up by such steps, each so long.
const STEP: u32 = 500;
const STEP_MAX: u32 = 20_000;
const STEP_WARM_UP_S: u32 = 1;
const STEP_S: u32 = 4;
const WANTED_US: f64 = 1_000.0;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (rt, local) = (runtime(), LocalSet::new());
    match words[..] {
        ["relay", listen, dealer, dir] => {
            rt.block_on(local.run_until(relay(address(listen), address(dealer), Path::new(dir))))
        }
        ["receiver", listen, dir] => rt.block_on(receive(address(listen), Path::new(dir))),
        ["way", row, ref rates @ ..] => rt.block_on(local.run_until(measure(row, rates))),
        ["--only", names, ref rates @ ..] => compare(Some(names), rates),
        ref rates => compare(None, rates),
    }
}

fn compare(only: Option<&str>, rates: &[&str]) {
    match rows::chosen(only) {
        Ok(rows) => rows::compare(&rows, rates),
        Err(wrong) => {
            let names: Vec<_> = rows::ROWS.iter().map(|r| r.name).collect();
            eprintln!("{wrong:?} is not a row; there are {}", names.join(", "));
            std::process::exit(2);
        }
    }
}

fn address(s: &str) -> SocketAddr {
    s.parse().expect("an address")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Runs it on a thread of this name, for as long as the process lasts.
fn on_a_thread(name: &str, body: impl AsyncFnOnce() + Send + 'static) {
    let run = move || runtime().block_on(LocalSet::new().run_until(body()));
    std::thread::Builder::new().name(name.into()).spawn(run).expect("a thread");
}

// ----- one row -----

/// What lasts as long as its row is measured.
#[derive(Default)]
struct Kept {
    firm: Option<Firm>,
    relay: Option<Process>,
    receiver: Option<Process>,
    database: Option<Database>,
}

async fn measure(row: &str, rates: &[&str]) {
    raise_file_limit();
    let dir = tempfile::tempdir().expect("a folder");
    let (pki, arrivals) = (pki(), Arrivals::default());
    let trusted = if row == "direct" { pki.desk_roots() } else { pki.gateway_roots() };
    let names: Vec<String> = match row {
        "dealers12" => (0..DEALERS).map(|n| format!("BANK{n}")).collect(),
        _ => vec![DEALER.to_owned()],
    };
    let dealers = dealers::start(&pki, &trusted.expect("roots"), &names, &arrivals);
    let mut kept = Kept::default();
    let made = match row {
        "direct" | "relay" => Some(straight(row, dir.path(), &pki, dealers[0].1, &mut kept).await),
        _ => through_gateway(row, dir.path(), pki, dealers, &mut kept).await,
    };
    let Some((desks, between)) = made else { return };
    let names = names.iter().map(|n| DealerId::new(n.as_str()).expect("an id")).collect();
    let mut loader = Loader::new(desks, names, arrivals, between);
    loader.wait_for_dealers().await;
    let flood = beside(row, &mut kept, &loader).await;
    if row == rows::HIGHEST {
        highest(&mut loader).await;
    }
    for rate in rates {
        let rate: u32 = rate.parse().expect("messages a second");
        let seen = loader.run(rate, WARM_UP_S, seconds()).await;
        let Figures { p50, p99, p999, max, rest, .. } = seen;
        let flood = flood.as_ref().map(|f| f.words()).unwrap_or_default();
        println!("measured {rate} {p50:.1} {p99:.1} {p999:.1} {max:.1} {rest}{flood}");
    }
    // The gateway goes before what it is connected to.
    drop(kept.firm);
    drop((kept.relay, kept.receiver, kept.database));
}

fn seconds() -> u32 {
    let named = std::env::var("SIGNET_BENCH_LATENCY_SECONDS").ok();
    named.and_then(|s| s.parse().ok()).unwrap_or(SECONDS)
}

/// The desks that are on, and what stands between them and dealers: a name, and its process.
type Made = (Vec<Rc<signet_fix::session::Session>>, Option<(&'static str, u32)>);

/// To the dealer, or to a relay in place of the gateway.
async fn straight(
    row: &str,
    dir: &Path,
    pki: &DevPki,
    dealer: SocketAddr,
    kept: &mut Kept,
) -> Made {
    let (mut at, mut roots) = (dealer, pki.dealer_roots());
    if row == "relay" {
        let (process, listens) = start_relay(pki, dir, dealer);
        (at, roots) = (listens, pki.gateway_roots());
        kept.relay = Some(process);
    }
    let roots = roots.expect("roots");
    let mut desks = Vec::new();
    for n in 0..DESKS {
        let name = trader(n).1;
        let issued = pki.issue(&Order::desk(&name)).expect("a certificate");
        let certified = issued.certified_key().expect("a key");
        let seat = Seat {
            name,
            target: DEALER.into(),
            at,
            from: None,
            key: MessageKey::of(&certified).expect("a P-256 key"),
            tls: ClientProfile::new(roots.clone(), certified),
            heartbeat_s: 10,
        };
        desks.push(seat.logs_on().await);
    }
    (desks, kept.relay.as_ref().map(|p| ("relay", p.id())))
}

/// `None`: what the row needs is not on this machine.
async fn through_gateway(
    row: &str,
    dir: &Path,
    pki: DevPki,
    dealers: Vec<(String, SocketAddr)>,
    kept: &mut Kept,
) -> Option<Made> {
    let mut setup = Setup::new(DESKS, dealers[0].1);
    setup.dealers = dealers;
    setup.more = CHECKPOINTS.to_owned();
    std::fs::create_dir_all(dir.join("witness")).expect("a folder");
    let beside = |name: &str, n: usize| (0..n).map(|n| format!("{name}{n}")).collect();
    match row {
        "threaded" => setup.in_gateway = THREADED.into(),
        "connections" => setup.in_gateway = CONNECTIONS.into(),
        "watched" => {
            let (process, at) = start_receiver(&pki, dir);
            kept.receiver = Some(process);
            setup.more += &format!(
                "[siem]\n[[siem.sink]]\nkind = \"syslog\"\nname = \"soc\"\n\
                 address = \"localhost:{}\"\ntrust = \"dealers-ca.pem\"\n",
                at.port()
            );
        }
        "idle5000" => setup.beside = beside("IDLE", IDLE),
        "flood1" | "flood3" => {
            setup.beside = beside("FLOOD", if row == "flood1" { 1 } else { 3 });
            setup.limits = FLOODED.into();
            setup.more += NO_LOCKOUT;
        }
        "postgres2ms" => {
            let Some(database) = Database::start(dir) else {
                println!("note left out: no PostgreSQL");
                return None;
            };
            setup.registry = database.registry.clone();
            kept.database = Some(database);
        }
        _ => {}
    }
    let firm = Firm::start_with(dir, &setup, pki).await;
    let mut desks = Vec::new();
    for (n, identity) in firm.desks.iter().enumerate() {
        let seat = Seat {
            name: trader(n).1,
            target: GATEWAY.into(),
            at: firm.address,
            from: None,
            tls: ClientProfile::new(firm.roots(), identity.certified_key()),
            key: identity.message_key(),
            heartbeat_s: 10,
        };
        desks.push(seat.logs_on().await);
    }
    let between = Some(("gateway", firm.gateway.id()));
    kept.firm = Some(firm);
    Some((desks, between))
}

/// Brings what the row has beside the load that is measured.
async fn beside(row: &str, kept: &mut Kept, loader: &Loader) -> Option<Arc<beside::Flood>> {
    let firm = kept.firm.as_mut()?;
    let (others, roots, at) = (std::mem::take(&mut firm.beside), firm.roots(), firm.address);
    match row {
        "idle5000" => {
            let on = beside::idle(others, roots, at).await;
            println!("note {on} of {IDLE} idle desks are on");
            None
        }
        "flood1" | "flood3" => Some(beside::flood(others, roots, at)),
        "day" => {
            let [ended, open] = loader.a_day().await;
            println!("note {ended} RFQs have ended, {open} are open");
            None
        }
        _ => None,
    }
}

/// Up by steps until one fails twice.
async fn highest(loader: &mut Loader) {
    let (mut rate, mut failed, mut best) = (STEP, 0, None);
    while rate <= STEP_MAX && failed < 2 {
        let seen = loader.run(rate, STEP_WARM_UP_S, STEP_S).await;
        let good = seen.complete && seen.p99 < WANTED_US;
        println!(
            "note {rate} messages/s: p50 {:.0}, p99 {:.0}, p99.9 {:.0}, {}; {}",
            seen.p50,
            seen.p99,
            seen.p999,
            if good { "under 1 ms" } else { "not under 1 ms" },
            seen.rest
        );
        if good {
            (best, failed) = (Some(rate), 0);
            rate += STEP;
        } else {
            failed += 1;
        }
    }
    match best {
        Some(rate) => println!("note p99 is under 1 ms up to {rate} messages/s"),
        None => println!("note p99 is not under 1 ms at {STEP} messages/s"),
    }
}
