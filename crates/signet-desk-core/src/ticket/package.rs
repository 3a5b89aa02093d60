//! The package of a ticket: what its kind sets, what the legs mean, and whether they are a package.
//! Pure.
//!
//! | kind | legs | sides | ratios | sizes |
//! | --- | --- | --- | --- | --- |
//! | spread, switch, roll | 2 | buy, sell | 1, 1 | the package's size |
//! | butterfly | 3 | buy, sell, buy | 1, 2, 1 | the package's size times the ratio |
//! | curve | 2 | buy, sell | 1, 1 | typed: the data has no risk per basis point |
//! | with a hedge leg | 2 to 20 | the last against the first | as typed | typed |
//! | free | 2 to 20 | as typed | as typed | as typed |
//!
//! The size of a leg that the trader types counts in every kind.

use crate::{
    problem::problem,
    settlement,
    view::{
        LegForm, LegRead, PackageEdit, PackageForm, PackageRead, PackageShape, PriceType, Problem,
        Side, Ticket, TicketField, TicketForm, TicketLeg,
    },
};
use rust_decimal::Decimal;
use signet_rfq::{
    AssetClass, Instrument, Leg, LegsError, MAX_LEGS, MIN_LEGS, PackageKind, TermsError, UtcMillis,
    gross, group_digits, parse_quantity,
};

/// What a kind sets.
struct Preset {
    /// Side and ratio of each leg.
    legs: &'static [(Side, &'static str)],
    /// More legs may be added.
    more: bool,
}

const TWO: &[(Side, &str)] = &[(Side::Buy, ""), (Side::Sell, "")];
const WINGS: &[(Side, &str)] = &[(Side::Buy, "1"), (Side::Sell, "2"), (Side::Buy, "1")];

fn preset(shape: PackageShape) -> Preset {
    match shape {
        PackageShape::Butterfly => Preset { legs: WINGS, more: false },
        PackageShape::Hedge | PackageShape::Free => Preset { legs: TWO, more: true },
        PackageShape::Spread | PackageShape::Curve | PackageShape::Switch | PackageShape::Roll => {
            Preset { legs: TWO, more: false }
        }
    }
}

fn empty(side: Side) -> LegForm {
    LegForm {
        side,
        instrument: String::new(),
        typed: String::new(),
        ratio: String::new(),
        quantity: String::new(),
        settles: String::new(),
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

/// The package after an edit. One that cannot be done changes nothing.
pub(crate) fn edited(mut p: PackageForm, edit: PackageEdit) -> PackageForm {
    match edit {
        PackageEdit::Shape(shape) => shaped(&mut p, shape),
        PackageEdit::Add if preset(p.shape).more && p.legs.len() < MAX_LEGS => {
            p.legs.push(empty(p.legs.last().map_or(Side::Buy, |l| other(l.side))));
        }
        PackageEdit::Remove(leg) => {
            let leg = leg as usize;
            if preset(p.shape).more && p.legs.len() > MIN_LEGS && leg < p.legs.len() {
                p.legs.remove(leg);
            }
        }
        PackageEdit::Turn => p.legs.iter_mut().for_each(|l| l.side = other(l.side)),
        PackageEdit::Add => {}
    }
    p
}

fn shaped(p: &mut PackageForm, shape: PackageShape) {
    let preset = preset(shape);
    p.shape = shape;
    if shape == PackageShape::Free && p.legs.len() >= MIN_LEGS {
        return;
    }
    if !preset.more {
        p.legs.truncate(preset.legs.len());
    }
    for (i, (side, ratio)) in preset.legs.iter().enumerate() {
        if p.legs.len() <= i {
            p.legs.push(empty(*side));
        }
        if let Some(leg) = p.legs.get_mut(i) {
            (leg.side, leg.ratio) = (*side, (*ratio).into());
        }
    }
    if matches!(shape, PackageShape::Curve | PackageShape::Hedge) {
        p.size.clear();
    }
}

/// What a package is read by.
pub(crate) struct Asking<'a> {
    /// Finds an instrument that this trader may use.
    pub find: &'a dyn Fn(&str) -> Option<&'a Instrument>,
    /// Now, on the gateway's clock.
    pub at: UtcMillis,
}

/// A leg that is filled in, with its instrument.
type Filled<'a> = (Leg, &'a Instrument);

impl<'a> Asking<'a> {
    /// What the desk reads in a package while it is typed. Nothing is said against what is not
    /// filled in yet.
    pub(crate) fn read(&self, p: &PackageForm) -> PackageRead {
        let all: Vec<Result<Option<Filled<'a>>, Problem>> =
            (0..p.legs.len().min(MAX_LEGS)).map(|i| self.leg(p, i)).collect();
        let filled: Vec<Option<&Filled<'a>>> =
            all.iter().map(|l| l.as_ref().ok().and_then(Option::as_ref)).collect();
        let mut legs: Vec<LegRead> = Vec::with_capacity(all.len());
        for (i, one) in all.iter().enumerate() {
            let before = filled.get(..i).unwrap_or_default();
            legs.push(self.leg_read(p, i, one, before));
        }
        let whole: Option<Vec<&Filled<'a>>> = filled.iter().copied().collect();
        let bad = legs.iter().any(|l| l.problem.is_some());
        let mut read = PackageRead {
            legs,
            name: String::new(),
            gross: String::new(),
            net: String::new(),
            problem: None,
        };
        if let Some(whole) = whole.filter(|_| !bad) {
            sums(&mut read, &whole);
            read.problem = fits(p.shape, &whole).err();
        }
        read
    }

    fn leg_read(
        &self,
        p: &PackageForm,
        i: usize,
        one: &Result<Option<Filled<'a>>, Problem>,
        before: &[Option<&Filled<'a>>],
    ) -> LegRead {
        let typed = p.legs.get(i).map_or("", |l| l.instrument.as_str());
        let currency = (self.find)(typed).map_or_else(String::new, |i| i.currency.clone());
        let (leg, mut why) = match one {
            Ok(leg) => (leg.as_ref(), None),
            Err(why) => (None, Some(why.clone())),
        };
        if let Some((leg, instrument)) = leg {
            let first = before.iter().flatten().next();
            let same = |(b, _): &&Filled<'a>| {
                (&b.instrument, &b.settlement_date) == (&leg.instrument, &leg.settlement_date)
            };
            let twice = before.iter().position(|b| b.as_ref().is_some_and(same));
            let mixed = first.filter(|(_, f)| f.currency != instrument.currency);
            why = if let Some(b) = twice {
                Some(refused(&LegsError::Twice(i + 1, b + 1)))
            } else {
                mixed.map(|(_, f)| {
                    let (leg, all) = (instrument.currency.clone(), f.currency.clone());
                    refused(&LegsError::Currency(i + 1, leg, all))
                })
            };
        }
        LegRead {
            quantity: leg.map_or_else(String::new, |(l, _)| group_digits(l.quantity)),
            currency,
            settlement_date: leg
                .map_or_else(String::new, |(l, _)| crate::present::iso(&l.settlement_date)),
            problem: why,
        }
    }

    /// A leg as it would be asked for; `None` while it is not filled in.
    fn leg(&self, p: &PackageForm, i: usize) -> Result<Option<Filled<'a>>, Problem> {
        let Some(typed) = p.legs.get(i) else { return Ok(None) };
        let n = i + 1;
        if typed.instrument.is_empty() {
            return Ok(None);
        }
        let instrument = (self.find)(&typed.instrument).ok_or_else(|| {
            let why =
                format!("Leg {n}: {} is not an instrument that you may ask for.", typed.typed);
            about(problem("legs.instrument", why, "Choose an instrument from the list."))
        })?;
        let ratio = ratio(typed, n)?;
        let date = match typed.settles.trim() {
            "" => settlement::date(instrument, None, self.at),
            text => settlement::read(instrument, text, self.at)
                .and_then(|day| settlement::date(instrument, Some(&day.date), self.at)),
        };
        let settlement_date = date.map_err(|e| of_leg(n, e))?;
        let Some(quantity) = quantity(p, typed, ratio, n)? else { return Ok(None) };
        instrument.check_quantity(quantity).map_err(|e| of_leg(n, Problem::from(&e)))?;
        let side = match typed.side {
            Side::Buy => signet_rfq::Side::Buy,
            Side::Sell => signet_rfq::Side::Sell,
        };
        let id = instrument.id.clone();
        Ok(Some((Leg { instrument: id, side, ratio, quantity, settlement_date }, instrument)))
    }

    /// The ticket that is sent of a form with a package.
    pub(crate) fn ticket(&self, form: &TicketForm, p: &PackageForm) -> Result<Ticket, Problem> {
        if !(MIN_LEGS..=MAX_LEGS).contains(&p.legs.len()) {
            return Err(refused(&LegsError::Count(p.legs.len())));
        }
        let missing = |i: usize| {
            let why = format!("Leg {}: its instrument or its size is missing.", i + 1);
            about(problem("legs.missing", why, "Fill the leg in, or take it out."))
        };
        let read = self.read(p);
        if let Some(why) = read.legs.into_iter().find_map(|l| l.problem).or(read.problem) {
            return Err(why);
        }
        let mut legs = Vec::with_capacity(p.legs.len());
        for i in 0..p.legs.len() {
            let (leg, _) = self.leg(p, i)?.ok_or_else(|| missing(i))?;
            legs.push(TicketLeg {
                instrument: leg.instrument.to_string(),
                side: crate::present::side(leg.side),
                quantity: leg.quantity.to_string(),
                ratio: Some(leg.ratio.to_string()),
                settlement_date: Some(crate::present::iso(&leg.settlement_date)),
            });
        }
        Ok(Ticket {
            instrument: String::new(),
            legs,
            price_type: PriceType::Price,
            ask: form.ask,
            quantity: String::new(),
            dealers: form.dealers.clone(),
            ttl_s: form.ttl_s,
            settlement_date: None,
        })
    }
}

fn ratio(typed: &LegForm, n: usize) -> Result<Decimal, Problem> {
    let ratio = match typed.ratio.trim() {
        "" => Some(Decimal::ONE),
        text => crate::price::read(signet_rfq::PriceFormat::default(), text),
    };
    let good = |r: &Decimal| *r > Decimal::ZERO && *r <= Decimal::ONE_THOUSAND;
    ratio.filter(good).ok_or_else(|| refused(&LegsError::Ratio(n)))
}

/// The size of a leg: its own, or that of the package times its ratio.
fn quantity(
    p: &PackageForm,
    typed: &LegForm,
    ratio: Decimal,
    n: usize,
) -> Result<Option<Decimal>, Problem> {
    let read = |text: &str| parse_quantity(text).map_err(|e| of_leg(n, Problem::from(&e)));
    if !typed.quantity.trim().is_empty() {
        return read(&typed.quantity).map(Some);
    }
    if p.size.trim().is_empty() {
        return Ok(None);
    }
    let size = parse_quantity(&p.size).map_err(|e| about(Problem::from(&e)))?;
    let all = size.checked_mul(ratio).map(|q| q.normalize());
    all.map(Some).ok_or_else(|| refused(&LegsError::TooLarge))
}

fn sums(read: &mut PackageRead, whole: &[&Filled<'_>]) {
    let legs: Vec<Leg> = whole.iter().map(|(l, _)| l.clone()).collect();
    let class = |id: &signet_rfq::InstrumentId| {
        whole.iter().find(|(l, _)| l.instrument == *id).map(|(_, i)| i.asset_class)
    };
    let currency = whole.first().map_or("", |(_, i)| i.currency.as_str());
    read.name = format!("{}, {} legs", PackageKind::of(&legs, class).words(), legs.len());
    let net = legs.iter().try_fold(Decimal::ZERO, |sum, l| match l.side {
        signet_rfq::Side::Buy => sum.checked_add(l.quantity),
        signet_rfq::Side::Sell => sum.checked_sub(l.quantity),
    });
    let Some((gross, net)) = gross(&legs).zip(net) else {
        read.problem = Some(refused(&LegsError::TooLarge));
        return;
    };
    read.gross = format!("{currency} {}", group_digits(gross));
    let side = if net.is_sign_negative() { "sell" } else { "buy" };
    read.net = match net.is_zero() {
        true => format!("{currency} 0"),
        false => format!("{side} {currency} {}", group_digits(net.abs())),
    };
}

/// Whether the legs are what their kind says.
fn fits(shape: PackageShape, whole: &[&Filled<'_>]) -> Result<(), Problem> {
    let no = |code: &str, why: &str, cure: &str| Err(about(problem(code, why, cure)));
    let free = "Change the legs, or choose the kind Free.";
    let bond = |i: usize| whole.get(i).is_some_and(|(_, i)| i.asset_class.has_isin());
    let government =
        |i: usize| whole.get(i).is_some_and(|(_, i)| i.asset_class == AssetClass::GovernmentBond);
    match (shape, whole) {
        (PackageShape::Free, _) => Ok(()),
        (PackageShape::Butterfly, [a, b, c]) => {
            match a.0.side == c.0.side && a.0.side != b.0.side {
                true => Ok(()),
                false => no(
                    "legs.sides",
                    "A butterfly has both wings on one side and the body on the other.",
                    free,
                ),
            }
        }
        (PackageShape::Hedge, [first, .., last]) => match first.0.side != last.0.side {
            true => Ok(()),
            false => no("legs.sides", "A hedge leg is on the other side of the first leg.", free),
        },
        (_, [a, b]) if a.0.side == b.0.side => {
            no("legs.sides", "One leg is bought and the other one sold.", free)
        }
        (PackageShape::Roll, [a, b]) if a.0.instrument != b.0.instrument => {
            no("legs.roll", "A roll is of one instrument on two days.", free)
        }
        (PackageShape::Curve, [_, _]) if !(government(0) && government(1)) => {
            no("legs.curve", "A curve is of two government bonds.", free)
        }
        (PackageShape::Switch, [_, _]) if !(bond(0) && bond(1)) => {
            no("legs.switch", "A switch is of two bonds.", free)
        }
        (
            PackageShape::Spread | PackageShape::Curve | PackageShape::Switch | PackageShape::Roll,
            [_, _],
        ) => Ok(()),
        _ => no("legs.count", "This kind of package has another number of legs.", free),
    }
}

fn about(p: Problem) -> Problem {
    p.about(TicketField::Legs)
}

fn refused(e: &LegsError) -> Problem {
    about(Problem::from(&TermsError::Legs(e.clone())))
}

/// Which leg a refusal is about.
fn of_leg(n: usize, p: Problem) -> Problem {
    let mut words = p.message.chars();
    let first = words.next().map(|c| c.to_lowercase().collect::<String>()).unwrap_or_default();
    about(Problem { message: format!("Leg {n}: {first}{}", words.as_str()), ..p })
}

/// The net price that a trader typed as the limit of a package. It may be zero or below.
pub(crate) fn net_limit(text: &str) -> Option<Decimal> {
    crate::price::read(signet_rfq::PriceFormat::default(), text).filter(|p| p.scale() <= 9)
}

#[cfg(test)]
#[path = "package_tests.rs"]
mod tests;
