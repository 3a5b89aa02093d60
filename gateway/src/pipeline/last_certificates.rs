//! The certificate that each desk's last session showed, also across a restart: what is open at
//! dealers is withdrawn if it is revoked while the desk is away. Only of sessions whose Logon was
//! accepted: a refused one says nothing of who has the desk.

use super::{Pipeline, rfq_ends::AGAIN};
use crate::{
    clock::now,
    config::Config,
    registry_view::shown,
    sealed_map::{Change, SealedMap},
    state_dir::last_certificates_path,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls_pki_types::CertificateDer;
use signet_identity::{CompId, PeerIdentity};
use signet_journal::StoreKey;
use signet_registry::admission::Shown;
use signet_rfq::UtcMillis;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    rc::Rc,
    time::Instant,
};

/// Desks that are remembered.
const DESKS_MAX: usize = 20_000;
/// Longest chain that is kept, as text.
const CHAIN_MAX: usize = 16 * 1024;
/// Chains that are written at once: with the longest ones a record is half as long as it may be.
const WRITTEN_AT_ONCE: usize = 8;
/// Between the certificates of a chain.
const BETWEEN: &str = " ";

/// A certificate and those that it was issued by, leaf first.
#[derive(Debug, Clone)]
pub(super) struct LastCertificate {
    /// As the registry knows certificates.
    pub(super) shown: Shown,
    /// As the handshake showed it.
    pub(super) chain: Rc<[CertificateDer<'static>]>,
}

impl LastCertificate {
    fn read(text: &str) -> Option<Self> {
        let one = |part: &str| BASE64.decode(part).ok().map(CertificateDer::from);
        let chain: Option<Vec<CertificateDer<'static>>> = text.split(BETWEEN).map(one).collect();
        let chain = chain?;
        let shown = shown(&PeerIdentity::from_certificate(chain.first()?).ok()?);
        Some(Self { shown, chain: chain.into() })
    }

    /// `None`: it is too long.
    fn text(&self) -> Option<String> {
        let all: Vec<String> = self.chain.iter().map(|c| BASE64.encode(c)).collect();
        Some(all.join(BETWEEN)).filter(|text| text.len() <= CHAIN_MAX)
    }
}

/// All of them, by desk.
#[derive(Default)]
pub struct LastCertificates(RefCell<Known>);

#[derive(Default)]
struct Known {
    all: BTreeMap<CompId, LastCertificate>,
    /// `None`: it cannot be written.
    file: Option<SealedMap>,
    /// Those that the file does not have yet.
    changed: BTreeSet<CompId>,
    /// When a write failed.
    failed: Option<Instant>,
}

impl LastCertificates {
    /// As the gateway knew them when it ran before.
    pub(crate) fn open(config: &Config, key: &StoreKey) -> Self {
        Self::read(&last_certificates_path(config), key, now())
    }

    /// A file that cannot be believed is thrown away: until a desk is back, what the registry says
    /// of all its certificates decides.
    fn read(path: &Path, key: &StoreKey, now: UtcMillis) -> Self {
        let opened = SealedMap::open(path, key).or_else(|e| {
            tracing::error!(alert = true, "{}: {e}; the file is begun again", path.display());
            drop(fs::remove_file(path));
            SealedMap::open(path, key)
        });
        let said = |e| tracing::error!(alert = true, "{}: {e}; nothing is kept", path.display());
        let mut file = opened.map_err(said).ok();
        let (mut all, mut over) = (BTreeMap::new(), Vec::new());
        for (name, text) in file.iter().flat_map(|f| f.entries()) {
            let last = LastCertificate::read(text).filter(|l| l.shown.not_after > now);
            match CompId::new(name.as_str()).ok().zip(last) {
                Some((desk, last)) => drop(all.insert(desk, last)),
                None => over.push((name.clone(), None)),
            }
        }
        if let Some(Err(e)) = file.as_mut().map(|f| f.set_all(over)) {
            tracing::warn!(error = %e, "certificates that have expired stay in the file");
        }
        Self(RefCell::new(Known { all, file, ..Known::default() }))
    }

    /// A desk logged on with this certificate.
    fn note(&self, desk: &CompId, shown: &Shown, chain: &[CertificateDer<'static>]) {
        let known = &mut *self.0.borrow_mut();
        let is_known = known.all.get(desk).map(|last| *last.chain == *chain);
        if is_known == Some(true) || (is_known.is_none() && known.all.len() >= DESKS_MAX) {
            return;
        }
        let last = LastCertificate { shown: shown.clone(), chain: chain.into() };
        known.all.insert(desk.clone(), last);
        known.changed.insert(desk.clone());
    }

    /// That of a desk's last session.
    pub(super) fn of(&self, desk: &CompId) -> Option<LastCertificate> {
        self.0.borrow().all.get(desk).cloned()
    }

    /// Writes some of those that the file does not have.
    fn keep(&self, at: Instant) {
        let Known { all, file, changed, failed } = &mut *self.0.borrow_mut();
        let soon = |t: Instant| at.saturating_duration_since(t) < AGAIN;
        if changed.is_empty() || failed.is_some_and(soon) {
            return;
        }
        let Some(file) = file else { return changed.clear() };
        let few: Vec<CompId> = changed.iter().take(WRITTEN_AT_ONCE).cloned().collect();
        let change = |desk: &CompId| -> Change {
            (desk.to_string(), all.get(desk).and_then(LastCertificate::text))
        };
        match file.set_all(few.iter().map(change).collect()) {
            Ok(()) => {
                *failed = None;
                changed.retain(|desk| !few.contains(desk));
            }
            Err(e) => {
                if failed.is_none() {
                    tracing::error!(alert = true, error = %e, "the certificates of desks that \
                        logged on cannot be written; it is tried again");
                }
                *failed = Some(at);
            }
        }
    }
}

impl Pipeline {
    /// A desk's Logon was accepted.
    pub(super) fn note_certificate(&self, desk: &CompId) {
        self.sessions.of(desk, |s| self.certificates.note(desk, &s.shown, &s.chain));
    }

    pub(super) fn certificates_tick(&self) {
        self.certificates.keep(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_devca::{DevPki, Order};
    use time::OffsetDateTime;

    const LIVES: i64 = 1_000;

    fn key() -> StoreKey {
        StoreKey::new([5; 32])
    }

    fn desk(name: &str) -> CompId {
        CompId::new(name).unwrap()
    }

    /// A certificate of a desk, with the one that issued it.
    fn issued(name: &str) -> (Shown, Vec<CertificateDer<'static>>) {
        let pki = DevPki::generate("test.signet.example", OffsetDateTime::now_utc()).unwrap();
        let chain = pki.issue(&Order::desk(name)).unwrap().chain().to_vec();
        let peer = PeerIdentity::from_certificate(chain.first().unwrap()).unwrap();
        (shown(&peer), chain)
    }

    #[test]
    fn the_newest_certificate_of_each_desk_is_known_after_a_restart_until_it_expires() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desks.certificates");
        let open = |at| LastCertificates::read(&path, &key(), at);
        let (first, second, bobs) = (issued("ALICE1"), issued("ALICE1"), issued("BOB1"));
        let (at, all) = (now(), open(now()));
        for (name, (shown, chain)) in [("ALICE1", &first), ("BOB1", &bobs), ("ALICE1", &second)] {
            all.note(&desk(name), shown, chain);
        }
        let says = |all: &LastCertificates| {
            ["ALICE1", "BOB1", "CAROL1"].map(|d| all.of(&desk(d)).map(|l| l.shown.serial))
        };
        let want = [Some(second.0.serial.clone()), Some(bobs.0.serial.clone()), None];
        assert_eq!(says(&all), want);
        all.keep(Instant::now());
        drop(all);
        let all = open(at);
        assert_eq!(says(&all), want);
        assert_eq!(*all.of(&desk("ALICE1")).unwrap().chain, *second.1);
        drop(all);
        let all = open(second.0.not_after.max(bobs.0.not_after) + LIVES);
        assert_eq!(says(&all), [None, None, None]);
        drop(all);
        assert!(SealedMap::open(&path, &key()).unwrap().entries().is_empty());
    }

    #[test]
    fn what_the_disk_refuses_is_written_later_and_the_same_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desks.certificates");
        let all = LastCertificates::read(&path, &key(), now());
        let (shown, chain) = issued("ALICE1");
        let start = Instant::now();
        let waits = || all.0.borrow().changed.len();
        signet_journal::disk::refuses(&path, true);
        all.note(&desk("ALICE1"), &shown, &chain);
        all.keep(start);
        signet_journal::disk::refuses(&path, false);
        assert_eq!(waits(), 1);
        all.keep(start + AGAIN / 2);
        assert_eq!(waits(), 1, "not at each look");
        all.keep(start + AGAIN);
        assert_eq!(waits(), 0, "and not never");
        all.note(&desk("ALICE1"), &shown, &chain);
        assert_eq!(waits(), 0);
        drop(all);
        let again = LastCertificates::read(&path, &key(), now());
        assert!(again.of(&desk("ALICE1")).is_some());
    }

    #[test]
    fn a_file_that_cannot_be_believed_is_begun_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("desks.certificates");
        let (shown, chain) = issued("ALICE1");
        for bad in [&b"nonsense"[..], &[7; 400]] {
            fs::write(&path, bad).unwrap();
            let all = LastCertificates::read(&path, &key(), now());
            assert!(all.of(&desk("ALICE1")).is_none());
            all.note(&desk("ALICE1"), &shown, &chain);
            all.keep(Instant::now());
            drop(all);
            let again = LastCertificates::read(&path, &key(), now());
            assert!(again.of(&desk("ALICE1")).is_some());
        }
        // What an administrator's tool or a later version wrote there is not taken for one.
        let mut map = SealedMap::open(&path, &key()).unwrap();
        map.set("BOB1", Some("bm9uZQ==")).unwrap();
        drop(map);
        let all = LastCertificates::read(&path, &key(), now());
        assert!(all.of(&desk("BOB1")).is_none() && all.of(&desk("ALICE1")).is_some());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let all = LastCertificates::default();
        let (shown, chain) = issued("ALICE1");
        for n in 0..=DESKS_MAX {
            all.note(&desk(&format!("D{n}")), &shown, &chain[..1]);
        }
        assert_eq!(all.0.borrow().all.len(), DESKS_MAX);
        // One that is known is still brought up to date.
        let (other, others) = issued("D0");
        all.note(&desk("D0"), &other, &others);
        assert_eq!(all.of(&desk("D0")).map(|l| l.shown), Some(other));
        let long = LastCertificate { shown, chain: vec![chain[0].clone(); 40].into() };
        assert_eq!(long.text(), None);
    }
}
