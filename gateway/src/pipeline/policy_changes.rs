//! Changes of policy by two administrators: prepared by one, found good, approved by another, and
//! only then in force. What was approved is what takes force: it is kept from the one to the other.
//! What the key of either signed is compared with it, and kept in the history and the events.

use super::{Draft, Pipeline, Reassess};
use crate::{
    clock::now,
    config::RiskPolicy,
    history::{
        Documents, Entry, History, KeyApproval, KeyPreparation, Person, Policy, PolicyRefusal,
        Prepared, Step, Version, difference,
    },
};
use serde::Serialize;
use signet_events::{About, Actor, Text};
use signet_journal::MAX_RECORD_LEN;
use signet_policy::entitle::{
    Act, AdminAction, CedarEntitlements, Entitlements as _, Outcome, Proof, Question,
};
use std::{cell::RefCell, rc::Rc, sync::Arc};
use tokio::sync::Semaphore;

/// Characters of a signature in one event, whose words have room for 500.
const SIGNATURE_PART: usize = 400;

/// Bytes in a record of the history for what two keys signed, and for who did what.
const SIGNATURES_LEN_MAX: usize = 16 * 1024;

/// A version that was found good.
#[derive(Debug)]
enum Ready {
    Risk(Box<RiskPolicy>),
    Entitlements(Box<CedarEntitlements>),
}

impl Ready {
    fn digest(&self) -> &str {
        match self {
            Self::Risk(r) => r.table.digest(),
            Self::Entitlements(e) => e.digest(),
        }
    }
}

/// The history, and the changes that wait.
#[derive(Debug)]
pub struct PolicyChanges {
    two_people: bool,
    history: RefCell<History>,
    prepared: RefCell<Prepared<Ready>>,
    /// Taken while a change is read and compared. It ends with the work, also when whoever asked
    /// for it is gone.
    checks: Arc<Semaphore>,
}

/// A change that waits, for administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Names the change, and the version that it puts in force.
    pub digest: String,
    pub policy: Policy,
    pub before: String,
    pub by: String,
    /// Whether the security key of whoever prepared it signed for it.
    pub by_key: bool,
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
    pub diff: String,
}

/// What a record of the history has beside who did what.
#[derive(Debug, Default)]
struct Content {
    documents: Documents,
    preparation: Option<KeyPreparation>,
    approval: Option<KeyApproval>,
}

impl From<&Entry<Ready>> for Waiting {
    fn from(e: &Entry<Ready>) -> Self {
        Self {
            digest: e.digest.clone(),
            policy: e.policy,
            before: e.before.clone(),
            by: e.by.actor.to_string(),
            by_key: e.preparation.is_some(),
            at_ms: e.at.0,
            diff: e.diff.clone(),
        }
    }
}

impl PolicyChanges {
    /// `two_people`: files alone change nothing.
    pub fn new(two_people: bool, history: History) -> Self {
        Self {
            two_people,
            history: RefCell::new(history),
            prepared: RefCell::default(),
            checks: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether files alone change nothing.
    pub(super) fn need_two_people(&self) -> bool {
        self.two_people
    }
}

/// With the digests of the policies before and after; for one that is refused, of those in force
/// and of the refused.
pub(super) fn changed(about: About, before: &str, digest: &str) -> About {
    About { policy: Some(Text::of(digest)), policy_before: Some(Text::of(before)), ..about }
}

/// Whether these documents fit into a record of the history with what two keys sign: what can be
/// prepared can be approved.
fn fit_the_history(documents: &Documents) -> Result<(), PolicyRefusal> {
    // As they are written: a line feed is two bytes.
    let encoded = serde_json::to_vec(documents).map_or(usize::MAX, |text| text.len());
    if encoded.saturating_add(SIGNATURES_LEN_MAX) > MAX_RECORD_LEN {
        return Err(PolicyRefusal::Faulty("the documents are too long for the history".into()));
    }
    Ok(())
}

/// Whether every carriage return of these documents is before a line feed. Alone it ends a line
/// for Cedar and for a terminal, and not for whoever reads the difference.
fn end_lines_as_readers_do(documents: &Documents) -> Result<(), PolicyRefusal> {
    let alone = |text: &String| text.replace("\r\n", "").contains('\r');
    match documents.iter().find(|(_, text)| alone(text)) {
        Some((name, _)) => Err(PolicyRefusal::Faulty(format!(
            "{name}: a carriage return without a line feed; end lines with a line feed"
        ))),
        None => Ok(()),
    }
}

impl Pipeline {
    /// Files were put in force. The history tells; without it they are in force all the same.
    pub(super) fn record_loaded(&self, policy: Policy, change: (&str, &str), documents: Documents) {
        let version = Version {
            at_ms: now().0,
            policy,
            step: Step::Loaded,
            digest: change.1.to_owned(),
            before: Some(change.0.to_owned()),
            by: Actor::Gateway.to_string(),
            prepared_by: None,
            documents,
            approval: None,
            preparation: None,
        };
        if let Err(e) = self.policies.history.borrow_mut().append(version) {
            tracing::error!(alert = true, error = %e, "the history of the policies has a gap");
        }
    }

    /// Files changed and nobody approved them: they change nothing.
    pub(super) fn refuse_unapproved(&self, policy: Policy, digest: &str) -> String {
        let in_force = self.digest_in_force(policy);
        let words = format!(
            "{}: the files were changed to {digest} without two administrators; {in_force} stays",
            policy.word()
        );
        tracing::error!(alert = true, code = "policy.refused", "{words}");
        let about = changed(About::object(policy.word()), &in_force, digest);
        self.events.gateway("policy.refused", about, words.as_str());
        words
    }

    fn digest_in_force(&self, policy: Policy) -> String {
        match policy {
            Policy::Risk => self.risk.policy().table.digest().to_owned(),
            Policy::Entitlements => self.entitlements.policies().digest().to_owned(),
        }
    }

    /// Finds a change good or not, and keeps nothing of it.
    pub(super) async fn check_policy(
        &self,
        draft: Draft,
        by: Person,
    ) -> Result<Waiting, PolicyRefusal> {
        self.found_good(draft, by).await.map(|entry| Waiting::from(&entry))
    }

    /// Finds a change good or not, and keeps it for a second administrator.
    pub(super) async fn prepare_policy(
        self: &Rc<Self>,
        draft: Draft,
        by: Person,
    ) -> Result<Waiting, PolicyRefusal> {
        let entry = self.found_good(draft, by).await?;
        self.check_entitled(&entry.by, entry.preparation.is_some())?;
        let change = (entry.before.as_str(), entry.digest.as_str());
        let content = Content {
            documents: entry.documents.clone(),
            preparation: entry.preparation.clone(),
            approval: None,
        };
        self.write_step(Step::Prepared, entry.policy, change, (&entry.by, None), content)?;
        if let Some(key) = &entry.preparation {
            self.tell_signature("policy.preparation_signature", &entry, &entry.by, key);
        }
        let lines = entry.diff.lines().count();
        let words = format!("{}: {lines} lines of difference", entry.policy.word());
        self.tell_step("policy.prepared", entry.policy, change, &entry.by, words);
        let waiting = Waiting::from(&entry);
        self.policies.prepared.borrow_mut().add(entry);
        Ok(waiting)
    }

    /// A change that may wait for approval: good, new, made from what is in force, and the one that
    /// the key signed for, where one did. Nothing happens between the last check and the answer.
    async fn found_good(&self, draft: Draft, by: Person) -> Result<Entry<Ready>, PolicyRefusal> {
        if !self.policies.two_people {
            return Err(PolicyRefusal::Mode);
        }
        let Draft { policy, documents: given, signed } = draft;
        let before = self.digest_in_force(policy);
        if signed.as_ref().is_some_and(|s| s.before != before) {
            return Err(PolicyRefusal::Overtaken);
        }
        let old = self.documents_in_force(policy);
        let mut documents = old.clone();
        documents.extend(given);
        fit_the_history(&documents)?;
        end_lines_as_readers_do(&documents)?;
        let (ready, documents, diff) = self.build(policy, old, documents).await?;
        let digest = ready.digest().to_owned();
        if digest == before {
            return Err(PolicyRefusal::Unchanged);
        }
        if self.digest_in_force(policy) != before {
            return Err(PolicyRefusal::Overtaken);
        }
        let preparation = signed.map(|s| s.key);
        if let Some(key) = &preparation {
            key.covers(&by, policy, &before, &digest)?;
        }
        let at = now();
        self.policies.prepared.borrow().has_room(&digest, at)?;
        Ok(Entry { digest, before, policy, by, preparation, at, documents, diff, ready })
    }

    /// Changes that wait.
    pub(super) fn prepared_policies(&self) -> Vec<Waiting> {
        self.policies.prepared.borrow().all(now()).map(Waiting::from).collect()
    }

    /// A second administrator says yes: it is written down, then in force.
    pub(super) async fn approve_policy(
        self: &Rc<Self>,
        digest: &str,
        by: Person,
        key: Option<KeyApproval>,
    ) -> Result<Waiting, PolicyRefusal> {
        let at = now();
        let entry = {
            let mut prepared = self.policies.prepared.borrow_mut();
            let who = (&by, key.as_ref());
            let e = prepared.may_approve(digest, who, |p| self.digest_in_force(p), at)?;
            self.check_entitled(&by, key.is_some())?;
            // One of both alone would be left of the two people.
            self.check_entitled(&e.by, e.preparation.is_some())?;
            let change = (e.before.as_str(), e.digest.as_str());
            let who = (&by, Some(&e.by));
            let content = Content {
                documents: e.documents.clone(),
                preparation: e.preparation.clone(),
                approval: key.clone(),
            };
            self.write_step(Step::Approved, e.policy, change, who, content)?;
            prepared.take(digest, at)?
        };
        if let Some(key) = &key {
            self.tell_signature("policy.signature", &entry, &by, key);
        }
        let waiting = Waiting::from(&entry);
        let words = format!("{}: prepared by {}", entry.policy.word(), entry.by.actor);
        let judge_again = match entry.ready {
            Ready::Risk(new) => {
                self.risk.take(*new);
                true
            }
            Ready::Entitlements(new) => {
                self.use_entitlements(*new);
                false
            }
        };
        let change = (entry.before.as_str(), digest);
        self.tell_step("policy.approved", entry.policy, change, &by, words);
        if judge_again {
            self.reassess_all(Reassess::Changed).await;
        }
        Ok(waiting)
    }

    /// Whether the entitlements let this administrator change policies, now: whoever asked, or
    /// prepared the change a day ago, may have lost the right since. `touched`: their key signed
    /// for it. It takes force by two people, and each is asked about.
    fn check_entitled(&self, who: &Person, touched: bool) -> Result<(), PolicyRefusal> {
        let (action, hardware_key) = (AdminAction::Policy, who.hardware_key);
        let act = Act::Admin { action, privileged: true, hardware_key };
        let proof = Proof { touched, second_person: true };
        let question = Question { who: &who.id, proof, act };
        match self.entitlements.policies().decide(&question).outcome() {
            Outcome::Allow => Ok(()),
            _ => Err(PolicyRefusal::NotEntitled(who.id.clone())),
        }
    }

    /// An administrator says no; whoever prepared it may, too.
    pub(super) fn reject_policy(
        &self,
        digest: &str,
        by: &Person,
    ) -> Result<Waiting, PolicyRefusal> {
        let entry = self.policies.prepared.borrow_mut().take(digest, now())?;
        self.come_to_nothing(&entry, by, "")?;
        Ok(Waiting::from(&entry))
    }

    /// What nobody approved in time comes to nothing.
    pub(super) fn policies_tick(&self) {
        let over = self.policies.prepared.borrow_mut().run_out(now());
        for entry in over {
            let by = Person { id: String::new(), actor: Actor::Gateway, hardware_key: false };
            if let Err(e) = self.come_to_nothing(&entry, &by, "; nobody approved it in time") {
                tracing::error!(alert = true, error = %e, "the history of the policies has a gap");
            }
        }
    }

    fn come_to_nothing(
        &self,
        entry: &Entry<Ready>,
        by: &Person,
        why: &str,
    ) -> Result<(), PolicyRefusal> {
        let change = (entry.before.as_str(), entry.digest.as_str());
        let words = format!("{}: prepared by {}{why}", entry.policy.word(), entry.by.actor);
        self.tell_step("policy.rejected", entry.policy, change, by, words);
        // It comes to nothing whether or not that can be written.
        let who = (by, Some(&entry.by));
        self.write_step(Step::Rejected, entry.policy, change, who, Content::default())
    }

    /// The version in force, with its texts.
    pub(super) fn version_in_force(&self, policy: Policy) -> Option<Version> {
        self.policies.history.borrow().in_force(policy).cloned()
    }

    fn documents_in_force(&self, policy: Policy) -> Documents {
        let history = self.policies.history.borrow();
        history.in_force(policy).map(|v| v.documents.clone()).unwrap_or_default()
    }

    /// Reads the documents and compares them with the old ones, away from the trading thread, one
    /// change at a time.
    async fn build(
        &self,
        policy: Policy,
        old: Documents,
        documents: Documents,
    ) -> Result<(Ready, Documents, String), PolicyRefusal> {
        let faulty = |e: &dyn std::fmt::Display| PolicyRefusal::Faulty(e.to_string());
        let (section, world) = (self.risk.section().clone(), self.entitlements.world());
        let turn = self.policies.checks.clone().acquire_owned().await.map_err(|e| faulty(&e))?;
        let read = move || {
            let _turn = turn;
            let ready = match policy {
                Policy::Risk => {
                    let read = section.build(&documents).map_err(|e| faulty(&e))?;
                    Ready::Risk(Box::new(read))
                }
                Policy::Entitlements => {
                    let texts = crate::config::Texts::of(&documents);
                    let read = CedarEntitlements::load(&texts.documents(), &world);
                    Ready::Entitlements(Box::new(read.map_err(|e| faulty(&e))?))
                }
            };
            let diff = difference(&old, &documents);
            Ok((ready, documents, diff))
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|e| Err(PolicyRefusal::Faulty(e.to_string())))
    }

    fn write_step(
        &self,
        step: Step,
        policy: Policy,
        (before, digest): (&str, &str),
        (by, prepared_by): (&Person, Option<&Person>),
        content: Content,
    ) -> Result<(), PolicyRefusal> {
        let Content { documents, preparation, approval } = content;
        let version = Version {
            at_ms: now().0,
            policy,
            step,
            digest: digest.to_owned(),
            before: Some(before.to_owned()),
            by: by.actor.to_string(),
            prepared_by: prepared_by.map(|p| p.actor.to_string()),
            documents,
            approval,
            preparation,
        };
        let written = self.policies.history.borrow_mut().append(version);
        written.map_err(|e| PolicyRefusal::Unwritable(e.to_string()))
    }

    /// The whole signature, in as many events as it takes: whoever has them can verify it.
    fn tell_signature(
        &self,
        code: &'static str,
        e: &Entry<Ready>,
        by: &Person,
        key: &impl Serialize,
    ) {
        let text = serde_json::to_string(key).unwrap_or_default();
        let parts: Vec<String> = text
            .chars()
            .collect::<Vec<_>>()
            .chunks(SIGNATURE_PART)
            .map(|part| part.iter().collect())
            .collect();
        for (n, part) in parts.iter().enumerate() {
            let about = changed(About::object(e.policy.word()), &e.before, &e.digest);
            let words = format!("part {} of {}: {part}", n + 1, parts.len());
            self.events.by(by.actor.clone(), code, about, words);
        }
    }

    fn tell_step(
        &self,
        code: &'static str,
        policy: Policy,
        (before, digest): (&str, &str),
        by: &Person,
        words: String,
    ) {
        tracing::warn!(code, by = %by.actor, before, digest, "{words}");
        let about = changed(About::object(policy.word()), before, digest);
        self.events.by(by.actor.clone(), code, about, format!("{words}; {before} -> {digest}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_fit_when_their_record_has_room_for_the_signatures() {
        let fits = |text: String| {
            fit_the_history(&Documents::from([("settings".to_owned(), text)])).is_ok()
        };
        // `{"settings":"..."}`.
        let room = MAX_RECORD_LEN - SIGNATURES_LEN_MAX - 15;
        assert!(fits("x".repeat(room)));
        assert!(!fits("x".repeat(room + 1)));
        assert!(fits("\n".repeat(room / 2)));
        assert!(!fits("\n".repeat(room / 2 + 1)));
        assert!(!fits("\u{1}".repeat(room / 6 + 1)), "six bytes each");
    }
    #[test]
    fn a_carriage_return_alone_ends_no_line_of_a_document() {
        for (text, good) in [
            ("", true),
            ("a\nb\n", true),
            ("a\r\nb\r\n", true),
            ("// x\rpermit(principal, action, resource);\n", false),
            ("a\r\r\n", false),
            ("a\r", false),
        ] {
            let documents = Documents::from([("cedar".to_owned(), text.to_owned())]);
            assert_eq!(end_lines_as_readers_do(&documents).is_ok(), good, "{text:?}");
        }
    }
}
