//! Which word of an identity provider counts. Pure.

use signet_registry::{SignalFact, SignalKey, SignalWord};
use std::collections::BTreeMap;

pub(super) type All = BTreeMap<SignalKey, SignalWord>;

const SECOND_US: i64 = 1_000_000;

/// What was said, here and at every gateway of the registry.
#[derive(Default)]
pub(super) struct Words {
    /// Said here, and perhaps not in the registry yet.
    pub(super) own: All,
    /// In the registry.
    pub(super) shared: All,
}

impl Words {
    #[cfg(test)]
    fn word(&self, key: &SignalKey) -> Option<SignalWord> {
        self.word_with(&self.shared, key)
    }

    /// With a newer view of the registry.
    pub(super) fn word_with(&self, shared: &All, key: &SignalKey) -> Option<SignalWord> {
        match (self.own.get(key), shared.get(key)) {
            (Some(own), Some(shared)) if shared.replaces(own) => Some(*shared),
            (Some(own), _) => Some(*own),
            (None, shared) => shared.copied(),
        }
    }

    /// Every word of one kind about a device that holds, by whichever provider.
    pub(super) fn holding(
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

    /// What the registry has now: what is news here, and what need not be kept here any longer.
    pub(super) fn hear(&mut self, shared: &All) -> (Vec<(SignalKey, bool)>, Vec<SignalKey>) {
        let is_news = |(k, w): &(&SignalKey, &SignalWord)| {
            self.word_with(&self.shared, k).is_none_or(|before| w.replaces(&before))
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

/// The word that a token makes, after what the same provider said before; `None`: that is as new or
/// newer. `said_at_us` is the provider's time, since tokens arrive in any order and more than once.
pub(super) fn follows(
    held: Option<SignalWord>,
    fact: SignalFact,
    holds: bool,
    said_at_us: i64,
) -> Option<SignalWord> {
    let second = |at_us: i64| at_us.div_euclid(SECOND_US);
    match (fact, held) {
        // A state. Of the same time the cautious word counts: it is a microsecond newer.
        (SignalFact::NotCompliant, held) => {
            let word = SignalWord { holds, at_us: said_at_us.saturating_add(i64::from(holds)) };
            held.is_none_or(|h| word.replaces(&h)).then_some(word)
        }
        (_, None) => Some(SignalWord { holds, at_us: said_at_us }),
        // What happened. Several things may have within a second, in which tokens count time.
        (_, Some(h)) if second(said_at_us) < second(h.at_us) => None,
        (SignalFact::Owing, Some(h)) if h.holds && said_at_us <= h.at_us => None,
        (_, Some(h)) => {
            Some(SignalWord { holds, at_us: said_at_us.max(h.at_us.saturating_add(1)) })
        }
    }
}

/// The name of a word in the file, and its value.
pub(super) fn written(key: &SignalKey, word: SignalWord) -> (String, String) {
    (name(key), format!("{} {}", u8::from(word.holds), word.at_us))
}

/// The name of a word in the file.
pub(super) fn name(key: &SignalKey) -> String {
    format!("{}\t{}\t{}\t{}", key.fact.as_str(), key.user, key.device, key.provider)
}

/// One entry of the file. Before there were several providers it had neither the provider nor the
/// time: whatever the registry has is newer.
pub(super) fn entry(name: &str, value: &str, only: &str) -> Option<(SignalKey, SignalWord)> {
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
            let at = words.word(&k).map_or(10, |w| w.at_us + SECOND_US);
            let w = follows(words.word(&k), NotCompliant, holds, at).unwrap();
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

    /// What is held, what a token says and when (seconds), and what is held then.
    #[test]
    fn table_of_what_follows() {
        use SignalFact::Revoked;
        const S: i64 = SECOND_US;
        let none: Option<(bool, i64)> = None;
        for (name, fact, held, said, want) in [
            ("the first", NotCompliant, none, (true, 110 * S), Some((true, 110 * S + 1))),
            ("good news first", NotCompliant, none, (false, 110 * S), Some((false, 110 * S))),
            (
                "an older one that arrives later",
                NotCompliant,
                Some((true, 110 * S + 1)),
                (false, 100 * S),
                None,
            ),
            ("an older cautious one", NotCompliant, Some((false, 110 * S)), (true, 100 * S), None),
            (
                "a newer one",
                NotCompliant,
                Some((true, 110 * S + 1)),
                (false, 111 * S),
                Some((false, 111 * S)),
            ),
            (
                "not the good one of one time",
                NotCompliant,
                Some((true, 5 * S + 1)),
                (false, 5 * S),
                None,
            ),
            (
                "but the cautious one of one time",
                NotCompliant,
                Some((false, 5 * S)),
                (true, 5 * S),
                Some((true, 5 * S + 1)),
            ),
            ("the same again", NotCompliant, Some((true, 5 * S + 1)), (true, 5 * S), None),
            (
                "the same of later: what is older by then does not count",
                NotCompliant,
                Some((true, 5 * S + 1)),
                (true, 9 * S),
                Some((true, 9 * S + 1)),
            ),
            ("a change", Owing, none, (true, 5 * S), Some((true, 5 * S))),
            ("the same change", Owing, Some((true, 5 * S)), (true, 5 * S), None),
            (
                "another one in the second that was paid",
                Owing,
                Some((false, 5 * S)),
                (true, 5 * S),
                Some((true, 5 * S + 1)),
            ),
            ("one before the one that was paid", Owing, Some((false, 5 * S)), (true, 4 * S), None),
            (
                "a second session within the second",
                Revoked,
                Some((true, 5 * S)),
                (true, 5 * S),
                Some((true, 5 * S + 1)),
            ),
            ("sessions of long ago", Revoked, Some((true, 5 * S + 7)), (true, 4 * S), None),
            (
                "no overflow",
                Revoked,
                Some((true, i64::MAX)),
                (true, i64::MAX),
                Some((true, i64::MAX)),
            ),
        ] {
            let held = held.map(|(holds, at)| word(holds, at));
            let want = want.map(|(holds, at)| word(holds, at));
            assert_eq!(follows(held, fact, said.0, said.1), want, "{name}");
        }
    }

    /// Whatever the order in which they arrive, and however often: the newest counts.
    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let all = [(true, 110), (false, 100), (true, 90), (false, 110)];
        for first in 0..all.len() {
            for step in 1..all.len() {
                let mut held = None;
                for n in 0..2 * all.len() {
                    let (holds, at) = all[(first + n * step) % all.len()];
                    held = follows(held, NotCompliant, holds, at * SECOND_US).or(held);
                }
                // Steps of two leave some out.
                if step != 2 {
                    assert_eq!(held, Some(word(true, 110 * SECOND_US + 1)), "{first} {step}");
                }
            }
        }
    }

    #[test]
    fn table_of_entries() {
        let found = |name: &str, value: &str| entry(name, value, "idp");
        let old = (key(NotCompliant, "idp"), word(true, 0));
        assert_eq!(found("not_compliant\talice\tlaptop", ""), Some(old));
        let new = (key(Owing, "https://b"), word(false, 7));
        let (name, value) = written(&new.0, new.1);
        assert_eq!((&*name, &*value), ("owing\talice\tlaptop\thttps://b", "0 7"));
        assert_eq!(found("owing\talice\tlaptop\thttps://b", "0 7"), Some(new));
        for (name, value) in [("colour\ta\tb", ""), ("owing\ta", ""), ("owing\ta\tb\tc", "1 x")] {
            assert_eq!(found(name, value), None, "{name}");
        }
    }
}
