//! Step-up and security keys between desk and gateway (U4 to UA). The data fields hold WebAuthn
//! JSON and the approval's text; this module checks their length only, their users read them.

use super::{DecodeError, reader::Reader};
use crate::{tag, tagvalue::Body};
use signet_rfq::UtcMillis;

/// User-defined U4, gateway to desk: asks for the touch of a security key before a deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUpChallenge {
    /// Tag 20100, chosen by the gateway; the answer repeats it.
    pub id: String,
    /// Why a touch is wanted, in words.
    pub reason: Option<String>,
    /// After this time an answer is not accepted.
    pub deadline: UtcMillis,
    /// What is to be approved: the text of `signet_stepup::Approval`.
    pub approval: String,
    /// WebAuthn `CredentialRequestOptions`, JSON.
    pub options: String,
}

/// User-defined U5, desk to gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUpAnswer {
    /// Tag 20100 of the challenge.
    pub id: String,
    /// Tag 20101, with what belongs to it.
    pub answer: Answer,
}

/// The desk's answer to a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// WebAuthn `PublicKeyCredential`, JSON.
    Signed(String),
    /// The person said no, or the desk saw other terms than it shows.
    Declined(Option<String>),
    /// There is no signature: no key, time-out, blocked.
    Failed(Option<String>),
}

/// The gateway's verdict on a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUpStatus {
    /// 1: the action that waited for it goes on.
    Passed,
    /// 2: the answer was not accepted; the action that waited for it is refused.
    Refused,
    /// 3
    Expired,
    /// 4: the answer is no longer needed; the text says why.
    Withdrawn,
    /// 5: accepted; a second person must approve too.
    SecondWanted,
}

/// User-defined U6, gateway to desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUpOutcome {
    /// Tag 20100 of the challenge.
    pub id: String,
    /// Tag 20102.
    pub status: StepUpStatus,
    /// Stable code of a refusal.
    pub code: Option<String>,
    /// Text (58): the reason, for the trader.
    pub text: Option<String>,
    /// Tag 20105: what the trader does about a refusal.
    pub cure: Option<String>,
}

/// User-defined U7, gateway to desk, after logon and on change: what the gateway requires of this
/// desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessState {
    /// Until when a touch in this session is good for what leases cover.
    pub lease_until: Option<UtcMillis>,
    /// The lease ends earlier after so many seconds in which the trader did nothing; 0 for never.
    pub idle_s: u32,
    /// The desk reports when the laptop wakes.
    pub on_wake: bool,
    /// The desk reports when the screen is unlocked.
    pub on_unlock: bool,
    /// The gateway uses step-up.
    pub step_up: bool,
    /// Number of this person's active security keys.
    pub keys: u32,
    /// This person is asked to approve what others do.
    pub approver: bool,
    /// Words for the trader, such as why nothing may be traded yet.
    pub text: Option<String>,
}

/// User-defined U9, desk to gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRequest {
    /// Step (20120) 1: which keys the person has.
    List,
    /// A new key under this name; the first one with a code, unless enrolment has just granted it.
    Begin {
        /// Tag 20121, at most 128 bytes.
        name: String,
        /// Tag 20122, as the person typed it.
        code: Option<String>,
    },
    /// The attested credential, JSON.
    Finish {
        /// Tag 20100 of the options.
        id: String,
        /// WebAuthn `PublicKeyCredential`, JSON.
        credential: String,
    },
}

/// User-defined UA, gateway to desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyReport {
    /// JSON list.
    List(String),
    /// WebAuthn `CredentialCreationOptions`, JSON.
    Options {
        /// Tag 20100, chosen by the gateway; [`KeyRequest::Finish`] repeats it.
        id: String,
        /// ExpireTime (126): after this time an answer is not accepted.
        deadline: UtcMillis,
        /// RawData (96).
        options: String,
    },
    /// Step (20120) 3: the key may be used from now on.
    Registered {
        /// Tag 20121.
        name: String,
    },
    /// Step (20120) 4: nothing was registered.
    Refused {
        /// Tag 20104, stable.
        code: String,
        /// Text (58): the reason, for the trader.
        text: Option<String>,
        /// Tag 20105: what the trader does about it.
        cure: Option<String>,
    },
}

const STATUSES: [(u8, StepUpStatus); 5] = [
    (1, StepUpStatus::Passed),
    (2, StepUpStatus::Refused),
    (3, StepUpStatus::Expired),
    (4, StepUpStatus::Withdrawn),
    (5, StepUpStatus::SecondWanted),
];

fn put_text(b: &mut Body, tag: u32, value: &Option<String>) {
    if let Some(v) = value {
        b.put_text(tag, v);
    }
}

fn flag(on: bool) -> char {
    if on { 'Y' } else { 'N' }
}

pub(super) fn encode_challenge(b: &mut Body, c: &StepUpChallenge) {
    b.put(tag::STEP_UP_ID, &c.id);
    b.put(tag::EXPIRE_TIME, c.deadline);
    put_text(b, tag::TEXT, &c.reason);
    b.put_data(tag::ENCODED_TEXT_LEN, tag::ENCODED_TEXT, c.approval.as_bytes());
    b.put_data(tag::RAW_DATA_LENGTH, tag::RAW_DATA, c.options.as_bytes());
}

pub(super) fn encode_answer(b: &mut Body, a: &StepUpAnswer) {
    b.put(tag::STEP_UP_ID, &a.id);
    let (kind, text) = match &a.answer {
        Answer::Signed(_) => (0, &None),
        Answer::Declined(t) => (1, t),
        Answer::Failed(t) => (2, t),
    };
    b.put(tag::STEP_UP_ANSWER, kind);
    put_text(b, tag::TEXT, text);
    if let Answer::Signed(json) = &a.answer {
        b.put_data(tag::RAW_DATA_LENGTH, tag::RAW_DATA, json.as_bytes());
    }
}

pub(super) fn encode_outcome(b: &mut Body, o: &StepUpOutcome) {
    b.put(tag::STEP_UP_ID, &o.id);
    let status = STATUSES.iter().find(|(_, s)| *s == o.status).map_or(2, |(n, _)| *n);
    b.put(tag::STEP_UP_STATUS, status);
    put_text(b, tag::REASON_CODE, &o.code);
    put_text(b, tag::TEXT, &o.text);
    put_text(b, tag::CURE, &o.cure);
}

pub(super) fn encode_access(b: &mut Body, s: &AccessState) {
    b.put_opt(tag::LEASE_UNTIL, s.lease_until);
    b.put(tag::IDLE_SECONDS, s.idle_s);
    b.put(tag::ON_WAKE, flag(s.on_wake));
    b.put(tag::ON_UNLOCK, flag(s.on_unlock));
    b.put(tag::STEP_UP_KNOWN, flag(s.step_up));
    b.put(tag::KEY_COUNT, s.keys);
    b.put(tag::APPROVER, flag(s.approver));
    put_text(b, tag::TEXT, &s.text);
}

pub(super) fn encode_key_request(b: &mut Body, k: &KeyRequest) {
    match k {
        KeyRequest::List => b.put(tag::KEY_STEP, 1),
        KeyRequest::Begin { name, code } => {
            b.put(tag::KEY_STEP, 2);
            b.put(tag::KEY_NAME, name);
            b.put_opt(tag::KEY_CODE, code.as_ref());
        }
        KeyRequest::Finish { id, credential } => {
            b.put(tag::KEY_STEP, 3);
            b.put(tag::STEP_UP_ID, id);
            b.put_data(tag::RAW_DATA_LENGTH, tag::RAW_DATA, credential.as_bytes());
        }
    }
}

pub(super) fn encode_key_report(b: &mut Body, k: &KeyReport) {
    match k {
        KeyReport::List(json) => {
            b.put(tag::KEY_STEP, 1);
            b.put_data(tag::RAW_DATA_LENGTH, tag::RAW_DATA, json.as_bytes());
        }
        KeyReport::Options { id, deadline, options } => {
            b.put(tag::KEY_STEP, 2);
            b.put(tag::STEP_UP_ID, id);
            b.put(tag::EXPIRE_TIME, *deadline);
            b.put_data(tag::RAW_DATA_LENGTH, tag::RAW_DATA, options.as_bytes());
        }
        KeyReport::Registered { name } => {
            b.put(tag::KEY_STEP, 3);
            b.put(tag::KEY_NAME, name);
        }
        KeyReport::Refused { code, text, cure } => {
            b.put(tag::KEY_STEP, 4);
            b.put(tag::REASON_CODE, code);
            put_text(b, tag::TEXT, text);
            put_text(b, tag::CURE, cure);
        }
    }
}

pub(super) fn decode_challenge(r: Reader<'_, '_>) -> Result<StepUpChallenge, DecodeError> {
    Ok(StepUpChallenge {
        id: r.word(tag::STEP_UP_ID)?,
        reason: r.words(tag::TEXT),
        deadline: r.utc(tag::EXPIRE_TIME)?,
        approval: r.data(tag::ENCODED_TEXT)?,
        options: r.data(tag::RAW_DATA)?,
    })
}

pub(super) fn decode_answer(r: Reader<'_, '_>) -> Result<StepUpAnswer, DecodeError> {
    let answer = match r.number(tag::STEP_UP_ANSWER)? {
        0u8 => Answer::Signed(r.data(tag::RAW_DATA)?),
        1 => Answer::Declined(r.words(tag::TEXT)),
        2 => Answer::Failed(r.words(tag::TEXT)),
        _ => return Err(DecodeError::Bad(tag::STEP_UP_ANSWER)),
    };
    Ok(StepUpAnswer { id: r.word(tag::STEP_UP_ID)?, answer })
}

pub(super) fn decode_outcome(r: Reader<'_, '_>) -> Result<StepUpOutcome, DecodeError> {
    let n: u8 = r.number(tag::STEP_UP_STATUS)?;
    let status = STATUSES
        .iter()
        .find(|(k, _)| *k == n)
        .map(|(_, s)| *s)
        .ok_or(DecodeError::Bad(tag::STEP_UP_STATUS))?;
    let code = r.opt(tag::REASON_CODE).is_some().then(|| r.word(tag::REASON_CODE)).transpose()?;
    Ok(StepUpOutcome {
        id: r.word(tag::STEP_UP_ID)?,
        status,
        code,
        text: r.words(tag::TEXT),
        cure: r.words(tag::CURE),
    })
}

pub(super) fn decode_access(r: Reader<'_, '_>) -> Result<AccessState, DecodeError> {
    Ok(AccessState {
        lease_until: r
            .opt(tag::LEASE_UNTIL)
            .is_some()
            .then(|| r.utc(tag::LEASE_UNTIL))
            .transpose()?,
        idle_s: r.number(tag::IDLE_SECONDS)?,
        on_wake: r.flag(tag::ON_WAKE)?,
        on_unlock: r.flag(tag::ON_UNLOCK)?,
        step_up: r.flag(tag::STEP_UP_KNOWN)?,
        keys: r.number(tag::KEY_COUNT)?,
        approver: r.flag(tag::APPROVER)?,
        text: r.words(tag::TEXT),
    })
}

pub(super) fn decode_key_request(r: Reader<'_, '_>) -> Result<KeyRequest, DecodeError> {
    Ok(match r.number(tag::KEY_STEP)? {
        1u8 => KeyRequest::List,
        2 => KeyRequest::Begin {
            name: r.word(tag::KEY_NAME)?,
            code: r.opt(tag::KEY_CODE).is_some().then(|| r.word(tag::KEY_CODE)).transpose()?,
        },
        3 => {
            KeyRequest::Finish { id: r.word(tag::STEP_UP_ID)?, credential: r.data(tag::RAW_DATA)? }
        }
        _ => return Err(DecodeError::Bad(tag::KEY_STEP)),
    })
}

pub(super) fn decode_key_report(r: Reader<'_, '_>) -> Result<KeyReport, DecodeError> {
    Ok(match r.number(tag::KEY_STEP)? {
        1u8 => KeyReport::List(r.data(tag::RAW_DATA)?),
        2 => KeyReport::Options {
            id: r.word(tag::STEP_UP_ID)?,
            deadline: r.utc(tag::EXPIRE_TIME)?,
            options: r.data(tag::RAW_DATA)?,
        },
        3 => KeyReport::Registered { name: r.word(tag::KEY_NAME)? },
        4 => KeyReport::Refused {
            code: r.word(tag::REASON_CODE)?,
            text: r.words(tag::TEXT),
            cure: r.words(tag::CURE),
        },
        _ => return Err(DecodeError::Bad(tag::KEY_STEP)),
    })
}
