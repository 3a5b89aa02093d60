//! What the gateway tells a desk about itself: instruments (x/y), dealers (U1), open state (U2).

use super::decode::{Reader, quote_request};
use super::*;
use signet_rfq::AssetClass;

/// Instruments in one SecurityList message; more are sent in several (LastFragment, 893).
pub(crate) const MAX_INSTRUMENTS_PER_LIST: usize = 100;

/// SecurityListRequest (x), of everything the trader may use (559=4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityListRequest {
    /// SecurityReqID (320), chosen by the desk.
    pub id: RfqId,
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
pub enum SnapshotMark {
    /// Phase (20020) 1.
    Begin,
    /// Phase (20020) 2: one open RFQ.
    Rfq(QuoteRequest),
    /// Phase (20020) 3: from here on the desk hears of changes only.
    End,
}

pub(super) fn encode_list_request(b: &mut Body, x: &SecurityListRequest) {
    b.put(SECURITY_REQ_ID, &x.id);
    b.put(SECURITY_LIST_REQUEST_TYPE, 4);
}

pub(super) fn decode_list_request(r: Reader<'_, '_>) -> Result<SecurityListRequest, DecodeError> {
    match r.number(SECURITY_LIST_REQUEST_TYPE)? {
        4u8 => Ok(SecurityListRequest { id: r.id(SECURITY_REQ_ID, RfqId::new)? }),
        _ => Err(DecodeError::Bad(SECURITY_LIST_REQUEST_TYPE)),
    }
}

pub(super) fn encode_list(b: &mut Body, y: &SecurityList) {
    b.put(SECURITY_REQ_ID, &y.request);
    b.put(SECURITY_RESPONSE_ID, &y.request);
    b.put(SECURITY_REQUEST_RESULT, if y.instruments.is_empty() { 2 } else { 0 });
    b.put(LAST_FRAGMENT, if y.last { 'Y' } else { 'N' });
    if y.instruments.is_empty() {
        return;
    }
    b.put(NO_RELATED_SYM, y.instruments.len());
    for i in &y.instruments {
        encode::instrument(b, &i.id, i.asset_class.has_isin());
        b.put(SECURITY_DESC, &i.name);
        b.put(CURRENCY, &i.currency);
        b.put(ROUND_LOT, i.lot);
        b.put(MIN_TRADE_VOL, i.min_quantity);
        b.put(SHORT_SYMBOL, &i.symbol);
        b.put(ASSET_CLASS, i.asset_class.words());
        b.put(PRICE_DECIMALS, i.price_decimals);
        b.put(PRICE_UNIT, &i.price_unit);
        b.put(TICK, i.tick);
        b.put(MAX_TRADE_VOL, i.max_quantity);
        b.put(SETTLEMENT, &i.settlement);
    }
}

const LIST_MEMBERS: [u32; 13] = [
    SECURITY_ID,
    SECURITY_ID_SOURCE,
    SECURITY_DESC,
    CURRENCY,
    ROUND_LOT,
    MIN_TRADE_VOL,
    SHORT_SYMBOL,
    ASSET_CLASS,
    PRICE_DECIMALS,
    PRICE_UNIT,
    TICK,
    MAX_TRADE_VOL,
    SETTLEMENT,
];

pub(super) fn decode_list(f: &Fields<'_>) -> Result<SecurityList, DecodeError> {
    let r = Reader(f.as_slice());
    let entries = f.group(SYMBOL, &LIST_MEMBERS, 0..f.as_slice().len());
    if entries.len() > MAX_INSTRUMENTS_PER_LIST {
        return Err(DecodeError::Bad(NO_RELATED_SYM));
    }
    let instruments = entries
        .into_iter()
        .map(|e| instrument(Reader(&f.as_slice()[e])))
        .collect::<Result<_, _>>()?;
    Ok(SecurityList {
        request: r.id(SECURITY_REQ_ID, RfqId::new)?,
        last: if r.opt(LAST_FRAGMENT).is_some() { r.flag(LAST_FRAGMENT)? } else { true },
        instruments,
    })
}

fn instrument(r: Reader<'_, '_>) -> Result<Instrument, DecodeError> {
    let class = r.text(ASSET_CLASS)?;
    let asset_class = AssetClass::ALL
        .into_iter()
        .find(|c| c.words() == class)
        .ok_or(DecodeError::Bad(ASSET_CLASS))?;
    let i = Instrument {
        id: r.instrument()?,
        symbol: r.text(SHORT_SYMBOL)?.into(),
        name: r.text(SECURITY_DESC)?.into(),
        asset_class,
        currency: r.text(CURRENCY)?.into(),
        price_decimals: r.number(PRICE_DECIMALS)?,
        price_unit: r.text(PRICE_UNIT)?.into(),
        tick: r.positive(TICK)?,
        lot: r.positive(ROUND_LOT)?,
        min_quantity: r.positive(MIN_TRADE_VOL)?,
        max_quantity: r.positive(MAX_TRADE_VOL)?,
        settlement: r.text(SETTLEMENT)?.into(),
    };
    i.check().map_err(|_| DecodeError::Bad(SYMBOL))?;
    Ok(i)
}

pub(super) fn encode_venue(b: &mut Body, u: &VenueState) {
    b.put(VENUE_NAME, &u.name);
    b.put(PRACTICE_VENUE, if u.practice { 'Y' } else { 'N' });
    b.put(TRANSACT_TIME, u.at);
    if u.dealers.is_empty() {
        return;
    }
    b.put(NO_DEALERS, u.dealers.len());
    for d in &u.dealers {
        b.put(DEALER_ID, &d.id);
        b.put(DEALER_NAME, &d.name);
        b.put(DEALER_ONLINE, if d.online { 'Y' } else { 'N' });
    }
}

pub(super) fn decode_venue(f: &Fields<'_>) -> Result<VenueState, DecodeError> {
    let r = Reader(f.as_slice());
    let entries = f.group(DEALER_ID, &[DEALER_NAME, DEALER_ONLINE], 0..f.as_slice().len());
    let dealers = entries
        .into_iter()
        .map(|e| {
            let r = Reader(&f.as_slice()[e]);
            Ok(DealerState {
                id: r.id(DEALER_ID, DealerId::new)?,
                name: r.text(DEALER_NAME)?.into(),
                online: r.flag(DEALER_ONLINE)?,
            })
        })
        .collect::<Result<_, DecodeError>>()?;
    Ok(VenueState {
        name: r.text(VENUE_NAME)?.into(),
        practice: r.flag(PRACTICE_VENUE)?,
        dealers,
        at: r.utc(TRANSACT_TIME)?,
    })
}

pub(super) fn encode_snapshot(b: &mut Body, u: &SnapshotMark) {
    match u {
        SnapshotMark::Begin => b.put(SNAPSHOT_PHASE, 1),
        SnapshotMark::Rfq(q) => {
            b.put(SNAPSHOT_PHASE, 2);
            encode::quote_request(b, q);
        }
        SnapshotMark::End => b.put(SNAPSHOT_PHASE, 3),
    }
}

pub(super) fn decode_snapshot(f: &Fields<'_>) -> Result<SnapshotMark, DecodeError> {
    match Reader(f.as_slice()).number(SNAPSHOT_PHASE)? {
        1u8 => Ok(SnapshotMark::Begin),
        2 => Ok(SnapshotMark::Rfq(quote_request(f)?)),
        3 => Ok(SnapshotMark::End),
        _ => Err(DecodeError::Bad(SNAPSHOT_PHASE)),
    }
}
