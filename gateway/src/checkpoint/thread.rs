//! The thread that signs checkpoints and hands them out.

use super::{
    publish::{Target, keep_up},
    start::Places,
};
use crate::{
    GatewayError,
    clock::now,
    config::CheckpointSection,
    events::EventSink,
    signed::{Doubt, TreeHead},
    threads::{HostedThread, Stop, watched},
};
use signet_events::About;
use signet_fix::tagvalue::{format_utc, parse_utc};
use signet_journal::{LogError, sync_file};
use signet_rfq::UtcMillis;
use signet_tlog::{
    Checkpoint,
    note::{SignerKey, VerifierKey},
};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

const LOOK: Duration = Duration::from_millis(100);
/// How long a checkpoint that could not be made waits before the next try: a disk that is full
/// stays so for a while, and each try is a wait for the disk and a line in the log.
const RETRY: Duration = Duration::from_secs(5);
/// A witness is given the newest checkpoint, signed once more, after so long without a newer one:
/// a log in which nothing happens is not silent.
const REPEAT: Duration = Duration::from_secs(600);
/// What the line with the time of the signature begins with.
const TIME: &str = "time ";
/// What second parties get of time when the gateway stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the thread works with.
pub(crate) struct Plan {
    pub(crate) section: CheckpointSection,
    pub(crate) key: SignerKey,
    /// The file of the newest checkpoint.
    pub(crate) path: PathBuf,
    /// The journal, whose records the evidence has copies of.
    pub(crate) journal: PathBuf,
    pub(crate) targets: Vec<Target>,
    pub(crate) events: EventSink,
    pub(crate) heads: watch::Receiver<TreeHead>,
    /// Whether what was written may be believed to be on the disk after a wait.
    pub(crate) doubt: Arc<Doubt>,
}

/// A checkpoint as it is handed out.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) at: UtcMillis,
    pub(crate) size: u64,
    pub(crate) note: String,
}

/// Starts the thread.
pub(crate) fn start(plan: Plan) -> Result<HostedThread, GatewayError> {
    HostedThread::spawn("signet-checkpoint", move |stop| run(plan, stop))
        .map_err(|source| GatewayError::Io { what: "thread".into(), source })
}

/// Whether a checkpoint is to be made: of so many new records, or of any after so long.
fn due(new: u64, since: Duration, section: &CheckpointSection) -> bool {
    let long = since >= Duration::from_secs(section.every_seconds.into());
    new >= section.every_records || (new > 0 && long)
}

/// Where second parties are told.
struct Newest {
    /// Each checkpoint.
    each: watch::Sender<Option<Signed>>,
    /// The same, and the newest once more when nothing happens.
    repeated: watch::Sender<Option<Signed>>,
}

async fn run(mut plan: Plan, stop: Stop) {
    let newest = Newest { each: watch::Sender::new(None), repeated: watch::Sender::new(None) };
    let mut tasks = JoinSet::new();
    for target in std::mem::take(&mut plan.targets) {
        let from = if target.takes_repeats() { &newest.repeated } else { &newest.each };
        let keeping = keep_up(target, from.subscribe(), plan.events.clone());
        tasks.spawn_local(watched("checkpoints", keeping));
    }
    seal_all(&mut plan, &newest, now, stop).await;
    // Whoever hands out ends when there will be no newer one.
    drop(newest);
    let _ = timeout(GOODBYE, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Signs checkpoints until the gateway stops.
async fn seal_all(plan: &mut Plan, newest: &Newest, clock: impl Fn() -> UtcMillis, stop: Stop) {
    let (mut done, mut last, mut told) = (0, Instant::now(), Instant::now());
    let mut covered: Option<TreeHead> = None;
    let mut failed: Option<Instant> = None;
    let mut timer = tokio::time::interval(LOOK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(stop);
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            _ = &mut stop => stopping = true,
            _ = timer.tick() => {}
        }
        let head = plan.heads.borrow_and_update().clone();
        let new = head.tree.size().saturating_sub(done);
        let waits = failed.is_some_and(|at| at.elapsed() < RETRY);
        if (stopping && new > 0) || (!waits && due(new, last.elapsed(), &plan.section)) {
            let Some(signed) = plan.sealed(&head, clock()) else {
                failed = Some(Instant::now());
                continue;
            };
            (last, told, failed) = (Instant::now(), Instant::now(), None);
            done = signed.size;
            tell(plan, &head);
            covered = Some(head);
            newest.each.send_replace(Some(signed.clone()));
            newest.repeated.send_replace(Some(signed));
        } else if let Some(head) = &covered
            && newest.repeated.receiver_count() > 0
            && told.elapsed() >= REPEAT
        {
            told = Instant::now();
            if let Some(signed) = plan.made(sign(&plan.key, &plan.path, head, clock())) {
                newest.repeated.send_replace(Some(signed));
            }
        }
    }
}

impl Plan {
    /// A checkpoint of what is on the disk by then.
    fn sealed(&self, head: &TreeHead, at: UtcMillis) -> Option<Signed> {
        let synced = self.doubt.wait(|| synced(&self.journal, head));
        self.made(synced.and_then(|()| sign(&self.key, &self.path, head, at)))
    }

    /// A checkpoint that could be made; otherwise the event.
    fn made(&self, sealed: io::Result<Signed>) -> Option<Signed> {
        let failed = |e: io::Error| {
            tracing::error!(alert = true, error = %e, "no checkpoint of the evidence");
            let about = About::object(self.key.verifier().name());
            self.events.gateway("checkpoint.failed", about, e.to_string());
        };
        sealed.map_err(failed).ok()
    }
}

fn tell(plan: &Plan, head: &TreeHead) {
    let (size, root) = (head.tree.size(), signet_registry::hex(&head.tree.root()));
    let origin = plan.key.verifier().name();
    tracing::info!(origin, size, root, "checkpoint");
    let about = About::object(origin);
    plan.events.gateway("journal.checkpoint", about, format!("size {size}, root {root}"));
}

/// Waits until the disk has every record of the checkpoint.
///
/// The journal comes first: each of its records was written before the copy in the evidence, and
/// after a power cut the evidence must not have copies of records that the journal lacks.
fn synced(journal: &Path, head: &TreeHead) -> io::Result<()> {
    match sync_file(journal) {
        // Nothing was written to it so far.
        Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        synced => synced.map_err(io::Error::other)?,
    }
    // Another descriptor: what matters is the file. Earlier files were waited for when they ended.
    sync_file(&head.file).map_err(io::Error::other)
}

/// Signs a checkpoint over what is on the disk, and keeps it.
fn sign(key: &SignerKey, path: &Path, head: &TreeHead, at: UtcMillis) -> io::Result<Signed> {
    let checkpoint = Checkpoint {
        origin: key.verifier().name().into(),
        size: head.tree.size(),
        root: head.tree.root(),
        extensions: vec![format!("{TIME}{}", format_utc(at))],
    };
    let note = checkpoint.sign(key).map_err(io::Error::other)?;
    replace(path, note.as_bytes())?;
    Ok(Signed { at, size: checkpoint.size, note })
}

/// When a checkpoint was signed, as it says itself; `None`: it does not say so.
pub(super) fn signed_at(checkpoint: &Checkpoint) -> Option<UtcMillis> {
    let time = checkpoint.extensions.iter().find_map(|line| line.strip_prefix(TIME))?;
    parse_utc(time.as_bytes())
}

/// The checkpoint of a key that was made just now, before anything is traded: from then on one that
/// is missing was taken away.
pub(crate) fn first(key: &SignerKey, places: &Places, head: &TreeHead) -> Result<(), GatewayError> {
    let path = &places.checkpoint;
    synced(&places.journal, head)
        .and_then(|()| sign(key, path, head, now()))
        .map(drop)
        .map_err(|source| GatewayError::Io { what: path.display().to_string(), source })
}

/// The newest checkpoint; `None` when there is no file.
pub(crate) fn latest(path: &Path, key: &VerifierKey) -> Result<Option<Checkpoint>, String> {
    match fs::read(path) {
        Ok(note) => Checkpoint::open(&note, key).map(Some).map_err(|e| e.to_string()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// Replaces a file as a whole: after a crash it is the old one or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut file = File::create(&temporary)?;
    file.write_all(bytes).and_then(|()| file.sync_all())?;
    // Windows does not rename an open file.
    drop(file);
    fs::rename(&temporary, path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::{Signed as Evidence, SignedLog};
    use signet_journal::{StoreKey, disk};
    use signet_router::journal::JournalError;
    use std::cell::Cell;
    use tokio::sync::oneshot;
    use zeroize::Zeroizing;

    /// The repeat is signed later than the one before it: whoever takes it can tell it from one
    /// that somebody sent a second time. Only witnesses get it.
    #[test]
    fn a_log_in_which_nothing_happens_is_signed_once_more_for_witnesses() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("signed");
        let store = StoreKey::new([5; 32]);
        let log = SignedLog::open(&folder, &store, UtcMillis(0), false).unwrap();
        let (_heads, heads) = watch::channel(TreeHead::of(&log));
        let mut plan = Plan {
            section: CheckpointSection { every_records: 1, ..Default::default() },
            key: SignerKey::new("log", &Zeroizing::new([9; 32])).unwrap(),
            path: dir.path().join("evidence.checkpoint"),
            journal: dir.path().join("rfqs.journal"),
            targets: Vec::new(),
            events: EventSink::default(),
            heads,
            doubt: Arc::default(),
        };
        let verifier = plan.key.verifier().clone();
        let newest = Newest { each: watch::Sender::new(None), repeated: watch::Sender::new(None) };
        let (mut each, mut repeated) = (newest.each.subscribe(), newest.repeated.subscribe());
        let clock = Cell::new(1_795_262_400_000);
        let read = move || {
            clock.set(clock.get() + 1);
            UtcMillis(clock.get())
        };
        let (stopper, stop) = oneshot::channel();
        let looked_at = async move {
            let open = |signed: Signed| Checkpoint::open(signed.note.as_bytes(), &verifier);
            repeated.changed().await.unwrap();
            let first = open(repeated.borrow_and_update().clone().unwrap()).unwrap();
            each.changed().await.unwrap();
            let same = open(each.borrow_and_update().clone().unwrap()).unwrap();
            assert_eq!(same, first);
            let mut before = first;
            for _ in 0..3 {
                let since = Instant::now();
                repeated.changed().await.unwrap();
                assert!((REPEAT..REPEAT + Duration::from_secs(1)).contains(&since.elapsed()));
                let again = open(repeated.borrow_and_update().clone().unwrap()).unwrap();
                assert_eq!((again.size, again.root), (before.size, before.root));
                assert!(signed_at(&again) > signed_at(&before));
                before = again;
            }
            assert!(!each.has_changed().unwrap(), "folders and servers keep each one");
            drop(stopper);
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let sealing = seal_all(&mut plan, &newest, read, stop);
        runtime.block_on(async { tokio::join!(sealing, looked_at) });
    }

    #[derive(Default)]
    struct Failures(std::sync::Mutex<usize>);

    impl crate::events::Outlet for Failures {
        fn take(&self, event: &signet_events::Event) {
            *self.0.lock().unwrap() += usize::from(event.code == "checkpoint.failed");
        }
    }

    /// A disk that refuses is asked now and then, not at each look; and then the checkpoint is made
    /// without waiting for what makes the next one due.
    #[test]
    fn a_disk_that_refuses_a_checkpoint_is_not_asked_at_each_look() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreKey::new([5; 32]);
        let log = SignedLog::open(&dir.path().join("signed"), &store, UtcMillis(0), false).unwrap();
        let (_heads, heads) = watch::channel(TreeHead::of(&log));
        let failures = std::sync::Arc::new(Failures::default());
        let folder = dir.path().join("away");
        let mut plan = Plan {
            section: CheckpointSection { every_records: 1, ..Default::default() },
            key: SignerKey::new("log", &Zeroizing::new([9; 32])).unwrap(),
            path: folder.join("evidence.checkpoint"),
            journal: dir.path().join("rfqs.journal"),
            targets: Vec::new(),
            events: EventSink::new(Some(failures.clone()), None),
            heads,
            doubt: Arc::default(),
        };
        let newest = Newest { each: watch::Sender::new(None), repeated: watch::Sender::new(None) };
        let mut each = newest.each.subscribe();
        let (stopper, stop) = oneshot::channel();
        let looked_at = async move {
            let count = || *failures.0.lock().unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
            assert_eq!(count(), 1);
            tokio::time::sleep(RETRY).await;
            assert_eq!(count(), 2);
            fs::create_dir(&folder).unwrap();
            each.changed().await.unwrap();
            assert_eq!(count(), 2);
            drop(stopper);
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let sealing = seal_all(&mut plan, &newest, || UtcMillis(1_795_262_400_000), stop);
        runtime.block_on(async { tokio::join!(sealing, looked_at) });
    }

    /// A power cut after a checkpoint must not leave the evidence ahead of the journal.
    #[test]
    fn the_journal_is_on_the_disk_before_the_evidence() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreKey::new([5; 32]);
        let log = SignedLog::open(&dir.path().join("signed"), &store, UtcMillis(0), false).unwrap();
        let head = TreeHead::of(&log);
        let journal = dir.path().join("rfqs.journal");
        let refused = || synced(&journal, &head).unwrap_err().to_string();
        fs::write(&journal, b"records").unwrap();
        // While both refuse, the one that is named was waited for first.
        disk::refuses_to_sync(&journal, true);
        disk::refuses_to_sync(&head.file, true);
        assert!(refused().contains("rfqs.journal"), "{}", refused());
        disk::refuses_to_sync(&head.file, false);
        assert!(refused().contains("rfqs.journal"), "{}", refused());
        disk::refuses_to_sync(&journal, false);
        disk::refuses_to_sync(&head.file, true);
        assert!(!refused().contains("rfqs.journal"), "{}", refused());
        disk::refuses_to_sync(&head.file, false);
        assert!(synced(&journal, &head).is_ok());
    }

    /// The next wait may be told that all is well, though the disk has nothing of it.
    #[test]
    fn after_a_wait_that_failed_nothing_is_signed_before_it_was_written_once_more() {
        const AT: UtcMillis = UtcMillis(1_795_262_400_000);
        let dir = tempfile::tempdir().unwrap();
        let store = StoreKey::new([5; 32]);
        let log = SignedLog::open(&dir.path().join("signed"), &store, UtcMillis(0), false).unwrap();
        let head = TreeHead::of(&log);
        let evidence = Evidence::new(log);
        let plan = Plan {
            section: CheckpointSection::default(),
            key: SignerKey::new("log", &Zeroizing::new([9; 32])).unwrap(),
            path: dir.path().join("evidence.checkpoint"),
            journal: dir.path().join("rfqs.journal"),
            targets: Vec::new(),
            events: EventSink::default(),
            heads: evidence.heads(),
            doubt: evidence.doubt(),
        };
        let size = Some(head.tree.size());
        let sealed = || plan.sealed(&head, AT).map(|s| s.size);
        let began = std::time::Instant::now();
        let after = |s: u64| began + Duration::from_secs(s);
        let asked = Cell::new(0);
        let journal = || {
            asked.set(asked.get() + 1);
            Ok(())
        };
        assert_eq!(sealed(), size);
        evidence.settle_doubt(began, journal);
        assert_eq!(asked.get(), 0, "there is none");
        fs::remove_file(&plan.path).unwrap();
        disk::refuses_to_sync(&head.file, true);
        assert_eq!(sealed(), None);
        evidence.settle_doubt(began, journal);
        disk::refuses_to_sync(&head.file, false);
        assert_eq!(sealed(), None, "the evidence was not written");
        evidence.settle_doubt(after(1), journal);
        assert_eq!((sealed(), asked.get()), (None, 1), "the disk is left alone for a while");
        evidence.settle_doubt(after(6), || Err(JournalError::NotCopied));
        assert_eq!(sealed(), None, "the journal was not written");
        assert!(!plan.path.exists());
        evidence.settle_doubt(after(12), journal);
        assert_eq!((sealed(), asked.get()), (size, 2));
    }

    #[test]
    fn table_of_when_a_checkpoint_is_due() {
        let section =
            CheckpointSection { every_records: 10, every_seconds: 60, ..Default::default() };
        for (new, seconds, want) in [
            (0, 0, false),
            (0, 3_600, false),
            (1, 59, false),
            (1, 60, true),
            (9, 1, false),
            (10, 0, true),
            (11, 0, true),
        ] {
            assert_eq!(due(new, Duration::from_secs(seconds), &section), want, "{new} {seconds}");
        }
    }
}
