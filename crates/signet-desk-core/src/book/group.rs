//! Colleagues' open RFQs, and RFQs that change hands: to this desk, or away from it.

use super::{Book, frame_clock::Part};
use crate::{
    blotter::RowStatus,
    peer_text::shown,
    problem::{code_of_peer, offline, problem, sentence},
    view::{Ask, BlotterTab, ColleagueRfq, GroupView, NoticeKind, Problem},
};
use signet_fix::message::{AppMessage, GroupMark, GroupRfq, HandOver, HandOverKind, TakeOver};
use signet_identity::CompId;
use signet_rfq::{self as rfq, RfqId, RfqState, UtcMillis, group_digits};
use std::collections::BTreeMap;

/// Rows that are kept of one answer; a gateway tells fewer.
const ROWS_MAX: usize = 200;

/// What is known of colleagues' RFQs.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The answer that is complete.
    rows: Vec<GroupRfq>,
    /// The answer that is coming in.
    coming: Option<Vec<GroupRfq>>,
    asking: bool,
    at: Option<UtcMillis>,
    more: bool,
    /// What this desk will call the RFQ that it asked for, and the row it stands in.
    taking: Option<(RfqId, String)>,
    taken: Option<RfqId>,
    problem: Option<Problem>,
    /// Who had the RFQs that this desk took over, in words.
    origins: BTreeMap<RfqId, String>,
}

/// RFQs of which it is remembered.
const ORIGINS_MAX: usize = 1_000;

impl Group {
    /// Who had an RFQ before, if it was taken over.
    pub(super) fn origin(&self, rfq: &RfqId) -> Option<&str> {
        self.origins.get(rfq).map(String::as_str)
    }

    fn came(&mut self, rfq: &RfqId, from: String) {
        if self.origins.len() >= ORIGINS_MAX {
            self.origins.pop_first();
        }
        self.origins.insert(rfq.clone(), from);
    }

    /// Whatever was asked has no answer any longer, or belongs to another identity.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// What was asked for is this desk's now.
    fn came_about(&mut self, id: RfqId, key: &str) {
        self.rows.retain(|g| key_of(g) != key);
        self.taken = Some(id);
    }

    fn failed(&mut self, why: Problem) {
        (self.taking, self.problem) = (None, Some(why));
    }
}

fn key_of(g: &GroupRfq) -> String {
    format!("{}/{}", g.desk, g.request.id)
}

impl Book {
    /// Asks which RFQs of colleagues are open; the frames show the answer.
    pub fn ask_group(&mut self, now: UtcMillis) -> Result<AppMessage, Problem> {
        if self.connection.direct {
            return Err(problem(
                "group.not_here",
                "This venue has no gateway, so it knows no colleagues.",
                "Ask your colleague.",
            ));
        }
        if !self.online() {
            return Err(offline());
        }
        (self.group.asking, self.group.problem) = (true, None);
        self.changed(Part::Group);
        Ok(AppMessage::GroupRequest { at: self.clock.gateway(now) })
    }

    /// Asks for a colleague's RFQ by its key in the list. The gateway decides.
    pub fn take_over(&mut self, key: &str, now: UtcMillis) -> Result<AppMessage, Problem> {
        self.may_send()?;
        if self.group.taking.is_some() {
            return Err(problem(
                "takeover.under_way",
                "Another RFQ is being taken over.",
                "Wait for the gateway's answer.",
            ));
        }
        let row = self.group.rows.iter().find(|g| key_of(g) == key).ok_or_else(|| {
            problem(
                "takeover.not_listed",
                "This RFQ is not in the list any longer.",
                "Look at the list again.",
            )
        })?;
        let (desk, of) = (row.desk.clone(), row.request.id.clone());
        let no_id = |e: String| problem("desk.internal", e, "Restart Signet Desk.");
        let id = RfqId::new(self.ids.rfq()).map_err(|e| no_id(e.to_string()))?;
        self.group.taking = Some((id.clone(), key.to_owned()));
        (self.group.problem, self.group.taken) = (None, None);
        self.changed(Part::Group);
        Ok(AppMessage::TakeOver(TakeOver { rfq: id, desk, of, at: self.clock.gateway(now) }))
    }

    /// A part of the list.
    pub(super) fn group_told(&mut self, mark: GroupMark, now: UtcMillis) {
        let g = &mut self.group;
        match mark {
            GroupMark::Begin => g.coming = Some(Vec::new()),
            GroupMark::Rfq(row) => {
                if let Some(rows) = g.coming.as_mut().filter(|rows| rows.len() < ROWS_MAX) {
                    rows.push(*row);
                }
            }
            GroupMark::End { more } => {
                // What was not begun is not an answer.
                let Some(rows) = g.coming.take() else { return };
                (g.rows, g.more, g.asking) = (rows, more, false);
                g.at = Some(self.clock.gateway(now));
                self.frames.mark(Part::Group);
            }
        }
    }

    /// An RFQ has changed hands, or has not.
    pub(super) fn handed_over(&mut self, h: HandOver, now: UtcMillis) {
        match h.kind {
            HandOverKind::Yours => self.got(&h, now),
            HandOverKind::Theirs => self.lost(&h, now),
            HandOverKind::Refused => self.not_got(h, now),
        }
        self.frames.mark(Part::Group);
    }

    /// This desk has it now, or still has it. What was asked follows.
    fn got(&mut self, h: &HandOver, now: UtcMillis) {
        let known = self.screen.contains(&h.rfq);
        let from = format!("Taken over from {}", person(h.name.as_deref(), h.desk.as_ref()));
        self.group.came(&h.rfq, from.clone());
        let asked = self.group.taking.take_if(|(id, _)| *id == h.rfq);
        if let Some((id, key)) = asked {
            self.group.came_about(id, &key);
        }
        if !known && self.connection.restoring.is_none() {
            let as_known = h.text.as_deref().map(|id| format!(" Dealers know it as {id}."));
            let text = format!("{from}. It is yours now.{}", as_known.unwrap_or_default());
            self.notice(NoticeKind::Good, "rfq.took_over", text, Some(&h.rfq), now);
        }
    }

    /// A colleague has it now: nothing of it can be pressed here any longer.
    fn lost(&mut self, h: &HandOver, now: UtcMillis) {
        let by = format!(
            "Taken over by {} at {} UTC",
            person(h.name.as_deref(), h.desk.as_ref()),
            crate::present::clock_time(h.at)
        );
        self.ends_later.remove(&h.rfq);
        let Some(i) = self.screen.get_mut(&h.rfq) else { return self.close_row(&h.rfq, by) };
        i.rfq.acknowledge();
        (i.ending, i.ahead, i.guard, i.dirty) = (false, None, None, true);
        // Taken back later it is another matter.
        i.stopped = false;
        if i.rfq.in_flight() {
            // Its answer comes first: the gateway has refused it.
            i.over = Some((RfqState::TakenOver, Some(by)));
        } else if i.rfq.taken_over(by.clone()) && self.connection.restoring.is_none() {
            self.notice(NoticeKind::Bad, "rfq.taken_over", format!("{by}."), Some(&h.rfq), now);
        }
        self.blot_rfq(&h.rfq);
    }

    /// The row of an earlier run, for an RFQ that is not on screen.
    fn close_row(&mut self, id: &RfqId, by: String) {
        let open = self.records.blotter.open_rfqs();
        if let Some(mut row) = open.into_iter().find(|row| row.rfq_id == id.as_str()) {
            row.status = RowStatus::TakenOver.words().into();
            row.text = Some(by);
            self.blot(BlotterTab::Rfqs, row);
        }
    }

    fn not_got(&mut self, h: HandOver, now: UtcMillis) {
        if self.group.taking.as_ref().is_none_or(|(id, _)| *id != h.rfq) {
            return;
        }
        let text = h.text.unwrap_or_else(|| "The gateway gives no reason".into());
        let otherwise = "takeover.refused";
        let why = problem(
            h.code.as_deref().map_or(otherwise, |code| code_of_peer(code, otherwise)),
            sentence(&text),
            h.cure.unwrap_or_else(|| "Look at the list of your group again.".into()),
        );
        self.not_taken(why, now);
    }

    fn not_taken(&mut self, why: Problem, now: UtcMillis) {
        let text = format!("Not taken over: {}", why.message);
        self.notice(NoticeKind::Bad, "takeover.refused", text, None, now);
        self.group.failed(why);
        self.frames.mark(Part::Group);
    }

    /// The link is lost: a list that was asked for does not come; whether an RFQ was taken over the
    /// snapshot will tell.
    pub(super) fn group_link_lost(&mut self) {
        (self.group.asking, self.group.coming) = (false, None);
        self.frames.mark(Part::Group);
    }

    /// The snapshot is complete: what was asked for is in it, whether or not it says who had it, or
    /// was not taken over.
    pub(super) fn group_restored(&mut self, now: UtcMillis) {
        let Some((id, key)) = self.group.taking.take() else { return };
        if self.screen.contains(&id) {
            self.group.came_about(id, &key);
            return self.frames.mark(Part::Group);
        }
        let cure = "Take it over again.";
        let why = "The connection was lost before the gateway had the message.";
        self.not_taken(problem("takeover.lost", why, cure), now);
    }

    /// A message about colleagues was not sent, or the gateway could not process it.
    pub(super) fn group_failed(&mut self, why: Problem) {
        self.group.asking = false;
        self.group.failed(why);
        self.changed(Part::Group);
    }

    /// What the page shows.
    pub(super) fn group_view(&self) -> GroupView {
        let g = &self.group;
        let names = self.reference.names();
        let row = |r: &GroupRfq| {
            let q = &r.request;
            let instrument = self.reference.of_rfq(&q.terms());
            let symbol = instrument
                .as_deref()
                .map_or_else(|| q.instrument.to_string(), |i| i.symbol.clone());
            ColleagueRfq {
                key: key_of(r),
                person: shown(&r.name),
                desk: r.desk.to_string(),
                instrument: match q.legs.is_empty() {
                    true => q.instrument.to_string(),
                    false => symbol.clone(),
                },
                symbol,
                ask: match q.ask {
                    rfq::Ask::Buy => Ask::Buy,
                    rfq::Ask::Sell => Ask::Sell,
                    rfq::Ask::TwoWay => Ask::TwoWay,
                },
                legs: u32::try_from(q.legs.len()).unwrap_or(u32::MAX),
                quantity: group_digits(q.quantity),
                min_quantity: q.min_quantity.map(group_digits),
                currency: q.currency.clone(),
                price_unit: price_unit(q.price_type, instrument.as_deref()),
                dealers: q
                    .dealers
                    .iter()
                    .map(|d| names.get(d).cloned().unwrap_or_else(|| d.to_string()))
                    .collect(),
                quoting: r.quoting,
                expires_ms: q.expires.0 as f64,
                hindrance: r.hindrance.as_deref().map(sentence),
            }
        };
        GroupView {
            known: !self.connection.direct,
            asking: g.asking,
            at_ms: g.at.map(|t| t.0 as f64),
            rows: g.rows.iter().map(row).collect(),
            more: g.more,
            taking: g.taking.as_ref().map(|(_, key)| key.clone()),
            taken: g.taken.as_ref().map(ToString::to_string),
            problem: g.problem.clone(),
        }
    }
}

/// What numbers of this type count, for a list that has no number.
fn price_unit(of: rfq::PriceType, told: Option<&rfq::Instrument>) -> String {
    match told {
        Some(i) => i.price_unit.clone(),
        None if of == rfq::PriceType::Price => String::new(),
        None => of.to_string(),
    }
}

/// `bob (BOB)`, or the desk alone where it is the person's name too.
fn person(name: Option<&str>, desk: Option<&CompId>) -> String {
    match (name.map(shown), desk) {
        (Some(name), Some(desk)) if name != desk.as_str() => format!("{name} ({desk})"),
        (Some(name), _) => name,
        (None, Some(desk)) => desk.to_string(),
        (None, None) => "a colleague".into(),
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
