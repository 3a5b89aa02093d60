//! Changes of policy that wait for a second administrator. Pure.

use super::{Documents, KeyApproval, KeyPreparation, Policy};
use signet_events::Actor;
use signet_rfq::UtcMillis;

/// Changes that may wait at once.
const WAITING_MAX: usize = 8;
/// After this a change must be prepared again.
const WAITS_MS: i64 = 24 * 3_600_000;

/// An administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As certificates name them: the same person has the same over all certificates.
    pub id: String,
    /// As events name them.
    pub actor: Actor,
    /// Whether they proved a key in hardware, which entitlements may ask for.
    pub hardware_key: bool,
}

/// The administrator's name out of what events say of them: `admin NAME from ADDRESS`, perhaps
/// `with key ID` and a reason. Where events find the address, which may only follow a name of one
/// word, that word is the name. Earlier names had blanks, and no reason after the address: there
/// the last ` from ` ends the name.
pub(crate) fn name_of(actor: &str) -> &str {
    let Some(rest) = actor.strip_prefix("admin ") else { return actor };
    let end = match Actor::read(actor).address() {
        Some(_) => rest.find(' '),
        None => rest.rfind(" from "),
    };
    end.and_then(|end| rest.get(..end)).unwrap_or(rest)
}

/// A change that was found good and waits; `T` is what takes force.
#[derive(Debug)]
pub struct Entry<T> {
    /// Of the new version.
    pub digest: String,
    /// Of what was in force when it was prepared.
    pub before: String,
    pub policy: Policy,
    pub by: Person,
    /// What their security key signed for it; `None`: prepared by certificate.
    pub preparation: Option<KeyPreparation>,
    pub at: UtcMillis,
    pub documents: Documents,
    /// What changes, for the second administrator.
    pub diff: String,
    pub ready: T,
}

/// Why a change is not prepared, or does not take force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyRefusal {
    #[error("policies of this gateway change by their files (admin.policy_changes)")]
    Mode,
    #[error("no such change of policy is prepared")]
    NotPrepared,
    /// At fault: whoever approves their own change.
    #[error("{0} prepared this change; another administrator must approve it")]
    SamePerson(String),
    /// At fault: nobody; the entitlements changed since they asked.
    #[error("the entitlements in force do not let {0} change policies")]
    NotEntitled(String),
    #[error("another version has taken force since this change was prepared")]
    Overtaken,
    #[error("this change is prepared already")]
    AlreadyPrepared,
    #[error("too many changes of policy wait for approval")]
    TooMany,
    #[error("this version is in force already")]
    Unchanged,
    #[error("changes of policy are prepared and approved with a security key")]
    KeyNeeded,
    /// At fault: whoever sent something else than they signed for, or altered it on the way.
    #[error("what the security key signed is not the change that was sent: {0}")]
    OtherPrepared(String),
    /// At fault: whoever approved something else, or altered it on the way.
    #[error("what the security key approved is not what would take force: {0}")]
    OtherApproved(String),
    /// At fault: whoever wrote the documents.
    #[error("{0}")]
    Faulty(String),
    /// At fault: the gateway's disk.
    #[error("the history of the policies cannot be written: {0}; nothing was changed")]
    Unwritable(String),
}

impl PolicyRefusal {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Mode => "policy.by_files",
            Self::NotPrepared => "policy.not_prepared",
            Self::SamePerson(_) => "policy.same_person",
            Self::NotEntitled(_) => "policy.not_entitled",
            Self::Overtaken => "policy.overtaken",
            Self::AlreadyPrepared => "policy.already_prepared",
            Self::TooMany => "policy.too_many",
            Self::Unchanged => "policy.unchanged",
            Self::KeyNeeded => "policy.key_needed",
            Self::OtherPrepared(_) => "policy.other_prepared",
            Self::OtherApproved(_) => "policy.other_approved",
            Self::Faulty(_) => "policy.faulty",
            Self::Unwritable(_) => "policy.unwritable",
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Mode => {
                "put the new files in place, or set admin.policy_changes = \"two_people\""
            }
            Self::NotPrepared => "see GET /v1/policies; a change waits for a day at most",
            Self::SamePerson(_) => "ask another administrator to read and approve it",
            Self::KeyNeeded => {
                "prepare and approve it in the console (admin.console.approve_by_key)"
            }
            Self::OtherPrepared(_) => "prepare the change again, with your own key",
            Self::OtherApproved(_) => "read the difference again, and approve that",
            Self::NotEntitled(_) => {
                "reject the change; two administrators who may change policies prepare and approve \
                    it"
            }
            Self::Overtaken => "prepare it again, from what is in force now",
            Self::AlreadyPrepared => "another administrator may approve it",
            Self::TooMany => "approve or reject those that wait",
            Self::Unchanged => "there is nothing to do",
            Self::Faulty(_) => "correct the documents",
            Self::Unwritable(_) => "look at the disk of gateway.state_dir",
        }
    }
}

impl<T> Entry<T> {
    /// Whether a security key signed that this person approves exactly this change, whatever was
    /// asked on the way.
    ///
    /// # Errors
    /// It signed for something else or as somebody else, or not at all.
    pub fn is_signed_by(&self, who: &Person, key: &KeyApproval) -> Result<(), PolicyRefusal> {
        key.covers(who, self.policy, &self.before, &self.digest)
    }

    /// Whether its time is not over. A clock that was set back makes nothing wait longer.
    fn waits(&self, now: UtcMillis) -> bool {
        (0..WAITS_MS).contains(&now.since(self.at))
    }
}

/// All that wait.
#[derive(Debug)]
pub struct Prepared<T>(Vec<Entry<T>>);

impl<T> Default for Prepared<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Prepared<T> {
    /// Whether another one may be added now.
    ///
    /// # Errors
    /// Not this one, or none.
    pub fn has_room(&self, digest: &str, now: UtcMillis) -> Result<(), PolicyRefusal> {
        if self.all(now).any(|e| e.digest == digest) {
            return Err(PolicyRefusal::AlreadyPrepared);
        }
        if self.all(now).count() >= WAITING_MAX {
            return Err(PolicyRefusal::TooMany);
        }
        Ok(())
    }

    /// Adds one for which there is room.
    pub fn add(&mut self, entry: Entry<T>) {
        self.0.push(entry);
    }

    /// Those that wait now.
    pub fn all(&self, now: UtcMillis) -> impl Iterator<Item = &Entry<T>> {
        self.0.iter().filter(move |e| e.waits(now))
    }

    /// Takes out those whose time is over: they come to nothing.
    pub fn run_out(&mut self, now: UtcMillis) -> Vec<Entry<T>> {
        self.0.extract_if(.., |e| !e.waits(now)).collect()
    }

    /// Whether `who` may approve a change while `in_force` is in force; with what their security
    /// key signed for it, if one was asked.
    ///
    /// # Errors
    /// Why not; the change goes on to wait.
    pub fn may_approve(
        &self,
        digest: &str,
        (who, key): (&Person, Option<&KeyApproval>),
        in_force: impl Fn(Policy) -> String,
        now: UtcMillis,
    ) -> Result<&Entry<T>, PolicyRefusal> {
        let found = self.all(now).find(|e| e.digest == digest);
        let entry = found.ok_or(PolicyRefusal::NotPrepared)?;
        if entry.by.id == who.id {
            return Err(PolicyRefusal::SamePerson(who.id.clone()));
        }
        if entry.before != in_force(entry.policy) {
            return Err(PolicyRefusal::Overtaken);
        }
        key.map_or(Ok(()), |key| entry.is_signed_by(who, key))?;
        Ok(entry)
    }

    /// Takes one out: it takes force, or comes to nothing.
    pub fn take(&mut self, digest: &str, now: UtcMillis) -> Result<Entry<T>, PolicyRefusal> {
        let at = self.0.iter().position(|e| e.digest == digest && e.waits(now));
        at.map(|i| self.0.remove(i)).ok_or(PolicyRefusal::NotPrepared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMillis = UtcMillis(1_000);

    fn person(id: &str) -> Person {
        Person { id: id.into(), actor: Actor::Administrator(id.into()), hardware_key: false }
    }

    fn entry(digest: &str) -> Entry<()> {
        Entry {
            digest: digest.into(),
            before: "old".into(),
            policy: Policy::Risk,
            by: person("sylvia"),
            preparation: None,
            at: NOW,
            documents: Documents::new(),
            diff: String::new(),
            ready: (),
        }
    }

    #[test]
    fn whoever_did_something_is_found_in_words() {
        for (actor, want) in [
            ("admin ada from 192.0.2.1 with key AbC_-", "ada"),
            ("admin ada from 192.0.2.1", "ada"),
            ("admin ada", "ada"),
            // A name that is older than the rule that names are spelled as certificates have them.
            ("admin ada lovelace from 192.0.2.1 with key AbC_-", "ada lovelace"),
            ("admin ada from bob from 192.0.2.1", "ada from bob"),
            ("admin from from 192.0.2.1 with key AbC_-", "from"),
            // The reason is not a part of the name, whatever it is about.
            ("admin ada from 192.0.2.1 with key AbC_- (calls from 10.9.9.9)", "ada"),
            ("gateway", "gateway"),
            ("root(0)@gw1", "root(0)@gw1"),
        ] {
            assert_eq!(name_of(actor), want, "{actor}");
        }
    }

    #[test]
    fn table_of_approvals() {
        use PolicyRefusal as R;
        for (digest, who, in_force, now, want) in [
            ("new", "tom", "old", NOW, Ok(())),
            ("new", "tom", "old", NOW + (WAITS_MS - 1), Ok(())),
            ("other", "tom", "old", NOW, Err(R::NotPrepared)),
            ("new", "sylvia", "old", NOW, Err(R::SamePerson("sylvia".into()))),
            ("new", "tom", "newer", NOW, Err(R::Overtaken)),
            ("new", "tom", "old", NOW + WAITS_MS, Err(R::NotPrepared)),
            ("new", "tom", "old", UtcMillis(999), Err(R::NotPrepared)),
        ] {
            let mut p = Prepared::default();
            p.has_room("new", NOW).unwrap();
            p.add(entry("new"));
            let found = p.may_approve(digest, (&person(who), None), |_| in_force.into(), now);
            let found = found.map(|_| ());
            assert_eq!(found, want, "{digest} {who} {in_force} {now:?}");
        }
    }

    #[test]
    fn a_key_that_signed_for_another_change_approves_none() {
        use crate::history::approval_for;
        let other = || Err(PolicyRefusal::OtherApproved(String::new()));
        for (by, policy, before, after, want) in [
            (Some("tom"), Policy::Risk, "old", "new", Ok(())),
            (Some("ada"), Policy::Risk, "old", "new", other()),
            (Some("sylvia"), Policy::Risk, "old", "new", other()),
            (None, Policy::Risk, "old", "new", other()),
            (Some("tom"), Policy::Entitlements, "old", "new", other()),
            (Some("tom"), Policy::Risk, "older", "new", other()),
            (Some("tom"), Policy::Risk, "old", "newer", other()),
            (Some("tom"), Policy::Risk, "new", "old", other()),
        ] {
            let mut p = Prepared::default();
            p.add(entry("new"));
            let mut key = approval_for(by, policy, before, after);
            let ask = |key: &KeyApproval| {
                let found =
                    p.may_approve("new", (&person("tom"), Some(key)), |_| "old".into(), NOW);
                found.map(|_| ()).map_err(|e| match e {
                    PolicyRefusal::OtherApproved(_) => PolicyRefusal::OtherApproved(String::new()),
                    e => e,
                })
            };
            assert_eq!(ask(&key), want, "{by:?} {policy:?} {before} {after}");
            // Another nonce makes another challenge, and a signature is over what it is over.
            key.nonce.push('A');
            assert_eq!(ask(&key), other());
            let mut key = approval_for(by, policy, before, after);
            key.proof.signature = approval_for(by, policy, before, after).proof.signature;
            assert_eq!(ask(&key), other());
        }
    }

    #[test]
    fn few_wait_and_none_twice() {
        let mut p = Prepared::default();
        for n in 0..WAITING_MAX {
            p.has_room(&n.to_string(), NOW).unwrap();
            p.add(entry(&n.to_string()));
        }
        assert_eq!(p.has_room("0", NOW), Err(PolicyRefusal::AlreadyPrepared));
        assert_eq!(p.has_room("x", NOW), Err(PolicyRefusal::TooMany));
        assert!(p.take("0", NOW).is_ok() && p.take("0", NOW).is_err());
        assert_eq!(p.has_room("x", NOW), Ok(()));
        assert_eq!(p.all(NOW).count(), WAITING_MAX - 1);
        assert_eq!(p.all(NOW + WAITS_MS).count(), 0);
    }

    #[test]
    fn one_that_nobody_approves_in_time_comes_to_nothing_once() {
        for late in [NOW + WAITS_MS, UtcMillis(NOW.0 - 1)] {
            let mut p = Prepared::default();
            p.add(entry("new"));
            assert!(p.run_out(NOW + (WAITS_MS - 1)).is_empty());
            assert_eq!(p.take("new", late).map(|_| ()), Err(PolicyRefusal::NotPrepared));
            // The same text may be prepared once more before that is noticed.
            assert_eq!(p.has_room("new", late), Ok(()));
            p.add(Entry { at: late, ..entry("new") });
            assert_eq!(p.run_out(late).iter().map(|e| e.at).collect::<Vec<_>>(), [NOW]);
            assert!(p.run_out(late).is_empty());
            assert_eq!(p.take("new", late).map(|e| e.at), Ok(late));
        }
    }
}
