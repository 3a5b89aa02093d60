//! What a measuring build records: when frames reached the glass. Never part of a shipped build.
//!
//! The page is opened as `index.html?measure` and then reports every frame it painted. Whoever
//! drives the measurement feeds a desk, and drains the marks with [`take_marks`].

use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use signet_desk_core::view::{Behind, Frame};
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

/// The frames painted since the last call.
pub fn take_marks() -> Vec<Mark> {
    std::mem::take(&mut *MARKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// When the page first painted anything.
pub fn first_paint_ms() -> Option<f64> {
    FIRST_PAINT.get().copied()
}

/// Remembers when the new quotes of a frame were sent. Those of panels out of sight do not count:
/// nothing of them is painted.
pub(crate) fn pulled(frame: &Frame, behind: &[Behind]) {
    static SEEN: Mutex<Option<signet_bench::Fresh>> = Mutex::new(None);
    let mut seen = SEEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let sent = seen
        .get_or_insert_default()
        .sent(frame.lines.iter().filter(|l| behind.iter().all(|b| b.rfq_id != l.rfq_id)));
    PULLED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((frame.seq, sent));
    let open = frame.step_up.iter().flatten().find_map(|d| signet_bench::sent_micros(&d.id));
    let mut dialogs = DIALOGS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(sent) = open.filter(|s| dialogs.last().is_none_or(|(_, last)| last != s)) {
        dialogs.push((frame.seq, sent));
    }
}

/// Feeds a desk from a venue of its own at each rate in turn, prints what the glass showed, and
/// ends the application. `SIGNET_BENCH_RATES` (quotes a second, comma separated) and
/// `SIGNET_BENCH_SECONDS`.
pub fn desk(
    app: &tauri::AppHandle,
) -> Result<signet_desk_core::Desk, signet_desk_core::view::Problem> {
    let rates = std::env::var("SIGNET_BENCH_RATES").unwrap_or_else(|_| "100,1000,5000".into());
    let rates: Vec<u32> = rates.split(',').filter_map(|r| r.trim().parse().ok()).collect();
    let seconds =
        std::env::var("SIGNET_BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(20u64);
    let venue = signet_bench::BenchVenue::start(RFQS);
    let dir = tempfile::tempdir().map_err(|e| crate::start::broken(&e.to_string()))?;
    let desk = venue.desk(dir.path());
    let watched = desk.clone();
    let app = app.clone();
    std::thread::spawn(move || {
        let _dir = dir;
        signet_bench::wait_online(&watched);
        std::thread::sleep(Duration::from_secs(3));
        for rate in rates {
            venue.set_rate(rate);
            std::thread::sleep(Duration::from_secs(3));
            let memory = memory_mb();
            take_marks();
            DRAWN.store(0, Relaxed);
            drop(std::mem::take(
                &mut *PULLED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
            ));
            let sent = venue.shared.sent.load(Relaxed);
            std::thread::sleep(Duration::from_secs(seconds));
            let sent = venue.shared.sent.load(Relaxed) - sent;
            report(rate, seconds, sent, memory);
        }
        venue.set_rate(1_000);
        take_marks();
        venue.shared.challenging.store(true, Relaxed);
        std::thread::sleep(Duration::from_secs(seconds));
        venue.shared.challenging.store(false, Relaxed);
        std::thread::sleep(Duration::from_secs(2));
        report_dialogs();
        // Not the process itself: the web view's threads would run on while it is taken apart.
        app.exit(0);
    });
    Ok(desk)
}

/// RFQs open at once, eight dealers each: 192 lines.
const RFQS: usize = 24;

fn report(rate: u32, seconds: u64, sent: u64, before: (u64, u64)) {
    let marks = take_marks();
    let pulled =
        std::mem::take(&mut *PULLED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    let painted: std::collections::HashMap<u64, f64> =
        marks.iter().map(|m| (m.seq as u64, m.painted_at_ms)).collect();
    let mut ms: Vec<f64> = Vec::new();
    for (seq, sent) in &pulled {
        let Some(at) = painted.get(&(*seq as u64)) else { continue };
        ms.extend(sent.iter().map(|s| at - *s as f64 / 1e3));
    }
    let after = memory_mb();
    println!(
        "{rate:>6} quotes/s wanted, {:>6.0} sent: {:>5.1} frames/s, {:>5.1} of them with new \
            prices, quote to paint ms: {}; memory MB desk {} to {}, web {} to {}",
        sent as f64 / seconds as f64,
        DRAWN.load(Relaxed) as f64 / seconds as f64,
        marks.len() as f64 / seconds as f64,
        signet_bench::percentiles(&mut ms),
        before.0,
        after.0,
        before.1,
        after.1
    );
}

fn report_dialogs() {
    let painted: std::collections::HashMap<u64, f64> =
        take_marks().iter().map(|m| (m.seq as u64, m.painted_at_ms)).collect();
    let dialogs =
        std::mem::take(&mut *DIALOGS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    let mut ms: Vec<f64> = dialogs
        .iter()
        .filter_map(|(seq, sent)| painted.get(&(*seq as u64)).map(|at| at - *sent as f64 / 1e3))
        .collect();
    println!(
        "step-up challenge sent to its dialog painted, at 1,000 quotes/s, ms: {}",
        signet_bench::percentiles(&mut ms)
    );
}

/// Resident memory of this process and of its web processes, MB.
fn memory_mb() -> (u64, u64) {
    let rss = |pid: &str| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
        line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    let me = std::process::id().to_string();
    let mut web = 0;
    for p in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = p.file_name().to_string_lossy().into_owned();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent =
            stat.rsplit_once(") ").and_then(|(_, r)| r.split(' ').nth(1).map(str::to_owned));
        if parent.as_deref() == Some(&me) && stat.contains("(WebKit") {
            web += rss(&pid);
        }
    }
    (rss(&me), web)
}

#[tauri::command]
fn bench_frames(marks: Vec<Mark>, drawn: u64) {
    MARKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(marks);
    DRAWN.fetch_add(drawn, Relaxed);
}

#[tauri::command]
fn first_paint(at_ms: f64) {
    // Only the first counts; a reload reports again.
    if FIRST_PAINT.set(at_ms).is_ok() {
        tracing::info!(at_ms, "first paint");
    }
}

/// The commands of the desk and these two.
pub(crate) fn with_marks<R: Runtime>(
    desk: impl Fn(Invoke<R>) -> bool + Send + Sync + 'static,
) -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    let marks: Box<dyn Fn(Invoke<R>) -> bool + Send + Sync> =
        Box::new(tauri::generate_handler![bench_frames, first_paint]);
    move |invoke| match invoke.message.command() {
        "bench_frames" | "first_paint" => marks(invoke),
        _ => desk(invoke),
    }
}
