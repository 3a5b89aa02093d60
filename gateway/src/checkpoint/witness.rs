//! A second party that judges what it is given (C2SP tlog-witness): each checkpoint goes to it with
//! a proof that the log has only grown since the one that it took before. Another Signet gateway
//! with `[checkpoint.receive]` is one.
//!
//! The specification has it answer with a cosignature. None is wanted here: a second party hands
//! out what it holds by itself, so an answer 200 is taken whatever its body.

use super::{
    request::{self, in_time},
    thread::Signed,
    unpublished::Unpublished,
};
use crate::{
    clock::steady,
    config::Address,
    signed::{SignedLogError, reaches_back_to, walk_from},
};
use hyper::{Method, StatusCode};
use rustls::ClientConfig;
use signet_journal::StoreKey;
use signet_tlog::{
    Hash, ProofSince, leaf_hash,
    witness::{AddCheckpoint, CALL, SIZE_TYPE, read_size},
};
use std::{
    cell::Cell,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// The size that it names is sent once more with its proof. It is not followed for ever.
const TRIES: usize = 3;
/// For all proofs of one attempt: it says where they begin, so it says how much work they are.
const PROOFS_MAX: Duration = Duration::from_secs(120);

/// Where proofs are made from: the evidence on disk.
pub(crate) struct ProofSource {
    pub(crate) folder: PathBuf,
    pub(crate) key: StoreKey,
}

/// How it is reached, and what is known of it.
pub(crate) struct Witness {
    address: Address,
    tls: Arc<ClientConfig>,
    log: Arc<ProofSource>,
    /// Where the next proof begins: the size of what it took last, as long as it takes each.
    has: Cell<Option<u64>>,
    /// The size of what it took last in this run.
    had: Cell<u64>,
}

/// What it makes of a checkpoint, unless it refuses it.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Taken,
    /// It has a checkpoint over so many records, which is not the one that the proof begins at.
    Has(u64),
}

/// Where the next proof begins, by the size that it says it has. `sent`: where the last one began;
/// `size`: what was offered; `had`: what it took before. Pure.
fn next(has: u64, sent: u64, size: u64, had: u64) -> Result<u64, Unpublished> {
    if has > size {
        Err(Unpublished::Longer { has, size })
    } else if has == sent {
        Err(Unpublished::Other(has))
    } else if has < had {
        Err(Unpublished::WentBack { has, had })
    } else {
        Ok(has)
    }
}

/// What an answer says.
fn said(answer: &request::Answer) -> Result<Said, Unpublished> {
    let of_size = answer.content_type == SIZE_TYPE;
    match (answer.status, read_size(&answer.body).filter(|_| of_size)) {
        (StatusCode::OK, _) => Ok(Said::Taken),
        (StatusCode::CONFLICT, Some(size)) => Ok(Said::Has(size)),
        _ => Err(Unpublished::answered(answer)),
    }
}

impl Witness {
    /// `address` ends with [`CALL`].
    pub(crate) fn new(address: Address, tls: Arc<ClientConfig>, log: Arc<ProofSource>) -> Self {
        Self { address, tls, log, has: Cell::default(), had: Cell::default() }
    }

    /// Where it is.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Whether an address is that of a witness.
    pub(crate) fn is_at(address: &Address) -> bool {
        address.path.ends_with(CALL)
    }

    /// Gives it a checkpoint, with a proof from the one that it has.
    ///
    /// # Errors
    /// It does not have the checkpoint, and why.
    pub(super) async fn give(&self, signed: &Signed) -> Result<(), Unpublished> {
        let until = steady() + PROOFS_MAX;
        // Without knowledge a proof from nothing: its answer says what it has.
        let mut old = self.has.take().filter(|has| *has <= signed.size).unwrap_or(0);
        for _ in 0..TRIES {
            let proof = self.proof((old, signed.size), until).await?;
            let body = AddCheckpoint { old, proof, note: signed.note.as_bytes() }.to_body();
            let request = (Method::POST, "");
            let send = request::send(&self.address, self.tls.clone(), request, body.into());
            let answer = in_time(send).await.map_err(Unpublished::NotReached)?;
            match said(&answer)? {
                Said::Taken => {
                    self.has.set(Some(signed.size));
                    self.had.set(signed.size);
                    return Ok(());
                }
                Said::Has(has) => old = self.next(has, old, signed.size)?,
            }
        }
        Err(Unpublished::Unsteady)
    }

    /// Once it was told that it went back, it is given a proof from there: it may have been
    /// restored.
    fn next(&self, has: u64, sent: u64, size: u64) -> Result<u64, Unpublished> {
        let next = next(has, sent, size, self.had.get());
        if let Err(Unpublished::WentBack { .. }) = next {
            self.had.set(0);
        }
        next
    }

    /// On a thread of its own: the evidence is read, and others wait for this one.
    async fn proof(&self, sizes: (u64, u64), until: Instant) -> Result<Vec<Hash>, Unpublished> {
        if sizes.0 == 0 || sizes.0 == sizes.1 {
            return Ok(Vec::new());
        }
        let (log, (done, made)) = (self.log.clone(), oneshot::channel());
        let make = move || drop(done.send(prove(&log, sizes, until)));
        std::thread::Builder::new()
            .name("signet-proof".into())
            .spawn(make)
            .map_err(Unpublished::Thread)?;
        let early = |_| Err(Unpublished::Thread(std::io::Error::other("it ended early")));
        made.await.unwrap_or_else(early)
    }
}

/// Why the evidence is not read further.
enum Ended {
    /// Everything that was wanted was read.
    Done,
    TooLong,
    Fault(SignedLogError),
}

impl From<SignedLogError> for Ended {
    fn from(fault: SignedLogError) -> Self {
        Self::Fault(fault)
    }
}

/// The proof that the log of `old` records is the beginning of that of `new`. Only the files with
/// the records between them are read, and none after `until` on the steady clock.
fn prove(
    log: &ProofSource,
    (old, new): (u64, u64),
    until: Instant,
) -> Result<Vec<Hash>, Unpublished> {
    let ProofSource { folder, key } = log;
    let missing = || Unpublished::NoProof { old, new, folder: folder.clone() };
    if !reaches_back_to(folder, key, old)? {
        return Err(missing());
    }
    let mut since: Option<ProofSince> = None;
    let walked = walk_from(folder, key, old, |step| {
        if let Some(since) = &mut since {
            since.push(leaf_hash(step.bytes));
        } else if let Some(tree) = step.tree.filter(|t| t.size() == old) {
            since = ProofSince::new(tree, new).ok();
        }
        if step.tree.is_some_and(|t| t.size() >= new) {
            Err(Ended::Done)
        } else if steady() >= until {
            Err(Ended::TooLong)
        } else {
            Ok(())
        }
    });
    match walked {
        Ok(()) | Err(Ended::Done) => since.ok_or_else(missing)?.proof().map_err(|_| missing()),
        Err(Ended::TooLong) => Err(Unpublished::ProofTooLong { old, new }),
        Err(Ended::Fault(fault)) => Err(fault.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::{Kept, Party, SignedLog};
    use hyper::body::Bytes;
    use rustls_pki_types::CertificateDer;
    use signet_rfq::UtcMillis;
    use signet_tlog::verify_consistency;
    use std::path::Path;

    #[test]
    fn table_of_what_follows_from_the_size_that_it_has() {
        let kind = |e: Unpublished| e.kind();
        let longer = Err(Unpublished::Longer { has: 0, size: 0 }.kind());
        let other = Err(Unpublished::Other(0).kind());
        let went_back = Err(Unpublished::WentBack { has: 0, had: 0 }.kind());
        for (has, sent, size, had, want) in [
            (0, 5, 9, 0, Ok(0)),
            (7, 0, 9, 0, Ok(7)),
            (9, 0, 9, 0, Ok(9)),
            (9, 7, 9, 7, Ok(9)),
            (7, 0, 9, 7, Ok(7)),
            // The size was the same, so the root is not.
            (9, 9, 9, 0, other),
            (7, 7, 9, 7, other),
            (0, 0, 9, 0, other),
            // More than there is.
            (10, 0, 9, 0, longer),
            (u64::MAX, 9, 9, 9, longer),
            // Less than it took before.
            (6, 0, 9, 7, went_back),
            (1, 7, 9, 7, went_back),
            (0, 7, 9, 7, went_back),
        ] {
            let next = next(has, sent, size, had).map_err(kind);
            assert_eq!(next, want, "{has} {sent} {size} {had}");
        }
    }

    /// 200 is the only answer of a witness that holds the checkpoint.
    #[test]
    fn table_of_answers() {
        let refused = |words: &str| Err(words.to_owned());
        for (status, content_type, body, want) in [
            (200, "text/plain", "", Ok(Said::Taken)),
            (201, "", "", refused("it answered 201 Created")),
            (204, "", "", refused("it answered 204 No Content")),
            (409, "text/x.tlog.size", "7\n", Ok(Said::Has(7))),
            (409, "text/x.tlog.size", "7", refused("it answered 409 Conflict")),
            (409, "text/plain", "7\n", refused("it answered 409 Conflict")),
            (403, "text/x.tlog.size", "7\n", refused("it answered 403 Forbidden")),
            (503, "", "", refused("it answered 503 Service Unavailable")),
            (302, "", "", refused("it answered 302 Found")),
        ] {
            let answer = request::Answer {
                status: StatusCode::from_u16(status).unwrap(),
                content_type: content_type.into(),
                body: Bytes::from(body),
            };
            let said = said(&answer).map_err(|e| e.to_string());
            assert_eq!(said, want, "{status} {content_type}");
        }
    }

    #[test]
    fn an_address_says_whether_a_witness_is_there() {
        for (text, want) in [
            ("https://h/checkpoints/GW1/add-checkpoint", true),
            ("https://h/add-checkpoint/", true),
            ("https://h/checkpoints/GW1", false),
            ("https://h/add-checkpoint/x", false),
            ("https://h/", false),
        ] {
            assert_eq!(Witness::is_at(&Address::read(text).unwrap()), want, "{text}");
        }
    }

    /// Nine records over three files, since each day begins one, and the tree after each.
    fn evidence(dir: &Path) -> (ProofSource, Vec<(u64, Hash)>) {
        const NOON: UtcMillis = UtcMillis(1_795_262_400_000);
        const DAY_MS: i64 = 86_400_000;
        let source = ProofSource { folder: dir.join("signed"), key: StoreKey::new([5; 32]) };
        let certificate = CertificateDer::from(b"certificate".to_vec());
        let (mut heads, mut log) = (Vec::new(), None::<SignedLog>);
        for n in 0..9_i64 {
            let at = NOON + (n / 3) * DAY_MS;
            if n % 3 == 0 {
                drop(log.take());
                log = Some(SignedLog::open(&source.folder, &source.key, at, false).unwrap());
            }
            let log = log.as_mut().unwrap();
            let (party, id, frame) = (Party::Desk, "ALICE", format!("frame {n}"));
            let frame = frame.as_bytes();
            log.keep(&Kept { at, party, id, certificate: &certificate, frame }).unwrap();
            let (tree, _) = log.tree();
            heads.push((tree.size(), tree.root()));
        }
        (source, heads)
    }

    /// The files, oldest first.
    fn files_of(source: &ProofSource) -> Vec<PathBuf> {
        let all = std::fs::read_dir(&source.folder).unwrap();
        let mut all: Vec<_> = all.map(|e| e.unwrap().path()).collect();
        all.sort();
        all
    }

    /// Whoever reads the file as a whole finds it altered.
    fn spoil_the_end(path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(path, bytes).unwrap();
    }

    fn in_time_for_all() -> Instant {
        steady() + Duration::from_secs(3_600)
    }

    #[test]
    fn the_evidence_on_disk_proves_every_step_that_it_has_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let (source, heads) = evidence(dir.path());
        for (at, (new, new_root)) in heads.iter().enumerate() {
            for (old, old_root) in &heads[..at] {
                let proof = prove(&source, (*old, *new), in_time_for_all()).unwrap();
                let shown = verify_consistency((*old, old_root), (*new, new_root), &proof);
                assert_eq!(shown, Ok(()), "{old} to {new}");
            }
        }
        let (last, _) = heads[8];
        let e = prove(&source, (1, last + 1), in_time_for_all()).unwrap_err().to_string();
        assert!(e.contains("no proof from record 1"), "{e}");
    }

    /// The second party says where a proof begins: that must not be work without an end.
    #[test]
    fn a_proof_reads_the_files_that_it_needs_and_has_a_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let (source, heads) = evidence(dir.path());
        let files = files_of(&source);
        assert_eq!(files.len(), 3);
        let of = |old: usize, new: usize| (heads[old].0, heads[new].0);
        let e = prove(&source, of(0, 8), steady()).unwrap_err();
        assert!(matches!(e, Unpublished::ProofTooLong { .. }), "{e}");
        // Neither what is beyond the newer tree, nor what is before the older one.
        for spoiled in [0, 2] {
            let good = std::fs::read(&files[spoiled]).unwrap();
            spoil_the_end(&files[spoiled]);
            prove(&source, of(3, 5), in_time_for_all()).unwrap();
            let e = prove(&source, of(0, 8), in_time_for_all()).unwrap_err();
            assert!(matches!(e, Unpublished::Evidence(_)), "{e}");
            std::fs::write(&files[spoiled], good).unwrap();
        }
        // Of the files that are left, only the head of the first.
        std::fs::remove_file(&files[0]).unwrap();
        spoil_the_end(&files[1]);
        for old in [1, heads[0].0] {
            let e = prove(&source, (old, heads[8].0), in_time_for_all()).unwrap_err();
            assert!(matches!(e, Unpublished::NoProof { .. }), "{old}: {e}");
        }
    }
}
