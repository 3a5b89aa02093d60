//! The list of requests: its rows are checked as the ticket is, sent as single RFQs, and watched.

use super::{Book, frame_clock::Part, list_look::LookAt};
use crate::{
    list::{
        self, Checked, Event, Link, Meaning, Offer, Pace, Phase, Row, Seen, Turn, in_usual_order,
    },
    present,
    problem::{problem, sentence},
    settlement,
    ticket::{check_texts, wanted},
    view::{
        Ask, ListCells, ListField, ListIntent, ListPage, ListPasted, ListProblem, ListRun, Problem,
        TicketField, TicketForm,
    },
};
use signet_fix::message::AppMessage;
use signet_history::What;
use signet_rfq::{
    Instrument, RfqId, RfqState, TTL_MAX_S, TTL_MIN_S, TermsError, UtcMillis, parse_quantity,
};

/// Rows of a window, at most.
const WINDOW_MAX: u32 = 200;

impl Book {
    /// Adds the rows of a text to the list. `named` says what each instrument cell means.
    pub(crate) fn list_paste(
        &mut self,
        pasted: list::Pasted,
        named: Vec<Meaning>,
        now: UtcMillis,
    ) -> Result<ListPasted, Problem> {
        let keys = self.list.add(pasted.rows.into_iter().zip(named).collect())?;
        keys.iter().for_each(|key| self.check_row(*key, now));
        self.show_list();
        let added = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        Ok(ListPasted { added, ignored: pasted.ignored })
    }

    /// Does what the trader wants of the list. `meaning` says what an instrument cell means.
    pub(crate) fn list_act(
        &mut self,
        intent: &ListIntent,
        meaning: impl Fn(&str) -> Meaning,
        now: UtcMillis,
    ) -> Result<(), Problem> {
        let done = match intent {
            ListIntent::Edit { key, .. } | ListIntent::Again { key } if self.is_settled(*key) => {
                Err(settled())
            }
            ListIntent::Edit { key, field, text } => {
                let text = list::typed(text)?;
                let named = (*field == ListField::Instrument).then(|| meaning(&text));
                let edited = self.list.edit(*key, *field, &text, named);
                edited.map(|()| self.check_row(*key, now))
            }
            ListIntent::Again { key } => self.list.again(*key).map(|()| self.check_row(*key, now)),
            ListIntent::Remove { key } => self.list.remove(*key),
            ListIntent::Clear => self.list.clear(),
            ListIntent::Send { ttl_s } => self.list_send(*ttl_s, meaning, now),
            ListIntent::Stop => {
                self.list.stop();
                Ok(())
            }
            ListIntent::Resume => self.list_resume(),
            ListIntent::Leave => {
                self.list.take = None;
                self.list.changed();
                Ok(())
            }
        };
        self.show_list();
        done
    }

    /// Whether a row must not be asked again: people settle its trade, or a colleague has it.
    fn is_settled(&self, key: u32) -> bool {
        let rfq = self.list.row(key).and_then(|r| self.screen.rfq(r.rfq.as_ref()?));
        rfq.is_some_and(|r| r.is_disputed() || r.state == RfqState::TakenOver)
    }

    /// A window of the rows, and what is to be confirmed.
    pub(crate) fn list_page(&self, offset: u32, limit: u32) -> ListPage {
        let rows = self.list.window(offset as usize, limit.min(WINDOW_MAX) as usize);
        ListPage { summary: self.list.summary(), offset, rows, take: self.list_take_view() }
    }

    /// Sends what is due, and looks at what was sent.
    pub(super) fn tick_list(&mut self, now: UtcMillis) -> Vec<AppMessage> {
        if self.list.rows().is_empty() {
            return Vec::new();
        }
        self.look_at_list(now);
        let sent = self.list_turn(now);
        let taken = self.list_take_turn(now);
        self.show_list();
        sent.into_iter().chain(taken).collect()
    }

    /// The connection was lost: nothing of the list leaves later without the trader's word.
    pub(super) fn list_link_lost(&mut self) {
        self.drop_taking("the connection was lost");
        if self.list.run() == ListRun::Sending && self.list.first_pending().is_some() {
            self.list.set_run(ListRun::Paused, LOST);
        }
        self.show_list();
    }

    /// Tells the page when the list changed.
    pub(super) fn show_list(&mut self) {
        if self.list.is_news() {
            self.changed(Part::List);
        }
    }

    fn list_send(
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
                "Rows that waited when the connection was lost still wait. Nothing was sent.",
                "Send the rest first, or stop the sending.",
            ));
        }
        // Rows that still wait keep what they were sent with.
        if self.list.first_pending().is_none() {
            self.list.ttl_s = ttl_s;
        }
        // Dealers and instruments may be others since the rows were checked.
        let drafts = self.list.rows().iter().filter(|r| r.phase == Phase::Draft);
        let named: Vec<_> = drafts.map(|r| (r.key, meaning(&r.cells.instrument))).collect();
        for (key, meaning) in named {
            self.list.mean(key, meaning);
            self.check_row(key, now);
        }
        self.list.queue()?;
        let id = format!("L{}", self.ids.rfq());
        self.list.id = Some(id);
        self.list.set_run(ListRun::Sending, "");
        Ok(())
    }

    fn list_resume(&mut self) -> Result<(), Problem> {
        self.may_send()?;
        if self.list.run() == ListRun::Paused {
            self.list.set_run(ListRun::Sending, "");
        }
        Ok(())
    }

    /// Checks a row again.
    fn check_row(&mut self, key: u32, now: UtcMillis) {
        let Some(row) = self.list.row(key) else { return };
        let checked = self.checked(&row.cells, &row.meaning, now);
        self.list.check(key, checked);
    }

    /// A row as the ticket would check it. Nothing changes and nothing is sent.
    fn checked(&self, cells: &ListCells, meaning: &Meaning, now: UtcMillis) -> Checked {
        let at = self.clock.gateway(now);
        let mut wrong = Wrong::default();
        let ask = wrong.take(ListField::Side, ask_of(&cells.side));
        let instrument = wrong.take(ListField::Instrument, self.meant(cells, meaning));
        let quantity = parse_quantity(&cells.quantity).map_err(|e| Problem::from(&e));
        let quantity = wrong.take(ListField::Quantity, quantity);
        let dealers = wrong.take(ListField::Dealers, self.listed_dealers(&cells.dealers));
        let mut checked = Checked::default();
        let Some(i) = instrument else { return Checked { problems: wrong.0, ..checked } };
        (checked.instrument, checked.symbol) = (i.id.to_string(), i.symbol.clone());
        if let Some(q) = quantity {
            wrong.take(ListField::Quantity, i.check_quantity(q).map_err(|e| Problem::from(&e)));
        }
        let day = match cells.settlement.trim() {
            "" => Ok(None),
            text => settlement::read(i, text, at).map(|day| Some(day.date)),
        };
        let day = wrong.take(ListField::Settlement, day);
        let (Some(ask), Some(quantity), Some(dealers), Some(day)) = (ask, quantity, dealers, day)
        else {
            return Checked { problems: wrong.0, ..checked };
        };
        checked.same = Some(format!("{ask:?} {} {quantity} {day:?}", i.id));
        let form = TicketForm {
            instrument: i.id.to_string(),
            typed: cells.instrument.clone(),
            ask,
            quantity: cells.quantity.clone(),
            dealers,
            ttl_s: self.list.ttl_s.max(TTL_MIN_S),
            settlement_date: day,
            price_limit: cells.limit.clone(),
            min_quantity: String::new(),
            all_or_none: false,
            note: cells.note.clone(),
            price_type: present::price_type(i.price_type()),
            package: None,
        };
        wrong.whole(check_texts(&form));
        checked.limit = wrong
            .take(ListField::Limit, self.told_in(&form).and_then(|i| wanted(&form, &i)))
            .and_then(|w| w.limit);
        if wrong.0.is_empty() {
            wrong.whole(self.dry_run(&form, now));
        }
        checked.form = Some(form).filter(|_| wrong.0.is_empty());
        Checked { problems: in_usual_order(wrong.0), ..checked }
    }

    /// Whether a request with these terms could be sent, under an id that is never used.
    fn dry_run(&self, form: &TicketForm, now: UtcMillis) -> Result<(), Problem> {
        let id = RfqId::new("list").map_err(|e| problem("desk.internal", e.to_string(), ""))?;
        self.terms_of(id, &form.ticket(), now).map(drop)
    }

    fn meant(&self, cells: &ListCells, meaning: &Meaning) -> Result<&Instrument, Problem> {
        let typed = cells.instrument.trim();
        let (code, why) = match meaning {
            Meaning::One(id) => return self.reference.chosen(id),
            Meaning::Nothing if typed.is_empty() => {
                ("instrument.missing", "There is no instrument.".to_owned())
            }
            Meaning::Nothing => {
                ("instrument.unknown", format!("{typed} is not in the list of instruments."))
            }
            Meaning::Several(n) => {
                ("instrument.several", format!("{n} instruments are called {typed}."))
            }
        };
        Err(problem(code, why, "Type the ISIN, or the currency pair."))
    }

    /// The dealers that a cell names: by name or CompID; all that are online if it names none.
    fn listed_dealers(&self, cell: &str) -> Result<Vec<String>, Problem> {
        let known = self.reference.view().dealers;
        let cell = cell.trim();
        if cell.is_empty() || cell.eq_ignore_ascii_case("all") {
            let online: Vec<String> =
                known.into_iter().filter(|d| d.online).map(|d| d.id).collect();
            if online.is_empty() {
                let why = "No dealer is online.";
                return Err(problem("dealers.offline", why, "Wait until a dealer is online."));
            }
            return Ok(online);
        }
        let named = cell.split([',', ';', '|']).map(str::trim).filter(|n| !n.is_empty());
        let one = |name: &str| {
            let same = |text: &str| text.to_lowercase() == name.to_lowercase();
            let dealer = known.iter().find(|d| same(&d.id) || same(&d.name));
            dealer.map(|d| d.id.clone()).ok_or_else(|| {
                problem(
                    "dealers.unknown",
                    format!("{name} is not a dealer you may ask."),
                    "Type names of your dealers with commas between, or all.",
                )
            })
        };
        named.map(one).collect()
    }

    fn list_turn(&mut self, now: UtcMillis) -> Option<AppMessage> {
        let link = match (self.online(), self.may_send()) {
            (false, _) => Link::Down,
            (true, Err(_)) => Link::Waits,
            (true, Ok(())) => Link::Up,
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
            Turn::Pause => {
                self.list.set_run(ListRun::Paused, LOST);
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
        self.check_row(key, now);
        let checked = &self.list.row(key)?.checked;
        let wrong = checked.problems.first().map(|p| p.problem.clone());
        let form = checked.form.clone();
        let sent = match (form, wrong) {
            (Some(form), None) => self.ask(&form, now),
            (_, Some(wrong)) => Err(wrong),
            (None, None) => Err(problem("list.wrong", "The row is not complete.", "Correct it.")),
        };
        match sent {
            Ok(m) => {
                let id = match &m {
                    AppMessage::QuoteRequest(q) => Some(q.id.clone()),
                    _ => None,
                };
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

    /// The history says to which list a request belongs.
    fn note_list(&mut self, key: u32, rfq: Option<&RfqId>, now: UtcMillis) {
        if let (Some(rfq), Some(id)) = (rfq, &self.list.id) {
            let text = format!("list {id}, row {}", self.list.number(key));
            self.recorder.record(now.0, What::Note { rfq: rfq.to_string(), text });
        }
    }

    /// Notes what became of every request that was sent and had not ended.
    pub(super) fn look_at_list(&mut self, now: UtcMillis) {
        let moment = self.moment(now);
        let names = self.reference.names();
        let mut seen = Vec::new();
        // A trade may be corrected or cancelled later.
        let looked_at = |r: &&Row| list::is_out(r.phase) || r.phase == Phase::Done;
        for row in self.list.rows().iter().filter(looked_at) {
            let item = row.rfq.as_ref().and_then(|id| self.screen.get(id));
            if item.is_none() && row.phase == Phase::Done {
                continue;
            }
            let Some(item) = item else {
                let text = "No longer on the screen: the blotter has it.".into();
                seen.push((
                    row.key,
                    Seen::Gone,
                    Offer { text, within: false, ..row.offer.clone() },
                ));
                continue;
            };
            let instrument = self.reference.of_rfq(&item.rfq.terms);
            let look = LookAt {
                item,
                instrument: instrument.as_deref(),
                names: &names,
                at: moment.venue,
                arrival_ms: moment.arrival_ms,
                limit: row.checked.limit,
                waits: self.step_ups.waits(&item.rfq.terms.id),
            };
            let (state, offer) = look.look();
            seen.push((row.key, state, offer));
        }
        for (key, state, offer) in seen {
            self.list.offer(key, offer);
            self.list.event(key, Event::See(state));
        }
    }
}

/// Why the sending is paused.
const LOST: &str = "The connection was lost. Nothing more was sent.";

/// What is wrong with a row so far.
#[derive(Default)]
struct Wrong(Vec<ListProblem>);

impl Wrong {
    /// The value, or its problem at a cell.
    fn take<T>(&mut self, field: ListField, of: Result<T, Problem>) -> Option<T> {
        of.map_err(|problem| self.0.push(ListProblem { field: Some(field), problem })).ok()
    }

    /// A problem at the cell that it names, if it names one.
    fn whole(&mut self, of: Result<(), Problem>) {
        if let Err(problem) = of {
            let field = problem.field.and_then(cell_of);
            self.0.push(ListProblem { field, problem });
        }
    }
}

/// The column of a field of the ticket.
fn cell_of(field: TicketField) -> Option<ListField> {
    Some(match field {
        TicketField::Instrument => ListField::Instrument,
        TicketField::Quantity => ListField::Quantity,
        TicketField::Settlement => ListField::Settlement,
        TicketField::Dealers => ListField::Dealers,
        TicketField::Limit => ListField::Limit,
        TicketField::Note => ListField::Note,
        _ => return None,
    })
}

fn ask_of(cell: &str) -> Result<Ask, Problem> {
    match cell.trim().to_lowercase().as_str() {
        "buy" | "b" => Ok(Ask::Buy),
        "sell" | "s" => Ok(Ask::Sell),
        "two-way" | "two way" | "twoway" | "2-way" | "2way" | "both" => Ok(Ask::TwoWay),
        _ => Err(problem("side.unreadable", "There is no side.", "Type buy, sell or two-way.")),
    }
}

fn settled() -> Problem {
    problem(
        "list.settled",
        "Its trade is disputed, or a colleague has the request.",
        "Ask who settles it; make a new row if you want to trade once more.",
    )
}

#[cfg(test)]
#[path = "list_tests.rs"]
pub(super) mod tests;
