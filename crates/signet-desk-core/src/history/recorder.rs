//! The bounded queue to the thread that writes. Nobody who records waits for the disk.

use super::{
    HistoryError, Keys, Short,
    writer::{self, Writer},
};
use crate::{venue::HistorySettings, view::Problem};
use signet_fix::session::{Passing, Tap};
use signet_history::{Moment, Seen, What, observe};
use std::{
    collections::VecDeque,
    path::Path,
    rc::Rc,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel},
    },
    time::{Duration, Instant},
};

/// Records that wait, at most.
const QUEUE_MAX: usize = 8_192;
/// Bytes of records that wait, at most.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// Of both quotes take three quarters, at most: a disk that does not keep up with them does not
/// keep the trader's own acts out.
pub(super) const QUOTES_MAX: usize = QUEUE_MAX / 4 * 3;
const QUOTES_BYTES: usize = QUEUE_BYTES / 4 * 3;
/// How long the end of a history may take.
pub(crate) const CLOSE_MAX: Duration = Duration::from_secs(3);
const CLOSE_PAUSE: Duration = Duration::from_millis(10);
/// What the trader has not been told, at most.
const NEWS_MAX: usize = 16;
/// The venue's clock is not known.
const NO_OFFSET: i64 = i64::MIN;

static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What the trader should know of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// It cannot be written, and why.
    Unwritable(String),
    /// It is written again; so many records are missing.
    Written(u64),
    /// The day has taken all quotes that it may.
    QuotesFull,
    /// The disk does not keep up with quotes.
    QuotesSlow,
    /// The history or the disk has too little room for quotes.
    QuotesShort(Short),
    /// There is room for them again.
    QuotesFit,
    /// The last record was never finished and was cut off.
    Torn(u64),
    /// It could not be continued and was put aside: where, and why.
    Aside(String, String),
    /// A checkpoint cannot be handed to the second party: where, and why.
    Unpublished(String, String),
    /// It can again.
    Published,
}

/// What the thread is asked to do.
pub(super) enum Job {
    Record(Moment, What),
    /// Remove what is older than this, because so many days are kept.
    Remove(Moment, i64, u32),
    Stop(Moment),
}

/// Whether the history takes what is recorded.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Why it cannot be written.
    pub(super) fault: Option<String>,
    /// Records that did not fit into the queue: how many, from when, until when.
    pub(super) lost: Option<(u64, i64, i64)>,
    /// Quotes that did not fit into it, and that the thread does not know of.
    pub(super) left_out: Option<(u64, i64, i64)>,
    /// The trader was told that there are such.
    told_slow: bool,
    news: VecDeque<News>,
}

impl Health {
    pub(super) fn tell(&mut self, news: News) {
        if self.news.len() < NEWS_MAX {
            self.news.push_back(news);
        }
    }

    /// The next of what the trader has not been told.
    pub(super) fn news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// A record is not kept; the first of several is told.
    pub(super) fn lose(&mut self, at_ms: i64, why: &str) {
        if self.lost.is_none() && self.fault.is_none() {
            self.tell(News::Unwritable(why.into()));
        }
        let (n, from, _) = self.lost.unwrap_or((0, at_ms, at_ms));
        self.lost = Some((n.saturating_add(1), from, at_ms));
    }

    /// A quote is not kept. That holds nobody up: the prices that were on screen are kept with each
    /// accept.
    fn leave_out(&mut self, at_ms: i64) {
        if !self.told_slow && self.fault.is_none() {
            self.told_slow = true;
            self.tell(News::QuotesSlow);
        }
        let (n, from, _) = self.left_out.unwrap_or((0, at_ms, at_ms));
        self.left_out = Some((n.saturating_add(1), from, at_ms));
    }
}

/// What both sides of the queue share.
#[derive(Default)]
pub(super) struct Shared {
    health: Mutex<Health>,
    /// Records that wait, and their bytes.
    records: AtomicUsize,
    waiting: AtomicUsize,
    /// The history is being closed.
    closing: AtomicBool,
}

impl Shared {
    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn taken(&self, bytes: usize) {
        self.records.fetch_sub(1, Ordering::Relaxed);
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// A record of so many bytes waits from now on; whether there is room for it.
    fn waits(&self, bytes: usize, quote: bool) -> bool {
        let records = self.records.fetch_add(1, Ordering::Relaxed);
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let (records_max, bytes_max) = match quote {
            true => (QUOTES_MAX, QUOTES_BYTES),
            false => (QUEUE_MAX, QUEUE_BYTES),
        };
        records < records_max && waiting.saturating_add(bytes) <= bytes_max
    }
}

struct Inner {
    queue: SyncSender<Job>,
    shared: Arc<Shared>,
    offset_ms: AtomicI64,
    /// Nothing that commits the trader leaves while it cannot be written down.
    required: bool,
    ended: Mutex<Receiver<()>>,
}

/// Where everything is recorded. Cheap to clone; one without a history records nothing.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Option<Arc<Inner>>);

impl Recorder {
    /// Opens the history in this folder and starts the thread that writes it.
    pub(crate) fn open(
        folder: &Path,
        keys: Keys,
        version: &str,
        now_ms: i64,
        settings: &HistorySettings,
    ) -> Result<Self, HistoryError> {
        let m = moment(now_ms, NO_OFFSET);
        let shared = Arc::new(Shared::default());
        let mut writer = Writer::open(folder, keys, m, version, shared.clone())?;
        writer.keep_within(settings.room_gib);
        if let Some(place) = &settings.publish {
            writer.publish_to(place)?;
        }
        let required = settings.required;
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let (done, ended) = channel();
        writer::start(writer, jobs, done).map_err(HistoryError::Thread)?;
        let offset_ms = AtomicI64::new(NO_OFFSET);
        let ended = Mutex::new(ended);
        Ok(Self(Some(Arc::new(Inner { queue, shared, offset_ms, required, ended }))))
    }

    /// Writes down what happened now.
    pub(crate) fn record(&self, now_ms: i64, what: What) {
        let Some(inner) = &self.0 else { return };
        let (bytes, quote) = (writer::size(&what), writer::is_of_quotes(&what));
        let m = moment(now_ms, inner.offset_ms.load(Ordering::Relaxed));
        let fits = inner.shared.waits(bytes, quote);
        if fits && inner.queue.try_send(Job::Record(m, what)).is_ok() {
            return;
        }
        inner.shared.taken(bytes);
        let mut health = inner.shared.health();
        match quote && !fits {
            true => health.leave_out(now_ms),
            false => health.lose(now_ms, "the disk does not keep up"),
        }
    }

    /// Writes down each application message of a session.
    pub(crate) fn tap(&self, now_ms: fn() -> i64) -> Option<Tap> {
        self.0.as_ref()?;
        let recorder = self.clone();
        Some(Rc::new(move |passing: Passing<'_>| {
            let why;
            let seen = match passing {
                Passing::Sent(frame) => Seen::Sent(frame),
                Passing::Received { frame, signed } => Seen::Received { frame, signed },
                Passing::Refused { frame, error } => {
                    why = error.to_string();
                    Seen::Refused { frame, why: &why }
                }
            };
            if let Some(what) = observe(seen) {
                recorder.record(now_ms(), what);
            }
        }))
    }

    /// The venue's clock minus the laptop's, as measured now.
    pub(crate) fn clock_is(&self, offset_ms: Option<i64>) {
        if let Some(inner) = &self.0 {
            inner.offset_ms.store(offset_ms.unwrap_or(NO_OFFSET), Ordering::Relaxed);
        }
    }

    /// Removes what is older than `keep_days`, once the venue's clock agrees with the laptop's: a
    /// clock that is wrong must not remove anything.
    /// `false`: it does not, or is not known; or the thread is busy.
    pub(crate) fn keep_days(&self, now_ms: i64, keep_days: u32) -> bool {
        const DAY_MS: i64 = 86_400_000;
        let Some(inner) = &self.0 else { return false };
        let offset = inner.offset_ms.load(Ordering::Relaxed);
        let agrees = offset != NO_OFFSET && offset.unsigned_abs() < DAY_MS.unsigned_abs();
        if !agrees || keep_days == 0 {
            return agrees;
        }
        let cutoff = now_ms.saturating_sub(i64::from(keep_days) * DAY_MS);
        inner.queue.try_send(Job::Remove(moment(now_ms, offset), cutoff, keep_days)).is_ok()
    }

    /// Whether something that commits the trader may leave.
    pub(crate) fn may_trade(&self) -> Result<(), Problem> {
        let Some(inner) = self.0.as_ref().filter(|i| i.required) else { return Ok(()) };
        let health = inner.shared.health();
        match (&health.fault, health.lost) {
            (None, None) => Ok(()),
            (fault, _) => Err(unwritable(fault.as_deref().unwrap_or("the disk is too slow"))),
        }
    }

    /// What the trader has not been told.
    pub(crate) fn news(&self) -> Option<News> {
        self.0.as_ref()?.shared.health().news()
    }

    /// Ends the history: what waits is written, as far as the disk takes it.
    pub(crate) fn close(&mut self, now_ms: i64) {
        let Some(inner) = self.0.take() else { return };
        let m = moment(now_ms, inner.offset_ms.load(Ordering::Relaxed));
        inner.shared.closing.store(true, Ordering::Relaxed);
        let until = Instant::now() + CLOSE_MAX;
        // A queue that is full has room as soon as the disk takes something. A thread that is not
        // told would keep the files from whoever opens them next.
        let mut stop = Job::Stop(m);
        while let Err(TrySendError::Full(job)) = inner.queue.try_send(stop) {
            if Instant::now() >= until {
                return;
            }
            stop = job;
            std::thread::sleep(CLOSE_PAUSE);
        }
        let ended = inner.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// Nothing that commits the trader leaves.
pub(crate) fn unwritable(why: &str) -> Problem {
    Problem::new(
        "history.unwritable",
        format!("This desk's history cannot be written, so nothing was sent: {why}."),
        "Make room on the disk, or tell your administrator; the firm requires the history.",
    )
}

fn moment(at_ms: i64, offset_ms: i64) -> Moment {
    let run_us = u64::try_from(BEGUN.elapsed().as_micros()).unwrap_or(u64::MAX);
    Moment { at_ms, run_us, offset_ms: (offset_ms != NO_OFFSET).then_some(offset_ms) }
}

#[cfg(test)]
impl Recorder {
    /// One whose thread does not take anything: the queue as it is when the disk stands still.
    pub(super) fn stuck(required: bool) -> (Self, Receiver<Job>) {
        Self::stuck_after(required, 2)
    }

    /// The same with a queue for so many.
    pub(super) fn stuck_after(required: bool, records: usize) -> (Self, Receiver<Job>) {
        let (queue, jobs) = sync_channel(records);
        let shared = Arc::new(Shared::default());
        let ended = Mutex::new(channel().1);
        let offset_ms = AtomicI64::new(NO_OFFSET);
        (Self(Some(Arc::new(Inner { queue, shared, offset_ms, required, ended }))), jobs)
    }

    /// A history that the firm requires, and that the disk refuses.
    pub(crate) fn refused() -> Self {
        let (recorder, _) = Self::stuck(true);
        if let Some(inner) = &recorder.0 {
            inner.shared.health().lose(0, "the disk is full");
        }
        recorder
    }

    pub(super) fn lost(&self) -> Option<(u64, i64, i64)> {
        self.0.as_ref()?.shared.health().lost
    }

    pub(super) fn left_out(&self) -> Option<(u64, i64, i64)> {
        self.0.as_ref()?.shared.health().left_out
    }
}
