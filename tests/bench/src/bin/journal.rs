//! What evidence costs: appending with group commit, beside SQLite in WAL mode in the same run, and
//! verifying. One table.
//!
//! A group is 100 records and one wait for the disk. A record is sealed, chained and a leaf of the
//! tree; SQLite inserts a row of the same bytes in one transaction for each group, with
//! `synchronous = FULL`, and neither encrypts nor chains.

use rustls_pki_types::CertificateDer;
use signet_bench::percentiles;
use signet_gateway::{
    checkpoint::journal_verify,
    signed::{Kept, Party, SignedLog},
};
use signet_journal::StoreKey;
use signet_keystore::MemoryKeychain;
use signet_practice::{Plan, Practice};
use signet_rfq::UtcMillis;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use std::{
    error::Error,
    fs::{self, File},
    path::Path,
    time::Instant,
};

const GROUP: usize = 100;
/// A signed QuoteRequest.
const FRAME: [u8; 450] = [b'x'; 450];
/// 2026-11-20 12:00 UTC.
const NOON: UtcMillis = UtcMillis(1_795_176_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let groups: usize = std::env::var("SIGNET_BENCH_GROUPS").map_or(Ok(500), |n| n.parse())?;
    let dir = tempfile::tempdir()?;
    let mut practice = Practice::start(&Plan::calm(dir.path())?, &MemoryKeychain::new())?;
    practice.stop_gateway();
    let config = practice.gateway_config();
    let state = &config.gateway.state_dir;
    let key = StoreKey::from_slice(&fs::read(state.join("store.key"))?)?;
    ours(&state.join("signed"), &key, groups)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
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
    Ok(())
}

fn ours(folder: &Path, key: &StoreKey, groups: usize) -> Result<(), Box<dyn Error>> {
    let mut log = SignedLog::open(folder, key, NOON, false)?;
    let certificate = CertificateDer::from(vec![0x30; 600]);
    let newest = || -> Result<File, Box<dyn Error>> {
        let mut all: Vec<_> =
            fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
        all.sort();
        Ok(File::open(all.last().ok_or("no file")?)?)
    };
    let kept = Kept {
        at: NOON,
        party: Party::Desk,
        id: "ALICE",
        certificate: &certificate,
        frame: &FRAME,
    };
    let (mut each, mut commits, began) = (Vec::new(), Vec::new(), Instant::now());
    for _ in 0..groups {
        for _ in 0..GROUP {
            let one = Instant::now();
            log.keep(&kept)?;
            each.push(one.elapsed().as_secs_f64() * 1e6);
        }
        let commit = Instant::now();
        newest()?.sync_data()?;
        commits.push(commit.elapsed().as_secs_f64() * 1e6);
    }
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
    println!("   {what:<10} append, microseconds        {}", percentiles(each));
    println!("   {what:<10} commit of {GROUP}, microseconds {}", percentiles(commits));
    println!("   {what:<10} {rate:.0} records/s");
}
