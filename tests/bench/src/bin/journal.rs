//! What evidence costs: appending with group commit, beside SQLite in WAL mode in the same run,
//! verifying, and finding one RFQ among many records. One table.
//!
//! A group is 100 records and one wait for the disk. A record is sealed, chained and a leaf of the
//! tree; SQLite inserts a row of the same bytes in one transaction for each group, with
//! `synchronous = FULL`, and neither encrypts nor chains. SQLite's writer waits for each of its
//! transactions. Ours is measured like that, and as the gateway writes: a thread beside the writer
//! waits for the disk, for all groups that are there by then, while the next ones are appended. A
//! commit is from the end of a group until it is on the disk.

use rustls_pki_types::CertificateDer;
use signet_bench::percentiles;
use signet_desk_core::{Desk, view::*};
use signet_gateway::{
    Config,
    admin::evidence_bundle,
    checkpoint::{journal_verify, public_key},
    evidence::BundleOrder,
    signed::{Kept, Party, SignedLog},
};
use signet_journal::StoreKey;
use signet_keystore::MemoryKeychain;
use signet_practice::{Plan, Practice, TRADER, VENUE_NAME};
use signet_rfq::UtcMillis;
use signet_stepup::client::NoKeys;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use std::{
    error::Error,
    fs::{self, File},
    iter,
    path::Path,
    process::Command,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const GROUP: usize = 100;
/// Groups that wait for the disk at the same time, at most.
const OUTSTANDING: usize = 8;
/// A signed QuoteRequest.
const FRAME: [u8; 450] = [b'x'; 450];
/// 2026-11-20 12:00 UTC.
const NOON: UtcMillis = UtcMillis(1_795_176_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let groups: usize = std::env::var("SIGNET_BENCH_GROUPS").map_or(Ok(500), |n| n.parse())?;
    let records: usize =
        std::env::var("SIGNET_BENCH_RECORDS").map_or(Ok(1_000_000), |n| n.parse())?;
    let dir = tempfile::tempdir()?;
    let keychain = Arc::new(MemoryKeychain::new());
    let mut practice = Practice::start(&Plan::calm(dir.path())?, keychain.as_ref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rfq = trade(&practice, keychain, &runtime)?;
    practice.stop_gateway();
    bundle(&practice, &runtime, rfq.clone(), dir.path())?;
    let config = practice.gateway_config();
    let state = &config.gateway.state_dir;
    let key = StoreKey::from_slice(&fs::read(state.join("store.key"))?)?;
    beside(&state.join("signed"), &key, groups)?;
    waiting(&state.join("signed"), &key, groups)?;
    runtime.block_on(sqlite(&dir.path().join("wal.db"), groups))?;

    let began = Instant::now();
    let whole = journal_verify(config, &[])?;
    let took = began.elapsed().as_secs_f64();
    let mut bytes = 0;
    for entry in fs::read_dir(state.join("signed"))? {
        bytes += entry?.metadata()?.len();
    }
    println!(
        "   journal verify: {:.0} records/s, {:.0} MB/s ({} records, {:.1} MB)",
        whole.size as f64 / took,
        bytes as f64 / 1e6 / took,
        whole.size,
        bytes as f64 / 1e6
    );
    among(config, &runtime, &rfq, &key, records)
}

/// One RFQ's bundle out of so many records more: with every file read, with the indexes made on the
/// way, and by the indexes.
fn among(
    config: &Config,
    runtime: &Runtime,
    rfq: &str,
    key: &StoreKey,
    records: usize,
) -> Result<(), Box<dyn Error>> {
    let state = &config.gateway.state_dir;
    let mut log = SignedLog::open(&state.join("signed"), key, NOON, false)?;
    for _ in 0..records.div_ceil(GROUP) {
        append(&mut log, &mut Vec::new())?;
    }
    drop(log);
    let files = fs::read_dir(state.join("signed"))?.count();
    fs::remove_dir_all(state.join("signed-index"))?;
    for (what, whole) in
        [("all files read", true), ("indexes made", false), ("by the indexes", false)]
    {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("bundle");
        let (rfq, desk, checkpoint) = (rfq.to_owned(), None, None);
        let order = BundleOrder { rfq, desk, checkpoint, out, whole };
        let began = Instant::now();
        let made = runtime.block_on(evidence_bundle(config, &order))?;
        println!(
            "   bundle of one RFQ among {records} records more, {what}: {:.3} s ({} records, \
             {files} files of evidence)",
            began.elapsed().as_secs_f64(),
            made.records
        );
    }
    Ok(())
}

/// An RFQ that three dealers quote and one fills.
fn trade(
    practice: &Practice,
    keychain: Arc<MemoryKeychain>,
    runtime: &Runtime,
) -> Result<String, Box<dyn Error>> {
    let said = |p: Problem| format!("{p:?}");
    let desk =
        Desk::start(practice.desk_config("bench"), keychain, Arc::new(NoKeys)).map_err(said)?;
    desk.connect_now(TRADER, VENUE_NAME).map_err(said)?;
    let online = || {
        let r = desk.reference();
        r.dealers.iter().filter(|d| d.online).count() == 4 && r.instruments > 0
    };
    wait("all dealers", online)?;
    let ticket = Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: "DE000BU2Z049".into(),
        ask: Ask::Buy,
        quantity: "1m".into(),
        dealers: ["NORTHBANK", "HARBOUR", "MERIDIAN"].map(Into::into).to_vec(),
        ttl_s: 60,
        settlement_date: None,
    };
    let id = desk.send_rfq(ticket).map_err(said)?;
    wait("three quotes", || {
        desk.pull(0, &[]).lines.iter().filter(|l| l.rfq_id == id && l.can_lift).count() == 3
    })?;
    let lines = desk.pull(0, &[]).lines;
    let north = lines.iter().find(|l| l.dealer == "NORTHBANK").ok_or("no line")?;
    let armed = desk
        .arm(ArmIntent {
            rfq_id: id.clone(),
            dealer: north.dealer.clone(),
            quote_id: north.quote_id.clone().ok_or("no quote")?,
            side: Side::Buy,
            price: north.offer.as_ref().ok_or("no offer")?.price.clone(),
        })
        .map_err(said)?;
    desk.accept(&id, &armed.id).map_err(said)?;
    wait("a fill", || {
        desk.pull(0, &[]).rfqs.iter().any(|r| r.id == id && r.state == RfqState::Done)
    })?;
    runtime.block_on(desk.shut_down());
    Ok(id)
}

fn wait(what: &str, mut done: impl FnMut() -> bool) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    while !done() {
        if began.elapsed() > Duration::from_secs(60) {
            return Err(format!("never: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// One RFQ's bundle, verified with OpenSSL by the script that goes with it.
fn bundle(
    practice: &Practice,
    runtime: &Runtime,
    rfq: String,
    dir: &Path,
) -> Result<(), Box<dyn Error>> {
    let config = practice.gateway_config();
    let out = dir.join("bundle");
    let order = BundleOrder { rfq, desk: None, checkpoint: None, out: out.clone(), whole: false };
    runtime.block_on(evidence_bundle(config, &order))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/src/evidence/verify.sh");
    let key = public_key(config)?;
    let (mut seconds, mut said) = (Vec::new(), String::new());
    for _ in 0..5 {
        let began = Instant::now();
        let done = Command::new("sh").arg(&script).arg(&out).arg(&key).output()?;
        seconds.push(began.elapsed().as_secs_f64());
        said = String::from_utf8_lossy(&done.stdout).into_owned();
        if !done.status.success() {
            return Err(said.into());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let records = fs::read_dir(out.join("records"))?.count();
    println!(
        "   bundle of one RFQ, verified by sh with OpenSSL: {:.2} s, {:.0} records/s ({records} \
         files of records); {}",
        seconds[2],
        records as f64 / seconds[2],
        said.lines().last().unwrap_or_default()
    );
    Ok(())
}

fn newest(folder: &Path) -> std::io::Result<File> {
    let mut all: Vec<_> =
        fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
    all.sort();
    File::open(all.last().ok_or(std::io::ErrorKind::NotFound)?)
}

/// Appends one group; the time of each record, microseconds.
fn append(log: &mut SignedLog, each: &mut Vec<f64>) -> Result<(), Box<dyn Error>> {
    let certificate = CertificateDer::from(vec![0x30; 600]);
    let kept = Kept {
        at: NOON,
        party: Party::Desk,
        id: "ALICE",
        certificate: &certificate,
        frame: &FRAME,
    };
    for _ in 0..GROUP {
        let one = Instant::now();
        log.keep(&kept)?;
        each.push(one.elapsed().as_secs_f64() * 1e6);
    }
    Ok(())
}

/// The writer waits for each group.
fn waiting(folder: &Path, key: &StoreKey, groups: usize) -> Result<(), Box<dyn Error>> {
    let mut log = SignedLog::open(folder, key, NOON, false)?;
    let (mut each, mut commits, began) = (Vec::new(), Vec::new(), Instant::now());
    for _ in 0..groups {
        append(&mut log, &mut each)?;
        let commit = Instant::now();
        newest(folder)?.sync_data()?;
        commits.push(commit.elapsed().as_secs_f64() * 1e6);
    }
    print("evidence, waited for", groups, &mut each, &mut commits, began);
    Ok(())
}

/// Another thread waits for the disk, as in the gateway.
fn beside(folder: &Path, key: &StoreKey, groups: usize) -> Result<(), Box<dyn Error>> {
    let mut log = SignedLog::open(folder, key, NOON, false)?;
    let (appended, groups_there) = mpsc::sync_channel::<Instant>(OUTSTANDING);
    let path = folder.to_owned();
    let syncing = std::thread::spawn(move || -> std::io::Result<Vec<f64>> {
        let mut commits = Vec::new();
        while let Ok(first) = groups_there.recv() {
            let all: Vec<Instant> = iter::once(first).chain(groups_there.try_iter()).collect();
            newest(&path)?.sync_data()?;
            commits.extend(all.iter().map(|t| t.elapsed().as_secs_f64() * 1e6));
        }
        Ok(commits)
    });
    let (mut each, began) = (Vec::new(), Instant::now());
    for _ in 0..groups {
        append(&mut log, &mut each)?;
        appended.send(Instant::now())?;
    }
    drop(appended);
    let mut commits = syncing.join().map_err(|_| "the thread has ended")??;
    print("evidence", groups, &mut each, &mut commits, began);
    Ok(())
}

async fn sqlite(path: &Path, groups: usize) -> Result<(), Box<dyn Error>> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full);
    let mut db = options.connect().await?;
    sqlx::query("CREATE TABLE records (seq INTEGER PRIMARY KEY, at INTEGER, frame BLOB)")
        .execute(&mut db)
        .await?;
    let (mut each, mut commits, began) = (Vec::new(), Vec::new(), Instant::now());
    for _ in 0..groups {
        let mut tx = db.begin().await?;
        for _ in 0..GROUP {
            let one = Instant::now();
            sqlx::query("INSERT INTO records (at, frame) VALUES ($1, $2)")
                .bind(NOON.0)
                .bind(&FRAME[..])
                .execute(&mut *tx)
                .await?;
            each.push(one.elapsed().as_secs_f64() * 1e6);
        }
        let commit = Instant::now();
        tx.commit().await?;
        commits.push(commit.elapsed().as_secs_f64() * 1e6);
    }
    print("SQLite WAL", groups, &mut each, &mut commits, began);
    Ok(())
}

fn print(what: &str, groups: usize, each: &mut [f64], commits: &mut [f64], began: Instant) {
    let rate = (groups * GROUP) as f64 / began.elapsed().as_secs_f64();
    println!("   {what:<20} append, microseconds        {}", percentiles(each));
    println!("   {what:<20} commit of {GROUP}, microseconds {}", percentiles(commits));
    println!("   {what:<20} {rate:.0} records/s");
}
