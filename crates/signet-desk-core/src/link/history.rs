//! The desk's own history on this thread: opened with the files of an identity, told of each
//! connection, and asked whether it can be written.

use super::{Link, target::Target, wire::Wire};
use crate::{
    book::lock,
    history::{self, HistoryError, Keys, News, Past, Reader, Recorder, Short},
    insight::{Part, Tally, Tallying},
    laptop_clock::laptop_now,
    problem::sentence,
    venue::Venue,
    view::{NoticeKind, Problem},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_fix::session::Session;
use signet_history::{Certified, What, statement};
use signet_identity::{Identity, sha256};
use signet_rfq::UtcMillis;
use signet_tlog::note::VerifierKey;
use std::{
    cell::{Cell, RefCell},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often old records are looked for, milliseconds.
const TIDY_MS: i64 = 6 * 3_600_000;
/// Days of the history from which dealers are judged; the page names them.
const DEALER_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
/// When more files than these have to be read, the figures of the newest of them are shown first.
const FIRST_FILES: usize = 30;
/// After each file that had to be read, the processor is left to others for so long.
const PAUSE: Duration = Duration::from_millis(50);

/// The history of the identity that is in use.
#[derive(Default)]
pub(super) struct Kept {
    recorder: RefCell<Recorder>,
    key: RefCell<Option<VerifierKey>>,
    /// Digest of the certificate whose key certified the history's.
    certified: Cell<Option<[u8; 32]>>,
    /// A connection is written down as made, and not as ended.
    up: Cell<bool>,
    tidied: Cell<Option<UtcMillis>>,
    /// Tells the thread that looks back that nobody waits for it.
    closed: RefCell<Arc<AtomicBool>>,
}

fn now_ms() -> i64 {
    laptop_now().0
}

impl Link {
    /// Opens the history in the folder of an identity; `session` tells it of every message. One
    /// that cannot be opened is told, and stops the connection if the firm requires it.
    pub(super) fn open_history(
        &self,
        of_identity: &Path,
        secret: &[u8; 32],
        session: &Session,
    ) -> Result<(), Problem> {
        let name = of_identity.file_name().unwrap_or_default().to_string_lossy();
        let settings = &self.config.history;
        let opened = Keys::derive(secret, &name).and_then(|keys| {
            let key = keys.verifier().clone();
            let folder = history::folder(of_identity);
            let version = &self.config.version;
            Ok((Recorder::open(&folder, keys, version, now_ms(), settings)?, key))
        });
        let why = match opened {
            Ok((recorder, key)) => {
                self.read_history(of_identity, secret, &name);
                session.tap(recorder.tap(now_ms));
                lock(&self.book).record_with(recorder.clone());
                *self.history.recorder.borrow_mut() = recorder;
                *self.history.key.borrow_mut() = Some(key);
                return Ok(());
            }
            Err(why) => Problem::new(
                why.code(),
                sentence(&format!("This desk's history cannot be kept: {why}")),
                why.cure(),
            ),
        };
        if settings.required {
            return Err(why);
        }
        tracing::error!(code = why.code, "{}", why.message);
        let text = format!("{} {} Trading goes on without it.", why.message, why.cure);
        lock(&self.book).tell(NoticeKind::Bad, &why.code, text, laptop_now());
        Ok(())
    }

    /// Lets the history be read back, and looks what earlier runs saw of the dealers, on a thread
    /// of its own because the disk may be slow.
    fn read_history(&self, of_identity: &Path, secret: &[u8; 32], name: &str) {
        // The keys were derived a moment ago, so that this does not fail either.
        let Ok(keys) = Keys::derive(secret, name) else { return };
        let reader = Arc::new(Reader::new(&history::folder(of_identity), keys));
        lock(&self.book).read_with(Some(reader.clone()));
        let (book, before_ms) = (self.book.clone(), now_ms());
        let closed = self.history.closed.borrow().clone();
        let look = move || {
            let tell = |earlier| lock(&book).saw_before(&reader, earlier);
            if let Err(e) = look_back(&reader, before_ms, &closed, tell) {
                tracing::warn!(error = %e, "what earlier runs saw of the dealers is not read");
            }
        };
        if let Err(e) = std::thread::Builder::new().name("signet-insight".into()).spawn(look) {
            tracing::warn!(error = %e, "what earlier runs saw of the dealers is not read");
        }
    }

    /// Ends the history; another may be opened in the same folder.
    pub(super) fn close_history(&self) {
        self.history_down();
        self.history.closed.take().store(true, Ordering::Relaxed);
        lock(&self.book).record_with(Recorder::default());
        lock(&self.book).read_with(None);
        self.history.recorder.take().close(now_ms());
        self.history.key.take();
        self.history.certified.set(None);
        self.history.tidied.set(None);
    }

    fn record(&self, what: What) {
        self.history.recorder.borrow().record(now_ms(), what);
    }

    /// A connection is made and checked.
    pub(super) fn history_up(&self, wire: &Wire, t: &Target, identity: &Identity) {
        let Venue { name, comp_id, direct, .. } = &t.venue;
        let own = identity.chain().first();
        self.record(What::Up {
            again: false,
            venue: name.clone(),
            peer: comp_id.to_string(),
            own: lock(&self.book).comp_id().unwrap_or_default(),
            direct: direct.is_some(),
            tls: wire.tls.clone(),
            own_certificate: own.map(|c| BASE64.encode(c)).unwrap_or_default(),
            peer_certificate: BASE64.encode(&wire.peer),
        });
        self.history.up.set(true);
    }

    /// The connection ended.
    pub(super) fn history_down(&self) {
        if self.history.up.replace(false) {
            self.record(What::Down);
        }
    }

    /// Certifies the key of the history with the desk's own key, once for each certificate. A token
    /// may take its time.
    pub(super) fn certify_history(self: &std::rc::Rc<Self>, identity: &Identity) {
        let Some(key) = self.history.key.borrow().clone() else { return };
        let Some(leaf) = identity.chain().first() else { return };
        let digest = sha256(leaf);
        if self.history.certified.replace(Some(digest)) == Some(digest) {
            return;
        }
        let text = statement(&key, leaf);
        let (signer, chain) = (identity.message_key(), identity.chain().to_vec());
        let link = self.clone();
        tokio::task::spawn_local(async move {
            let signed = {
                let text = text.clone();
                tokio::task::spawn_blocking(move || signer.sign(text.as_bytes())).await
            };
            match signed {
                Ok(Ok(signature)) => link.record(Certified::record(text, &signature, &chain)),
                Ok(Err(e)) => tracing::warn!(error = %e, "the history's key is not certified"),
                Err(e) => tracing::warn!(error = %e, "the history's key is not certified"),
            }
        });
    }

    /// Tells the trader how the history is, and looks for old records from time to time.
    pub(super) fn history_tick(&self, now: UtcMillis) {
        let recorder = self.history.recorder.borrow().clone();
        while let Some(news) = recorder.news() {
            let (kind, code, text) = words(news, self.config.history.required);
            lock(&self.book).tell(kind, code, text, now);
        }
        let due = self.history.tidied.get().is_none_or(|t| now.since(t) >= TIDY_MS);
        if due && recorder.keep_days(now.0, self.config.history.keep_days) {
            self.history.tidied.set(Some(now));
        }
    }
}

/// Tells what was seen of the dealers before this moment. Closed files have a summary, which is
/// made here where there is none; a desk that ends meanwhile goes on with the others the next time.
fn look_back(
    reader: &Reader,
    before_ms: i64,
    closed: &AtomicBool,
    tell: impl Fn(Tally),
) -> Result<(), HistoryError> {
    let from_ms = before_ms.saturating_sub(DEALER_DAYS * DAY_MS);
    let all = reader.since(from_ms)?;
    let seen_in = |files: &[Past]| {
        let mut earlier = Tallying::between(from_ms, before_ms);
        for past in files {
            if closed.load(Ordering::Relaxed) {
                return None;
            }
            match reader.summary::<Part>(past) {
                Ok((part, was_read)) => {
                    earlier.take(&part);
                    if was_read {
                        std::thread::sleep(PAUSE);
                    }
                }
                Err(e) => tracing::warn!(error = %e, "a file says nothing of the dealers"),
            }
        }
        Some(earlier.done())
    };
    // Reading 30 days of many quotes takes minutes; the newest files take seconds.
    if all.iter().filter(|past| reader.lacks(past)).count() > FIRST_FILES {
        let newest = all.get(all.len().saturating_sub(FIRST_FILES)..).unwrap_or_default();
        seen_in(newest).into_iter().for_each(&tell);
    }
    seen_in(&all).into_iter().for_each(&tell);
    Ok(())
}

/// What the trader reads.
fn words(news: News, required: bool) -> (NoticeKind, &'static str, String) {
    match news {
        News::Unwritable(why) => {
            let then = match required {
                true => "Nothing that commits you is sent until it can.",
                false => "Trading goes on; what happens meanwhile may be missing from it.",
            };
            let text = format!(
                "This desk's history cannot be written: {why}. {then} Make room on the disk; \
                    Signet tries again by itself."
            );
            (NoticeKind::Bad, "history.unwritable", text)
        }
        News::Written(0) => {
            (NoticeKind::Good, "history.written", "This desk's history is written again.".into())
        }
        News::Written(lost) => {
            let text = format!(
                "This desk's history is written again. {lost} records are missing from it."
            );
            (NoticeKind::Bad, "history.gap", text)
        }
        News::QuotesFull => {
            let text = "Dealers have sent more quotes today than this desk's history keeps. \
                    Further ones are counted in it and not kept until midnight UTC; your own \
                    messages, what was on screen at each accept and every answer still are."
                .into();
            (NoticeKind::Plain, "history.quotes_full", text)
        }
        News::QuotesSlow => {
            let text = "Dealers send more quotes than this laptop's disk takes into the desk's \
                    history. Those that do not fit are counted in it and not kept; your own \
                    messages, what was on screen at each accept and every answer still are."
                .into();
            (NoticeKind::Plain, "history.quotes_slow", text)
        }
        // Bad, unlike a full day: it does not end by itself, and a support report names it.
        News::QuotesShort(short) => (NoticeKind::Bad, "history.quotes_short", short_of(short)),
        News::QuotesFit => {
            let text = "This desk's history keeps quotes again.".into();
            (NoticeKind::Good, "history.quotes_fit", text)
        }
        News::Torn(bytes) => {
            let text = format!(
                "The last record of this desk's history was never finished ({bytes} bytes): the \
                    program or the laptop ended while it was written. It was cut off."
            );
            (NoticeKind::Plain, "history.torn", text)
        }
        News::Aside(folder, why) => {
            let text = format!(
                "This desk's history was altered or is damaged: {why}. It is kept as {folder}; \
                    give it to your administrator. A new history began."
            );
            (NoticeKind::Bad, "history.altered", text)
        }
        News::Unpublished(place, why) => {
            let text = format!(
                "The checkpoints of this desk's history cannot be handed to {place}: {why}. \
                    Trading goes on, and Signet tries again by itself; tell your administrator if \
                    it lasts."
            );
            (NoticeKind::Plain, "history.unpublished", text)
        }
        News::Published => {
            let text = "The checkpoints of this desk's history are handed over again.".into();
            (NoticeKind::Good, "history.published", text)
        }
    }
}

/// Why quotes are not kept, what still is, and what to do.
fn short_of(room: Short) -> String {
    let (why, cure) = match room {
        Short::History => (
            "This desk's history has taken the room that room_gib of [history] gives it",
            "Tell your administrator, who can raise it or keep fewer days",
        ),
        Short::Disk => (
            "The disk that this desk's history is on has little room left",
            "Make room on the disk; quotes are kept again by themselves",
        ),
    };
    format!(
        "{why}. Dealers' quotes are counted in the history and not kept; your own messages, what \
            was on screen at each accept and every answer still are. Nothing old is removed. \
            {cure}."
    )
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
