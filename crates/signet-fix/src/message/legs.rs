//! The legs of a package (NoLegs, 555): in a request (R), a quote (S), an accept (AJ) and a report
//! (8). A leg is known by its place, which is that of the request.

use super::{DecodeError, instrument, reader::Reader};
use crate::{
    tag,
    tagvalue::{Body, Fields, parse_number},
};
use rust_decimal::Decimal;
use signet_rfq::{InstrumentId, Leg, MAX_LEGS, MIN_LEGS, Side, StatedLeg};
use std::collections::BTreeSet;

/// Every field that FIX 4.4 has in an entry of NoLegs (555) of these messages, but the first: what
/// is not read is not a reason to refuse a dealer's message.
const MEMBERS: [u32; 71] = [
    601, 602, 603, 604, 605, 606, 607, 608, 609, 764, 610, 611, 248, 249, 250, 251, 252, 253, 257,
    599, 596, 597, 598, 254, 612, 942, 613, 614, 615, 616, 617, 618, 619, 620, 621, 622, 623, 624,
    556, 740, 739, 955, 956, 687, 690, 587, 588, 683, 688, 689, 539, 524, 525, 538, 804, 545, 805,
    564, 565, 654, 566, 637, 675, 686, 681, 684, 676, 677, 678, 679, 680,
];
/// No field of a leg has a lower tag: most fields of most messages do.
const LOWEST: u32 = {
    let (mut lowest, mut i) = (tag::LEG_SYMBOL, 0);
    while i < MEMBERS.len() {
        if MEMBERS[i] < lowest {
            lowest = MEMBERS[i];
        }
        i += 1;
    }
    lowest
};
/// Those that may be in a message of no legs too.
const SHARED: [u32; 7] = [539, 524, 525, 538, 804, 545, 805];
/// Those of groups within a leg, which repeat.
const REPEATED: [u32; 12] = [605, 606, 688, 689, 524, 525, 538, 545, 805, 804, 539, 683];
/// Longest LegRefID (654) that is taken.
const REF_LEN_MAX: usize = 64;
/// PriceType (423, 686): percentage of par, and per unit.
const PERCENT: u8 = 1;
const PER_UNIT: u8 = 2;

/// How some write that there are no legs.
const NONE: &[u8] = b"0";

/// Whether a message is about a package, whatever it names as its instrument.
pub(super) fn is_package(r: Reader<'_, '_>) -> bool {
    r.opt(tag::NO_LEGS).is_some_and(|n| n != NONE)
        || r.opt(tag::SECURITY_TYPE) == Some(tag::MULTILEG.as_bytes())
}

/// The legs that a message states; none if it has no group of legs.
pub(super) fn decode(f: &Fields<'_>) -> Result<Vec<StatedLeg>, DecodeError> {
    let bad = || DecodeError::Bad(tag::NO_LEGS);
    let all = f.as_slice();
    let entries = f.group(tag::LEG_SYMBOL, &MEMBERS, 0..all.len());
    // More are refused in any case, and every field is looked for in every one of them below.
    if entries.len() > MAX_LEGS {
        return Err(bad());
    }
    let only_of_legs = |t: u32| {
        t >= LOWEST && (t == tag::LEG_SYMBOL || (MEMBERS.contains(&t) && !SHARED.contains(&t)))
    };
    let stray =
        (0..all.len()).any(|i| only_of_legs(all[i].0) && !entries.iter().any(|e| e.contains(&i)));
    let counts = all.iter().filter(|(t, _)| *t == tag::NO_LEGS).count();
    let Some(announced) = f.get(tag::NO_LEGS).filter(|n| *n != NONE) else {
        return if entries.is_empty() && !stray { Ok(Vec::new()) } else { Err(bad()) };
    };
    // A number that is not that of the legs hides some or invents some; a field outside a leg
    // belongs to none.
    if counts != 1 || parse_number(announced) != Some(entries.len()) || stray {
        return Err(bad());
    }
    if !(MIN_LEGS..=MAX_LEGS).contains(&entries.len()) {
        return Err(bad());
    }
    let mut refs = BTreeSet::new();
    let mut legs = Vec::with_capacity(entries.len());
    for e in entries {
        let fields = &all[e];
        let repeats = |i: usize| {
            let t = fields[i].0;
            !REPEATED.contains(&t) && fields[..i].iter().any(|(before, _)| *before == t)
        };
        if (0..fields.len()).any(repeats) {
            return Err(bad());
        }
        let r = Reader(fields);
        let name = r.opt(tag::LEG_REF_ID);
        if name.is_some_and(|id| id.len() > REF_LEN_MAX || !refs.insert(id)) {
            return Err(DecodeError::Bad(tag::LEG_REF_ID));
        }
        legs.push(leg(r)?);
    }
    Ok(legs)
}

fn leg(r: Reader<'_, '_>) -> Result<StatedLeg, DecodeError> {
    let positive = |t| r.optional(t, Reader::positive);
    let isin = r.opt(tag::LEG_SECURITY_ID_SOURCE) == Some(b"4");
    let id = match r.opt(tag::LEG_SECURITY_ID) {
        Some(_) if isin => tag::LEG_SECURITY_ID,
        _ => tag::LEG_SYMBOL,
    };
    let name = r.id(id, InstrumentId::new)?;
    // A package has no packages within.
    if name.is_package() {
        return Err(DecodeError::Bad(id));
    }
    let price_type = r.optional(tag::LEG_PRICE_TYPE, Reader::number::<u8>)?;
    let asked = if instrument::is_isin(&name) { PERCENT } else { PER_UNIT };
    if price_type.is_some_and(|t| t != asked) {
        return Err(DecodeError::Bad(tag::LEG_PRICE_TYPE));
    }
    Ok(StatedLeg {
        instrument: name,
        side: match r.opt(tag::LEG_SIDE) {
            None => None,
            Some(b"1") => Some(Side::Buy),
            Some(b"2") => Some(Side::Sell),
            Some(_) => return Err(DecodeError::Bad(tag::LEG_SIDE)),
        },
        ratio: positive(tag::LEG_RATIO_QTY)?,
        currency: r.optional(tag::LEG_CURRENCY, |r, t| r.text(t).map(str::to_owned))?,
        quantity: positive(tag::LEG_QTY)?,
        settlement_date: r.optional(tag::LEG_SETTL_DATE, Reader::date)?,
        bid: r.optional(tag::LEG_BID_PX, Reader::decimal)?,
        offer: r.optional(tag::LEG_OFFER_PX, Reader::decimal)?,
        last: r.optional(tag::LEG_LAST_PX, Reader::decimal)?,
    })
}

/// The legs of a message of a desk: none is not written as zero.
pub(super) fn decode_strictly(f: &Fields<'_>) -> Result<Vec<StatedLeg>, DecodeError> {
    match f.get(tag::NO_LEGS) {
        Some(NONE) => Err(DecodeError::Bad(tag::NO_LEGS)),
        _ => decode(f),
    }
}

/// The legs of a request, which states everything but a ratio of one.
pub(super) fn decode_asked(f: &Fields<'_>, currency: &str) -> Result<Vec<Leg>, DecodeError> {
    let asked = |l: StatedLeg| {
        if l.currency.is_some_and(|c| c != currency) {
            return Err(DecodeError::Bad(tag::LEG_CURRENCY));
        }
        Ok(Leg {
            instrument: l.instrument,
            side: l.side.ok_or(DecodeError::Missing(tag::LEG_SIDE))?,
            ratio: l.ratio.unwrap_or(Decimal::ONE),
            quantity: l.quantity.ok_or(DecodeError::Missing(tag::LEG_QTY))?,
            settlement_date: l.settlement_date.ok_or(DecodeError::Missing(tag::LEG_SETTL_DATE))?,
        })
    };
    decode_strictly(f)?.into_iter().map(asked).collect()
}

pub(super) fn encode_asked(b: &mut Body, legs: &[Leg]) {
    let stated: Vec<StatedLeg> = legs.iter().map(StatedLeg::of).collect();
    encode(b, &stated);
}

pub(super) fn encode(b: &mut Body, legs: &[StatedLeg]) {
    if legs.is_empty() {
        return;
    }
    b.put(tag::NO_LEGS, legs.len());
    for l in legs {
        b.put(tag::LEG_SYMBOL, &l.instrument);
        if instrument::is_isin(&l.instrument) {
            b.put(tag::LEG_SECURITY_ID, &l.instrument);
            b.put(tag::LEG_SECURITY_ID_SOURCE, 4);
        }
        b.put_opt(tag::LEG_RATIO_QTY, l.ratio);
        b.put_opt(tag::LEG_SIDE, l.side.map(instrument::side));
        b.put_opt(tag::LEG_CURRENCY, l.currency.as_deref());
        b.put_opt(tag::LEG_QTY, l.quantity);
        b.put_opt(tag::LEG_SETTL_DATE, l.settlement_date.as_deref());
        b.put_opt(tag::LEG_BID_PX, l.bid);
        b.put_opt(tag::LEG_OFFER_PX, l.offer);
        b.put_opt(tag::LEG_LAST_PX, l.last);
    }
}
