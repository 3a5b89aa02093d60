//! What a ticket wants of an accept: the worst price, and the least quantity.
//!
//! The limit is this desk's: no dealer learns it; the desk refuses an accept that breaks it, and
//! gives it to the accept (20140). The least quantity is one of the terms of the RFQ, and dealers
//! are told. MinQty (110) and ExecInst (18) are fields of orders in FIX 4.4; in QuoteRequest (R) it
//! is a stipulation (233) `MINQTY`, which is the whole quantity for all or none.

use super::package::net_limit;
use crate::{
    price::{self, PriceError},
    problem::{problem, sentence},
    view::{Ask, Problem, TicketField, TicketForm},
};
use rust_decimal::Decimal;
use signet_rfq::{Instrument, MAX_LEGS, Side, group_digits, parse_quantity};

/// Characters of a note, at most.
const NOTE_MAX: usize = 500;
/// Characters of every other text, at most.
const TEXT_MAX: usize = 120;
/// Characters of the name of a template or of a list of dealers, at most.
pub(super) const NAME_MAX: usize = 40;
/// Dealers of a form, at most. An RFQ may ask fewer.
const DEALERS_MAX: usize = 64;

/// What an accept has to keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// The worst price.
    pub limit: Option<Decimal>,
    /// The least quantity.
    pub at_least: Option<Decimal>,
}

/// Whether a form may be kept: its texts are short and printable. The page is not trusted more than
/// it has to be.
pub(crate) fn check_texts(f: &TicketForm) -> Result<(), Problem> {
    let long = |text: &str, max| text.chars().count() > max;
    let kept = [&f.settlement_date, &f.limit_over].into_iter().flatten().map(String::as_str);
    let short = [&f.instrument, &f.typed, &f.quantity, &f.price_limit, &f.min_quantity];
    let legs = f.package.iter().flat_map(|p| &p.legs).take(MAX_LEGS + 1);
    let of_legs = legs.flat_map(|l| [&l.instrument, &l.typed, &l.ratio, &l.quantity, &l.settles]);
    let size = f.package.iter().map(|p| &p.size);
    let texts = short.into_iter().chain(&f.dealers).chain(of_legs).chain(size);
    let mut texts = texts.map(String::as_str).chain(kept);
    let bad = f.dealers.len() > DEALERS_MAX
        || f.package.as_ref().is_some_and(|p| p.legs.len() > MAX_LEGS)
        || texts.any(|t| long(t, TEXT_MAX) || t.chars().any(char::is_control));
    if bad {
        let cure = "Fill it in again.";
        return Err(problem("ticket.too_long", "The ticket has more text than it can have.", cure));
    }
    // A note may have lines.
    let strange = |c: char| c.is_control() && c != '\n';
    if long(&f.note, NOTE_MAX) || f.note.chars().any(strange) {
        let why = format!("A note has at most {NOTE_MAX} printable characters.");
        return Err(problem("note.too_long", why, "Shorten the note.").about(TicketField::Note));
    }
    Ok(())
}

/// Whether a text can be a name: short, printable, and without white space around it.
pub(super) fn is_name(text: &str) -> bool {
    text.trim() == text
        && (1..=NAME_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
}

/// Whether a template may have this name.
pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    if is_name(name) {
        return Ok(());
    }
    let why = format!("A name has 1 to {NAME_MAX} printable characters.");
    Err(problem("template.name", why, "Type another name."))
}

/// What an accept of this ticket has to keep to; `i` as told in the ticket's price type.
pub(crate) fn wanted(f: &TicketForm, i: &Instrument) -> Result<Wanted, Problem> {
    Ok(Wanted { limit: limit(f, i)?, at_least: at_least(f)? })
}

/// The worst price at which it is traded; `i` as told in the ticket's price type.
pub(crate) fn limit(f: &TicketForm, i: &Instrument) -> Result<Option<Decimal>, Problem> {
    if f.price_limit.trim().is_empty() {
        return Ok(None);
    }
    let refused =
        |code, why: String, cure: &str| Err(problem(code, why, cure).about(TicketField::Limit));
    if f.ask == Ask::TwoWay {
        let why = "A limit needs a side: a two-way request has none.".to_owned();
        return refused("limit.two_way", why, "Choose Buy or Sell, or leave the limit out.");
    }
    if i.id.is_package() {
        return match net_limit(&f.price_limit) {
            Some(net) => Ok(Some(net)),
            None => refused(
                "limit.unreadable",
                "The limit of a package is a net price, such as -0.25 or 1.4.".into(),
                "Type a net price, or leave the limit out.",
            ),
        };
    }
    if let Some(why) = other_rate(f, i) {
        return refused("limit.other_rate", why, "Type the limit again, or leave it out.");
    }
    match price::typed(i, &f.price_limit) {
        Ok(price) => Ok(Some(price)),
        Err(e) => {
            let code = match e {
                PriceError::Missing => "limit.missing",
                PriceError::Unreadable { .. } => "limit.unreadable",
                PriceError::NotPositive => "limit.not_positive",
                PriceError::OffTick { .. } => "limit.off_tick",
            };
            refused(code, sentence(&e.to_string()), "Type a price, or leave the limit out.")
        }
    }
}

/// Why the limit does not count what the request asks for: a note may pay another rate since the
/// limit was typed, and a margin over that is another number.
fn other_rate(f: &TicketForm, i: &Instrument) -> Option<String> {
    let limit = f.price_limit.trim();
    match (&f.limit_over, price::over(i.price_type())) {
        (then, now) if *then == now => None,
        (Some(then), Some(now)) => {
            Some(format!("The limit {limit} is over {then}, and {} is over {now} now.", i.symbol))
        }
        (Some(then), None) => Some(format!("The limit {limit} is a discount margin over {then}.")),
        (None, now) => {
            let now = now.unwrap_or_default();
            Some(format!("It is not known whether the limit {limit} is over {now}."))
        }
    }
}

/// The least quantity that is traded: the whole one for all or none.
pub(crate) fn at_least(f: &TicketForm) -> Result<Option<Decimal>, Problem> {
    // A package is taken as a whole or not at all.
    let typed = if f.package.is_some() { "" } else { f.min_quantity.trim() };
    if typed.is_empty() && (f.package.is_some() || !f.all_or_none) {
        return Ok(None);
    }
    let whole = parse_quantity(&f.quantity).map_err(|e| Problem::from(&e))?;
    if f.all_or_none {
        return Ok(Some(whole));
    }
    let least = parse_quantity(typed).map_err(|e| Problem::from(&e).about(TicketField::Minimum))?;
    if least > whole {
        let why = format!(
            "The least quantity, {}, is more than the quantity, {}.",
            group_digits(least),
            group_digits(whole)
        );
        return Err(problem("minimum.too_large", why, "Type less, or leave it out.")
            .about(TicketField::Minimum));
    }
    Ok(Some(least))
}

impl Wanted {
    /// Whether an accept keeps to it; the problem names the dealer's side of it.
    pub(crate) fn check(
        &self,
        i: &Instrument,
        side: Side,
        price: Decimal,
        quantity: Decimal,
    ) -> Result<(), Problem> {
        if let Some(limit) =
            self.limit.filter(|l| i.price_type().direction().beyond(side, price, *l))
        {
            let why = format!(
                "{} is worse than your limit of {}. Nothing was sent.",
                price::show(i, price),
                price::show(i, limit)
            );
            let cure = "Choose a better price, or ask again with another limit.";
            return Err(problem("accept.beyond_limit", why, cure));
        }
        if let Some(least) = self.at_least.filter(|l| quantity < *l) {
            let why = format!(
                "The quote is for {}, and your ticket wants at least {}. Nothing was sent.",
                group_digits(quantity),
                group_digits(least)
            );
            let cure = "Choose a larger quote, or ask again without a least quantity.";
            return Err(problem("accept.too_small", why, cure));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
