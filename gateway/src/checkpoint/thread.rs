//! The thread that signs checkpoints and hands them out.

use super::publish::{Target, keep_up};
use crate::{
    GatewayError,
    clock::now,
    config::CheckpointSection,
    events::EventSink,
    signed::TreeHead,
    threads::{HostedThread, Stop, watched},
};
use signet_events::About;
use signet_rfq::UtcMillis;
use signet_tlog::{
    Checkpoint,
    note::{SignerKey, VerifierKey},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet, time::timeout};

const LOOK: Duration = Duration::from_millis(100);
/// What second parties get of time when the gateway stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the thread works with.
pub(crate) struct Plan {
    pub(crate) section: CheckpointSection,
    pub(crate) key: SignerKey,
    /// The file of the newest checkpoint.
    pub(crate) path: PathBuf,
    pub(crate) targets: Vec<Target>,
    pub(crate) events: EventSink,
    pub(crate) heads: watch::Receiver<TreeHead>,
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

async fn run(mut plan: Plan, stop: Stop) {
    let newest = watch::Sender::new(None::<Signed>);
    let mut tasks = JoinSet::new();
    for target in std::mem::take(&mut plan.targets) {
        let keeping = keep_up(target, newest.subscribe(), plan.events.clone());
        tasks.spawn_local(watched("checkpoints", keeping));
    }
    let (mut done, mut last) = (0, Instant::now());
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
        let last_one = stopping && new > 0;
        if !last_one && !due(new, last.elapsed(), &plan.section) {
            continue;
        }
        match seal(&plan.key, &plan.path, &head, now()) {
            Ok(signed) => {
                done = signed.size;
                tell(&plan, &head);
                newest.send_replace(Some(signed));
            }
            Err(e) => {
                tracing::error!(alert = true, error = %e, "no checkpoint of the evidence");
                let about = About::object(plan.key.verifier().name());
                plan.events.gateway("checkpoint.failed", about, e.to_string());
            }
        }
        last = Instant::now();
    }
    // Whoever hands out ends when there will be no newer one.
    drop(newest);
    let _ = timeout(GOODBYE, async { while tasks.join_next().await.is_some() {} }).await;
}

fn tell(plan: &Plan, head: &TreeHead) {
    let (size, root) = (head.tree.size(), signet_registry::hex(&head.tree.root()));
    let origin = plan.key.verifier().name();
    tracing::info!(origin, size, root, "checkpoint");
    let about = About::object(origin);
    plan.events.gateway("journal.checkpoint", about, format!("size {size}, root {root}"));
}

/// Waits until the disk has every record of the checkpoint, signs it, and keeps it.
fn seal(key: &SignerKey, path: &Path, head: &TreeHead, at: UtcMillis) -> io::Result<Signed> {
    // Another descriptor: what matters is the file. Earlier files were waited for when they ended.
    // Windows flushes only a file that is open for writing.
    OpenOptions::new().write(true).open(&head.file)?.sync_data()?;
    let checkpoint = Checkpoint {
        origin: key.verifier().name().into(),
        size: head.tree.size(),
        root: head.tree.root(),
        extensions: vec![format!("time {}", signet_fix::tagvalue::format_utc(at))],
    };
    let note = checkpoint.sign(key).map_err(io::Error::other)?;
    replace(path, note.as_bytes())?;
    Ok(Signed { at, size: checkpoint.size, note })
}

/// The checkpoint of a key that was made just now, before anything is traded: from then on one that
/// is missing was taken away.
pub(crate) fn first(key: &SignerKey, path: &Path, head: &TreeHead) -> Result<(), GatewayError> {
    seal(key, path, head, now())
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
