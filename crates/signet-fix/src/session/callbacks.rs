//! QuickFIX's callbacks. Each fails closed: a panic rejects.

use super::{
    Binding, Event, Meta, Role, SessionConfig,
    options::{LogonReset, NumberMode, SessionOptions},
    program::LogonSays,
    tap::{Passing, Tap},
};
use crate::{
    AppMessage,
    message::{BusinessReject, DecodeError},
    signature::check::{Judged, SignatureChecker},
    signature::{SignatureError, SignedFrame, Verification, judge},
    tag,
    tagvalue::{Body, Field, Fields, ParseError, cut, parse_utc},
};
use quickfix::{
    ApplicationCallback, FieldMap, LogCallback, Message, MsgFromAdminError, MsgFromAppError,
    MsgToAppError, SessionId,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

/// Events not yet fetched. At this number the peer is no longer read, so that no event is lost.
const MAX_EVENTS: usize = 1_024;

/// State that callbacks and session share.
pub(super) struct Shared {
    role: Role,
    binding: RefCell<Binding>,
    verification: RefCell<Option<Verification>>,
    events: RefCell<VecDeque<Event>>,
    replies: RefCell<VecDeque<Body>>,
    /// What the peer said in its Logout: text, code, cure.
    logout: RefCell<[Option<String>; 4]>,
    /// What our next Logon says beside what the session needs.
    logon_says: LogonSays,
    /// Code and cure that our next Logout carries.
    goodbye: RefCell<Option<(String, String)>>,
    /// The frame the engine is looking at, as it came over the wire.
    current: RefCell<Current>,
    /// What another thread found about the signature of a frame that is being received.
    known: RefCell<Option<Judged>>,
    /// Whether [`Event::LoggedOn`] was said on this connection.
    on: Cell<bool>,
    numbers: NumberMode,
    logon_reset: LogonReset,
    /// What we expect next from the peer, for our Logon.
    next_target: Cell<u64>,
    /// Set while a new message of ours is being sent, as opposed to a resend.
    sending: Cell<bool>,
    /// MsgSeqNum of the Logon we sent on this connection: what comes after it belongs to the
    /// present.
    present_from: Cell<u64>,
    tap: RefCell<Option<Tap>>,
    /// The tap of this connection.
    tapping: RefCell<Option<Tap>>,
}

impl Shared {
    pub(crate) fn new(role: Role, options: &SessionOptions) -> Self {
        Self {
            role,
            binding: RefCell::new(Binding::None),
            verification: RefCell::default(),
            events: RefCell::default(),
            replies: RefCell::default(),
            logout: RefCell::default(),
            logon_says: LogonSays::default(),
            goodbye: RefCell::default(),
            current: RefCell::default(),
            known: RefCell::default(),
            on: Cell::new(false),
            numbers: options.numbers,
            logon_reset: options.logon_reset,
            next_target: Cell::new(1),
            sending: Cell::new(false),
            present_from: Cell::new(u64::MAX),
            tap: RefCell::default(),
            tapping: RefCell::default(),
        }
    }

    pub(crate) fn set_tap(&self, tap: Option<Tap>) {
        self.tap.replace(tap);
    }

    pub(crate) fn tap(&self) -> Option<Tap> {
        self.tap.borrow().clone()
    }

    fn tell(&self, passing: Passing<'_>) {
        if let Some(tap) = &*self.tapping.borrow() {
            tap(passing);
        }
    }

    pub(crate) fn start(&self, binding: Binding, verification: Option<Verification>) {
        *self.binding.borrow_mut() = binding;
        *self.verification.borrow_mut() = verification;
        self.logout.take();
        self.goodbye.take();
        self.replies.borrow_mut().clear();
        self.tapping.replace(self.tap());
        self.present_from.set(u64::MAX);
    }

    /// The frame that the engine is given next, and its fields, if they are known already.
    pub(crate) fn reading(&self, frame: &[u8], fields: &[Field]) {
        self.current.borrow_mut().read(frame, fields);
    }

    /// What is known of the frame that is received next, or, after it, of none.
    pub(crate) fn knows(&self, judged: Option<Judged>) {
        self.known.replace(judged);
    }

    /// Other threads that judge signatures of this connection.
    pub(crate) fn checker(&self) -> Option<Rc<dyn SignatureChecker>> {
        self.verification.borrow().as_ref().and_then(|v| v.verifier.checker())
    }

    pub(crate) fn binding(&self) -> Binding {
        self.binding.borrow().clone()
    }

    pub(crate) fn present_from(&self) -> u64 {
        self.present_from.get()
    }

    /// Our next Logon says it, when it says what we expect.
    pub(crate) fn expects(&self, next_target: u64) {
        self.next_target.set(next_target);
    }

    /// Whether nothing more of the peer is to be read before events are fetched.
    pub(crate) fn is_full(&self) -> bool {
        self.events.borrow().len() >= MAX_EVENTS
    }

    pub(super) fn logon_says(&self) -> &LogonSays {
        &self.logon_says
    }

    pub(crate) fn say_at_logout(&self, why: Option<(&str, &str)>) {
        let clean = |s: &str| s.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        self.goodbye.replace(
            why.map(|(code, cure)| (clean(code), clean(cure))).filter(|(code, _)| !code.is_empty()),
        );
    }

    /// Runs `f`, a send of something new.
    pub(crate) fn sending<T>(&self, f: impl FnOnce() -> T) -> T {
        self.sending.set(true);
        let result = f();
        self.sending.set(false);
        result
    }

    pub(crate) fn next_event(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }

    /// Drops what the peer's messages led to; what became of the connection stays.
    pub(crate) fn forget_messages(&self) {
        self.events.borrow_mut().retain(|e| matches!(e, Event::LoggedOn | Event::LoggedOut { .. }));
        self.replies.borrow_mut().clear();
    }

    pub(crate) fn next_reply(&self) -> Option<Body> {
        self.replies.borrow_mut().pop_front()
    }

    pub(crate) fn event(&self, e: Event) {
        self.events.borrow_mut().push_back(e);
    }

    fn refuse(&self, frame: &[u8], fields: Option<&Fields<'_>>, error: DecodeError) {
        self.tell(Passing::Refused { frame, error: &error });
        let get = |t| fields.and_then(|f| f.text(t)).map(str::to_owned);
        let msg_type = header_field(frame, b"35=")
            .and_then(|t| std::str::from_utf8(t).ok())
            .unwrap_or_default();
        let seq = fields.and_then(|f| f.text(tag::MSG_SEQ_NUM)).and_then(|s| s.parse().ok());
        self.replies.borrow_mut().push_back(match &error {
            DecodeError::Missing(t) => session_reject(seq, msg_type, *t, 1, &error),
            DecodeError::Bad(t) => session_reject(seq, msg_type, *t, 5, &error),
            _ => AppMessage::BusinessReject(BusinessReject {
                ref_seq_num: seq,
                ref_msg_type: msg_type.into(),
                // An answer to a quote has an id of its own beside its RFQ's.
                ref_id: [tag::QUOTE_RESP_ID, tag::QUOTE_REQ_ID, tag::CL_ORD_ID]
                    .into_iter()
                    .find_map(get),
                reason: match error {
                    // Unsupported message type; not authorized; other.
                    DecodeError::UnsupportedType(_) => 3,
                    DecodeError::Signature(_) => 6,
                    _ => 0,
                },
                text: Some(match &error {
                    DecodeError::Signature(why) => format!("{error} ({})", why.code()),
                    _ => error.to_string(),
                }),
            })
            .encode(),
        });
        self.event(Event::Refused { msg_type: msg_type.into(), error });
    }

    /// `frame` as it came over the wire, and what it consists of.
    fn application_message(&self, frame: &[u8], fields: Result<&[Field], &ParseError>) {
        let read = fields.map(|f| Fields::of(frame, f));
        let signed = match self.judged(frame, fields) {
            Ok(good) => good.then(|| SignedFrame::new(frame)),
            // A message whose signature is bad is not read further.
            Err(why) => return self.refuse(frame, read.ok().as_ref(), why.into()),
        };
        let fields = match read {
            Ok(f) => f,
            Err(e) => return self.refuse(frame, None, e.clone().into()),
        };
        match AppMessage::from_fields(&fields) {
            Ok(message) => {
                self.tell(Passing::Received { frame, signed: signed.is_some() });
                self.event(Event::Message { message, meta: meta(&fields, signed) });
            }
            Err(e) => self.refuse(frame, Some(&fields), e),
        }
    }

    fn judged(
        &self,
        frame: &[u8],
        fields: Result<&[Field], &ParseError>,
    ) -> Result<bool, SignatureError> {
        let verification = self.verification.borrow();
        let Some(v) = verification.as_ref() else { return Ok(false) };
        let kind = header_field(frame, b"35=")
            .and_then(|t| std::str::from_utf8(t).ok())
            .unwrap_or_default();
        judge(frame, fields, kind, v, self.known.borrow().as_ref())
    }

    fn admin_message(&self, m: &Message) -> Result<(), MsgFromAdminError> {
        match m.with_header(|h| h.get_field(tag::MSG_TYPE as i32)).as_deref() {
            Some("A") => self.check_logon(m),
            Some("0") => {
                let id = m.get_field(tag::TEST_REQ_ID as i32);
                let sent = m.with_header(|h| h.get_field(tag::SENDING_TIME as i32));
                if let (Some(id), Some(sent)) = (id, sent.and_then(|s| parse_utc(s.as_bytes()))) {
                    self.event(Event::Pong { id, sent });
                }
                Ok(())
            }
            Some("3") => {
                let get = |t: u32| m.get_field(t as i32).unwrap_or_default();
                let seq = m.with_header(number).unwrap_or(0);
                self.event(Event::Rejected {
                    seq,
                    ref_seq: get(tag::REF_SEQ_NUM).parse().unwrap_or(0),
                    ref_msg_type: get(tag::REF_MSG_TYPE),
                    text: format!("tag {}: {}", get(tag::REF_TAG_ID), get(tag::TEXT)),
                });
                Ok(())
            }
            Some("5") => {
                *self.logout.borrow_mut() =
                    [tag::TEXT, tag::REASON_CODE, tag::CURE, tag::RETRY_AFTER]
                        .map(|t| m.get_field(t as i32));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_logon(&self, m: &Message) -> Result<(), MsgFromAdminError> {
        let Binding::Required(expected) = &*self.binding.borrow() else { return Ok(()) };
        // ResetSeqNumFlag between desk and gateway would throw away messages in flight unseen.
        let reset = m.get_field(tag::RESET_SEQ_NUM_FLAG as i32).as_deref() == Some("Y");
        let got = m.get_field(tag::CHANNEL_BINDING as i32);
        if got.as_deref() == Some(expected) && !reset {
            return Ok(());
        }
        tracing::warn!(role = ?self.role, reset, bound = got.is_some(), "a Logon is not bound to \
            its TLS connection");
        Err(MsgFromAdminError::RejectLogon)
    }
}

/// A frame and its fields, in memory that the next frame uses again.
#[derive(Default)]
struct Current {
    frame: Vec<u8>,
    fields: Vec<Field>,
    error: Option<ParseError>,
}

impl Current {
    fn read(&mut self, frame: &[u8], fields: &[Field]) {
        self.frame.clear();
        self.frame.extend_from_slice(frame);
        if fields.is_empty() {
            self.error = cut(frame, &mut self.fields).err();
        } else {
            self.error = None;
            self.fields.clear();
            self.fields.extend_from_slice(fields);
        }
    }

    fn number(&self) -> Option<&str> {
        let field = self.fields.iter().find(|f| f.tag == tag::MSG_SEQ_NUM)?;
        std::str::from_utf8(field.value(&self.frame)).ok()
    }

    fn fields(&self) -> Result<&[Field], &ParseError> {
        self.error.as_ref().map_or(Ok(&self.fields), Err)
    }
}

fn session_reject(
    seq: Option<u64>,
    msg_type: &str,
    tag_id: u32,
    reason: u16,
    error: &DecodeError,
) -> Body {
    let mut b = Body::new("3");
    b.put(tag::REF_SEQ_NUM, seq.unwrap_or(0));
    b.put(tag::REF_TAG_ID, tag_id);
    b.put_text(tag::REF_MSG_TYPE, msg_type);
    b.put(tag::SESSION_REJECT_REASON, reason);
    b.put_text(tag::TEXT, &error.to_string());
    b
}

fn meta(fields: &Fields<'_>, signed: Option<SignedFrame>) -> Meta {
    Meta {
        seq: fields.text(tag::MSG_SEQ_NUM).and_then(|s| s.parse().ok()).unwrap_or(0),
        sent: fields.get(tag::SENDING_TIME).and_then(parse_utc),
        poss_dup: fields.get(tag::POSS_DUP_FLAG) == Some(b"Y"),
        bytes: fields.bytes(),
        signed,
    }
}

fn header_field<'a>(frame: &'a [u8], tag: &[u8]) -> Option<&'a [u8]> {
    frame.split(|b| *b == 1).take(12).find_map(|f| f.strip_prefix(tag))
}

pub(super) struct Callbacks(pub Rc<Shared>);

/// Runs `f`; a panic in it becomes `fallback`. The binding would take a panic as consent.
fn guarded<T>(what: &str, fallback: T, f: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        tracing::error!(what, "a FIX callback panicked; refused");
        fallback
    })
}

impl ApplicationCallback for Callbacks {
    fn on_logon(&self, _: &SessionId) {
        guarded("logon", (), || {
            // A dealer that resets its numbers sends a Logon inside the session; it is not a second
            // logon.
            if !self.0.on.replace(true) {
                self.0.event(Event::LoggedOn);
            }
        });
    }

    fn on_logout(&self, _: &SessionId) {
        guarded("logout", (), || {
            self.0.on.set(false);
            let [text, code, cure, retry] = self.0.logout.take();
            let retry_s = retry.and_then(|r| r.parse().ok());
            self.0.event(Event::LoggedOut { text, code, cure, retry_s });
        });
    }

    fn on_msg_to_admin(&self, m: &mut Message, _: &SessionId) {
        guarded("to_admin", (), || {
            let kind = m.with_header(|h| h.get_field(tag::MSG_TYPE as i32));
            if let (Some("5"), Some((code, cure))) = (kind.as_deref(), self.0.goodbye.take()) {
                let _ = m.set_field(tag::REASON_CODE as i32, code.as_str());
                if !cure.is_empty() {
                    let _ = m.set_field(tag::CURE as i32, cure.as_str());
                }
            }
            let logon = kind.as_deref() == Some("A");
            if logon {
                self.0.present_from.set(m.with_header(number).unwrap_or(u64::MAX));
            }
            if logon && self.0.numbers == NumberMode::Agreed {
                let _ = m.set_field(
                    tag::NEXT_EXPECTED_MSG_SEQ_NUM as i32,
                    self.0.next_target.get().to_string().as_str(),
                );
            }
            // The engine then resets the store and sends this Logon as number 1.
            if logon
                && self.0.role == Role::Initiator
                && self.0.logon_reset == LogonReset::Always
                && !self.0.on.get()
            {
                let _ = m.set_field(tag::RESET_SEQ_NUM_FLAG as i32, "Y");
                self.0.present_from.set(1);
            }
            if let (true, Binding::Required(b)) = (logon, &*self.0.binding.borrow()) {
                // A Logon that could not be bound is refused by the peer: fails closed.
                let _ = m.set_field(tag::CHANNEL_BINDING as i32, b.as_str());
            }
            if logon {
                self.0.logon_says.put(m);
            }
        });
    }

    fn on_msg_to_app(&self, m: &mut Message, _: &SessionId) -> Result<(), MsgToAppError> {
        if self.0.sending.get() {
            return Ok(());
        }
        guarded("to_app", Err(MsgToAppError::DoNotSend), || {
            let (resend, kind, number) = m.with_header(|h| {
                let dup = h.get_field(tag::POSS_DUP_FLAG as i32).as_deref() == Some("Y");
                (dup, h.get_field(tag::MSG_TYPE as i32).unwrap_or_default(), number(h))
            });
            // A peer that lost something before this connection asks for everything since, to
            // infinity, and holds back what follows meanwhile. A gap fill over that would take it
            // away from it.
            let of_the_past = number.is_none_or(|n| n < self.0.present_from.get());
            if resend && of_the_past && !AppMessage::may_be_resent(&kind) {
                return Err(MsgToAppError::DoNotSend);
            }
            Ok(())
        })
    }

    fn on_msg_from_admin(&self, m: &Message, _: &SessionId) -> Result<(), MsgFromAdminError> {
        guarded("from_admin", Err(MsgFromAdminError::RejectLogon), || self.0.admin_message(m))
    }

    fn on_msg_from_app(&self, m: &Message, _: &SessionId) -> Result<(), MsgFromAppError> {
        guarded("from_app", Err(MsgFromAppError::IncorrectTagValue), || {
            let current = self.0.current.borrow();
            // The engine holds nothing back, so this is the frame it was just given; if it were
            // another, its signature would be unknown.
            if m.with_header(|h| h.get_field(tag::MSG_SEQ_NUM as i32)).as_deref()
                == current.number()
            {
                self.0.application_message(&current.frame, current.fields());
            } else {
                let read = current.fields().ok().map(|f| Fields::of(&current.frame, f));
                self.0.refuse(&current.frame, read.as_ref(), SignatureError::NotKept.into());
            }
            Ok(())
        })
    }
}

fn number(header: &quickfix::Header) -> Option<u64> {
    header.get_field(tag::MSG_SEQ_NUM as i32)?.parse().ok()
}

/// Engine events go to the log; message contents never do.
pub(super) struct Log {
    peer: String,
}

impl Log {
    pub(crate) fn new(c: &SessionConfig) -> Self {
        Self { peer: c.target.to_string() }
    }
}

impl LogCallback for Log {
    fn on_event(&self, _: Option<&SessionId>, text: &str) {
        tracing::debug!(target: "signet_fix::engine", peer = %self.peer, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The binding reads a panic as "go on": a panicking Logon check would log the peer on.
    #[test]
    fn a_panic_in_a_callback_is_a_refusal() {
        let refused: Result<(), MsgFromAdminError> =
            guarded("test", Err(MsgFromAdminError::RejectLogon), || {
                panic!("callback panic under test")
            });
        assert!(matches!(refused, Err(MsgFromAdminError::RejectLogon)));
        let unsent: Result<(), MsgToAppError> =
            guarded("test", Err(MsgToAppError::DoNotSend), || panic!("callback panic under test"));
        assert!(matches!(unsent, Err(MsgToAppError::DoNotSend)));
        assert_eq!(guarded("test", 1, || 2), 2);
    }
}
