//! The registration of security keys.

use super::Book;
use crate::{
    peer_text::shown,
    problem::{code_of_peer, offline, problem, sentence},
    view::{KeyView, NoticeKind, Problem, RegisterPhase},
};
use signet_fix::message::{AppMessage, KeyReport, KeyRequest};
use signet_rfq::UtcMillis;
use signet_stepup::client::CeremonyError;

impl Book {
    /// Starts the registration of a security key and returns the message to be sent.
    pub fn register_key(
        &mut self,
        name: &str,
        code: Option<String>,
    ) -> Result<AppMessage, Problem> {
        if !self.online() {
            return Err(offline());
        }
        if !self.step_ups.access.step_up {
            return Err(problem(
                "stepup.not_here",
                "This venue does not use security keys.",
                "Nothing needs to be registered.",
            ));
        }
        let name = name.trim();
        let good =
            !name.is_empty() && name.chars().count() <= 40 && !name.chars().any(char::is_control);
        if !good {
            return Err(problem(
                "key.name",
                "A key's name has 1 to 40 characters.",
                "Type a name you will know the key by.",
            ));
        }
        let code = code.map(|c| c.trim().to_owned()).filter(|c| !c.is_empty());
        self.with_step_ups(|s| {
            s.registering = Some(name.to_owned());
            (s.keys.phase, s.keys.problem) = (RegisterPhase::UnderWay, None);
        });
        Ok(AppMessage::KeyRequest(KeyRequest::Begin { name: name.into(), code }))
    }

    /// Shows that a new key was not registered, for a reason on this desk's side.
    pub(crate) fn registration_failed(&mut self, e: &CeremonyError) {
        self.with_step_ups(|s| {
            s.keys.phase = RegisterPhase::Failed;
            s.keys.problem = Some(problem(e.code(), sentence(&e.to_string()), e.cure()));
            s.registering = None;
        });
    }

    pub(super) fn key_report(&mut self, k: KeyReport, now: UtcMillis) -> Vec<AppMessage> {
        match k {
            KeyReport::List(json) => match serde_json::from_str::<Vec<KeyView>>(&json) {
                Ok(mut keys) => {
                    keys.iter_mut()
                        .for_each(|k| (k.name, k.model) = (shown(&k.name), shown(&k.model)));
                    self.with_step_ups(|s| s.keys.keys = keys);
                }
                Err(e) => tracing::warn!(error = %e, "the gateway's list of keys cannot be read"),
            },
            KeyReport::Options { id, deadline, options } => {
                let name = self.step_ups.registering.clone();
                match name {
                    Some(name) => {
                        // With too many dialogs open this one is dropped; the gateway's challenge
                        // expires.
                        let _ = self.with_step_ups(|s| s.add_new_key(id, name, options, deadline));
                    }
                    None => {
                        tracing::warn!(
                            "the gateway offers to register a key that this desk did not ask for"
                        )
                    }
                }
            }
            KeyReport::Registered { name } => {
                self.with_step_ups(|s| {
                    s.registered();
                    (s.keys.phase, s.keys.problem, s.registering) =
                        (RegisterPhase::Done, None, None);
                });
                self.notice(
                    NoticeKind::Good,
                    "key.registered",
                    format!("The security key {name} is registered."),
                    None,
                    now,
                );
                return vec![AppMessage::KeyRequest(KeyRequest::List)];
            }
            KeyReport::Refused { code, text, cure } => self.with_step_ups(|s| {
                s.registered();
                let text = sentence(&text.unwrap_or_else(|| "no reason given".into()));
                s.keys.phase = phase_after(&code);
                if s.keys.phase == RegisterPhase::Failed {
                    s.registering = None;
                }
                let code = code_of_peer(&code, "stepup.refused");
                s.keys.problem = Some(problem(code, text, cure.unwrap_or_default()));
            }),
        }
        Vec::new()
    }
}

/// What a refused registration leads to. The only place that reads this code of the protocol
/// (ReasonCode, 20104, of a KeyReport).
fn phase_after(code: &str) -> RegisterPhase {
    match code {
        "stepup.code_needed" => RegisterPhase::CodeWanted,
        _ => RegisterPhase::Failed,
    }
}
