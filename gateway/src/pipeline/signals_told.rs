//! What identity providers said of devices that still matters at the next logon: to this gateway or
//! to another one of the same registry.
//!
//! A word to this gateway is in a sealed file before the provider reads that it was taken, and
//! stays there until the registry has it. Every gateway reads it in the registry.

use crate::{
    GatewayError, config::Config, registry_view::RegistryView, sealed_map::SealedMap,
    state_dir::signals_file,
};
use signet_journal::{LogError, StoreKey};
use signet_registry::{SignalFact, SignalKey, SignalWord, View};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// A word that the registry does not have is reported again this often.
const REPORT_AGAIN: Duration = Duration::from_secs(5);

type All = BTreeMap<SignalKey, SignalWord>;

/// What was said, the file of it, and what the registry has.
pub struct SignalsTold(RefCell<Told>);

struct Told {
    /// `None` without `[signals]`: then nothing is said here but that a touch was good, and one
    /// that is forgotten is asked for again.
    file: Option<SealedMap>,
    words: Words,
    shared: Arc<View>,
    reported: Option<Instant>,
    /// Whether the registry was looked at before.
    heard: bool,
}

/// Pure.
#[derive(Default)]
struct Words {
    /// Said here, and perhaps not in the registry yet.
    own: All,
    /// In the registry.
    shared: All,
}

impl Words {
    fn word(&self, key: &SignalKey) -> Option<SignalWord> {
        self.word_with(&self.shared, key)
    }

    /// With a newer view of the registry.
    fn word_with(&self, shared: &All, key: &SignalKey) -> Option<SignalWord> {
        match (self.own.get(key), shared.get(key)) {
            (Some(own), Some(shared)) if shared.replaces(own) => Some(*shared),
            (Some(own), _) => Some(*own),
            (None, shared) => shared.copied(),
        }
    }

    /// Every word of one kind about a device that holds, by whichever provider.
    fn holding(
        &self,
        shared: &All,
        fact: SignalFact,
        user: &str,
        device: &str,
    ) -> Vec<(SignalKey, SignalWord)> {
        let first = SignalKey {
            user: user.to_owned(),
            device: device.to_owned(),
            fact,
            provider: String::new(),
        };
        let same = |k: &&SignalKey| (&*k.user, &*k.device, k.fact) == (user, device, fact);
        let keys = |all: &All| -> Vec<SignalKey> {
            all.range(first.clone()..).map(|(k, _)| k).take_while(same).cloned().collect()
        };
        let mut all = keys(&self.own);
        all.extend(keys(shared));
        all.sort();
        all.dedup();
        let held = |k: SignalKey| self.word_with(shared, &k).filter(|w| w.holds).map(|w| (k, w));
        all.into_iter().filter_map(held).collect()
    }

    /// The word that says this now: newer than whatever was said before, whatever the clock says.
    fn newest(&self, key: &SignalKey, holds: bool, now_us: i64) -> SignalWord {
        let before = self.word(key).map_or(i64::MIN, |w| w.at_us.saturating_add(1));
        SignalWord { holds, at_us: now_us.max(before) }
    }

    /// What the registry has now: what is news here, and what need not be kept here any longer.
    fn hear(&mut self, shared: &All) -> (Vec<(SignalKey, bool)>, Vec<SignalKey>) {
        let is_news = |(k, w): &(&SignalKey, &SignalWord)| {
            self.word(k).is_none_or(|before| w.replaces(&before))
        };
        let news = shared.iter().filter(is_news).map(|(k, w)| (k.clone(), w.holds)).collect();
        let has =
            |(k, own): &(&SignalKey, &SignalWord)| shared.get(*k).is_some_and(|w| !own.replaces(w));
        let known: Vec<SignalKey> = self.own.iter().filter(has).map(|(k, _)| k.clone()).collect();
        self.shared.clone_from(shared);
        self.own.retain(|k, _| !known.contains(k));
        (news, known)
    }
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
        let words = Words { own, shared: All::new() };
        let told = Told { file, words, shared: Arc::default(), reported: None, heard: false };
        Ok(Self(RefCell::new(told)))
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

    /// A provider says it now; whether it is on the disk. Every gateway is told.
    pub(super) fn set(
        &self,
        registry: &RegistryView,
        key: SignalKey,
        holds: bool,
        now_us: i64,
    ) -> bool {
        let told = &mut *self.0.borrow_mut();
        let Some(file) = &mut told.file else { return false };
        let word = told.words.newest(&key, holds, now_us);
        if let Err(e) = put(file, &key, Some(word)) {
            let (user, device) = (&*key.user, &*key.device);
            tracing::error!(alert = true, user, device, error = %e, "a signal cannot be kept");
            return false;
        }
        registry.signalled(vec![(key.clone(), word)]);
        told.words.own.insert(key, word);
        true
    }

    /// A touch was good: what changed credentials made due on this device is paid, and nothing that
    /// was said since.
    pub(super) fn paid(&self, registry: &RegistryView, user: &str, device: &str) {
        let told = &mut *self.0.borrow_mut();
        let view = registry.view();
        let due = told.words.holding(&view.signals, SignalFact::Owing, user, device);
        let paid = due.into_iter().map(|(k, w)| (k, SignalWord { holds: false, ..w }));
        let paid: Vec<_> = paid.collect();
        for (key, word) in &paid {
            if let Some(Err(e)) = told.file.as_mut().map(|f| put(f, key, Some(*word))) {
                tracing::warn!(user, device, error = %e, "a restart asks for this touch again");
            }
            told.words.own.insert(key.clone(), *word);
        }
        if !paid.is_empty() {
            registry.signalled(paid);
        }
    }

    /// Looks at the registry; what other gateways were told since the last look, and whether it
    /// holds.
    pub(super) fn hear(&self, registry: &RegistryView) -> Vec<(SignalKey, bool)> {
        let view = registry.view();
        let told = &mut *self.0.borrow_mut();
        let mut news = Vec::new();
        if !Arc::ptr_eq(&view, &told.shared) {
            told.shared = view.clone();
            if view.signals != told.words.shared {
                let known;
                (news, known) = told.words.hear(&view.signals);
                for key in known {
                    // What stays in the file is older than the registry's word at the next start.
                    drop(told.file.as_mut().map(|f| put(f, &key, None)));
                }
            }
        }
        // Before the first look nobody was on but those whose logon looked by itself.
        if !std::mem::replace(&mut told.heard, true) {
            news.clear();
        }
        let again = told.reported.is_none_or(|at| at.elapsed() >= REPORT_AGAIN);
        if again && !told.words.own.is_empty() {
            told.reported = Some(Instant::now());
            registry.signalled(told.words.own.iter().map(|(k, w)| (k.clone(), *w)).collect());
        }
        news
    }
}

fn put(file: &mut SealedMap, key: &SignalKey, word: Option<SignalWord>) -> Result<(), LogError> {
    let name = format!("{}\t{}\t{}\t{}", key.fact.as_str(), key.user, key.device, key.provider);
    let value = word.map(|w| format!("{} {}", u8::from(w.holds), w.at_us));
    file.set(&name, value.as_deref())
}

/// One entry of the file. Before there were several providers it had neither the provider nor the
/// time: whatever the registry has is newer.
fn entry(name: &str, value: &str, only: &str) -> Option<(SignalKey, SignalWord)> {
    let mut parts = name.splitn(4, '\t');
    let fact = SignalFact::read(parts.next()?)?;
    let (user, device) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let provider = parts.next().unwrap_or(only).to_owned();
    let word = match value.split_once(' ') {
        Some((holds, at)) => SignalWord { holds: holds == "1", at_us: at.parse().ok()? },
        None => SignalWord { holds: true, at_us: 0 },
    };
    Some((SignalKey { user, device, fact, provider }, word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use SignalFact::{NotCompliant, Owing};

    fn key(fact: SignalFact, provider: &str) -> SignalKey {
        let (user, device) = ("alice".to_owned(), "laptop".to_owned());
        SignalKey { user, device, fact, provider: provider.to_owned() }
    }

    fn word(holds: bool, at_us: i64) -> SignalWord {
        SignalWord { holds, at_us }
    }

    /// Own word, shared word before and now; what counts, whether it is news, whether the own word
    /// is still needed.
    #[test]
    fn table_of_own_and_shared_words() {
        let some = |holds, at| Some(word(holds, at));
        for (name, own, before, now, counts, news, needed) in [
            ("nobody said anything", None, None, None, None, None, false),
            ("said here", some(true, 5), None, None, some(true, 5), None, true),
            ("and written down", some(true, 5), None, some(true, 5), some(true, 5), None, false),
            ("said there", None, None, some(true, 5), some(true, 5), Some(true), false),
            ("known", None, some(true, 5), some(true, 5), some(true, 5), None, false),
            (
                "taken back there",
                None,
                some(true, 5),
                some(false, 6),
                some(false, 6),
                Some(false),
                false,
            ),
            (
                "taken back here",
                some(false, 6),
                some(true, 5),
                some(true, 5),
                some(false, 6),
                None,
                true,
            ),
            ("paid here", some(false, 5), some(true, 5), some(true, 5), some(false, 5), None, true),
            (
                "and said again there",
                some(false, 5),
                some(true, 5),
                some(true, 7),
                some(true, 7),
                Some(true),
                false,
            ),
            (
                "here later than there",
                some(true, 9),
                None,
                some(false, 7),
                some(true, 9),
                None,
                true,
            ),
            ("paid twice", some(false, 5), None, some(false, 5), some(false, 5), None, false),
        ] {
            let k = key(Owing, "idp");
            let all =
                |w: Option<SignalWord>| w.map(|w| (k.clone(), w)).into_iter().collect::<All>();
            let mut words = Words { own: all(own), shared: all(before) };
            let (found, _) = words.hear(&all(now));
            let found = found.into_iter().map(|(_, holds)| holds).next();
            let is = (words.word(&k), found, words.own.contains_key(&k));
            assert_eq!(is, (counts, news, needed), "{name}");
        }
    }

    #[test]
    fn a_device_is_compliant_when_every_provider_says_so() {
        let mut words = Words::default();
        let say = |words: &mut Words, provider: &str, holds| {
            let k = key(NotCompliant, provider);
            let w = words.newest(&k, holds, 10);
            words.own.insert(k, w);
        };
        let holds =
            |words: &Words| words.holding(&words.shared, NotCompliant, "alice", "laptop").len();
        for (provider, not_compliant, want) in [
            ("a", true, 1),
            ("b", true, 2),
            ("a", false, 1),
            ("a", true, 2),
            ("b", false, 1),
            ("a", false, 0),
        ] {
            say(&mut words, provider, not_compliant);
            assert_eq!(holds(&words), want, "{provider} {not_compliant}");
        }
        say(&mut words, "a", true);
        for (fact, user, device) in [
            (Owing, "alice", "laptop"),
            (NotCompliant, "alic", "laptop"),
            (NotCompliant, "alice", "lap"),
        ] {
            assert!(words.holding(&words.shared, fact, user, device).is_empty());
        }
    }

    /// A clock that is behind the one of another gateway makes nothing older.
    #[test]
    fn what_is_said_now_is_the_newest() {
        let k = key(Owing, "idp");
        let mut words = Words::default();
        words.shared.insert(k.clone(), word(true, 1_000));
        assert_eq!(words.newest(&k, true, 10), word(true, 1_001));
        assert_eq!(words.newest(&k, true, 5_000), word(true, 5_000));
        words.shared.insert(k.clone(), word(true, i64::MAX));
        assert_eq!(words.newest(&k, false, 10), word(false, i64::MAX));
    }

    #[test]
    fn table_of_entries() {
        let found = |name: &str, value: &str| entry(name, value, "idp");
        let old = (key(NotCompliant, "idp"), word(true, 0));
        assert_eq!(found("not_compliant\talice\tlaptop", ""), Some(old));
        let new = (key(Owing, "https://b"), word(false, 7));
        assert_eq!(found("owing\talice\tlaptop\thttps://b", "0 7"), Some(new));
        for (name, value) in [("colour\ta\tb", ""), ("owing\ta", ""), ("owing\ta\tb\tc", "1 x")] {
            assert_eq!(found(name, value), None, "{name}");
        }
    }
}
