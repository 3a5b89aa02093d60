//! Registers security keys at a desk that is its own relying party.

use super::{Registration, Touch, refused};
use crate::{
    clock::Moment,
    direct::{action::DirectAction, refusal::TouchRefusal},
};
use signet_fix::{
    AppMessage,
    message::{KeyReport, KeyRequest},
};
use signet_stepup::{approval::digest_of, rp::Person};

impl Touch {
    pub(crate) fn about_keys(&mut self, k: KeyRequest, now: Moment) -> Vec<DirectAction> {
        match k {
            KeyRequest::List => {
                // Texts and numbers always serialise.
                let list = serde_json::to_string(&self.store.view()).unwrap_or_default();
                vec![DirectAction::ToBook(AppMessage::KeyReport(KeyReport::List(list)))]
            }
            KeyRequest::Begin { name, .. } => self.register(name, now),
            KeyRequest::Finish { id, credential } => {
                self.finish_registration(&id, &credential, now)
            }
        }
    }

    /// The first key needs no approval: whoever can use this laptop's identity may register it. A
    /// locked key counts as a first one, so the next one needs an approval.
    fn register(&mut self, name: String, now: Moment) -> Vec<DirectAction> {
        if let Err(why) = self.store.check_name(&name) {
            return vec![DirectAction::ToBook(refused(&why))];
        }
        if self.store.is_empty() {
            return vec![self.begin_registration(name, now)];
        }
        let todo = self.pending.hold_registration(&self.desk, name, now.laptop);
        self.run(todo, now)
    }

    pub(super) fn begin_registration(&mut self, name: String, now: Moment) -> DirectAction {
        let person = Person {
            id: self.handle(),
            name: self.desk.to_string(),
            display: self.desk.to_string(),
        };
        let begun = self.store.check_name(&name).and_then(|()| {
            let begun =
                self.settings.relying_party.begin_registration(&person, &self.store.existing());
            begun.map_err(TouchRefusal::from)
        });
        match begun {
            Ok((options, pending)) => {
                let (id, deadline) = (self.new_id(), now.laptop + self.settings.answer_ms);
                let report = KeyReport::Options {
                    id: id.clone(),
                    deadline: now.on_venues_clock(deadline),
                    options,
                };
                self.registration = Some(Registration { id, name, deadline, pending });
                DirectAction::ToBook(AppMessage::KeyReport(report))
            }
            Err(why) => DirectAction::ToBook(refused(&why)),
        }
    }

    /// The user handle of WebAuthn, always the same for one desk at one venue.
    fn handle(&self) -> [u8; 16] {
        let digest = digest_of(&format!("{}\n{}", self.venue, self.desk)).0;
        let mut handle = [0; 16];
        handle.copy_from_slice(&digest[..16]);
        handle
    }

    fn finish_registration(
        &mut self,
        id: &str,
        credential: &str,
        now: Moment,
    ) -> Vec<DirectAction> {
        let done = match self.registration.take_if(|r| r.id == id) {
            None => Err(TouchRefusal::NotOpen),
            Some(r) if now.laptop > r.deadline => Err(TouchRefusal::Late),
            Some(r) => {
                let judged = self
                    .settings
                    .relying_party
                    .finish_registration(r.pending, credential)
                    .map_err(TouchRefusal::from);
                judged
                    .and_then(|new| self.store.add(r.name.clone(), new, now.laptop))
                    .map(|()| r.name)
            }
        };
        let mut out = vec![DirectAction::ToBook(match done {
            Ok(name) => AppMessage::KeyReport(KeyReport::Registered { name }),
            Err(why) => {
                tracing::warn!(code = why.code(), "a security key was not registered: {why}");
                refused(&why)
            }
        })];
        out.extend(self.look_at_keys(now));
        out
    }
}
