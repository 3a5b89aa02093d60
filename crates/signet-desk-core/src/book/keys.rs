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

/// Characters of a one-time code, at most; the enrolment of a laptop takes no longer one.
const CODE_CHARS_MAX: usize = 100;
/// Bytes of a key's name (20121), at most.
const NAME_BYTES_MAX: usize = 128;

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
        let good = !name.is_empty()
            && name.chars().count() <= 40
            && name.len() <= NAME_BYTES_MAX
            && !name.chars().any(char::is_control);
        if !good {
            return Err(problem(
                "key.name",
                "A key's name has 1 to 40 characters, and at most 128 bytes.",
                "Type a short name that you will know the key by.",
            ));
        }
        let code = code.map(|c| c.trim().to_owned()).filter(|c| !c.is_empty());
        let plain = |c: &String| c.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if code.as_ref().is_some_and(|c| c.len() > CODE_CHARS_MAX || !plain(c)) {
            return Err(problem(
                "key.code",
                "A one-time code has at most 100 letters and digits.",
                "Type the code that your administrator gave you.",
            ));
        }
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

    /// A message of a registration went nowhere: one that is under way ends without a key.
    pub(super) fn not_registered(&mut self, why: Problem) {
        if self.step_ups.keys.phase != RegisterPhase::UnderWay {
            return;
        }
        self.with_step_ups(|s| {
            s.registered();
            (s.keys.phase, s.keys.problem) = (RegisterPhase::Failed, Some(why));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::life_tests::{NOW, book, with_keys};

    #[test]
    fn a_registration_whose_message_went_nowhere_is_not_under_way() {
        let reject = || {
            AppMessage::BusinessReject(signet_fix::message::BusinessReject {
                ref_seq_num: None,
                ref_msg_type: "U9".into(),
                ref_id: None,
                reason: 4,
                text: None,
            })
        };
        type Fails = fn(&mut Book, &AppMessage, AppMessage);
        let table: [(&str, Fails); 2] = [
            ("message.not_sent", |b, m, _| {
                b.not_sent(m, problem("message.not_sent", "no", "try"), NOW)
            }),
            ("key.refused", |b, _, reject| drop(b.message(reject, NOW))),
        ];
        for (code, fails) in table {
            let mut b = book();
            b.message(with_keys(), NOW);
            let m = b.register_key("blue", None).unwrap();
            assert_eq!(b.step_ups.keys.phase, RegisterPhase::UnderWay);
            fails(&mut b, &m, reject());
            let keys = &b.step_ups.keys;
            assert_eq!(keys.phase, RegisterPhase::Failed, "{code}");
            assert_eq!(keys.problem.as_ref().map(|p| p.code.as_str()), Some(code));
            assert_eq!(b.step_ups.registering, None);
        }
    }

    /// The gateway refuses to read a longer field, and so never answers.
    #[test]
    fn a_name_fits_into_its_field() {
        let wide = |n| "𝔘".repeat(n);
        for (name, good) in [
            ("é".repeat(40), true),
            ("é".repeat(41), false),
            (wide(NAME_BYTES_MAX / 4), true),
            (wide(NAME_BYTES_MAX / 4 + 1), false),
            (" ".into(), false),
            ("a\tb".into(), false),
        ] {
            let mut b = book();
            b.message(with_keys(), NOW);
            assert_eq!(b.register_key(&name, None).is_ok(), good, "{name}");
        }
    }

    /// A field of a message, and of its signature, would be what the page makes of it.
    #[test]
    fn a_code_is_short_and_plain_before_it_is_sent() {
        let long = "7".repeat(CODE_CHARS_MAX + 1);
        for (typed, sent) in [
            (None, Ok(None)),
            (Some(" \n"), Ok(None)),
            (Some(" K7-22 QX\n"), Ok(Some("K7-22 QX"))),
            (Some(&long[1..]), Ok(Some(&long[1..]))),
            (Some(&*long), Err("key.code")),
            (Some("1\u{1}20103=2"), Err("key.code")),
            (Some("één"), Err("key.code")),
        ] {
            let mut b = book();
            b.message(with_keys(), NOW);
            let made = b.register_key("blue", typed.map(str::to_owned));
            let code = match &made {
                Ok(AppMessage::KeyRequest(KeyRequest::Begin { code, .. })) => Ok(code.as_deref()),
                Ok(other) => panic!("{other:?}"),
                Err(why) => Err(why.code.as_str()),
            };
            assert_eq!(code, sent, "{typed:?}");
        }
    }
}
