//! The registration of security keys.

use super::Book;
use crate::{
    peer_text::shown,
    problem::{code_of_peer, offline, problem, sentence},
    step_up::StepUps,
    view::{KeyView, NoticeKind, Problem, RegisterPhase},
};
use signet_fix::message::{AppMessage, KeyReport, KeyRequest};
use signet_rfq::{UtcMillis, is_plain};
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
        // What the gateway answers to a beginning does not say which name it is for.
        if self.step_ups.keys.phase == RegisterPhase::UnderWay {
            return Err(problem(
                "key.under_way",
                "A security key is being registered.",
                "Finish that one, or decline it, and then register the next.",
            ));
        }
        let name = name.trim();
        let good = is_plain(name) && name.chars().count() <= 40 && name.len() <= NAME_BYTES_MAX;
        if !good {
            return Err(problem(
                "key.name",
                "A key's name has 1 to 40 characters that all show, and at most 128 bytes.",
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
            (s.registering, s.unanswered) = (Some(name.to_owned()), None);
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

    /// Nobody touched a new key in time. Its dialog is gone.
    pub(super) fn new_key_is_late(&mut self) {
        let late = CeremonyError::TimedOut;
        self.not_registered(problem(late.code(), sentence(&late.to_string()), late.cure()));
    }

    /// The gateway has not opened the dialog of a new key.
    pub(super) fn new_key_is_unanswered(&mut self) {
        self.not_registered(problem(
            "key.not_answered",
            "The gateway has not answered.",
            "Register the key again; if that does not help, tell your administrator.",
        ));
    }

    /// A registration that is under way ends without a key: a message of it went nowhere, or its
    /// dialog is gone.
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
                        let add = |s: &mut StepUps| s.add_new_key(id, name, options, deadline);
                        if !self.with_step_ups(add) {
                            // The gateway's challenge expires.
                            self.not_registered(problem(
                                "key.too_many_open",
                                "Too many approvals are open on this desk.",
                                "Answer or decline them, and then register the key.",
                            ));
                        }
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

    fn phase(b: &Book) -> (RegisterPhase, Option<&str>) {
        let keys = &b.step_ups.keys;
        (keys.phase, keys.problem.as_ref().map(|p| p.code.as_str()))
    }

    fn options(b: &mut Book, id: &str) {
        let deadline = NOW + 30_000;
        let report = KeyReport::Options { id: id.into(), deadline, options: "{}".into() };
        b.message(AppMessage::KeyReport(report), NOW);
    }

    /// The options for the first would be shown, and touched for, under the name of the second.
    #[test]
    fn one_key_is_registered_at_a_time() {
        let mut b = book();
        b.message(with_keys(), NOW);
        b.register_key("blue", None).unwrap();
        assert_eq!(b.register_key("red", None).unwrap_err().code, "key.under_way");
        options(&mut b, "k1");
        let open = b.next_step_up().unwrap();
        assert_eq!(open.subject, crate::step_up::Subject::NewKey { name: "blue".into() });
        b.close_step_up("k1");
        b.registration_failed(&CeremonyError::Cancelled);
        b.register_key("red", None).unwrap();
    }

    /// One that never ended would keep the trader from registering any key.
    #[test]
    fn a_registration_whose_dialog_is_gone_is_over() {
        let mut b = book();
        b.message(with_keys(), NOW);
        b.register_key("blue", None).unwrap();
        options(&mut b, "k1");
        b.tick(NOW + 29_000);
        assert_eq!(phase(&b), (RegisterPhase::UnderWay, None));
        b.tick(NOW + 31_000);
        assert_eq!(phase(&b), (RegisterPhase::Failed, Some("key.timed_out")));
        assert!(!b.has_step_up("k1"));
        // It was never shown, because there was no room.
        b.register_key("blue", None).unwrap();
        for n in 0..100 {
            let name = format!("other {n}");
            b.with_step_ups(|s| s.add_new_key(name.clone(), name, "{}".into(), NOW + 60_000));
        }
        options(&mut b, "k2");
        assert_eq!(phase(&b), (RegisterPhase::Failed, Some("key.too_many_open")));
        b.register_key("blue", None).unwrap();
    }

    /// A gateway that says nothing keeps nobody from registering a key later.
    #[test]
    fn a_registration_that_the_gateway_does_not_answer_is_over() {
        let mut b = book();
        b.message(with_keys(), NOW);
        // One that was answered in time waits for its touch, and not for the gateway.
        b.register_key("blue", None).unwrap();
        b.tick(NOW);
        options(&mut b, "k1");
        b.tick(NOW + 20_000);
        assert_eq!(phase(&b), (RegisterPhase::UnderWay, None));
        // The gateway takes the dialog back, and says no more.
        b.close_step_up("k1");
        b.tick(NOW + 21_000);
        b.tick(NOW + 80_999);
        assert_eq!(phase(&b), (RegisterPhase::UnderWay, None));
        b.tick(NOW + 81_000);
        assert_eq!(phase(&b), (RegisterPhase::Failed, Some("key.not_answered")));
        b.register_key("red", None).unwrap();
        b.tick(NOW + 82_000);
        assert_eq!(phase(&b), (RegisterPhase::UnderWay, None));
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
