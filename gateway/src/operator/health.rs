//! Whether the gateway lives, and whether it can trade. The decisions are pure; the probe of the
//! disk is the only I/O.

use crate::pipeline::Status;
use serde::Serialize;
use std::{
    cell::RefCell,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use time::OffsetDateTime;

/// Nobody who asks makes the disk busy.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// What a record may take at least.
const PROBE_BYTES: usize = 4 * 1024;

/// One thing that is good or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub name: &'static str,
    pub good: bool,
    /// Why not; empty when good.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// What is known at this moment.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// `None`: the trading thread did not answer.
    pub trading: Option<Status>,
    pub journal_failing: bool,
    pub evidence_failing: bool,
    /// Why a probe could not be written.
    pub disk: Option<String>,
    pub certificate_end: Option<OffsetDateTime>,
    pub now: OffsetDateTime,
    pub dealers_on: usize,
    /// New business is refused because nobody would hear of it.
    pub siem_refuses: bool,
}

fn check(name: &'static str, why: Option<String>) -> Check {
    Check { name, good: why.is_none(), words: why.unwrap_or_default() }
}

/// Whether the process lives: what a restart could mend. A registry that is away is not that:
/// sessions that are on may go on without it, and a gateway does not start without it.
pub(super) fn healthz(f: &Facts) -> Vec<Check> {
    let silent = "the trading thread did not answer within a second";
    let trading = f.trading.is_none().then(|| silent.to_owned());
    vec![check("trading", trading)]
}

/// Whether desks can trade through it.
pub(super) fn readyz(f: &Facts) -> Vec<Check> {
    let written = |failing: bool, what: &str| {
        f.disk.clone().or_else(|| failing.then(|| format!("the last record of {what} failed")))
    };
    let certificate = match f.certificate_end {
        Some(end) if end > f.now => None,
        Some(end) => Some(format!("it ended at {end}")),
        None => Some("it cannot be read".to_owned()),
    };
    let dealers = (f.dealers_on == 0).then(|| "no dealer is on".to_owned());
    let siem = f.siem_refuses.then(|| "events for the SIEM find no room".to_owned());
    let mut all = healthz(f);
    all.extend([
        check("registry", registry(f)),
        check("journal", written(f.journal_failing, "the journal")),
        check("evidence", written(f.evidence_failing, "the evidence")),
        check("certificate", certificate),
        check("dealers", dealers),
        check("siem", siem),
    ]);
    all
}

fn registry(f: &Facts) -> Option<String> {
    let (age, age_max) = f.trading.as_ref()?.registry?;
    (age > age_max).then(|| format!("its last word is {} s old", age.as_secs()))
}

/// Whether something can be written into the state directory, asked seldom.
#[derive(Debug)]
pub(super) struct Disk {
    file: PathBuf,
    last: RefCell<Option<(Instant, Option<String>)>>,
}

impl Disk {
    pub(super) fn of(state_dir: &Path) -> Self {
        Self { file: state_dir.join("ready.probe"), last: RefCell::default() }
    }

    /// Why nothing can be written.
    pub(super) async fn fault(&self) -> Option<String> {
        if let Some((at, fault)) = &*self.last.borrow()
            && at.elapsed() < PROBE_EVERY
        {
            return fault.clone();
        }
        let file = self.file.clone();
        let fault = match tokio::task::spawn_blocking(move || probe(&file)).await {
            Ok(Ok(())) => None,
            Ok(Err(e)) => Some(format!("{}: {e}", self.file.display())),
            Err(e) => Some(e.to_string()),
        };
        *self.last.borrow_mut() = Some((Instant::now(), fault.clone()));
        fault
    }
}

fn probe(file: &Path) -> io::Result<()> {
    let written = fs::File::create(file).and_then(|mut f| {
        f.write_all(&[0; PROBE_BYTES])?;
        f.sync_data()
    });
    written.and(cleared(file))
}

/// Whoever else looks at the same time (the console, another question) may have removed it: that
/// says nothing of the disk.
fn cleared(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(registry: Option<(u64, u64)>) -> Status {
        let s = Duration::from_secs;
        Status {
            sessions: 0,
            in_force: Default::default(),
            registry: registry.map(|(age, max)| (s(age), s(max))),
            held: None,
        }
    }

    fn well() -> Facts {
        let now = OffsetDateTime::UNIX_EPOCH;
        Facts {
            trading: Some(status(Some((1, 10)))),
            journal_failing: false,
            evidence_failing: false,
            disk: None,
            certificate_end: Some(now + time::Duration::seconds(1)),
            now,
            dealers_on: 1,
            siem_refuses: false,
        }
    }

    fn bad(checks: &[Check]) -> Vec<&'static str> {
        assert!(checks.iter().all(|c| c.good == c.words.is_empty()), "{checks:?}");
        checks.iter().filter(|c| !c.good).map(|c| c.name).collect()
    }

    #[test]
    fn table_of_faults() {
        for (facts, dead, not_ready) in [
            (well(), &[][..], &[][..]),
            (Facts { trading: Some(status(None)), ..well() }, &[], &[]),
            (Facts { trading: None, ..well() }, &["trading"], &["trading"]),
            (Facts { trading: Some(status(Some((11, 10)))), ..well() }, &[], &["registry"]),
            (Facts { journal_failing: true, ..well() }, &[], &["journal"]),
            (Facts { evidence_failing: true, ..well() }, &[], &["evidence"]),
            (Facts { disk: Some("full".into()), ..well() }, &[], &["journal", "evidence"]),
            (Facts { certificate_end: None, ..well() }, &[], &["certificate"]),
            (Facts { certificate_end: Some(well().now), ..well() }, &[], &["certificate"]),
            (Facts { dealers_on: 0, ..well() }, &[], &["dealers"]),
            (Facts { siem_refuses: true, ..well() }, &[], &["siem"]),
        ] {
            assert_eq!(
                (bad(&healthz(&facts)), bad(&readyz(&facts))),
                (dead.to_vec(), not_ready.to_vec())
            );
        }
    }

    #[test]
    fn two_who_look_at_the_disk_at_once_find_it_good() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ready.probe");
        assert!(cleared(&file).is_ok(), "somebody else removed it");
        fs::create_dir(&file).unwrap();
        assert!(cleared(&file).is_err());
        fs::remove_dir(&file).unwrap();
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| (0..50).for_each(|_| probe(&file).unwrap()));
            }
        });
    }

    #[tokio::test]
    async fn a_disk_that_cannot_be_written_is_named_and_asked_seldom() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::of(dir.path());
        assert_eq!(disk.fault().await, None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        let gone = Disk::of(&dir.path().join("gone"));
        let fault = gone.fault().await.unwrap();
        assert!(fault.contains("ready.probe"), "{fault}");
        fs::create_dir(dir.path().join("gone")).unwrap();
        assert_eq!(gone.fault().await, Some(fault), "not asked again so soon");
    }
}
