//! An honest desk trades while everybody else attacks. `SIGNET_HOSTILE_SECONDS`, `SIGNET_SEED`;
//! with `SIGNET_HOSTILE=desk` or `=dealer` one flooding desk or dealer only, as the latency is
//! measured.

use signet_dealer::{Credentials, Force, Instruments, Signs, Simulator};
use signet_devca::Order;
use signet_hostile::{
    HONEST_DEALER,
    dealers::{self, HostileDealer},
    desks::{self, HostileDesk},
    dice::Dice,
    honest::{HonestDesk, percentile},
    strangers,
    venue::{Parties, Venue, pki},
};
use signet_identity::{MessageKey, ServerProfile};
use signet_practice::Plan;
use std::{
    env,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// The gateway stays below, whatever is sent.
const MEMORY_MIB: u64 = 512;
const STATE_MIB: u64 = 768;
const LOG_MIB: u64 = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Everybody,
    OneDesk,
    OneDealer,
    Nobody,
}

fn number(key: &str) -> Option<u64> {
    env::var(key).ok()?.parse().ok()
}

#[test]
fn hostile_peers_neither_stop_the_gateway_nor_the_honest_desk() {
    let seconds = number("SIGNET_HOSTILE_SECONDS").unwrap_or(60);
    let seed = number("SIGNET_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    println!("SIGNET_SEED={seed} SIGNET_HOSTILE_SECONDS={seconds}");
    let who = match env::var("SIGNET_HOSTILE").as_deref() {
        Ok("desk") => Who::OneDesk,
        Ok("dealer") => Who::OneDealer,
        Ok("nobody") => Who::Nobody,
        _ => Who::Everybody,
    };
    let dir = tempfile::tempdir().unwrap();
    let pki = pki().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();

    // The honest dealer does not share a thread with those who flood.
    let floods =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();

    let mut settings = Plan::calm(dir.path()).unwrap().dealers;
    settings.dealers.retain(|d| d.id == HONEST_DEALER);
    let (signs, sign) = (settings.dealers[0].signs != Signs::No, settings.dealers[0].wants_signed);
    let key = pki.issue(&Order::dealer(HONEST_DEALER)).unwrap().certified_key().unwrap();
    let message_key = MessageKey::of(&key).unwrap();
    let profile = ServerProfile::new(pki.gateway_roots().unwrap(), key);
    let credentials =
        Credentials::new(signet_hostile::DOMAIN).with_dealer(HONEST_DEALER, &profile).unwrap();
    let credentials = credentials.with_message_key(HONEST_DEALER, message_key);
    let instruments = Instruments::parse(signet_dealer::INSTRUMENTS_TOML).unwrap();
    let state = dir.path().join("dealers");
    std::fs::create_dir_all(&state).unwrap();
    let simulator =
        runtime.block_on(Simulator::start(&settings, instruments, &credentials, &state)).unwrap();
    let price = |p: &str| Some(p.parse().unwrap());
    let quote = Force::QuoteExactly {
        bid: price("99.035"),
        offer: price("99.135"),
        size: 5_000_000.into(),
        valid_ms: 30_000,
    };
    runtime.block_on(simulator.force(HONEST_DEALER, quote)).unwrap();

    let bad: Vec<HostileDealer> =
        (0..2).map(|n| HostileDealer::new(&pki, &format!("BAD{n}")).unwrap()).collect();
    let parties = Parties {
        honest_dealer: simulator.addresses()[HONEST_DEALER],
        honest_signatures: format!("signs = {signs}\nsign = {sign}\n"),
        hostile_dealers: bad.iter().map(|d| d.address().unwrap()).collect(),
        hostile_desks: (0..24).map(|n| format!("H{n}")).collect(),
    };
    let mut venue = Venue::start(
        Path::new(env!("CARGO_BIN_EXE_signet-hostile-gateway")),
        dir.path(),
        pki,
        &parties,
    )
    .unwrap();
    let mut honest = HonestDesk::start(&venue.pki, venue.desks_at, dir.path()).unwrap();

    let until = Instant::now() + Duration::from_secs(seconds);
    let dice = Dice::new(seed);
    let mut tasks = vec![];
    if matches!(who, Who::Everybody | Who::OneDesk) {
        let workers: u64 = if who == Who::OneDesk { 1 } else { 6 };
        for worker in 0..workers {
            let own = parties
                .hostile_desks
                .iter()
                .enumerate()
                .filter(|(n, _)| *n as u64 % workers == worker)
                .map(|(_, d)| d);
            let own: Vec<_> = own.map(|d| desk(&venue, d, worker)).collect();
            let (dice, always) = (
                dice.for_peer(worker),
                (who == Who::OneDesk).then_some(desks::Attack::TestRequests),
            );
            tasks.push(floods.spawn(desk_floods(own, dice, always, until)));
        }
    }
    if matches!(who, Who::Everybody | Who::OneDealer) {
        let always = (who == Who::OneDealer).then_some(dealers::Attack::TestRequests);
        for (n, d) in bad.into_iter().enumerate().take(if who == Who::OneDealer { 1 } else { 9 }) {
            tasks.push(floods.spawn(d.runs(dice.for_peer(100 + n as u64), always, until)));
        }
    }
    if who == Who::Everybody {
        tasks.push(floods.spawn(strangers::silent(venue.desks_at, dice.for_peer(200), until)));
        tasks.push(floods.spawn(strangers::unknown(desk(&venue, "UNKNOWN", 77), until)));
    }

    // Within the budget of a desk, and at most five thousand trades, however long it runs.
    let pause =
        Duration::from_millis(number("SIGNET_HOSTILE_PAUSE_MS").unwrap_or((seconds / 5).max(125)));
    let (mut quotes, mut fills, mut memory) = (vec![], vec![], 0);
    while Instant::now() < until {
        let took = honest.trades().unwrap_or_else(|e| {
            panic!("SIGNET_SEED={seed}, after {} trades: {e}\n{}", quotes.len(), venue.log_end())
        });
        quotes.push(took.quote);
        fills.push(took.fill);
        memory = memory.max(venue.memory_mib());
        assert!(venue.is_up(), "SIGNET_SEED={seed}: the gateway has ended");
        assert!(memory <= MEMORY_MIB, "SIGNET_SEED={seed}: the gateway takes {memory} MiB");
        std::thread::sleep(pause);
    }
    let sent: Vec<u64> = tasks.into_iter().map(|t| floods.block_on(t).unwrap()).collect();
    honest.trades().unwrap_or_else(|e| panic!("SIGNET_SEED={seed}, at the end: {e}"));
    let (state, log) = (venue.state_mib(), venue.log_mib());
    for (what, all) in [("request to quote", &mut quotes), ("accept to fill", &mut fills)] {
        all.sort_unstable();
        let [p50, p99, max] = [500, 990, 1_000].map(|n| percentile(all, n));
        println!("{what}: {} trades, p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}", all.len());
    }
    println!(
        "memory {memory} MiB, state {state} MiB, log {log} MiB; messages or connections by \
            hostile peer: {sent:?}"
    );
    assert!(
        venue.is_up() && state <= STATE_MIB && log <= LOG_MIB,
        "SIGNET_SEED={seed}: {state} MiB of state, {log} MiB of log"
    );
    drop(honest);
    drop(venue);
    runtime.block_on(simulator.stop());
}

fn desk(venue: &Venue, name: &str, network: u64) -> HostileDesk {
    let from = [127, 77, u8::try_from(network).unwrap(), 1];
    HostileDesk::new(&venue.pki, name, venue.desks_at, from, "BAD0").unwrap()
}

async fn desk_floods(
    own: Vec<HostileDesk>,
    mut dice: Dice,
    always: Option<desks::Attack>,
    until: Instant,
) -> u64 {
    let mut n = 0;
    while Instant::now() < until {
        let d = &own[dice.below(own.len() as u64) as usize];
        let attack = always
            .unwrap_or_else(|| desks::ATTACKS[dice.below(desks::ATTACKS.len() as u64) as usize]);
        let end = until
            .min(Instant::now() + Duration::from_secs(if always.is_some() { 3_600 } else { 3 }));
        n += d.attacks(attack, &mut dice, end).await;
    }
    n
}
