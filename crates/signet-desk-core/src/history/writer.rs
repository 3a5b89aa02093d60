//! The thread that writes: many records, then one wait for the disk.

use super::{
    HistoryError, Keys,
    files::{FILE_BYTES, Files},
    publish::Publisher,
    recorder::{Job, News, Shared},
    room::Room,
};
use crate::laptop_clock::laptop_now;
use signet_history::{Moment, What};
use signet_journal::{LogError, MAX_RECORD_LEN};
use std::{
    collections::VecDeque,
    io,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

/// Records that are written before one wait for the disk, at most.
const BATCH: usize = 256;
/// A checkpoint is signed after so many records,
const NOTE_RECORDS: u64 = 64;
/// or when nothing came for so long.
const NOTE_IDLE: Duration = Duration::from_secs(2);
/// How soon a disk that refused is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Bytes of one day that quotes may take; further ones are counted and not kept. Dealers that never
/// stop must not fill the disk.
const QUOTES_BYTES: u64 = 128 * FILE_BYTES;
/// So many more are for what peers send besides, and once more for what the desk itself does: no
/// peer can keep the trader's own acts out.
const RESERVE_BYTES: u64 = 16 * FILE_BYTES;
const DAY_MS: i64 = 86_400_000;
/// How often quotes that were not kept are written down while there are more of them.
const UNKEPT_MS: u64 = 60_000;

/// The state of the thread.
pub(super) struct Writer {
    files: Files,
    shared: Arc<Shared>,
    /// What was taken from the queue and is not written.
    waiting: VecDeque<(Moment, What)>,
    /// What says who signs and where: it is said again at the beginning of each file.
    key: Option<What>,
    up: Option<What>,
    /// What of that the file that was just begun does not have yet, the last first. It waits while
    /// the disk refuses: a file without it could not be judged.
    due: Vec<What>,
    /// The day in UTC, and what it took.
    day: (i64, u64),
    /// Quotes that were not kept and are not written down yet: how many, from when, until when.
    unkept: Option<(u64, i64, i64)>,
    /// When such were last written down.
    unkept_told_ms: Option<i64>,
    /// The trader was told that the day has taken all quotes that it may.
    told_full: bool,
    /// Whether all days together, and the disk, have room for quotes.
    room: Room,
    /// Something was written since the last wait for the disk.
    unsynced: bool,
    /// The way to the second party.
    publisher: Option<Publisher>,
}

/// Starts the thread; `done` is told when it ends.
pub(super) fn start(writer: Writer, jobs: Receiver<Job>, done: Sender<()>) -> io::Result<()> {
    let run = move || {
        let mut writer = writer;
        writer.run(&jobs);
        drop(writer);
        let _ = done.send(());
    };
    std::thread::Builder::new().name("signet-history".into()).spawn(run).map(drop)
}

/// Of what a record is: each kind may take what is left of the day up to its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What dealers may send as often as they like, and what was not believed.
    Quotes,
    /// What peers send besides.
    Received,
    /// What the desk itself does, and what its records are judged by.
    Own,
}

impl Kind {
    fn of(what: &What) -> Self {
        match what {
            What::Received { msg, .. } if msg != QUOTE => Self::Received,
            What::Received { .. } | What::Refused { .. } => Self::Quotes,
            _ => Self::Own,
        }
    }

    /// Bytes that the day may have taken before the last record of this kind.
    fn day_bytes(self) -> u64 {
        match self {
            Self::Quotes => QUOTES_BYTES,
            Self::Received => QUOTES_BYTES + RESERVE_BYTES,
            Self::Own => QUOTES_BYTES + 2 * RESERVE_BYTES,
        }
    }
}

/// MsgType (35) of a Quote.
const QUOTE: &str = "S";

/// Whether a record is one of which dealers may make as many as they like.
pub(super) fn is_of_quotes(what: &What) -> bool {
    Kind::of(what) == Kind::Quotes
}

/// About how many bytes a record takes.
pub(super) fn size(what: &What) -> usize {
    const FRAME: usize = 256;
    FRAME
        + match what {
            What::Sent { frame, .. } | What::Received { frame, .. } => frame.len(),
            What::Refused { frame, why, .. } => frame.len() + why.len(),
            What::Shown { screen, .. } => screen.len(),
            What::Note { text, .. } | What::Reason { text, .. } => text.len(),
            What::Up { own_certificate, peer_certificate, .. } => {
                own_certificate.len() + peer_certificate.len()
            }
            What::Key { chain, .. } => chain.iter().map(String::len).sum(),
            _ => 0,
        }
}

impl Writer {
    /// Opens the history and writes down that it goes on.
    pub(super) fn open(
        folder: &Path,
        keys: Keys,
        m: Moment,
        version: &str,
        shared: Arc<Shared>,
    ) -> Result<Self, HistoryError> {
        let opened = Files::open(folder, keys, m.at_ms)?;
        let mut files = opened.files;
        let (torn_bytes, desk) = (opened.torn_bytes, files.desk().to_owned());
        files.append(m, What::Started { desk, version: version.into(), torn_bytes })?;
        {
            let mut health = shared.health();
            if torn_bytes > 0 {
                health.tell(News::Torn(torn_bytes));
            }
            if let Some((to, why)) = opened.aside {
                let folder = to.display().to_string();
                files.append(m, What::Aside { folder: folder.clone(), why: why.clone() })?;
                health.tell(News::Aside(folder, why));
            }
        }
        files.sync()?;
        files.note()?;
        // A desk that is started again and again gets no more room.
        let day = m.at_ms.div_euclid(DAY_MS);
        let day = (day, files.bytes_since(day.saturating_mul(DAY_MS)));
        let waiting = VecDeque::new();
        Ok(Self {
            files,
            shared,
            waiting,
            key: None,
            up: None,
            due: Vec::new(),
            day,
            unkept: None,
            unkept_told_ms: None,
            told_full: false,
            room: Room::default(),
            unsynced: false,
            publisher: None,
        })
    }

    /// Keeps quotes while the whole history has no more than so many GiB; 0: no limit.
    /// The thread looks before it writes; whoever opens the history does not wait for that.
    pub(super) fn keep_within(&mut self, gib: u32) {
        self.room = Room::of_gib(gib);
    }

    fn look_at_room(&mut self) {
        if let Some(now) = self.room.look(&self.files.folder, Instant::now()) {
            let news = now.map_or(News::QuotesFit, News::QuotesShort);
            tracing::warn!(?news, "the room for quotes in the history has changed");
            self.shared.health().tell(news);
        }
    }

    /// As if all days together had taken so much, and so much were free.
    #[cfg(test)]
    pub(super) fn room_is(&mut self, gib: u32, taken: u64, free: u64) {
        self.room = Room::of_gib(gib);
        let _ = self.room.found(taken, free);
    }

    /// Hands every checkpoint to a second party as well, from here on.
    pub(super) fn publish_to(&mut self, place: &Path) -> Result<(), HistoryError> {
        let started = Publisher::start(place, self.files.desk(), self.shared.clone());
        self.publisher = Some(started.map_err(HistoryError::Thread)?);
        self.sign()
    }

    /// Signs a checkpoint.
    fn sign(&mut self) -> Result<(), HistoryError> {
        let note = self.files.note()?;
        if let Some(p) = &self.publisher {
            p.tell(self.files.size(), note, laptop_now().0);
        }
        Ok(())
    }

    fn run(&mut self, jobs: &Receiver<Job>) {
        loop {
            let wait = if self.waiting.is_empty() { NOTE_IDLE } else { TRY_AGAIN };
            let (mut last, mut idle) = (false, false);
            // While the disk refuses, the queue fills up and what does not fit is counted.
            if self.takes_no_more() {
                std::thread::sleep(wait);
            } else {
                match jobs.recv_timeout(wait) {
                    Ok(job) => last = self.take(job),
                    Err(RecvTimeoutError::Timeout) => idle = true,
                    Err(RecvTimeoutError::Disconnected) => last = true,
                }
            }
            while !last && self.waiting.len() < BATCH {
                let Ok(job) = jobs.try_recv() else { break };
                last = self.take(job);
            }
            self.turn(laptop_now().0);
            self.look_at_room();
            self.step(last || idle);
            if last {
                return;
            }
        }
    }

    /// Whether the queue is left alone: memory is not a place for what the disk refuses. The end
    /// is looked for all the same.
    pub(super) fn takes_no_more(&self) -> bool {
        self.waiting.len() >= BATCH && !self.shared.is_closing()
    }

    /// Writes what waits, and signs a checkpoint when it is time. With `note`, as when nothing has
    /// come for a while, nothing is put off.
    pub(super) fn step(&mut self, note: bool) {
        let done = self.write(note).and_then(|lost| {
            if note || self.files.unnoted() >= NOTE_RECORDS {
                self.note()?;
            }
            Ok(lost)
        });
        self.told(done);
    }

    fn note(&mut self) -> Result<(), HistoryError> {
        if self.files.unnoted() > 0 {
            self.sign()?;
        }
        Ok(())
    }

    /// Takes a job from the queue; whether it was the last one.
    pub(super) fn take(&mut self, job: Job) -> bool {
        match job {
            Job::Record(m, what) => {
                self.shared.taken(size(&what));
                self.waiting.push_back((m, what));
            }
            Job::Remove(m, cutoff_ms, keep_days) => {
                let removed = self.files.remove_before(m, cutoff_ms, keep_days);
                if let Ok(n) = removed.as_ref()
                    && *n > 0
                {
                    tracing::info!(
                        records = n,
                        keep_days,
                        "old records of the history are removed"
                    );
                }
                if let Err(e) = removed {
                    self.told(Err(e));
                }
            }
            Job::Stop(m) => {
                self.waiting.push_back((m, What::Stopped));
                return true;
            }
        }
        false
    }

    /// Writes what waits; how many records are told as lost. What the disk refuses waits on.
    fn write(&mut self, note: bool) -> Result<u64, HistoryError> {
        while let Some((m, what)) = self.waiting.front().cloned() {
            if self.files.is_full(m.at_ms) {
                self.files.roll(m.at_ms)?;
                self.due = [self.up.clone(), self.key.clone()].into_iter().flatten().collect();
            }
            self.write_due(m)?;
            if matches!(what, What::Stopped) {
                self.tell_unkept(true)?;
            }
            self.carry(&what);
            match (self.fits(m, &what), Kind::of(&what)) {
                (true, _) => {
                    let bytes = size(&what).min(MAX_RECORD_LEN) as u64;
                    self.append(m, what)?;
                    // Not before: a disk that refuses is tried again with the same record.
                    self.day.1 = self.day.1.saturating_add(bytes);
                }
                (false, Kind::Quotes) => self.leave_out(m),
                (false, Kind::Received | Kind::Own) => self.lose(m),
            }
            self.unsynced = true;
            self.waiting.pop_front();
        }
        let lost = self.tell_lost()?;
        self.tell_unkept(note)?;
        if self.unsynced {
            self.files.sync()?;
            self.unsynced = false;
        }
        Ok(lost)
    }

    /// Writes down how many records are missing, once there is room for records again.
    fn tell_lost(&mut self) -> Result<u64, HistoryError> {
        let lost = self.shared.health().lost.filter(|_| self.day.1 < Kind::Received.day_bytes());
        let Some((records, from_ms, to_ms)) = lost else { return Ok(0) };
        let m = Moment { at_ms: to_ms, ..Moment::default() };
        self.files.append(m, What::Lost { records, from_ms, to_ms })?;
        self.unsynced = true;
        let mut health = self.shared.health();
        // More may have been lost meanwhile.
        health.lost = health
            .lost
            .map(|(n, _, to)| (n.saturating_sub(records), to_ms, to))
            .filter(|(n, ..)| *n > 0);
        Ok(records)
    }

    /// A quote for which the day, all days or the disk have no room. It does not hold the trader
    /// up: the prices that were on screen are kept with each accept.
    fn leave_out(&mut self, m: Moment) {
        // Of the room of all days the trader was told when it became short.
        if !self.told_full && self.day.1 >= QUOTES_BYTES {
            self.told_full = true;
            self.shared.health().tell(News::QuotesFull);
        }
        self.add_unkept((1, m.at_ms, m.at_ms));
    }

    fn add_unkept(&mut self, (more, from_ms, to_ms): (u64, i64, i64)) {
        let (n, from, to) = self.unkept.unwrap_or((0, from_ms, to_ms));
        self.unkept = Some((n.saturating_add(more), from.min(from_ms), to.max(to_ms)));
    }

    /// Writes down how many quotes were not kept: now, or when the last such record is old enough,
    /// since those records take room as well.
    fn tell_unkept(&mut self, now: bool) -> Result<(), HistoryError> {
        let left_out = self.shared.health().left_out.take();
        if let Some(left_out) = left_out {
            self.add_unkept(left_out);
        }
        let Some((records, from_ms, to_ms)) = self.unkept else { return Ok(()) };
        let old = |told: i64| to_ms.abs_diff(told) >= UNKEPT_MS;
        if !now && !self.unkept_told_ms.is_none_or(old) {
            return Ok(());
        }
        let m = Moment { at_ms: to_ms, ..Moment::default() };
        self.files.append(m, What::QuotesLeftOut { records, from_ms, to_ms })?;
        self.unsynced = true;
        self.unkept = None;
        self.unkept_told_ms = Some(to_ms);
        Ok(())
    }

    /// A file begins with what its records cannot be judged without.
    fn write_due(&mut self, m: Moment) -> Result<(), HistoryError> {
        while let Some(what) = self.due.last().cloned() {
            self.append(m, what)?;
            self.unsynced = true;
            self.due.pop();
        }
        Ok(())
    }

    /// Appends a record, or counts one that no file takes.
    fn append(&mut self, m: Moment, what: What) -> Result<(), HistoryError> {
        match self.files.append(m, what) {
            Err(HistoryError::Log(LogError::RecordTooLong(_))) => self.lose(m),
            done => done?,
        }
        Ok(())
    }

    fn carry(&mut self, what: &What) {
        match what {
            What::Key { .. } => self.key = Some(what.clone()),
            What::Up { .. } => {
                let mut up = what.clone();
                if let What::Up { again, .. } = &mut up {
                    *again = true;
                }
                self.up = Some(up);
            }
            What::Down => self.up = None,
            _ => {}
        }
    }

    /// Whether a record still fits into its day, and a quote into the room of all days.
    fn fits(&mut self, m: Moment, what: &What) -> bool {
        self.turn(m.at_ms);
        let kind = Kind::of(what);
        let room = kind != Kind::Quotes || self.room.short().is_none();
        room && self.day.1 < kind.day_bytes()
    }

    /// A day of UTC begins with room for all. It does so also where nothing is recorded: a desk
    /// that may not trade before it has room would record nothing. What was recorded before
    /// midnight and is written after it is of the day that began.
    pub(super) fn turn(&mut self, now_ms: i64) {
        let day = now_ms.div_euclid(DAY_MS);
        if day > self.day.0 {
            self.day = (day, 0);
            (self.unkept_told_ms, self.told_full) = (None, false);
        }
    }

    /// As if the day had taken all quotes that it may (0), all that peers may send (1), or
    /// everything (2).
    #[cfg(test)]
    pub(super) fn day_is_full(&mut self, at_ms: i64, reserves: u64) {
        self.day = (at_ms.div_euclid(DAY_MS), QUOTES_BYTES + reserves * RESERVE_BYTES);
    }

    fn lose(&self, m: Moment) {
        self.shared.health().lose(m.at_ms, "more was recorded than is kept");
    }

    /// Says whether the history can be written, when that changed.
    fn told(&self, done: Result<u64, HistoryError>) {
        let mut health = self.shared.health();
        match done {
            Ok(lost) => {
                if health.fault.take().is_some() || lost > 0 {
                    health.tell(News::Written(lost));
                }
            }
            Err(e) => {
                let why = e.to_string();
                if health.fault.is_none() {
                    tracing::error!(error = %e, "the history cannot be written");
                    health.tell(News::Unwritable(why.clone()));
                }
                health.fault = Some(why);
            }
        }
    }
}
