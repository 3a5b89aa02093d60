//! The list of requests: its rows are checked as the ticket is, sent as single RFQs, and watched.

use super::{
    Book,
    frame_clock::Part,
    list_look::{self, LookAt},
};
use crate::{
    blotter::RowStatus,
    list::{self, Checked, Event, ListStore, Meaning, Offer, Phase, Row, Seen, in_usual_order},
    present, price,
    problem::problem,
    settlement,
    ticket::{at_least, check_texts, limit},
    view::{
        Ask, BlotterTab, ListCells, ListField, ListIntent, ListPage, ListPasted, ListProblem,
        ListRun, PriceType, Problem, TicketField, TicketForm,
    },
};
use signet_fix::message::AppMessage;
use signet_rfq::{Instrument, RfqId, RfqState, TTL_MIN_S, UtcMillis, parse_quantity};

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
        let hidden = u32::try_from(pasted.hidden).unwrap_or(u32::MAX);
        let keys = self.list.add(pasted.rows.into_iter().zip(named).collect())?;
        keys.iter().for_each(|key| self.check_row(*key, now));
        self.show_list();
        let added = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        Ok(ListPasted { added, ignored: pasted.ignored, hidden, asks: pasted.asks })
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
            ListIntent::SendAgain => self.list_send_again(meaning, now),
            ListIntent::Stop => {
                self.list.stop();
                Ok(())
            }
            ListIntent::Resume => self.list_resume(now),
            ListIntent::Leave => {
                (self.list.take, self.list.repeats) = (None, None);
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
        ListPage {
            summary: self.list.summary(),
            offset,
            rows,
            take: self.list_take_view(),
            repeats: self.list_repeats_view(),
        }
    }

    /// Sends what is due, and looks at what was sent.
    pub(super) fn tick_list(&mut self, now: UtcMillis) -> Vec<AppMessage> {
        if self.list.rows().is_empty() {
            return Vec::new();
        }
        self.check_kept(now);
        self.look_at_list(now);
        self.list.end_late(now);
        let sent = self.list_turn(now);
        let taken = self.list_take_turn(now);
        self.show_list();
        sent.into_iter().chain(taken).collect()
    }

    /// The connection was lost: nothing of the list leaves later without the trader's word.
    pub(super) fn list_link_lost(&mut self) {
        self.drop_taking("the connection was lost");
        if self.list.run() == ListRun::Sending && self.list.first_pending().is_some() {
            self.list.set_run(ListRun::Paused, list::LOST);
        }
        self.show_list();
    }

    /// Tells the page when the list changed, and keeps it. What the disk refuses is tried again.
    pub(super) fn show_list(&mut self) {
        let news = self.list.is_news();
        if news || self.list.is_unkept() {
            let kept = self.records.list.keep(&self.list);
            if let Err(e) = &kept
                && !self.list.is_unkept()
            {
                tracing::error!(error = %e, "the list cannot be kept");
            }
            self.list.set_unkept(kept.is_err());
        }
        if self.list.is_news() || news {
            self.changed(Part::List);
        }
    }

    /// Takes the list that was kept when the desk ended.
    pub(crate) fn begin_list(&mut self, kept: ListStore) {
        self.list.take_over(kept.list());
        self.records.list = kept;
        self.show_list();
    }

    /// Checks the rows of an earlier run as soon as the instruments are known.
    fn check_kept(&mut self, now: UtcMillis) {
        if !self.list.unchecked || !self.online() || self.reference.catalogue().is_empty() {
            return;
        }
        self.list.unchecked = false;
        let keys: Vec<u32> = self.list.rows().iter().map(|r| r.key).collect();
        keys.into_iter().for_each(|key| self.check_row(key, now));
    }

    /// Checks a row again.
    pub(super) fn check_row(&mut self, key: u32, now: UtcMillis) {
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
        let quantity = quantity.and_then(|q| read_in_one_way(&cells.quantity).map(|()| q));
        let quantity = wrong.take(ListField::Quantity, quantity);
        let dealers = wrong.take(ListField::Dealers, self.listed_dealers(&cells.dealers));
        let numbers = wrong.take(ListField::PriceType, numbers_of(&cells.price_type));
        let mut checked = Checked::default();
        let Some(i) = instrument else { return Checked { problems: wrong.0, ..checked } };
        (checked.instrument, checked.symbol) = (i.id.to_string(), i.symbol.clone());
        if let Some(q) = quantity {
            wrong.take(ListField::Quantity, i.check_quantity(q).map_err(|e| Problem::from(&e)));
        }
        let numbers = numbers.map(|n| n.unwrap_or(present::price_type(i.price_type())));
        checked.price_type = numbers;
        if let (Some(ask), Some(q)) = (ask, quantity) {
            let asks = format!("{} {} {}", ask_word(ask), i.id, q.normalize());
            checked.before = self.sent_before(&asks, at).next();
            checked.asks = Some(asks);
        }
        let day = match cells.settlement.trim() {
            "" => Ok(None),
            text => settlement::read(i, text, at).map(|day| Some(day.date)),
        };
        let day = wrong.take(ListField::Settlement, day);
        let (Some(ask), Some(quantity), Some(dealers), Some(day), Some(price_type)) =
            (ask, quantity, dealers, day, numbers)
        else {
            return Checked { problems: wrong.0, ..checked };
        };
        checked.same = Some(format!("{ask:?} {} {quantity} {day:?}", i.id));
        let all_or_none = is_all(&cells.least);
        let form = TicketForm {
            instrument: i.id.to_string(),
            typed: cells.instrument.clone(),
            ask,
            quantity: cells.quantity.clone(),
            dealers,
            ttl_s: self.list.ttl_s.max(TTL_MIN_S),
            settlement_date: day,
            price_limit: cells.limit.clone(),
            limit_over: i
                .margin()
                .filter(|_| price_type == PriceType::Margin)
                .and_then(price::over),
            min_quantity: if all_or_none { String::new() } else { cells.least.clone() },
            all_or_none,
            approve_first: false,
            note: cells.note.clone(),
            price_type,
            package: None,
        };
        wrong.whole(check_texts(&form));
        if let Some(told) = wrong.take(ListField::PriceType, self.told_in(&form)) {
            checked.limit = wrong.take(ListField::Limit, limit(&form, &told)).flatten();
            checked.counts = Some(told.price_type());
        }
        wrong.take(ListField::Least, read_in_one_way(&cells.least).and_then(|()| at_least(&form)));
        if wrong.0.is_empty() {
            wrong.whole(self.dry_run(&form, now));
        }
        checked.form = Some(form).filter(|_| wrong.0.is_empty());
        Checked { problems: in_usual_order(wrong.0), ..checked }
    }

    /// Whether a request with these terms could be sent, under an id that is never used.
    fn dry_run(&self, form: &TicketForm, now: UtcMillis) -> Result<(), Problem> {
        let id = RfqId::new("list").map_err(|e| problem("desk.internal", e.to_string(), ""))?;
        self.terms_of(id, &form.ticket(), at_least(form)?, now).map(drop)
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
            let meant: Vec<&str> =
                known.iter().filter(|d| same(&d.id) || same(&d.name)).map(|d| &*d.id).collect();
            let (code, why) = match &meant[..] {
                [one] => return Ok((*one).to_owned()),
                [] => ("dealers.unknown", format!("{name} is not a dealer you may ask.")),
                // Its own CompID, letter for letter, leaves no doubt.
                several if several.contains(&name) => return Ok(name.to_owned()),
                several => {
                    ("dealers.several", format!("{} dealers are called {name}.", several.len()))
                }
            };
            Err(problem(code, why, "Type names of your dealers with commas between, or all."))
        };
        named.map(one).collect()
    }

    /// Notes what became of every request that was sent and had not ended.
    pub(super) fn look_at_list(&mut self, now: UtcMillis) {
        let moment = self.moment(now);
        let names = self.reference.names();
        let online = self.online();
        let mut seen = Vec::new();
        // A trade may be corrected or cancelled later.
        let looked_at = |r: &&Row| list::is_out(r.phase) || r.phase == Phase::Done;
        for row in self.list.rows().iter().filter(looked_at) {
            let item = row.rfq.as_ref().and_then(|id| self.screen.get(id));
            let Some(item) = item else {
                // What the gateway holds comes with its snapshot.
                let waits = row.earlier && !online;
                if row.phase != Phase::Done && !waits {
                    let (state, offer) = self.off_screen(row);
                    seen.push((row.key, state, offer, None));
                }
                continue;
            };
            let accept = item.rfq.accept.as_ref().map(|(_, state)| state);
            if row.phase == Phase::Done && row.told.as_ref() == accept {
                continue;
            }
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
            seen.push((row.key, state, offer, accept.cloned()));
        }
        for (key, state, offer, told) in seen {
            self.list.offer(key, offer);
            self.list.event(key, Event::See(state));
            self.list.told(key, told);
        }
    }

    /// What became of a request that is not on the screen. One of an earlier run is looked up in
    /// the blotter.
    fn off_screen(&self, row: &Row) -> (Seen, Offer) {
        let rfq = row.rfq.as_ref().map(ToString::to_string).unwrap_or_default();
        let known = self.records.blotter.get(BlotterTab::Rfqs, &rfq).filter(|_| row.earlier);
        let status = known.and_then(|k| RowStatus::read(&k.status));
        let text = match (row.earlier, known) {
            (false, _) => "Not on the screen now: the blotter has it.".into(),
            (true, Some(k)) => format!("Before the restart: {}. The blotter has it.", k.status),
            (true, None) => "Sent before the restart; what became of it is not known. Ask the \
                dealers before you send it again."
                .into(),
        };
        let seen = match (row.earlier, status) {
            (false, _) => Seen::Gone,
            (true, status) => status.map_or(Seen::Lost, list_look::seen_in_blotter),
        };
        (seen, Offer { text, within: false, ..row.offer.clone() })
    }
}

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
        TicketField::PriceType => ListField::PriceType,
        TicketField::Minimum => ListField::Least,
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

/// A word that is kept on disk.
fn ask_word(ask: Ask) -> &'static str {
    match ask {
        Ask::Buy => "buy",
        Ask::Sell => "sell",
        Ask::TwoWay => "two-way",
    }
}

/// The price type of a cell; `None` for the usual one of the instrument.
fn numbers_of(cell: &str) -> Result<Option<PriceType>, Problem> {
    match cell.trim().to_lowercase().as_str() {
        "" => Ok(None),
        "price" | "p" => Ok(Some(PriceType::Price)),
        "yield" | "y" => Ok(Some(PriceType::Yield)),
        "spread" | "s" => Ok(Some(PriceType::Spread)),
        "discount margin" | "discount-margin" | "dm" => Ok(Some(PriceType::Margin)),
        _ => Err(problem(
            "price_type.unreadable",
            "It is not a price type.",
            "Type price, yield, spread or discount margin, or nothing for the usual one.",
        )),
    }
}

/// Refuses a quantity like `500.000`, which may be thousands. The ticket says below its field what
/// it read, and a row does not.
fn read_in_one_way(cell: &str) -> Result<(), Problem> {
    let cell = cell.trim();
    let figures = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let may_group = |whole: &str, rest: &str| {
        (1..=3).contains(&whole.len())
            && !whole.starts_with('0')
            && rest.len() == 3
            && figures(whole)
            && figures(rest)
    };
    match cell.split_once('.').filter(|(whole, rest)| may_group(whole, rest)) {
        None => Ok(()),
        Some((whole, rest)) => Err(problem(
            "quantity.two_ways",
            format!("{cell} may mean {whole},{rest}, or {whole} and a fraction."),
            format!("Type {whole},{rest} if it is thousands, else {cell}0."),
        )),
    }
}

/// Whether a cell wants the whole quantity or nothing.
fn is_all(cell: &str) -> bool {
    let cell = cell.trim();
    ["all", "all or none", "aon"].iter().any(|word| cell.eq_ignore_ascii_case(word))
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
