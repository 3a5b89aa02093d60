//! How an instrument and a side are written.

use crate::{tag, tagvalue::Body};
use signet_rfq::{InstrumentId, Side, isin_check_digit};

/// Symbol (55), and SecurityID (48) of an ISIN. A package has no id, but a SecurityType (167).
pub(super) fn put(b: &mut Body, id: &InstrumentId, isin: bool) {
    b.put(tag::SYMBOL, id);
    if id.is_package() {
        return b.put(tag::SECURITY_TYPE, tag::MULTILEG);
    }
    if isin {
        b.put(tag::SECURITY_ID, id);
        b.put(tag::SECURITY_ID_SOURCE, 4);
    }
}

/// Whether an id can only be an ISIN.
pub(super) fn is_isin(id: &InstrumentId) -> bool {
    isin_check_digit(id.as_str())
}

pub(super) fn side(s: Side) -> char {
    match s {
        Side::Buy => '1',
        Side::Sell => '2',
    }
}
