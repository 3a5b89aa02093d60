//! What identity providers said of devices that still matters at the next logon: to this gateway or
//! to another one of the same registry.
//!
//! A word to this gateway is in a sealed file before the provider reads that it was taken, and
//! stays there until the registry has it. Every gateway reads it in the registry.

use super::{
    SignalRefusal,
    signal_holds::Holds,
    signal_reports::Reports,
    signal_words::{All, Words, entry, follows, name, written},
};
use crate::{
    GatewayError,
    config::Config,
    registry_view::RegistryView,
    sealed_map::{Change, SealedMap},
    state_dir::signals_file,
};
use signet_fix::bucket::Bucket;
use signet_journal::StoreKey;
use signet_registry::{LockoutTerms, SignalFact, SignalKey, SignalWord, View};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

/// Tokens that are written down, of one provider and of all together: at once, and each second. The
/// trading thread waits for the disk once for each.
const BURST: u32 = 64;
const RATE: u32 = 16;
const BURST_IN_ALL: u32 = 256;
const RATE_IN_ALL: u32 = 32;
/// How often a disk that refused is tried again, and with how many words.
const TRY_AGAIN: Duration = Duration::from_secs(1);
const TRY_WORDS: usize = 64;

/// What was said, the file of it, and what the registry has.
pub struct SignalsTold(RefCell<Told>);

struct Told {
    /// `None` without `[signals]`: then nothing is said here but that a touch was good, and one
    /// that is forgotten is asked for again.
    file: Option<SealedMap>,
    words: Words,
    holds: Holds,
    reports: Reports,
    budgets: Budgets,
    shared: Arc<View>,
    /// Whether the registry was looked at before.
    heard: bool,
    unkept: Unkept,
}

/// Bad news that the file refused, or that came faster than is written. It counts, and the registry
/// reads of it, while this runs; the provider says it again, and the file is tried again.
#[derive(Default)]
struct Unkept {
    keys: BTreeSet<SignalKey>,
    /// Whether a person may be held that the file does not name.
    holds: bool,
    tried: Option<Instant>,
}

/// By issuer, of which the settings have a few.
struct Budgets {
    providers: HashMap<String, Bucket>,
    all: Bucket,
}

/// What a token says of a person.
pub(super) struct Said<'a> {
    pub(super) user: &'a str,
    /// The issuer.
    pub(super) provider: &'a str,
    pub(super) fact: SignalFact,
    pub(super) holds: bool,
    /// By the provider's clock.
    pub(super) said_at_us: i64,
    /// The person is kept out: why.
    pub(super) hold: Option<&'a str>,
}

/// What became of it.
pub(super) struct Outcome {
    /// The devices of which something new is said.
    pub(super) changed: Vec<String>,
    /// Whether it is on the disk.
    pub(super) kept: Result<(), SignalRefusal>,
}

impl SignalsTold {
    /// What a run before was told and the registry did not have. A gateway that cannot read it does
    /// not start: laptops that are not compliant would be taken for good ones.
    pub(crate) fn open(config: &Config, key: &StoreKey) -> Result<Self, GatewayError> {
        let (mut file, mut own) = (None, All::new());
        if let Some(section) = &config.signals.receive {
            let path = signals_file(config);
            let opened = SealedMap::open(&path, key).map_err(|e| {
                GatewayError::Session(format!(
                    "signals: what the identity provider said of devices cannot be read: {e}. \
                        Restore the file, or move {} away, and have the provider say again which \
                        devices are not compliant",
                    path.display()
                ))
            })?;
            let only = section.providers.first().map_or("", |p| &*p.issuer);
            let read = |(name, value): (&String, &String)| entry(name, value, only);
            own = opened.entries().iter().filter_map(read).collect();
            file = Some(opened);
        }
        Ok(Self::with(file, own))
    }

    fn with(file: Option<SealedMap>, own: All) -> Self {
        let holds = file.as_ref().map(|f| Holds::read(f.entries())).unwrap_or_default();
        let budgets = Budgets {
            providers: HashMap::new(),
            all: Bucket::per_second(BURST_IN_ALL, RATE_IN_ALL),
        };
        Self(RefCell::new(Told {
            file,
            words: Words { own, shared: All::new() },
            holds,
            reports: Reports::default(),
            budgets,
            shared: Arc::default(),
            heard: false,
            unkept: Unkept::default(),
        }))
    }

    /// Whether somebody says so, as of the newest view.
    pub(super) fn is(
        &self,
        registry: &RegistryView,
        fact: SignalFact,
        user: &str,
        device: &str,
    ) -> bool {
        let view = registry.view();
        !self.0.borrow().words.holding(&view.signals, fact, user, device).is_empty()
    }

    /// Whether a provider keeps a person out, and the registry may not say so yet.
    pub(super) fn is_held(&self, user: &str) -> bool {
        self.0.borrow().holds.is_held(user)
    }

    /// A provider says it; what is newer than before is written down as a whole, for every gateway.
    pub(super) fn tell(
        &self,
        registry: &RegistryView,
        said: &Said<'_>,
        devices: &[String],
        at: Instant,
    ) -> Outcome {
        let view = registry.view();
        let told = &mut *self.0.borrow_mut();
        let word = |device: &String| {
            let key = said.key(device);
            let held = told.words.word_with(&view.signals, &key);
            follows(held, said.fact, said.holds, said.said_at_us).map(|word| (key, word))
        };
        let mut words: Vec<(SignalKey, SignalWord)> = devices.iter().filter_map(word).collect();
        let changed: Vec<_> = words.iter().map(|(k, _)| k.device.clone()).collect();
        // What was acted on and not kept is kept now, though nothing is new.
        for key in devices.iter().filter(|d| !changed.contains(d)).map(|d| said.key(d)) {
            if let Some(word) = told.words.own.get(&key).filter(|_| told.unkept.keys.contains(&key))
            {
                words.push((key, *word));
            }
        }
        // Somebody without a device is held by the hold alone; what the disk refused is kept now.
        let unkept = told.lacks_hold(said.user);
        let hold = said.hold.filter(|_| unkept || devices.is_empty() || !changed.is_empty());
        let kept = told.keep(said, words, hold, at);
        Outcome { changed, kept }
    }

    /// A touch was good: what changed credentials made due on this device is paid, and nothing that
    /// was said since.
    pub(super) fn paid(&self, registry: &RegistryView, user: &str, device: &str) {
        let told = &mut *self.0.borrow_mut();
        let view = registry.view();
        let due = told.words.holding(&view.signals, SignalFact::Owing, user, device);
        let paid = due.into_iter().map(|(k, w)| (k, SignalWord { holds: false, ..w }));
        let paid: Vec<_> = paid.collect();
        let changes = paid.iter().map(|(k, w)| set(k, *w)).collect();
        if let Some(Err(e)) = told.file.as_mut().map(|f| f.set_all(changes)) {
            tracing::warn!(user, device, error = %e, "a restart asks for this touch again");
        }
        told.take_in(paid, true);
    }

    /// Looks at the registry; what other gateways were told since the last look, and whether it
    /// holds.
    pub(super) fn hear(&self, registry: &RegistryView, at: Instant) -> Vec<(SignalKey, bool)> {
        let view = registry.view();
        let told = &mut *self.0.borrow_mut();
        let (mut news, mut known) = (Vec::new(), Vec::new());
        if !Arc::ptr_eq(&view, &told.shared) {
            told.shared = view.clone();
            if view.signals != told.words.shared {
                (news, known) = told.words.hear(&view.signals);
            }
        }
        for key in &known {
            told.unkept.keys.remove(key);
        }
        let mut over: Vec<Change> = known.iter().map(|k| (name(k), None)).collect();
        let held = told.holds.look(registry.confirmed(), at);
        over.extend(held.iter().map(|user| (Holds::name(user), None)));
        // A word that stays in the file is older than the registry's at the next start; a person
        // who stays there is locked out again.
        if let Some(Err(e)) = told.file.as_mut().map(|f| f.set_all(over)) {
            tracing::warn!(error = %e, "signals that the registry has stay in the file");
        }
        // Before the first look nobody was on but those whose logon looked by itself.
        if !std::mem::replace(&mut told.heard, true) {
            news.clear();
        }
        news
    }

    /// Reports what the registry does not have.
    pub(super) fn report(&self, registry: &RegistryView, terms: LockoutTerms, at: Instant) {
        self.0.borrow_mut().keep_unkept(at);
        let Told { words, holds, reports, .. } = &mut *self.0.borrow_mut();
        reports.go_on(&words.own, at, |part| registry.signalled(part));
        holds.report(terms, |user, words, terms| registry.hold(user, words, terms));
    }
}

impl Said<'_> {
    fn key(&self, device: &str) -> SignalKey {
        SignalKey {
            user: self.user.to_owned(),
            device: device.to_owned(),
            fact: self.fact,
            provider: self.provider.to_owned(),
        }
    }
}

impl Told {
    /// Whether it is on the disk. What is not counts only if it is bad news.
    fn keep(
        &mut self,
        said: &Said<'_>,
        words: Vec<(SignalKey, SignalWord)>,
        hold: Option<&str>,
        at: Instant,
    ) -> Result<(), SignalRefusal> {
        let kept = self.write(said, &words, hold, at);
        self.unkept.holds |= kept.is_err() && hold.is_some();
        if kept.is_ok() || said.holds {
            self.take_in(words, kept.is_ok());
        }
        kept
    }

    fn write(
        &mut self,
        said: &Said<'_>,
        words: &[(SignalKey, SignalWord)],
        hold: Option<&str>,
        at: Instant,
    ) -> Result<(), SignalRefusal> {
        let mut changes: Vec<Change> = words.iter().map(|(k, w)| set(k, *w)).collect();
        if let Some(reason) = hold {
            let Some(words) = self.holds.add(said.user, reason) else {
                tracing::error!(alert = true, user = said.user, "too many people are to be held");
                return Err(SignalRefusal::NotKept);
            };
            // Nothing is written when the file says so.
            changes.push((Holds::name(said.user), Some(words.to_owned())));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let file = self.file.as_mut().ok_or(SignalRefusal::NotKept)?;
        if !self.budgets.may(said.provider, at) {
            return Err(SignalRefusal::TooFast);
        }
        file.set_all(changes).map_err(|e| {
            self.unkept.tried = Some(at);
            let user = said.user;
            tracing::error!(alert = true, user, error = %e, "a signal cannot be kept");
            SignalRefusal::NotKept
        })
    }

    /// Whether a person is held, and the file does not say so.
    fn lacks_hold(&self, user: &str) -> bool {
        let in_file = |f: &SealedMap| f.entries().contains_key(&Holds::name(user));
        self.holds.is_held(user) && self.file.as_ref().is_some_and(|f| !in_file(f))
    }

    /// Tries the file again, whether the disk or the budget refused. Bounded by the devices of the
    /// registry and the people that may be held.
    fn keep_unkept(&mut self, at: Instant) {
        let soon = |t: Instant| at.saturating_duration_since(t) < TRY_AGAIN;
        if self.unkept.tried.is_some_and(soon) {
            return;
        }
        let keys: Vec<_> = self.unkept.keys.iter().take(TRY_WORDS).cloned().collect();
        let held = |(user, _): &(&str, &str)| self.lacks_hold(user);
        let unkept = self.holds.words().filter(|_| self.unkept.holds);
        let holds: Vec<Change> = unkept
            .filter(held)
            .take(TRY_WORDS)
            .map(|(user, words)| (Holds::name(user), Some(words.to_owned())))
            .collect();
        self.unkept.holds = !holds.is_empty();
        if keys.is_empty() && holds.is_empty() {
            return;
        }
        self.unkept.tried = Some(at);
        let word = |key: &SignalKey| self.words.own.get(key).map(|word| set(key, *word));
        let changes = keys.iter().filter_map(word).chain(holds).collect();
        if self.file.as_mut().is_some_and(|file| file.set_all(changes).is_ok()) {
            for key in &keys {
                self.unkept.keys.remove(key);
            }
        }
    }

    fn take_in(&mut self, words: Vec<(SignalKey, SignalWord)>, kept: bool) {
        for (key, word) in words {
            if kept {
                self.unkept.keys.remove(&key);
            } else {
                self.unkept.keys.insert(key.clone());
            }
            self.reports.add(key.clone());
            self.words.own.insert(key, word);
        }
    }
}

impl Budgets {
    fn may(&mut self, provider: &str, at: Instant) -> bool {
        let new = || Bucket::per_second(BURST, RATE);
        let own = self.providers.entry(provider.to_owned()).or_insert_with(new);
        own.take(at, 1) && self.all.take(at, 1)
    }
}

fn set(key: &SignalKey, word: SignalWord) -> Change {
    let (name, value) = written(key, word);
    (name, Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry_view::{Report, Snapshot};
    use signet_journal::disk;
    use std::{path::Path, time::Duration};
    use tokio::sync::{mpsc, watch};

    const SECOND_US: i64 = 1_000_000;

    struct Scene {
        told: SignalsTold,
        registry: RegistryView,
        snapshots: watch::Sender<Snapshot>,
        reports: mpsc::Receiver<Report>,
        at: Instant,
    }

    /// As a start finds it: what the file has is what was said.
    fn scene(path: &Path) -> Scene {
        let file = SealedMap::open(path, &StoreKey::new([7; 32])).unwrap();
        let read = |(name, value): (&String, &String)| entry(name, value, "");
        let own = file.entries().iter().filter_map(read).collect();
        let (view, confirmed) = (Arc::default(), Instant::now());
        let (snapshots, seen) =
            watch::channel(Snapshot { view, confirmed, fault: None, crl: Arc::default() });
        let (to, reports) = mpsc::channel(1_000);
        let registry = RegistryView::new(seen, to, Duration::from_secs(30), false, None);
        let told = SignalsTold::with(Some(file), own);
        Scene { told, registry, snapshots, reports, at: Instant::now() }
    }

    impl Scene {
        /// What becomes of a token about these devices of alice.
        fn says(&self, fact: SignalFact, holds: bool, at_s: i64, devices: &[String]) -> Outcome {
            self.says_by("idp", fact, holds, at_s, devices)
        }

        fn says_by(
            &self,
            provider: &str,
            fact: SignalFact,
            holds: bool,
            at_s: i64,
            devices: &[String],
        ) -> Outcome {
            let hold = (fact == SignalFact::Revoked).then_some("left the firm");
            let said_at_us = at_s * SECOND_US;
            let said = Said { user: "alice", provider, fact, holds, said_at_us, hold };
            self.told.tell(&self.registry, &said, devices, self.at)
        }

        fn syncs(&self) -> usize {
            self.told.0.borrow().file.as_ref().unwrap().syncs
        }

        fn is_not_compliant(&self, device: &str) -> bool {
            self.told.is(&self.registry, SignalFact::NotCompliant, "alice", device)
        }

        fn report(&self) {
            let terms = LockoutTerms { first_ms: 0, max_ms: 0 };
            self.told.report(&self.registry, terms, self.at);
        }
    }

    fn devices(n: usize) -> Vec<String> {
        (0..n).map(|n| format!("laptop{n}")).collect()
    }

    #[test]
    fn the_disk_is_waited_for_once_for_an_order_and_not_for_what_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let scene = scene(&dir.path().join("told"));
        let all = devices(300);
        let became = scene.says(SignalFact::NotCompliant, true, 110, &all);
        assert_eq!((became.changed.len(), became.kept, scene.syncs()), (300, Ok(()), 1));
        for (holds, at) in [(true, 110), (true, 100), (false, 110), (false, 90)] {
            let became = scene.says(SignalFact::NotCompliant, holds, at, &all);
            assert_eq!((became.changed.len(), became.kept, scene.syncs()), (0, Ok(()), 1));
        }
        // The registry has all of it: it is taken out at once.
        let mut view = View::default();
        view.signals.clone_from(&scene.told.0.borrow().words.own);
        scene.snapshots.send_modify(|s| s.view = Arc::new(view));
        scene.told.hear(&scene.registry, scene.at);
        assert_eq!(scene.syncs(), 2);
        assert!(scene.told.0.borrow().words.own.is_empty() && scene.is_not_compliant("laptop7"));
    }

    #[test]
    fn a_provider_that_says_too_much_is_not_written_down_and_leaves_room_to_another() {
        let dir = tempfile::tempdir().unwrap();
        let mut scene = scene(&dir.path().join("told"));
        let laptop = devices(1);
        let kept = |scene: &Scene, provider: &str, from: i64| -> i64 {
            let mut at = from;
            while scene.says_by(provider, SignalFact::NotCompliant, true, at, &laptop).kept.is_ok()
            {
                at += 1;
            }
            at - from
        };
        assert_eq!(kept(&scene, "idp", 0), i64::from(BURST));
        let refused = scene.says(SignalFact::NotCompliant, false, 1_000, &laptop);
        assert_eq!(refused.kept, Err(SignalRefusal::TooFast));
        assert!(scene.is_not_compliant("laptop0"), "what is not kept makes nothing better");
        assert_eq!(kept(&scene, "mdm", 0), i64::from(BURST));
        scene.at += Duration::from_secs(1);
        assert_eq!(kept(&scene, "idp", 2_000), i64::from(RATE));
        // All of them together.
        scene.at += Duration::from_secs(60);
        let all: i64 = (0..6).map(|n| kept(&scene, &format!("p{n}"), 0)).sum();
        assert_eq!(all, i64::from(BURST_IN_ALL));
    }

    /// Bad news that the disk refuses counts, is reported to the registry, is written when the disk
    /// takes it or the provider says it again; good news counts only when it is written.
    #[test]
    fn bad_news_that_cannot_be_kept_counts_until_it_can() {
        let laptop = devices(1);
        for by_the_provider in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("told");
            let mut scene = scene(&path);
            disk::refuses(&path, true);
            let became = scene.says(SignalFact::NotCompliant, true, 100, &laptop);
            assert_eq!((became.changed.len(), became.kept), (1, Err(SignalRefusal::NotKept)));
            assert!(scene.is_not_compliant("laptop0"), "it counts");
            scene.report();
            assert!(
                matches!(scene.reports.try_recv(), Ok(Report::Signalled(words, _)) if words.len() == 1)
            );
            // Said again: nothing is new, and it is not kept yet.
            let again = scene.says(SignalFact::NotCompliant, true, 100, &laptop);
            assert_eq!((again.changed.len(), again.kept), (0, Err(SignalRefusal::NotKept)));
            let good = scene.says(SignalFact::NotCompliant, false, 101, &laptop);
            assert_eq!(good.kept, Err(SignalRefusal::NotKept));
            assert!(scene.is_not_compliant("laptop0"), "good news that is not kept does not count");

            disk::refuses(&path, false);
            if by_the_provider {
                let again = scene.says(SignalFact::NotCompliant, true, 100, &laptop);
                assert_eq!((again.changed.len(), again.kept), (0, Ok(())));
            } else {
                scene.at += TRY_AGAIN;
                scene.report();
            }
            assert!(scene.told.0.borrow().unkept.keys.is_empty(), "{by_the_provider}");
            drop(scene);
            assert!(self::scene(&path).is_not_compliant("laptop0"), "{by_the_provider}");
        }
    }

    /// What a later word or the registry has made needless is not written.
    #[test]
    fn bad_news_that_could_not_be_kept_is_forgotten_once_something_newer_counts() {
        let laptop = devices(1);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("told");
        for by_the_registry in [true, false] {
            let mut scene = scene(&path);
            disk::refuses(&path, true);
            drop(scene.says(SignalFact::NotCompliant, true, 100, &laptop));
            disk::refuses(&path, false);
            if by_the_registry {
                let mut view = View::default();
                view.signals.clone_from(&scene.told.0.borrow().words.own);
                scene.snapshots.send_modify(|s| s.view = Arc::new(view));
                scene.told.hear(&scene.registry, scene.at);
                assert!(scene.is_not_compliant("laptop0"));
            } else {
                scene.says(SignalFact::NotCompliant, false, 101, &laptop).kept.unwrap();
            }
            scene.at += TRY_AGAIN;
            scene.report();
            assert!(scene.told.0.borrow().unkept.keys.is_empty());
            drop(scene);
            assert!(!self::scene(&path).is_not_compliant("laptop0"), "{by_the_registry}");
        }
    }

    #[test]
    fn an_older_word_counts_for_nothing_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("told");
        let laptop = devices(1);
        for _ in 0..2 {
            let scene = scene(&path);
            drop(scene.says(SignalFact::NotCompliant, true, 110, &laptop));
            let late = scene.says(SignalFact::NotCompliant, false, 100, &laptop);
            assert!(late.changed.is_empty() && scene.is_not_compliant("laptop0"));
        }
        let scene = scene(&path);
        scene.says(SignalFact::NotCompliant, false, 111, &laptop).kept.unwrap();
        assert!(!scene.is_not_compliant("laptop0"));
    }

    #[test]
    fn a_person_is_held_from_the_word_until_the_registrys_own_over_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("told");
        let first = scene(&path);
        disk::refuses(&path, true);
        // With a device and without one; an older one of the same person counts as well.
        for n in [1, 0] {
            let became = first.says(SignalFact::Revoked, true, 100, &devices(n));
            assert_eq!(became.kept, Err(SignalRefusal::NotKept), "{n}");
            assert!(first.told.is_held("alice"), "{n}");
        }
        disk::refuses(&path, false);
        let again = first.says(SignalFact::Revoked, true, 99, &devices(1));
        assert_eq!(
            (again.changed.len(), again.kept),
            (0, Ok(())),
            "nothing is new, and it is kept"
        );
        drop(first);
        let mut again = scene(&path);
        assert!(again.told.is_held("alice") && !again.told.is_held("bob"));
        again.report();
        let mut taken = Vec::new();
        while let Ok(report) = again.reports.try_recv() {
            if let Report::LockOut(user, _, words, _, Some(t)) = report {
                assert_eq!((&*user, &*words), ("alice", "left the firm"));
                taken.push(t);
            }
        }
        assert_eq!(taken.len(), 1);
        taken.pop().unwrap().send(()).unwrap();
        let look = |scene: &Scene, s: u64| {
            let at = scene.at + Duration::from_secs(s);
            scene.snapshots.send_modify(|snapshot| snapshot.confirmed = at);
            scene.told.hear(&scene.registry, at);
            scene.told.is_held("alice")
        };
        assert!(look(&again, 1) && !look(&again, 2));
        drop(again);
        assert!(!scene(&path).told.is_held("alice"));
    }
}
