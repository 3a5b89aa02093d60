//! What the gateway tells a desk about the venue: instruments (x/y), dealers (U1), open state (U2).

use super::{
    AppMessage, DecodeError, ListDigest, QuoteRequest, decode::quote_request, encode,
    instrument as naming, reader::Reader,
};
use crate::{
    tag,
    tagvalue::{Body, Fields},
};
use signet_rfq::{
    AssetClass, DealerId, Instrument, Over, PriceFormat, PriceType, RfqId, UtcMillis,
};

/// Instruments in one SecurityList message; more are sent in several (LastFragment, 893).
pub(crate) const MAX_INSTRUMENTS_PER_LIST: usize = 100;

/// SecurityListRequest (x), of everything the trader may use (559=4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityListRequest {
    /// SecurityReqID (320), chosen by the desk.
    pub id: RfqId,
    /// ListDigest (20039) of the complete list that the desk has from this venue.
    pub digest: Option<ListDigest>,
}

/// SecurityList (y). Conventions that FIX 4.4 has no field for are in user-defined ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityList {
    /// SecurityReqID (320) of the request it answers.
    pub request: RfqId,
    /// LastFragment (893): no further list follows.
    pub last: bool,
    /// At most 100; each has passed [`Instrument::check`].
    pub instruments: Vec<Instrument>,
}

/// One dealer the trader may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealerState {
    /// Tag 20004: the dealer's CompID.
    pub id: DealerId,
    /// Tag 20005: the dealer's name, for people.
    pub name: String,
    /// Tag 20006: the dealer has a session with the gateway.
    pub online: bool,
    /// Tag 20007, absent for no: the dealer takes counters (QuoteResponse, 694=2).
    pub counters: bool,
    /// Tag 20008, absent for no: the dealer lets a part of its quotes be taken.
    pub parts: bool,
}

/// User-defined U1: sent after logon and whenever it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueState {
    /// Tag 20002: the venue's name, for people.
    pub name: String,
    /// The venue is for practice: simulated dealers, nothing is real.
    pub practice: bool,
    /// The dealers that this desk's trader may ask (tag 20003).
    pub dealers: Vec<DealerState>,
    /// TransactTime (60).
    pub at: UtcMillis,
}

/// User-defined U2: the marks between which the gateway tells all open state after a logon. Between
/// `Begin` and `End` come, per open RFQ, one `Rfq`, then its quotes (S), passes (AG) and reports
/// (8).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "the messages that it is one of are as large")]
pub enum SnapshotMark {
    /// Phase (20020) 1.
    Begin,
    /// Phase (20020) 2: one open RFQ.
    Rfq(QuoteRequest),
    /// Phase (20020) 3: after this mark the gateway sends changes only.
    End,
}

pub(super) fn encode_list_request(b: &mut Body, x: &SecurityListRequest) {
    b.put(tag::SECURITY_REQ_ID, &x.id);
    b.put(tag::SECURITY_LIST_REQUEST_TYPE, 4);
    b.put_opt(tag::LIST_DIGEST, x.digest.as_ref().map(ListDigest::as_str));
}

pub(super) fn decode_list_request(r: Reader<'_, '_>) -> Result<SecurityListRequest, DecodeError> {
    match r.number(tag::SECURITY_LIST_REQUEST_TYPE)? {
        4u8 => Ok(SecurityListRequest {
            id: r.id(tag::SECURITY_REQ_ID, RfqId::new)?,
            digest: r.optional(tag::LIST_DIGEST, list_digest)?,
        }),
        _ => Err(DecodeError::Bad(tag::SECURITY_LIST_REQUEST_TYPE)),
    }
}

fn list_digest(r: Reader<'_, '_>, tag: u32) -> Result<ListDigest, DecodeError> {
    ListDigest::read(r.text(tag)?).ok_or(DecodeError::Bad(tag))
}

/// The answer to who has the list: 560 says that the request was a good one.
pub(super) fn encode_unchanged(b: &mut Body, request: &RfqId) {
    b.put(tag::SECURITY_REQ_ID, request);
    b.put(tag::SECURITY_RESPONSE_ID, request);
    b.put(tag::SECURITY_REQUEST_RESULT, 0);
    b.put(tag::LAST_FRAGMENT, 'Y');
    b.put(tag::LIST_UNCHANGED, 'Y');
}

pub(super) fn encode_list(b: &mut Body, y: &SecurityList) {
    b.put(tag::SECURITY_REQ_ID, &y.request);
    b.put(tag::SECURITY_RESPONSE_ID, &y.request);
    b.put(tag::SECURITY_REQUEST_RESULT, if y.instruments.is_empty() { 2 } else { 0 });
    b.put(tag::LAST_FRAGMENT, if y.last { 'Y' } else { 'N' });
    if y.instruments.is_empty() {
        return;
    }
    b.put(tag::NO_RELATED_SYM, y.instruments.len());
    for i in &y.instruments {
        naming::put(b, &i.id, i.asset_class.has_isin());
        b.put(tag::SECURITY_DESC, &i.name);
        b.put(tag::CURRENCY, &i.currency);
        b.put(tag::ROUND_LOT, i.lot);
        b.put(tag::MIN_TRADE_VOL, i.min_quantity);
        b.put(tag::SHORT_SYMBOL, &i.symbol);
        b.put(tag::ASSET_CLASS, i.asset_class.words());
        b.put(tag::PRICE_DECIMALS, i.price_decimals);
        b.put(tag::PRICE_UNIT, &i.price_unit);
        b.put(tag::TICK, i.tick);
        b.put(tag::MAX_TRADE_VOL, i.max_quantity);
        b.put(tag::SETTLEMENT, &i.settlement);
        if i.price_format != PriceFormat::default() {
            b.put(tag::PRICE_FORMAT, i.price_format.words());
        }
        if i.price_types != [PriceType::Price] {
            let words: Vec<&str> = i.price_types.iter().map(|t| listed_as(*t)).collect();
            b.put(tag::PRICE_TYPES, words.join(" "));
        }
        if let Some(PriceType::Margin(of)) = i.margin() {
            encode::benchmark(b, of);
        }
    }
}

const LIST_MEMBERS: [u32; 18] = [
    tag::SECURITY_ID,
    tag::SECURITY_ID_SOURCE,
    tag::SECURITY_DESC,
    tag::CURRENCY,
    tag::ROUND_LOT,
    tag::MIN_TRADE_VOL,
    tag::SHORT_SYMBOL,
    tag::ASSET_CLASS,
    tag::PRICE_DECIMALS,
    tag::PRICE_UNIT,
    tag::TICK,
    tag::MAX_TRADE_VOL,
    tag::SETTLEMENT,
    tag::PRICE_FORMAT,
    tag::PRICE_TYPES,
    tag::BENCHMARK_CURVE_CURRENCY,
    tag::BENCHMARK_CURVE_NAME,
    tag::BENCHMARK_CURVE_POINT,
];

pub(super) fn decode_list(f: &Fields<'_>) -> Result<AppMessage, DecodeError> {
    let r = Reader(f.as_slice());
    let entries = f.group(tag::SYMBOL, &LIST_MEMBERS, 0..f.as_slice().len());
    if entries.len() > MAX_INSTRUMENTS_PER_LIST {
        return Err(DecodeError::Bad(tag::NO_RELATED_SYM));
    }
    let instruments = entries
        .into_iter()
        .map(|e| instrument(Reader(&f.as_slice()[e])))
        .collect::<Result<Vec<_>, _>>()?;
    let request = r.id(tag::SECURITY_REQ_ID, RfqId::new)?;
    let last = r.optional(tag::LAST_FRAGMENT, Reader::flag)?.unwrap_or(true);
    match r.optional(tag::LIST_UNCHANGED, Reader::flag)?.unwrap_or(false) {
        false => Ok(AppMessage::SecurityList(SecurityList { request, last, instruments })),
        // It stands for the whole list: nothing comes with it, and nothing after it.
        true if last && instruments.is_empty() => Ok(AppMessage::SecurityListUnchanged { request }),
        true => Err(DecodeError::Bad(tag::LIST_UNCHANGED)),
    }
}

fn instrument(r: Reader<'_, '_>) -> Result<Instrument, DecodeError> {
    let class = r.text(tag::ASSET_CLASS)?;
    let asset_class = AssetClass::ALL
        .into_iter()
        .find(|c| c.words() == class)
        .ok_or(DecodeError::Bad(tag::ASSET_CLASS))?;
    let i = Instrument {
        id: r.instrument()?,
        symbol: r.text(tag::SHORT_SYMBOL)?.into(),
        name: r.text(tag::SECURITY_DESC)?.into(),
        asset_class,
        currency: r.text(tag::CURRENCY)?.into(),
        price_decimals: r.number(tag::PRICE_DECIMALS)?,
        price_unit: r.text(tag::PRICE_UNIT)?.into(),
        tick: r.positive(tag::TICK)?,
        lot: r.positive(tag::ROUND_LOT)?,
        min_quantity: r.positive(tag::MIN_TRADE_VOL)?,
        max_quantity: r.positive(tag::MAX_TRADE_VOL)?,
        settlement: r.text(tag::SETTLEMENT)?.into(),
        price_format: r.optional(tag::PRICE_FORMAT, price_format)?.unwrap_or_default(),
        price_types: r
            .optional(tag::PRICE_TYPES, price_types)?
            .unwrap_or_else(|| vec![PriceType::Price]),
    };
    i.check().map_err(|_| DecodeError::Bad(tag::SYMBOL))?;
    Ok(i)
}

fn price_format(r: Reader<'_, '_>, tag: u32) -> Result<PriceFormat, DecodeError> {
    let word = r.text(tag)?;
    PriceFormat::ALL.into_iter().find(|f| f.words() == word).ok_or(DecodeError::Bad(tag))
}

/// In PriceTypes (20038), where there is a space between two words.
const MARGIN: &str = "discount-margin";

/// The word of a type in PriceTypes (20038).
fn listed_as(of: PriceType) -> &'static str {
    match of {
        PriceType::Margin(_) => MARGIN,
        other => other.word(),
    }
}

/// At most one word more than an instrument may have; [`Instrument::check`] refuses one that stands
/// twice. The entry names what a discount margin is over.
fn price_types(r: Reader<'_, '_>, tag: u32) -> Result<Vec<PriceType>, DecodeError> {
    let words = r.text(tag)?.split(' ').take(PriceType::MOST + 1);
    let read = |word: &str| match (word, over(r)) {
        (MARGIN, Over::Reference(of)) => Ok(PriceType::Margin(of)),
        (MARGIN, _) => Err(DecodeError::Bad(tag::BENCHMARK_CURVE_NAME)),
        (other, _) => PriceType::WITHOUT_REFERENCE
            .into_iter()
            .find(|t| t.word() == other)
            .ok_or(DecodeError::Bad(tag)),
    };
    words.map(read).collect()
}

/// What 220 to 222 of a message, or of an entry, say.
pub(super) fn over(r: Reader<'_, '_>) -> Over {
    // What is not text is nothing that could be read.
    let text = |tag| r.opt(tag).map(|v| std::str::from_utf8(v).unwrap_or_default());
    Over::of(
        text(tag::BENCHMARK_CURVE_NAME),
        text(tag::BENCHMARK_CURVE_POINT),
        text(tag::BENCHMARK_CURVE_CURRENCY),
    )
}

pub(super) fn encode_venue(b: &mut Body, u: &VenueState) {
    b.put(tag::VENUE_NAME, &u.name);
    b.put(tag::PRACTICE_VENUE, if u.practice { 'Y' } else { 'N' });
    b.put(tag::TRANSACT_TIME, u.at);
    if u.dealers.is_empty() {
        return;
    }
    b.put(tag::NO_DEALERS, u.dealers.len());
    for d in &u.dealers {
        b.put(tag::DEALER_ID, &d.id);
        b.put(tag::DEALER_NAME, &d.name);
        b.put(tag::DEALER_ONLINE, if d.online { 'Y' } else { 'N' });
        if d.counters {
            b.put(tag::DEALER_COUNTERS, 'Y');
        }
        if d.parts {
            b.put(tag::DEALER_PARTS, 'Y');
        }
    }
}

pub(super) fn decode_venue(f: &Fields<'_>) -> Result<VenueState, DecodeError> {
    let r = Reader(f.as_slice());
    let members = [tag::DEALER_NAME, tag::DEALER_ONLINE, tag::DEALER_COUNTERS, tag::DEALER_PARTS];
    let entries = f.group(tag::DEALER_ID, &members, 0..f.as_slice().len());
    let dealers = entries
        .into_iter()
        .map(|e| {
            let r = Reader(&f.as_slice()[e]);
            Ok(DealerState {
                id: r.id(tag::DEALER_ID, DealerId::new)?,
                name: r.text(tag::DEALER_NAME)?.into(),
                online: r.flag(tag::DEALER_ONLINE)?,
                counters: r.optional(tag::DEALER_COUNTERS, Reader::flag)?.unwrap_or(false),
                parts: r.optional(tag::DEALER_PARTS, Reader::flag)?.unwrap_or(false),
            })
        })
        .collect::<Result<_, DecodeError>>()?;
    Ok(VenueState {
        name: r.text(tag::VENUE_NAME)?.into(),
        practice: r.flag(tag::PRACTICE_VENUE)?,
        dealers,
        at: r.utc(tag::TRANSACT_TIME)?,
    })
}

pub(super) fn encode_snapshot(b: &mut Body, u: &SnapshotMark) {
    match u {
        SnapshotMark::Begin => b.put(tag::SNAPSHOT_PHASE, 1),
        SnapshotMark::Rfq(q) => {
            b.put(tag::SNAPSHOT_PHASE, 2);
            encode::quote_request(b, q);
        }
        SnapshotMark::End => b.put(tag::SNAPSHOT_PHASE, 3),
    }
}

pub(super) fn decode_snapshot(f: &Fields<'_>) -> Result<SnapshotMark, DecodeError> {
    match Reader(f.as_slice()).number(tag::SNAPSHOT_PHASE)? {
        1u8 => Ok(SnapshotMark::Begin),
        2 => Ok(SnapshotMark::Rfq(quote_request(f)?)),
        3 => Ok(SnapshotMark::End),
        _ => Err(DecodeError::Bad(tag::SNAPSHOT_PHASE)),
    }
}
