//! Requests and quotes.

use std::sync::Arc;

use rust_decimal::Decimal;
use time::OffsetDateTime;

use super::{
    Action, Book, Dice, Due, Fate, QUOTES_REMEMBERED, QuoteRecord, REQUEST_TIME_DEFAULT,
    REQUESTS_MAX, Rfq, millis, roll_ms, set_fate,
};
use crate::instrument::Instrument;
use crate::pricing::{half_of, two_way, walk};
use crate::wire::{
    EXCEEDS_LIMIT, NO_MARKET, OTHER, QuoteRequest, QuoteTerms, TOO_LATE, UNKNOWN_SYMBOL, net,
    quote, quote_cancel, quote_request_reject,
};

/// Why a request is refused: QuoteRequestRejectReason (658) and Text (58).
type Refusal = (u32, &'static str);

impl Book {
    pub(super) fn on_request(&mut self, request: QuoteRequest, now: OffsetDateTime) -> Vec<Action> {
        match self.check(&request, now) {
            Ok((instrument, quantity)) => self.open(request, instrument, quantity, now),
            Err((reason, text)) => {
                vec![Action::Send(quote_request_reject(&request, reason, text))]
            }
        }
    }

    fn check(
        &self,
        request: &QuoteRequest,
        now: OffsetDateTime,
    ) -> Result<(Instrument, Decimal), Refusal> {
        if request.symbols != 1 {
            return Err((OTHER, "one instrument per request"));
        }
        if self.rfqs.contains_key(&request.quote_req_id) {
            return Err((OTHER, "this QuoteReqID is open already"));
        }
        if self.rfqs.len() >= REQUESTS_MAX {
            return Err((OTHER, "too many open requests"));
        }
        if request.expire_time.is_some_and(|expires| expires <= now) {
            return Err((TOO_LATE, "the request has expired"));
        }
        if !matches!(request.side.as_deref(), None | Some("1" | "2")) {
            return Err((OTHER, "the side is buy, sell or none"));
        }
        if request.is_package() {
            return self.check_package(request);
        }
        let found = self.instruments.find(&request.symbol, request.security_id.as_deref());
        let instrument = found.ok_or((UNKNOWN_SYMBOL, "unknown instrument"))?;
        if !self.settings.covers.contains(&instrument.asset_class) {
            return Err((NO_MARKET, "no market in this instrument"));
        }
        let told = instrument.told_in(request.price_type.as_deref(), request.benchmark.as_ref());
        let told = told.ok_or((OTHER, "not quoted in this PriceType (423)"))?;
        let quantity = request.quantity.ok_or((OTHER, "a quantity is needed"))?;
        if quantity > instrument.max_quantity {
            return Err((EXCEEDS_LIMIT, "above the largest quantity"));
        }
        if quantity < instrument.min_quantity {
            return Err((OTHER, "below the smallest quantity"));
        }
        if !(quantity % instrument.lot).is_zero() {
            return Err((OTHER, "not a multiple of the lot"));
        }
        if request.at_least.is_some_and(|least| least <= Decimal::ZERO || least > quantity) {
            return Err((OTHER, "the least quantity must be above zero and at most the quantity"));
        }
        Ok((told, quantity))
    }

    fn open(
        &mut self,
        request: QuoteRequest,
        instrument: Instrument,
        quantity: Decimal,
        now: OffsetDateTime,
    ) -> Vec<Action> {
        self.requests_seen += 1;
        let mut dice = Dice::new(self.settings.seed, self.requests_seen);
        let settings = &self.settings;
        // All are rolled, in this order, so that no setting changes another's random numbers.
        let delay = roll_ms(&mut dice, settings.quote_delay_ms);
        let is_slow = dice.happens(settings.slow_probability);
        let is_silent = dice.happens(settings.silent_probability);
        let passes = dice.happens(settings.pass_probability);
        let count = u64::try_from(settings.pass_reasons.len()).unwrap_or(1);
        let pick = usize::try_from(dice.between(0, count.saturating_sub(1))).unwrap_or(0);
        let reason = settings.pass_reasons.get(pick).copied();
        let slow_factor = i32::try_from(settings.slow_factor).unwrap_or(1);
        let ends = request.expire_time.unwrap_or(now + REQUEST_TIME_DEFAULT);

        let (id, forced) = (request.quote_req_id.clone(), self.mood.exactly.is_some());
        let rfq = Rfq {
            request,
            instrument,
            quantity,
            ends,
            dice,
            live: None,
            looking: false,
            countered: None,
            will_pass: reason.filter(|_| passes && !forced),
        };
        self.rfqs.insert(id.clone(), rfq);
        self.schedule(ends, Due::End(id.clone()));
        if forced || self.mood.passing.is_some() {
            return self.quote_now(&id, now);
        }
        if !is_silent {
            let delay = if is_slow { delay * slow_factor } else { delay };
            self.schedule(now + delay, Due::Quote(id));
        }
        vec![]
    }

    /// Makes, renews, withdraws or refuses, whatever the dealer does next for this request.
    pub(super) fn quote_now(&mut self, id: &str, now: OffsetDateTime) -> Vec<Action> {
        let Some(rfq) = self.rfqs.get_mut(id) else { return vec![] };
        if rfq.looking || rfq.countered.is_some() || !self.connected || now >= rfq.ends {
            return vec![];
        }
        if let Some(reason) = self.mood.passing.or(rfq.will_pass) {
            return self.pass(id, reason);
        }
        let withdraws = rfq.dice.happens(self.settings.withdraw_probability);
        if withdraws && rfq.live.is_some() && self.mood.exactly.is_none() {
            return self.withdraw(id);
        }
        self.send_quote(id, now)
    }

    pub(super) fn send_quote(&mut self, id: &str, now: OffsetDateTime) -> Vec<Action> {
        let quote_id = self.next_id("Q");
        let Some(rfq) = self.rfqs.get_mut(id) else { return vec![] };
        let settings = Arc::clone(&self.settings);
        let instrument = &rfq.instrument;
        let of = rfq.request.price_type.clone().filter(|_| instrument.inverse);
        let mid = self.mids.entry((instrument.id.clone(), of)).or_insert(instrument.reference_mid);
        *mid = walk(*mid, instrument, &mut rfq.dice);
        let (bid, offer) = two_way(*mid, instrument, &settings);
        let is_partial = rfq.dice.happens(settings.partial_size_probability);
        let half = half_of(rfq.quantity, instrument);
        let size = if is_partial && rfq.allows(half) { half } else { rfq.quantity };
        let next = roll_ms(&mut rfq.dice, settings.requote_every_ms);

        let package = rfq.request.is_package();
        let (bid, offer, size, valid_ms) = match &self.mood.exactly {
            // A package is quoted by its legs, whatever one price is wanted.
            Some(exactly) if package => (None, None, rfq.quantity, exactly.valid_ms),
            None if package => (None, None, rfq.quantity, settings.valid_ms),
            Some(exactly) => (exactly.bid, exactly.offer, exactly.size, exactly.valid_ms),
            None => (Some(bid), Some(offer), size, settings.valid_ms),
        };
        let side = rfq.request.side.clone();
        let (asked, mut dice) = (rfq.request.legs.clone(), rfq.dice.clone());
        let legs = self.price_legs(&asked, &mut dice);
        let (bid, offer) = if package { (net(&legs, "2"), net(&legs, "1")) } else { (bid, offer) };
        let Some(rfq) = self.rfqs.get_mut(id) else { return vec![] };
        if package {
            rfq.dice = dice;
        }
        let terms = QuoteTerms {
            quote_id: quote_id.clone(),
            // The customer buys at the offer and sells at the bid.
            bid: bid.filter(|_| side.as_deref() != Some("1")),
            offer: offer.filter(|_| side.as_deref() != Some("2")),
            size,
            valid_until: rfq.ends.min(now + millis(valid_ms)),
            legs,
            answers: None,
        };
        let message = quote(&rfq.request, &rfq.instrument, &terms, now);
        if let Some(old) = rfq.live.replace(terms) {
            set_fate(&mut self.quotes, &old.quote_id, Fate::Replaced);
        }
        let record = QuoteRecord { quote_req_id: id.to_owned(), fate: Fate::Current };
        self.quotes.insert(quote_id, record);
        while self.quotes.len() > QUOTES_REMEMBERED {
            self.quotes.pop_first();
        }
        if settings.requote_every_ms != [0, 0] && self.mood.exactly.is_none() {
            self.reschedule(id, now + next);
        }
        vec![Action::Send(message)]
    }

    /// At most one next quote per request, however often it was asked to quote meanwhile.
    fn reschedule(&mut self, id: &str, at: OffsetDateTime) {
        self.due.retain(|_, due| !matches!(due, Due::Quote(other) if other == id));
        self.schedule(at, Due::Quote(id.to_owned()));
    }

    pub(super) fn requote_all(&mut self, now: OffsetDateTime) -> Vec<Action> {
        let open: Vec<String> = self.rfqs.keys().cloned().collect();
        let mut actions = Vec::new();
        for id in open {
            let can = |rfq: &Rfq| !rfq.looking && now < rfq.ends;
            if self.connected && self.rfqs.get(&id).is_some_and(can) {
                actions.extend(self.send_quote(&id, now));
            }
        }
        actions
    }

    pub(super) fn withdraw_all(&mut self) -> Vec<Action> {
        let quoted = self.rfqs.iter().filter(|(_, rfq)| rfq.live.is_some() && !rfq.looking);
        let quoted: Vec<String> = quoted.map(|(id, _)| id.clone()).collect();
        quoted.iter().flat_map(|id| self.withdraw(id)).collect()
    }

    pub(super) fn pass_all(&mut self, reason: u32) -> Vec<Action> {
        let open = self.rfqs.iter().filter(|(_, rfq)| !rfq.looking);
        let open: Vec<String> = open.map(|(id, _)| id.clone()).collect();
        open.iter().flat_map(|id| self.pass(id, reason)).collect()
    }

    fn withdraw(&mut self, id: &str) -> Vec<Action> {
        let Some(rfq) = self.close(id, Fate::Withdrawn) else { return vec![] };
        let cancel = |quote: QuoteTerms| quote_cancel(&rfq.request, &quote.quote_id);
        rfq.live.map(cancel).map(Action::Send).into_iter().collect()
    }

    /// Refuses, or withdraws what was quoted before the change of mind.
    fn pass(&mut self, id: &str, reason: u32) -> Vec<Action> {
        if self.rfqs.get(id).is_some_and(|rfq| rfq.live.is_some()) {
            return self.withdraw(id);
        }
        let Some(rfq) = self.close(id, Fate::Ended) else { return vec![] };
        let text = match reason {
            3 => "exceeds our limit",
            9 => "no inventory",
            10 => "pass",
            _ => "we do not quote this",
        };
        vec![Action::Send(quote_request_reject(&rfq.request, reason, text))]
    }

    /// Forgets a request. Its live quote cannot be traded on from here on.
    pub(super) fn close(&mut self, id: &str, fate: Fate) -> Option<Rfq> {
        let rfq = self.rfqs.remove(id)?;
        if let Some(quote) = &rfq.live {
            set_fate(&mut self.quotes, &quote.quote_id, fate);
        }
        Some(rfq)
    }

    /// The request's time is up; one in last look ends with its decision.
    pub(super) fn end_if_over(&mut self, id: &str, now: OffsetDateTime) -> Vec<Action> {
        if self.rfqs.get(id).is_some_and(|rfq| now >= rfq.ends && !rfq.looking) {
            self.close(id, Fate::Ended);
        }
        vec![]
    }
}
