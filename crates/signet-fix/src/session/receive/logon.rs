//! A Logon (A): read, agreed with the numbers of this end, and answered or refused.

use super::{
    super::{
        BEGIN_STRING, Role,
        ahead::Held,
        envelope::Envelope,
        logon::{Agreement, LogonFacts, LogonFault, OwnNumbers, agree, read_logon},
        turn::Phase,
    },
    Receiving,
};
use crate::{
    tag,
    tagvalue::{Field, Fields, seal},
};
use std::time::Instant;

impl Receiving<'_> {
    pub(super) fn logon(&self, frame: &[u8], fields: &[Field], envelope: &Envelope) {
        let inbound = self.inbound;
        let judged =
            self.read_logon(frame, fields).and_then(|facts| self.agree(facts).map(|a| (facts, a)));
        let (facts, agreement) = match judged {
            Ok(x) => x,
            Err(fault) => return self.refuse_logon(&fault),
        };
        if let Some(number) = agreement.expect {
            tracing::info!(
                peer = inbound.target,
                from = self.expected(),
                to = number,
                "sequence numbers agreed at logon"
            );
            self.expect(number);
        }
        inbound.past_may_be_resent.set(agreement.past_may_be_resent);
        self.session.shared.expects(facts.number.saturating_add(1));
        // Were the number ahead of what the engine expects, it would queue the Logon. So it expects
        // this number while it looks at the Logon, and what is missing before it afterwards.
        let missing_from = Some(self.expected()).filter(|n| *n < facts.number && !facts.reset);
        if missing_from.is_some() {
            self.expect(facts.number);
        }
        match without_next_expected(frame, fields) {
            None => self.engine(frame, fields, envelope),
            Some(frame) => {
                let mut fields = vec![];
                if let Some(e) = Envelope::read(&frame, &mut fields) {
                    self.engine(&frame, &fields, &e);
                }
            }
        }
        if let Some(from) = missing_from {
            self.expect(from);
        }
        if self.phase() != Phase::On {
            if !self.outbox.closed() {
                self.refuse_logon(&LogonFault::NotTaken);
            }
            return;
        }
        if missing_from.is_some() {
            self.hold(facts.number, Held::Done);
        }
        if let Some(from) = agreement.resend_from {
            self.begin_answer(
                facts.number,
                from,
                self.session.shared.present_from().saturating_sub(1),
            );
        }
    }

    fn read_logon(&self, frame: &[u8], fields: &[Field]) -> Result<LogonFacts, LogonFault> {
        let read = Fields::of(frame, fields);
        let facts = read_logon(
            &read,
            &self.inbound.options,
            &self.session.shared.binding(),
            self.inbound.strict,
        )?;
        let names = (read.text(tag::SENDER_COMP_ID), read.text(tag::TARGET_COMP_ID));
        match names == (Some(&self.inbound.target), Some(&self.inbound.sender)) {
            true => Ok(facts),
            false => Err(LogonFault::CompId),
        }
    }

    fn agree(&self, facts: LogonFacts) -> Result<Agreement, LogonFault> {
        let initiator = self.inbound.role == Role::Initiator;
        let (next_sender, next_target) =
            self.session.with_store(|s| (s.next_sender(), s.next_target()));
        agree(
            self.inbound.options.numbers,
            OwnNumbers { next_sender, next_target, initiator },
            facts,
            self.inbound.options.jump_max,
        )
    }

    fn refuse_logon(&self, fault: &LogonFault) {
        tracing::warn!(peer = self.inbound.target, role = ?self.inbound.role, "Logon refused: \
            {fault}");
        self.end(&fault.to_string());
    }

    /// A dealer may reset its numbers inside the session (FIX 4.4, volume 2, "Logon"). Nobody else,
    /// and nothing is changed before that is known.
    pub(super) fn logon_in_session(&self, frame: &[u8], fields: &[Field], envelope: &Envelope) {
        if !self.inbound.logons.borrow_mut().take(Instant::now(), 1) {
            return self.end("Logons inside the session come too often");
        }
        let facts = match self.read_logon(frame, fields) {
            Ok(facts) if facts.reset => facts,
            Ok(_) => {
                return self.reject(frame, envelope, 99, None, "the session is logged on already");
            }
            Err(fault) => return self.reject(frame, envelope, 99, None, &fault.to_string()),
        };
        let numbers = self.session.with_store(|s| (s.next_sender(), s.next_target()));
        if self.inbound.role == Role::Initiator && numbers == (2, 2) {
            // The answer to our answer: another would be answered again, for ever.
            tracing::debug!(
                peer = self.inbound.target,
                number = facts.number,
                "a reset that has been answered is not answered again"
            );
            return;
        }
        self.inbound.forget();
        self.engine(frame, fields, envelope);
    }
}

/// The same Logon without NextExpectedMsgSeqNum (789), which the engine would answer in its own
/// way, unmetered; `None`: it holds none.
fn without_next_expected(frame: &[u8], fields: &[Field]) -> Option<Vec<u8>> {
    if !fields.iter().any(|f| f.tag == tag::NEXT_EXPECTED_MSG_SEQ_NUM) {
        return None;
    }
    let mut body = Vec::with_capacity(frame.len());
    for f in fields.iter().filter(|f| !matches!(f.tag, 8 | 9 | 10 | tag::NEXT_EXPECTED_MSG_SEQ_NUM))
    {
        body.extend_from_slice(format!("{}=", f.tag).as_bytes());
        body.extend_from_slice(f.value(frame));
        body.push(1);
    }
    Some(seal(BEGIN_STRING, &body))
}
