//! What the system says of the desk and of its web processes.

use std::{
    fs,
    time::{Duration, Instant},
};

/// The thread of the venue, which runs in the desk's process and is not the desk.
const VENUE: &str = "bench-venue";
/// Clock ticks in a second, as Linux reports processor time.
const TICKS: f64 = 100.0;

/// Memory, as proportional set size, MB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub desk: f64,
    /// All processes of the web view together.
    pub web: f64,
}

/// The memory of this process and of its web processes now.
pub fn memory() -> Memory {
    Memory { desk: pss("self"), web: web().iter().map(|pid| pss(pid)).sum() }
}

fn pss(pid: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kb = text.lines().find_map(|l| l.strip_prefix("Pss:"));
    kb.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn stat(path: &str) -> Option<(String, Vec<String>)> {
    let text = fs::read_to_string(format!("{path}/stat")).ok()?;
    let (head, rest) = text.rsplit_once(") ")?;
    let name = head.split_once('(')?.1.to_owned();
    Some((name, rest.split(' ').map(str::to_owned).collect()))
}

/// The processes of WebKit that this process started.
fn web() -> Vec<String> {
    let me = std::process::id().to_string();
    let mut out = Vec::new();
    for p in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = p.file_name().to_string_lossy().into_owned();
        let Some((name, fields)) = stat(&format!("/proc/{pid}")) else { continue };
        if name.starts_with("WebKit") && fields.get(1) == Some(&me) {
            out.push(pid);
        }
    }
    out
}

/// Processor time used until now, seconds.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    desk: f64,
    venue: f64,
    web: f64,
    at: Instant,
}

impl Busy {
    pub fn now() -> Self {
        let used = |path: &str| {
            let fields = stat(path).map(|(_, f)| f).unwrap_or_default();
            let of = |i: usize| fields.get(i).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
            (of(11) + of(12)) / TICKS
        };
        let mut venue = 0.0;
        for t in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let path = t.path().to_string_lossy().into_owned();
            if stat(&path).is_some_and(|(name, _)| name == VENUE) {
                venue += used(&path);
            }
        }
        Self {
            desk: used("/proc/self") - venue,
            venue,
            web: web().iter().map(|pid| used(&format!("/proc/{pid}"))).sum(),
            at: Instant::now(),
        }
    }

    /// Of one core since then, percent.
    pub fn since(self) -> String {
        let now = Self::now();
        let share = |a: f64, b: f64| 100.0 * (b - a) / now.at.duration_since(self.at).as_secs_f64();
        format!(
            "of one core: desk {:.0} %, web {:.0} %, venue {:.0} %",
            share(self.desk, now.desk),
            share(self.web, now.web),
            share(self.venue, now.venue)
        )
    }
}

/// Waits `seconds` and looks at the memory, each minute when it is longer than three; before the
/// last minute `each` is called with every look.
pub fn watch(seconds: u64, each: impl Fn()) -> Vec<(f64, Memory)> {
    let began = Instant::now();
    let mut out = vec![(0.0, memory())];
    let step = if seconds >= 180 { 60 } else { seconds.max(1) };
    let mut due = step;
    while due <= seconds {
        std::thread::sleep(Duration::from_secs(due).saturating_sub(began.elapsed()));
        let now = memory();
        out.push((began.elapsed().as_secs_f64() / 60.0, now));
        if seconds >= 180 {
            println!("        {due:>5} s: desk {:.1} MB, web {:.1} MB", now.desk, now.web);
        }
        if due + step <= seconds {
            each();
        }
        due += step;
    }
    out
}

/// MB an hour, by least squares, over these samples.
pub fn slope(samples: &[(f64, Memory)], of: impl Fn(&Memory) -> f64) -> f64 {
    let n = samples.len() as f64;
    let (x, y) = samples.iter().fold((0.0, 0.0), |(x, y), (t, m)| (x + t / n, y + of(m) / n));
    let (mut up, mut down) = (0.0, 0.0);
    for (t, m) in samples {
        up += (t - x) * (of(m) - y);
        down += (t - x) * (t - x);
    }
    if down == 0.0 { 0.0 } else { 60.0 * up / down }
}
