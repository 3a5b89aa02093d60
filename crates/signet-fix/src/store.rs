//! Where a session's sequence numbers and sent messages are kept.
//!
//! QuickFIX's own file store is plain text, world-readable and holds whole messages; it is never
//! used. [`SealedStore`] keeps the same things in an encrypted, chained file.

use crate::AppMessage;
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::UtcMillis;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use zeroize::Zeroizing;

/// Sent messages kept for a resend, per session. Older ones are answered with a gap fill.
pub const MAX_KEPT_MESSAGES: usize = 10_000;
/// Their bytes in memory, at most.
pub const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;
/// A file this large is rewritten to what is still needed.
const COMPACT_ABOVE_BYTES: u64 = 64 * 1024 * 1024;

/// Why the store took or gave nothing. At fault: this machine's disk, key or file, never the peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file itself: input and output, a wrong key or damage.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file authenticates and yet does not make sense: written by a newer Signet.
    #[error("the message store holds a record this version does not know")]
    UnknownRecord,
}

/// What the engine needs of a store. Sequence numbers count from 1.
pub trait SessionStore {
    /// Keeps a message about to be sent under its number, if it is one that may be sent again.
    /// After a restart the next number to send is at least the one after it, even if
    /// [`Self::set_next_sender`] was not reached: a number is never used twice.
    fn keep(&mut self, seq: u64, message: &[u8]) -> Result<(), StoreError>;
    /// The numbers from `from` on and below `to` whose messages may be sent again, in order, found
    /// without a look at the messages. `lasting`: only those that stay true however old they are.
    fn resendable(&self, from: u64, to: u64, lasting: bool) -> Vec<u64>;
    /// A kept message.
    fn kept(&self, seq: u64) -> Option<Vec<u8>>;
    /// MsgSeqNum (34) of the next message that is sent.
    fn next_sender(&self) -> u64;
    /// MsgSeqNum (34) that is expected of the peer next.
    fn next_target(&self) -> u64;
    /// The next message is sent under this number; kept messages from it on are forgotten.
    fn set_next_sender(&mut self, seq: u64) -> Result<(), StoreError>;
    /// The next message of the peer is expected under this number.
    fn set_next_target(&mut self, seq: u64) -> Result<(), StoreError>;
    /// When the numbers were last reset.
    fn created(&self) -> UtcMillis;
    /// Both numbers become 1 and no message is kept.
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError>;
}

/// The state both stores share.
#[derive(Debug)]
struct Numbers {
    next_sender: u64,
    next_target: u64,
    created: UtcMillis,
    kept: BTreeMap<u64, Zeroizing<Vec<u8>>>,
    /// Those of `kept` that stay true however old they are.
    lasting: BTreeSet<u64>,
    kept_bytes: usize,
}

/// What becomes of a message that the peer asks for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resend {
    /// It belongs to the session layer: a gap fill stands for it.
    Never,
    /// Sent again on the connection that it was lost on.
    SameConnection,
    Always,
}

fn resend_of(message: &[u8]) -> Resend {
    // BeginString, BodyLength and MsgType come first.
    let kind =
        message.split(|b| *b == 1).nth(2).and_then(|f| f.strip_prefix(b"35=")).unwrap_or_default();
    match std::str::from_utf8(kind) {
        Ok("0" | "1" | "2" | "3" | "4" | "5" | "A") => Resend::Never,
        Ok(kind) if AppMessage::may_be_resent(kind) => Resend::Always,
        _ => Resend::SameConnection,
    }
}

impl Numbers {
    fn new(created: UtcMillis) -> Self {
        Self {
            next_sender: 1,
            next_target: 1,
            created,
            kept: BTreeMap::new(),
            lasting: BTreeSet::new(),
            kept_bytes: 0,
        }
    }

    fn keep(&mut self, seq: u64, message: &[u8]) {
        self.forget(seq);
        match resend_of(message) {
            Resend::Never => return,
            Resend::SameConnection => {}
            Resend::Always => drop(self.lasting.insert(seq)),
        }
        self.kept.insert(seq, Zeroizing::new(message.to_vec()));
        self.kept_bytes += message.len();
        while self.kept.len() > MAX_KEPT_MESSAGES || self.kept_bytes > MAX_KEPT_BYTES {
            let Some(oldest) = self.kept.keys().next().copied() else { break };
            self.forget(oldest);
        }
    }

    /// Messages under numbers that are to be used again are no longer those numbers' messages.
    fn next_sender_is(&mut self, seq: u64) {
        self.next_sender = seq;
        while let Some(last) = self.kept.keys().next_back().copied().filter(|n| *n >= seq) {
            self.forget(last);
        }
    }

    fn forget(&mut self, seq: u64) {
        if let Some(old) = self.kept.remove(&seq) {
            self.kept_bytes -= old.len();
            self.lasting.remove(&seq);
        }
    }

    fn resendable(&self, from: u64, to: u64, lasting: bool) -> Vec<u64> {
        match from < to {
            false => vec![],
            true if lasting => self.lasting.range(from..to).copied().collect(),
            true => self.kept.range(from..to).map(|(n, _)| *n).collect(),
        }
    }

    fn kept(&self, seq: u64) -> Option<Vec<u8>> {
        self.kept.get(&seq).map(|m| m.to_vec())
    }
}

/// Keeps everything in memory only. For tests and benches.
#[derive(Debug)]
pub struct MemoryStore(Numbers);

impl MemoryStore {
    /// Both numbers are 1; `now` counts as the time of the last reset.
    pub fn new(now: UtcMillis) -> Self {
        Self(Numbers::new(now))
    }
}

impl SessionStore for MemoryStore {
    fn keep(&mut self, seq: u64, message: &[u8]) -> Result<(), StoreError> {
        self.0.keep(seq, message);
        Ok(())
    }
    fn resendable(&self, from: u64, to: u64, lasting: bool) -> Vec<u64> {
        self.0.resendable(from, to, lasting)
    }
    fn kept(&self, seq: u64) -> Option<Vec<u8>> {
        self.0.kept(seq)
    }
    fn next_sender(&self) -> u64 {
        self.0.next_sender
    }
    fn next_target(&self) -> u64 {
        self.0.next_target
    }
    fn set_next_sender(&mut self, seq: u64) -> Result<(), StoreError> {
        self.0.next_sender_is(seq);
        Ok(())
    }
    fn set_next_target(&mut self, seq: u64) -> Result<(), StoreError> {
        self.0.next_target = seq;
        Ok(())
    }
    fn created(&self) -> UtcMillis {
        self.0.created
    }
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError> {
        self.0 = Numbers::new(now);
        Ok(())
    }
}

const KEPT: u8 = b'M';
const NEXT_SENDER: u8 = b'S';
const NEXT_TARGET: u8 = b'T';
const RESET: u8 = b'R';

/// One session's store in one sealed file.
#[derive(Debug)]
pub struct SealedStore {
    numbers: Numbers,
    log: SealedLog,
    /// What a restart would take as the next number to send, from the records written so far.
    on_disk_next_sender: u64,
    sync: bool,
}

impl SealedStore {
    /// Opens or creates. `sync`: wait for the disk after each message sent, so that a power cut
    /// cannot take numbers back; without it a crash of the process loses nothing, a power cut may.
    pub fn open(
        path: &Path,
        key: &StoreKey,
        now: UtcMillis,
        sync: bool,
    ) -> Result<Self, StoreError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let mut numbers = Numbers::new(now);
        for r in &recovered.records {
            apply(&mut numbers, r)?;
        }
        let fresh = recovered.records.is_empty();
        let on_disk_next_sender = numbers.next_sender;
        let mut store = Self { numbers, log, on_disk_next_sender, sync };
        if fresh {
            store.write(RESET, now.0 as u64, &[])?;
        }
        store.compact_if_large()?;
        Ok(store)
    }

    fn write(&mut self, kind: u8, number: u64, rest: &[u8]) -> Result<(), StoreError> {
        let record = record(kind, number, rest);
        Ok(self.log.append(&record)?)
    }

    fn compact_if_large(&mut self) -> Result<(), StoreError> {
        if self.log.len() < COMPACT_ABOVE_BYTES {
            return Ok(());
        }
        let n = &self.numbers;
        let mut records = vec![record(RESET, n.created.0 as u64, &[])];
        records.extend(n.kept.iter().map(|(seq, m)| record(KEPT, *seq, m)));
        records.push(record(NEXT_SENDER, n.next_sender, &[]));
        records.push(record(NEXT_TARGET, n.next_target, &[]));
        Ok(self.log.rewrite(records.iter().map(|r| &r[..]))?)
    }
}

fn record(kind: u8, number: u64, rest: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut r = Zeroizing::new(Vec::with_capacity(9 + rest.len()));
    r.push(kind);
    r.extend_from_slice(&number.to_le_bytes());
    r.extend_from_slice(rest);
    r
}

fn apply(n: &mut Numbers, r: &[u8]) -> Result<(), StoreError> {
    let Some((head, rest)) = r.split_first_chunk::<9>() else {
        return Err(StoreError::UnknownRecord);
    };
    let mut le = [0; 8];
    le.copy_from_slice(&head[1..]);
    let number = u64::from_le_bytes(le);
    match head[0] {
        KEPT => {
            n.keep(number, rest);
            n.next_sender_is(number.saturating_add(1));
        }
        NEXT_SENDER => n.next_sender_is(number),
        NEXT_TARGET => n.next_target = number,
        RESET => *n = Numbers::new(UtcMillis(number as i64)),
        _ => return Err(StoreError::UnknownRecord),
    }
    Ok(())
}

impl SessionStore for SealedStore {
    fn keep(&mut self, seq: u64, message: &[u8]) -> Result<(), StoreError> {
        match resend_of(message) {
            // Its number is all that is needed.
            Resend::Never => self.write(NEXT_SENDER, seq.saturating_add(1), &[])?,
            _ => self.write(KEPT, seq, message)?,
        }
        if self.sync {
            self.log.sync()?;
        }
        self.numbers.keep(seq, message);
        self.on_disk_next_sender = seq.saturating_add(1);
        self.compact_if_large()
    }
    fn resendable(&self, from: u64, to: u64, lasting: bool) -> Vec<u64> {
        self.numbers.resendable(from, to, lasting)
    }
    fn kept(&self, seq: u64) -> Option<Vec<u8>> {
        self.numbers.kept(seq)
    }
    fn next_sender(&self) -> u64 {
        self.numbers.next_sender
    }
    fn next_target(&self) -> u64 {
        self.numbers.next_target
    }
    fn set_next_sender(&mut self, seq: u64) -> Result<(), StoreError> {
        // The record of the message just kept nearly always holds the same number.
        if seq != self.on_disk_next_sender {
            self.write(NEXT_SENDER, seq, &[])?;
            self.on_disk_next_sender = seq;
        }
        self.numbers.next_sender_is(seq);
        Ok(())
    }
    fn set_next_target(&mut self, seq: u64) -> Result<(), StoreError> {
        // A lower number holds in memory even if the disk refuses it: the peer is then asked for
        // too much, never for too little.
        self.numbers.next_target = self.numbers.next_target.min(seq);
        self.write(NEXT_TARGET, seq, &[])?;
        self.numbers.next_target = seq;
        self.compact_if_large()
    }
    fn created(&self) -> UtcMillis {
        self.numbers.created
    }
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError> {
        self.write(RESET, now.0 as u64, &[])?;
        self.numbers = Numbers::new(now);
        self.on_disk_next_sender = 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(dir: &tempfile::TempDir) -> SealedStore {
        SealedStore::open(&dir.path().join("s"), &StoreKey::new([7; 32]), UtcMillis(1_000), false)
            .unwrap()
    }

    fn replayed(s: &dyn SessionStore, from: u64, to: u64) -> Vec<Vec<u8>> {
        s.resendable(from, to.saturating_add(1), false)
            .into_iter()
            .map(|n| s.kept(n).unwrap())
            .collect()
    }

    fn message(kind: &str) -> Vec<u8> {
        crate::tagvalue::seal("FIX.4.4", format!("35={kind}\u{1}34=1\u{1}").as_bytes())
    }

    #[test]
    fn what_is_not_sent_again_is_not_kept_and_what_lasts_is_found_without_reading() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = open(&dir);
        let mut memory = MemoryStore::new(UtcMillis(0));
        for s in [&mut disk as &mut dyn SessionStore, &mut memory] {
            for (n, kind) in (1..).zip(["A", "S", "8", "0", "1", "2", "3", "4", "5", "AI", "R"]) {
                s.keep(n, &message(kind)).unwrap();
            }
            assert_eq!(s.resendable(1, 99, false), [2, 3, 10, 11]);
            assert_eq!(s.resendable(1, 99, true), [3, 10]);
            assert_eq!((s.resendable(4, 10, true), s.resendable(9, 3, true)), (vec![], vec![]));
            assert_eq!((s.kept(1), s.kept(3)), (None, Some(message("8"))));
        }
        drop(disk);
        let disk = open(&dir);
        assert_eq!((disk.resendable(1, 99, true), disk.next_sender()), (vec![3, 10], 12));
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut s = open(&dir);
        assert_eq!((s.next_sender(), s.next_target(), s.created()), (1, 1, UtcMillis(1_000)));
        s.keep(1, b"one").unwrap();
        s.set_next_sender(2).unwrap();
        s.keep(2, b"two").unwrap();
        s.set_next_sender(3).unwrap();
        s.set_next_target(9).unwrap();
        drop(s);
        let s = SealedStore::open(
            &dir.path().join("s"),
            &StoreKey::new([7; 32]),
            UtcMillis(5_000),
            false,
        )
        .unwrap();
        assert_eq!((s.next_sender(), s.next_target(), s.created()), (3, 9, UtcMillis(1_000)));
        assert_eq!(replayed(&s, 1, 2), [b"one", b"two"]);
        assert_eq!(replayed(&s, 2, 99), [b"two"]);
        assert!(replayed(&s, 2, 1).is_empty());
    }

    #[test]
    fn a_crash_between_keeping_and_counting_never_reuses_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let mut s = open(&dir);
        s.keep(1, b"one").unwrap();
        drop(s);
        assert_eq!(open(&dir).next_sender(), 2);
    }

    /// `tests/fixtures/session-1.fix` was written by Signet 0.1 (commit c07a2fe), sealed format 1.
    #[test]
    fn a_store_of_every_earlier_format_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        std::fs::write(&path, include_bytes!("../tests/fixtures/session-1.fix")).unwrap();
        for _ in 0..2 {
            let s = open(&dir);
            assert_eq!((s.next_sender(), s.next_target(), s.created()), (3, 9, UtcMillis(1_000)));
            assert_eq!(replayed(&s, 1, 9), [b"one", b"two"]);
        }
    }

    #[test]
    fn no_changed_bit_is_read_as_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut s = open(&dir);
        s.keep(1, b"one").unwrap();
        s.set_next_target(5).unwrap();
        drop(s);
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bad = whole.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bad).unwrap();
            let opened = SealedStore::open(&path, &StoreKey::new([7; 32]), UtcMillis(1_000), false);
            assert!(
                matches!(&opened, Err(StoreError::Log(e)) if e.is_damage()),
                "bit {bit}: {opened:?}"
            );
        }
    }

    #[test]
    fn a_reset_starts_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut s = open(&dir);
        s.keep(1, b"one").unwrap();
        s.set_next_target(5).unwrap();
        s.reset(UtcMillis(9_000)).unwrap();
        drop(s);
        let s = open(&dir);
        assert_eq!((s.next_sender(), s.next_target(), s.created()), (1, 1, UtcMillis(9_000)));
        assert!(replayed(&s, 1, 9).is_empty());
    }

    #[test]
    fn only_the_latest_messages_are_kept() {
        let mut s = MemoryStore::new(UtcMillis(0));
        for n in 1..=(MAX_KEPT_MESSAGES as u64 + 5) {
            s.keep(n, b"m").unwrap();
        }
        assert_eq!(replayed(&s, 1, u64::MAX).len(), MAX_KEPT_MESSAGES);
        assert!(replayed(&s, 1, 5).is_empty());
        s.keep(20_000, &vec![0; MAX_KEPT_BYTES]).unwrap();
        assert_eq!(replayed(&s, 1, u64::MAX).len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Whatever is done, with restarts anywhere, the sealed store is the memory store.
        #[test]
        fn the_sealed_store_is_the_memory_store_with_a_disk(ops in prop::collection::vec((0u8..5, 1u64..50), 0..40)) {
            let dir = tempfile::tempdir().unwrap();
            let mut disk = Some(open(&dir));
            let mut memory = MemoryStore::new(UtcMillis(1_000));
            for (op, n) in ops {
                if op == 4 {
                    disk.take();
                    disk = Some(open(&dir));
                    continue;
                }
                for s in [disk.as_mut().unwrap() as &mut dyn SessionStore, &mut memory] {
                    match op {
                        0 => {
                            s.keep(n, format!("m{n}").as_bytes()).unwrap();
                            s.set_next_sender(n + 1).unwrap();
                        }
                        1 => s.set_next_sender(n).unwrap(),
                        2 => s.set_next_target(n).unwrap(),
                        _ => s.reset(UtcMillis(n as i64)).unwrap(),
                    }
                }
                let d = disk.as_ref().unwrap();
                prop_assert_eq!((d.next_sender(), d.next_target(), d.created()), (memory.next_sender(), memory.next_target(), memory.created()));
                prop_assert_eq!(replayed(d, 1, 100), replayed(&memory, 1, 100));
            }
        }
    }
}
