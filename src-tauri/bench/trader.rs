//! A trader at the keyboard while prices arrive: searches, moves over the ladder, accepts.

use super::keys::{BACKSPACE, ESCAPE, Keyboard, RETURN};
use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};
use tauri::Manager as _;

/// Something on the screen that changed after a key. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyMark {
    /// `field`, `list`, `line` or `accept`.
    pub what: String,
    /// How that reads now.
    pub is: String,
    /// `Event.timeStamp` of the key.
    pub event_at_ms: f64,
    /// After the frame that shows it.
    pub painted_at_ms: f64,
}

static MARKS: Mutex<Vec<KeyMark>> = Mutex::new(Vec::new());
/// Longer than this a key counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// For all rounds together; twenty take some 150 seconds. Where every key is lost they would take
/// half an hour.
const ALL_ROUNDS: Duration = Duration::from_secs(180);
/// Longer than the terms must be shown.
const TERMS_READ: Duration = Duration::from_millis(1_200);

pub(super) fn take(marks: Vec<KeyMark>) {
    MARKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(marks);
}

/// What was measured: by action, milliseconds from the key to the painted frame, and to bytes.
pub struct Trader<'a> {
    app: &'a tauri::AppHandle,
    venue: &'a signet_bench::BenchVenue,
    keyboard: Keyboard,
    ms: BTreeMap<&'static str, Vec<f64>>,
    in_page: Vec<f64>,
    lost: BTreeMap<&'static str, usize>,
    /// Pauses between keys are of no fixed length, so that they keep no step with the frames.
    seed: u64,
    began: Instant,
}

impl<'a> Trader<'a> {
    pub fn new(app: &'a tauri::AppHandle, venue: &'a signet_bench::BenchVenue) -> Option<Self> {
        let keyboard = Keyboard::open()?;
        Some(Self {
            app,
            venue,
            keyboard,
            ms: BTreeMap::new(),
            in_page: vec![],
            lost: BTreeMap::new(),
            seed: 1,
            began: Instant::now(),
        })
    }

    /// So many rounds, or as many as there is time for.
    pub fn work(mut self, rounds: u64) {
        self.keyboard.focus();
        self.began = Instant::now();
        let done = (0..rounds).take_while(|round| self.round(*round)).count();
        if (done as u64) < rounds {
            println!("       stopped after {} s: {done} rounds of {rounds}", ALL_ROUNDS.as_secs());
        }
        self.report();
    }

    fn is_over(&self) -> bool {
        self.began.elapsed() > ALL_ROUNDS
    }

    /// Six letters in the search, five dealers, one accept. Answers whether there was time for all
    /// of it.
    fn round(&mut self, round: u64) -> bool {
        self.page("document.querySelector('[data-testid=ticket-instrument]').focus()");
        for letter in "dbr 3.".chars() {
            if self.is_over() {
                return false;
            }
            let of = self.key(letter as u32, &["field", "list"]);
            self.note("a letter in the search, until it is in the field", of[0]);
            self.note("the same, until the list of instruments shows it", of[1]);
        }
        for _ in 0.."dbr 3.".len() {
            if self.is_over() {
                return false;
            }
            self.key(BACKSPACE, &["field"]);
        }
        self.page("document.querySelector('[data-panel]').focus()");
        self.key(u32::from(b'b'), &[]);
        for n in 0..5 {
            if self.is_over() {
                return false;
            }
            let digit = u32::from(b'1') + ((round + n * 2) % 9) as u32;
            let of = self.key(digit, &["line"]);
            self.note("another dealer in the ladder", of[0]);
        }
        let of = self.key(RETURN, &["accept"]);
        self.note("Enter, until the terms to confirm are shown", of[0]);
        if of[0].is_some() {
            std::thread::sleep(TERMS_READ);
            self.confirm();
        }
        self.key(ESCAPE, &[]);
        true
    }

    /// Enter on the terms, until the venue has read the accept.
    fn confirm(&mut self) {
        let arrived = || {
            let mut all = self.venue.shared.arrivals.lock().expect("not poisoned");
            all.drain(..).next_back().map(|(_, at)| at)
        };
        arrived();
        let Some(pressed) = self.keyboard.press(RETURN) else { return };
        let began = Instant::now();
        let mut at = None;
        while at.is_none() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
            at = arrived();
        }
        let ms = at.map(|at| at.saturating_sub(pressed) as f64 / 1e3);
        self.note("Enter on the terms, until the venue has read the accept", ms);
        self.pause();
    }

    fn pause(&mut self) {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(150 + (self.seed >> 33) % 200));
    }

    /// Presses a key and waits until each of these changed. Milliseconds from key to paint.
    fn key(&mut self, keysym: u32, wanted: &[&str]) -> Vec<Option<f64>> {
        self.pause();
        MARKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
        let Some(pressed) = self.keyboard.press(keysym) else { return vec![None; wanted.len()] };
        let began = Instant::now();
        loop {
            let marks = MARKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
            let of = |what: &&str| marks.iter().find(|m| m.what == **what);
            let found: Vec<_> = wanted.iter().map(of).collect();
            if found.iter().all(Option::is_some) || began.elapsed() > PATIENCE {
                let first = found.first().copied().flatten();
                self.in_page.extend(first.map(|m| m.painted_at_ms - m.event_at_ms));
                let ms = |m: Option<&KeyMark>| m.map(|m| m.painted_at_ms - pressed as f64 / 1e3);
                return found.into_iter().map(ms).collect();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn note(&mut self, what: &'static str, ms: Option<f64>) {
        match ms {
            Some(ms) => self.ms.entry(what).or_default().push(ms),
            None => *self.lost.entry(what).or_default() += 1,
        }
    }

    fn page(&self, script: &str) {
        if let Some(window) = self.app.get_webview_window("main") {
            let _ = window.eval(script);
        }
        std::thread::sleep(Duration::from_millis(300));
    }

    fn report(mut self) {
        for (what, ms) in &mut self.ms {
            let lost = self.lost.remove(what).unwrap_or_default();
            println!("       {what}, ms: {}; lost {lost}", signet_bench::percentiles(ms));
        }
        for (what, lost) in self.lost {
            println!("       {what}: lost all {lost}");
        }
        println!(
            "       by the page's own Event.timeStamp to the same frames, ms: {}",
            signet_bench::percentiles(&mut self.in_page)
        );
    }
}
