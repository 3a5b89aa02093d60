//! Sending the list: what is asked first, whose turn it is, and what is written before a row goes.

use super::Book;
use crate::{
    guard::{Guard, Pressed},
    list::{self, Event, Link, Meaning, Pace, Phase, Repeat, Repeats, SentBefore, Since, Turn},
    present::clock_time,
    problem::{problem, sentence},
    view::{BlotterTab, ListRepeat, ListRepeats, ListRun, Problem},
};
use rust_decimal::Decimal;
use signet_fix::message::AppMessage;
use signet_history::What;
use signet_rfq::{
    RfqId, TTL_MAX_S, TTL_MIN_S, TermsError, UtcMillis, group_digits, parse_quantity,
};

/// Earlier requests that are named for one row.
const BEFORE_SHOWN: usize = 3;

impl Book {
    /// Queues every row that is ready. If one asks for what was asked for before on the same day,
    /// nothing is queued and the trader is asked.
    pub(super) fn list_send(
        &mut self,
        ttl_s: u32,
        meaning: impl Fn(&str) -> Meaning,
        now: UtcMillis,
    ) -> Result<(), Problem> {
        self.may_send()?;
        if !(TTL_MIN_S..=TTL_MAX_S).contains(&ttl_s) {
            return Err(Problem::from(&TermsError::BadTtl));
        }
        if self.list.run() == ListRun::Paused {
            return Err(problem(
                "list.paused",
                "Rows that waited when the sending was held still wait. Nothing was sent.",
                "Send the rest first, or stop the sending.",
            ));
        }
        self.list.repeats = None;
        self.check_drafts(meaning, now);
        self.list.may_queue()?;
        let (rows, at) = (self.repeats(now), self.clock.gateway(now));
        if rows.is_empty() {
            return self.queue_list(ttl_s, now);
        }
        self.list.repeats = Some(Repeats { guard: Guard::shown(now), at, ttl_s, rows });
        self.list.changed();
        Ok(())
    }

    /// The trader means the rows that were sent before too.
    pub(super) fn list_send_again(
        &mut self,
        meaning: impl Fn(&str) -> Meaning,
        now: UtcMillis,
    ) -> Result<(), Problem> {
        self.may_send()?;
        let trading = self.trading;
        let Some(asked) = &mut self.list.repeats else {
            return Err(problem("list.not_asked", "Nothing was asked.", "Send the list."));
        };
        if asked.guard.press(Decimal::ZERO, false, &trading, now) == Pressed::TooSoon {
            return Err(problem(
                "list.too_soon",
                "It was pressed before the rows could be read. Nothing was sent.",
                "Read the rows, then press it once more.",
            ));
        }
        let (ttl_s, shown) = (asked.ttl_s, std::mem::take(&mut asked.rows));
        self.check_drafts(meaning, now);
        // What the trader read is compared with what would be sent.
        let (rows, at) = (self.repeats(now), self.clock.gateway(now));
        if rows.iter().any(|r| !shown.contains(r)) {
            self.list.repeats = Some(Repeats { guard: Guard::shown(now), at, ttl_s, rows });
            self.list.changed();
            return Err(problem(
                "list.other_repeats",
                "Other rows than those shown were sent before. Nothing was sent.",
                "Read the rows again.",
            ));
        }
        self.list.repeats = None;
        self.list.changed();
        self.queue_list(ttl_s, now)
    }

    fn queue_list(&mut self, ttl_s: u32, now: UtcMillis) -> Result<(), Problem> {
        // Rows that still wait keep what they were sent with.
        let fresh = self.list.first_pending().is_none();
        self.list.queue(self.since(now))?;
        if fresh {
            self.list.ttl_s = ttl_s;
        }
        self.list.id = Some(format!("L{}", self.ids.rfq()));
        self.list.set_run(ListRun::Sending, "");
        Ok(())
    }

    /// Dealers and instruments may be others since the rows were checked.
    fn check_drafts(&mut self, meaning: impl Fn(&str) -> Meaning, now: UtcMillis) {
        let drafts = self.list.rows().iter().filter(|r| r.phase == Phase::Draft);
        let named: Vec<_> = drafts.map(|r| (r.key, meaning(&r.cells.instrument))).collect();
        for (key, meaning) in named {
            self.list.mean(key, meaning);
            self.check_row(key, now);
        }
    }

    /// The rows that ask for what was asked for before on the same day.
    fn repeats(&self, now: UtcMillis) -> Vec<Repeat> {
        let at = self.clock.gateway(now);
        let drafts = self.list.rows().iter().filter(|r| r.phase == Phase::Draft);
        let repeat = |r: &list::Row| {
            let asks = r.checked.asks.clone()?;
            let times = self.records.list.before(&asks, at).count();
            (times > 0).then_some(Repeat { key: r.key, asks, times })
        };
        drafts.filter_map(repeat).collect()
    }

    /// When the same was asked for before, and what came of it; the newest first.
    pub(super) fn sent_before(&self, asks: &str, at: UtcMillis) -> impl Iterator<Item = String> {
        self.records.list.before(asks, at).map(|s| {
            let known = s.rfq.as_ref().map(|id| self.records.blotter.get(BlotterTab::Rfqs, id));
            let outcome = match known {
                Some(Some(row)) => row.status.as_str(),
                Some(None) => "not in the blotter",
                None => "it may have been sent",
            };
            let (at, n, list) = (clock_time(s.at()), s.number, &s.list);
            format!("Sent at {at} UTC as row {n} of list {list}: {outcome}.")
        })
    }

    /// The question about rows that were sent before, while it is asked.
    pub(super) fn list_repeats_view(&self) -> Option<ListRepeats> {
        let asked = self.list.repeats.as_ref()?;
        let row = |r: &Repeat| {
            let row = self.list.row(r.key)?;
            let form = row.checked.form.as_ref()?;
            let quantity = parse_quantity(&form.quantity).map(group_digits);
            Some(ListRepeat {
                key: r.key,
                number: self.list.number(r.key),
                ask: form.ask,
                quantity: quantity.unwrap_or_else(|_| form.quantity.clone()),
                symbol: row.checked.symbol.clone(),
                before: self.sent_before(&r.asks, asked.at).take(BEFORE_SHOWN).collect(),
            })
        };
        let all = self.list.count(|r| r.phase == Phase::Draft);
        Some(ListRepeats {
            rows: asked.rows.iter().filter_map(row).collect(),
            all: u32::try_from(all).unwrap_or(u32::MAX),
            after_ms: self.trading.confirm_after_ms,
        })
    }

    /// The rest is sent after it was held.
    pub(super) fn list_resume(&mut self, now: UtcMillis) -> Result<(), Problem> {
        self.may_send()?;
        if self.list.run() == ListRun::Paused {
            self.list.wait_again(self.since(now));
            self.list.set_run(ListRun::Sending, "");
        }
        Ok(())
    }

    fn since(&self, now: UtcMillis) -> Since {
        Since { laptop: now, gateway: self.clock.gateway(now) }
    }

    /// Sends the row whose turn it is, if one may be sent now.
    pub(super) fn list_turn(&mut self, now: UtcMillis) -> Option<AppMessage> {
        let link = if !self.online() {
            Link::Down
        } else if self.connection.doubtful() {
            Link::Doubtful
        } else if self.may_send().is_err() {
            Link::Faulty
        } else {
            Link::Up
        };
        let pace = Pace {
            run: self.list.run(),
            link,
            pending: self.list.count(|r| r.phase == Phase::Pending),
            open_of_list: self.list.open(),
            open_of_desk: self.screen.rfqs().filter(|r| !r.state.ended()).count(),
            last: self.list.last,
        };
        match list::turn(pace, now) {
            Turn::Wait => None,
            Turn::Held(why) => {
                self.list.set_run(ListRun::Sending, why);
                None
            }
            Turn::Pause(why) => {
                self.list.set_run(ListRun::Paused, why);
                None
            }
            Turn::Finish => {
                self.list.set_run(ListRun::Idle, "");
                None
            }
            Turn::Send => {
                self.list.set_run(ListRun::Sending, "");
                self.list.last = Some(now);
                let key = self.list.first_pending()?;
                self.send_row(key, now)
            }
        }
    }

    /// Sends one row by the way of a ticket. One that is refused does not hold up the others.
    fn send_row(&mut self, key: u32, now: UtcMillis) -> Option<AppMessage> {
        let before = self.list.row(key)?.checked.counts;
        self.check_row(key, now);
        let checked = &self.list.row(key)?.checked;
        let wrong = checked.problems.first().map(|p| p.problem.clone());
        let wrong = wrong.or_else(|| (checked.counts != before).then(other_numbers));
        let (form, asks) = (checked.form.clone(), checked.asks.clone().unwrap_or_default());
        let sent = match (form, wrong) {
            (Some(form), None) => {
                if !self.write_turn(key, asks, now) {
                    return None;
                }
                self.ask(&form, now).inspect_err(|_| self.records.list.not_sent(key))
            }
            (_, Some(wrong)) => Err(wrong),
            (None, None) => Err(problem("list.wrong", "The row is not complete.", "Correct it.")),
        };
        match sent {
            Ok(m) => {
                let id = match &m {
                    AppMessage::QuoteRequest(q) => Some(q.id.clone()),
                    _ => None,
                };
                if let Some(id) = &id {
                    self.records.list.sent_as(key, id.as_str());
                }
                self.list.event(key, Event::Send);
                self.note_list(key, id.as_ref(), now);
                self.list.note(key, id, None);
                Some(m)
            }
            Err(why) => {
                self.list.event(key, Event::Refuse);
                self.list.note(key, None, Some(format!("Not sent: {}", sentence(&why.message))));
                None
            }
        }
    }

    /// Writes that the turn of a row has come. If the disk refuses it, the row waits and the
    /// sending is held until the trader says so.
    fn write_turn(&mut self, key: u32, asks: String, now: UtcMillis) -> bool {
        let written = self.records.list.about_to_send(SentBefore {
            key,
            asks,
            list: self.list.id.clone().unwrap_or_default(),
            number: self.list.number(key),
            at_ms: self.clock.gateway(now).0,
            rfq: None,
        });
        if let Err(e) = &written {
            tracing::error!(error = %e, "a row of the list cannot be written; it was not sent");
            self.list.set_run(ListRun::Paused, list::FAULT);
        }
        written.is_ok()
    }

    /// The history says to which list a request belongs.
    fn note_list(&mut self, key: u32, rfq: Option<&RfqId>, now: UtcMillis) {
        if let (Some(rfq), Some(id)) = (rfq, &self.list.id) {
            let text = format!("list {id}, row {}", self.list.number(key));
            self.recorder.record(now.0, What::Note { rfq: rfq.to_string(), text });
        }
    }
}

/// The limit was typed, and read, in the numbers that the row asked for then.
fn other_numbers() -> Problem {
    problem(
        "list.other_numbers",
        "The list of instruments changed meanwhile, and the row would ask in other numbers",
        "Look at its type and its limit, then send it again.",
    )
}

#[cfg(test)]
#[path = "list_send_tests.rs"]
mod tests;
