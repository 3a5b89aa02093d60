//! What a measuring build records: when frames reached the glass, how soon keys are answered, and
//! what it costs. Never part of a shipped build.
//!
//! The page is opened as `index.html?measure` and then reports every frame it painted, and what
//! changed on the screen after a key.

#[cfg(target_os = "linux")]
mod keys;
mod processes;
#[cfg(target_os = "linux")]
mod trader;

use processes::{Busy, Memory};
use signet_desk_core::view::{Behind, Frame};
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tauri::{Runtime, ipc::Invoke};

/// One frame, painted. Times are milliseconds since the Unix epoch on the laptop's clock.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The sequence number of the frame.
    pub seq: f64,
    /// How many lines it changed.
    pub changed: u32,
    pub painted_at_ms: f64,
}

/// Of every frame pulled: its sequence number and when its quotes were sent, microseconds.
static PULLED: Mutex<Vec<(f64, Vec<u64>)>> = Mutex::new(Vec::new());
/// Of every frame that opened a step-up dialog: its sequence number and when the challenge was
/// sent.
static DIALOGS: Mutex<Vec<(f64, u64)>> = Mutex::new(Vec::new());
static MARKS: Mutex<Vec<Mark>> = Mutex::new(Vec::new());
/// Frames that the web view drew, with new prices or without.
static DRAWN: AtomicU64 = AtomicU64::new(0);
static FIRST_PAINT: OnceLock<f64> = OnceLock::new();

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The frames painted since the last call.
pub fn take_marks() -> Vec<Mark> {
    std::mem::take(&mut *lock(&MARKS))
}

/// When the page first painted anything.
pub fn first_paint_ms() -> Option<f64> {
    FIRST_PAINT.get().copied()
}

/// Remembers when the new quotes of a frame were sent. Those of panels out of sight do not count:
/// nothing of them is painted.
pub(crate) fn pulled(frame: &Frame, behind: &[Behind]) {
    static SEEN: Mutex<Option<signet_bench::Fresh>> = Mutex::new(None);
    let mut seen = lock(&SEEN);
    let sent = seen
        .get_or_insert_default()
        .sent(frame.lines.iter().filter(|l| behind.iter().all(|b| b.rfq_id != l.rfq_id)));
    lock(&PULLED).push((frame.seq, sent));
    let open = frame.step_up.iter().flatten().find_map(|d| signet_bench::sent_micros(&d.id));
    let mut dialogs = lock(&DIALOGS);
    if let Some(sent) = open.filter(|s| dialogs.last().is_none_or(|(_, last)| last != s)) {
        dialogs.push((frame.seq, sent));
    }
}

/// What is measured, from the environment.
struct Plan {
    /// Quotes a second, one step each.
    rates: Vec<u32>,
    /// How long a step lasts.
    seconds: u64,
    size: signet_bench::Size,
    /// Rounds of a trader at the keyboard at each rate.
    key_rounds: u64,
}

impl Plan {
    fn read() -> Self {
        let number = |name: &str, usual: u64| {
            std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(usual)
        };
        let rates = std::env::var("SIGNET_BENCH_RATES").unwrap_or_else(|_| "100,1000,5000".into());
        Self {
            rates: rates.split(',').filter_map(|r| r.trim().parse().ok()).collect(),
            seconds: number("SIGNET_BENCH_SECONDS", 20),
            size: signet_bench::Size {
                rfqs: number("SIGNET_BENCH_RFQS", 24) as usize,
                dealers: number("SIGNET_BENCH_DEALERS", 8) as usize,
                instruments: number("SIGNET_BENCH_INSTRUMENTS", 1) as usize,
            },
            key_rounds: number("SIGNET_BENCH_KEYS", 0),
        }
    }
}

/// Feeds a desk from a venue of its own at each rate in turn, prints what the glass showed, and
/// ends the application. `SIGNET_BENCH_RATES` (quotes a second, comma separated; none: the desk is
/// online and at rest), `SIGNET_BENCH_SECONDS`, `SIGNET_BENCH_RFQS`, `SIGNET_BENCH_DEALERS`,
/// `SIGNET_BENCH_INSTRUMENTS`, `SIGNET_BENCH_KEYS`.
pub fn desk(
    app: &tauri::AppHandle,
) -> Result<signet_desk_core::Desk, signet_desk_core::view::Problem> {
    let plan = Plan::read();
    let venue = signet_bench::BenchVenue::start(plan.size);
    let dir = tempfile::tempdir().map_err(|e| crate::start::broken(&e.to_string()))?;
    let desk = venue.desk(dir.path());
    let watched = desk.clone();
    let app = app.clone();
    std::thread::spawn(move || {
        let _dir = dir;
        signet_bench::wait_online(&watched);
        std::thread::sleep(Duration::from_secs(3));
        for rate in &plan.rates {
            step(&app, &venue, &plan, *rate);
        }
        if plan.rates.is_empty() {
            std::thread::sleep(Duration::from_secs(plan.seconds));
        } else {
            dialogs(&venue, plan.seconds.min(20));
        }
        // Not the process itself: the web view's threads would run on while it is taken apart.
        app.exit(0);
    });
    Ok(desk)
}

fn step(app: &tauri::AppHandle, venue: &signet_bench::BenchVenue, plan: &Plan, rate: u32) {
    venue.set_rate(rate);
    std::thread::sleep(Duration::from_secs(3));
    take_marks();
    DRAWN.store(0, Relaxed);
    lock(&PULLED).clear();
    let (sent, busy) = (venue.shared.sent.load(Relaxed), Busy::now());
    let began = std::time::Instant::now();
    let memory = processes::watch(plan.seconds, forget);
    let taken = began.elapsed().as_secs_f64();
    let sent = venue.shared.sent.load(Relaxed) - sent;
    report(rate, taken, sent, &memory);
    println!("       {}", busy.since());
    #[cfg(target_os = "linux")]
    if plan.key_rounds > 0 {
        match trader::Trader::new(app, venue) {
            Some(trader) => trader.work(plan.key_rounds),
            None => println!("       no keys: this display has no XTEST"),
        }
    }
}

/// On a long run what was painted is counted for the last minute only: the measurement itself must
/// not grow.
fn forget() {
    take_marks();
    lock(&PULLED).clear();
}

fn dialogs(venue: &signet_bench::BenchVenue, seconds: u64) {
    venue.set_rate(1_000);
    take_marks();
    venue.shared.challenging.store(true, Relaxed);
    std::thread::sleep(Duration::from_secs(seconds));
    venue.shared.challenging.store(false, Relaxed);
    std::thread::sleep(Duration::from_secs(2));
    report_dialogs();
}

fn report(rate: u32, seconds: f64, sent: u64, memory: &[(f64, Memory)]) {
    let marks = take_marks();
    let pulled = std::mem::take(&mut *lock(&PULLED));
    let painted: HashMap<u64, f64> =
        marks.iter().map(|m| (m.seq as u64, m.painted_at_ms)).collect();
    let mut ms: Vec<f64> = Vec::new();
    for (seq, sent) in &pulled {
        let Some(at) = painted.get(&(*seq as u64)) else { continue };
        ms.extend(sent.iter().map(|s| at - *s as f64 / 1e3));
    }
    let marked = match (marks.first(), marks.last()) {
        (Some(a), Some(b)) if b.painted_at_ms > a.painted_at_ms => {
            marks.len() as f64 * 1e3 / (b.painted_at_ms - a.painted_at_ms)
        }
        _ => 0.0,
    };
    println!(
        "{rate:>6} quotes/s wanted, {:>6.0} sent: {:>5.1} frames/s, {marked:>5.1} of them with \
            new prices, quote to paint ms: {}",
        sent as f64 / seconds,
        DRAWN.load(Relaxed) as f64 / seconds,
        signet_bench::percentiles(&mut ms),
    );
    let (Some((_, a)), Some((minutes, b))) = (memory.first(), memory.last()) else { return };
    println!(
        "       memory (proportional set size) over {minutes:.1} min: desk {:.0} to {:.0} MB, web \
            {:.0} to {:.0} MB",
        a.desk, b.desk, a.web, b.web
    );
    if memory.len() > 3 {
        let half = &memory[memory.len() / 2..];
        for (name, of) in [("all of it", memory), ("its second half", half)] {
            println!(
                "       slope over {name}: desk {:+.1} MB/h, web {:+.1} MB/h",
                processes::slope(of, |m| m.desk),
                processes::slope(of, |m| m.web)
            );
        }
    }
}

fn report_dialogs() {
    let painted: HashMap<u64, f64> =
        take_marks().iter().map(|m| (m.seq as u64, m.painted_at_ms)).collect();
    let dialogs = std::mem::take(&mut *lock(&DIALOGS));
    let mut ms: Vec<f64> = dialogs
        .iter()
        .filter_map(|(seq, sent)| painted.get(&(*seq as u64)).map(|at| at - *sent as f64 / 1e3))
        .collect();
    println!(
        "step-up challenge sent to its dialog painted, at 1,000 quotes/s, ms: {}",
        signet_bench::percentiles(&mut ms)
    );
}

#[tauri::command]
fn bench_frames(marks: Vec<Mark>, drawn: u64) {
    lock(&MARKS).extend(marks);
    DRAWN.fetch_add(drawn, Relaxed);
}

#[cfg(target_os = "linux")]
#[tauri::command]
fn bench_keys(marks: Vec<trader::KeyMark>) {
    trader::take(marks);
}

#[cfg(not(target_os = "linux"))]
#[tauri::command]
fn bench_keys() {}

#[tauri::command]
fn first_paint(at_ms: f64) {
    // Only the first counts; a reload reports again.
    if FIRST_PAINT.set(at_ms).is_ok() {
        tracing::info!(at_ms, "first paint");
    }
}

/// The commands of the desk and these.
pub(crate) fn with_marks<R: Runtime>(
    desk: impl Fn(Invoke<R>) -> bool + Send + Sync + 'static,
) -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    let marks: Box<dyn Fn(Invoke<R>) -> bool + Send + Sync> =
        Box::new(tauri::generate_handler![bench_frames, bench_keys, first_paint]);
    move |invoke| match invoke.message.command() {
        "bench_frames" | "bench_keys" | "first_paint" => marks(invoke),
        _ => desk(invoke),
    }
}
