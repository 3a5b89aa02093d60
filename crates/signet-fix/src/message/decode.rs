use super::*;
use crate::tagvalue::{first, is_date, parse_number};

pub(super) fn message(f: &Fields<'_>) -> Result<AppMessage, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(match r.text(MSG_TYPE)? {
        "R" => AppMessage::QuoteRequest(quote_request(f)?),
        "AG" => AppMessage::QuoteRequestReject(QuoteRequestReject {
            rfq: r.id(QUOTE_REQ_ID, RfqId::new)?,
            reason: r.number(QUOTE_REQUEST_REJECT_REASON)?,
            instrument: r.instrument()?,
            dealer: dealer(f)?,
            text: r.free_text(),
            advice: r.opt(REASON_CODE).filter(|code| !code.is_empty()).map(|code| Advice {
                code: lossy(code),
                cure: r.opt(CURE).map(lossy).unwrap_or_default(),
            }),
        }),
        "S" => AppMessage::Quote(quote(f)?),
        "Z" => AppMessage::QuoteCancel(QuoteCancel {
            rfq: r.optional(QUOTE_REQ_ID, |r, t| r.id(t, RfqId::new))?,
            quote: match r.opt(QUOTE_CANCEL_TYPE) {
                Some(b"4") => None,
                _ => Some(r.id(QUOTE_ID, QuoteId::new)?),
            },
            instrument: r.instrument_if_named()?,
            dealer: dealer(f)?,
            unreachable: match r.opt(DEALER_ONLINE) {
                Some(_) => !r.flag(DEALER_ONLINE)?,
                None => false,
            },
        }),
        "AJ" => AppMessage::QuoteResponse(QuoteResponse {
            id: r.id(CL_ORD_ID, AcceptId::new)?,
            response: match r.number(QUOTE_RESP_TYPE)? {
                1 => Response::HitOrLift,
                6 => Response::Pass,
                _ => return Err(DecodeError::Bad(QUOTE_RESP_TYPE)),
            },
            rfq: r.optional(QUOTE_REQ_ID, |r, t| r.id(t, RfqId::new))?,
            quote: r.id(QUOTE_ID, QuoteId::new)?,
            instrument: r.instrument()?,
            isin: r.0.iter().any(|(t, _)| *t == SECURITY_ID),
            dealer: dealer(f)?,
            side: r.side()?,
            quantity: r.positive(ORDER_QTY)?,
            price: r.decimal(PRICE)?,
            currency: r.optional(CURRENCY, |r, t| r.text(t).map(str::to_owned))?,
            settlement_date: r.optional(SETTL_DATE, Reader::date)?,
            at: r.utc(TRANSACT_TIME)?,
        }),
        "AI" => AppMessage::QuoteStatusReport(QuoteStatusReport {
            rfq: r.id(QUOTE_REQ_ID, RfqId::new)?,
            instrument: r.instrument()?,
            status: RfqStatus::of(r.number(QUOTE_STATUS)?),
            quote: r
                .optional(QUOTE_ID, |r, t| r.id(t, QuoteId::new))?
                .filter(|q| Some(q.as_str().as_bytes()) != r.opt(QUOTE_REQ_ID)),
            answers: r.optional(QUOTE_RESP_ID, |r, t| r.id(t, AcceptId::new))?,
            until: r.optional(VALID_UNTIL_TIME, Reader::utc)?,
            text: r.free_text(),
        }),
        "8" => AppMessage::ExecutionReport(execution(f)?),
        "H" => AppMessage::OrderStatusRequest(OrderStatusRequest {
            accept: r.id(CL_ORD_ID, AcceptId::new)?,
            instrument: r.instrument()?,
            side: r.side()?,
            dealer: dealer(f)?,
        }),
        "j" => AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: r.opt(REF_SEQ_NUM).and_then(parse_number).map(|n| n as u64),
            ref_msg_type: r.text(REF_MSG_TYPE)?.into(),
            ref_id: r.opt(BUSINESS_REJECT_REF_ID).map(lossy),
            reason: r.number(BUSINESS_REJECT_REASON)?,
            text: r.free_text(),
        }),
        "x" => AppMessage::SecurityListRequest(reference::decode_list_request(r)?),
        "y" => AppMessage::SecurityList(reference::decode_list(f)?),
        "U1" => AppMessage::VenueState(reference::decode_venue(f)?),
        "U2" => AppMessage::Snapshot(reference::decode_snapshot(f)?),
        "U3" => AppMessage::RfqCancel { rfq: r.id(QUOTE_REQ_ID, RfqId::new)?, text: r.free_text() },
        "U4" => AppMessage::StepUpChallenge(stepup::decode_challenge(r)?),
        "U5" => AppMessage::StepUpAnswer(stepup::decode_answer(r)?),
        "U6" => AppMessage::StepUpOutcome(stepup::decode_outcome(r)?),
        "UB" => AppMessage::AccessDecision(access::decode_decision(r)?),
        "UC" => AppMessage::PostureRequest { nonce: access::decode_posture_request(r)? },
        "UD" => AppMessage::PostureReport { envelope: access::decode_posture_report(r)? },
        "U7" => AppMessage::AccessState(stepup::decode_access(r)?),
        "U8" => AppMessage::StepUpRequest { reason: r.text(STEP_UP_REASON)?.into() },
        "U9" => AppMessage::KeyRequest(stepup::decode_key_request(r)?),
        "UA" => AppMessage::KeyReport(stepup::decode_key_report(r)?),
        other => return Err(DecodeError::UnsupportedType(lossy(other.as_bytes()))),
    })
}

pub(super) fn quote_request(f: &Fields<'_>) -> Result<QuoteRequest, DecodeError> {
    let r = Reader(f.as_slice());
    if r.number::<u32>(NO_RELATED_SYM)? != 1 {
        return Err(DecodeError::Bad(NO_RELATED_SYM));
    }
    Ok(QuoteRequest {
        id: r.id(QUOTE_REQ_ID, RfqId::new)?,
        instrument: r.instrument()?,
        isin: r.opt(SECURITY_ID).is_some(),
        ask: match r.opt(SIDE) {
            None => Ask::TwoWay,
            Some(b"1") => Ask::Buy,
            Some(b"2") => Ask::Sell,
            Some(_) => return Err(DecodeError::Bad(SIDE)),
        },
        quantity: r.positive(ORDER_QTY)?,
        currency: r.text(CURRENCY)?.into(),
        settlement_date: r.date(SETTL_DATE)?,
        dealers: dealers(f)?,
        expires: r.utc(EXPIRE_TIME)?,
        at: r.utc(TRANSACT_TIME)?,
    })
}

fn quote(f: &Fields<'_>) -> Result<QuoteMsg, DecodeError> {
    let r = Reader(f.as_slice());
    let (bid, offer) =
        (side_of_quote(r, BID_PX, BID_SIZE)?, side_of_quote(r, OFFER_PX, OFFER_SIZE)?);
    if bid.is_none() && offer.is_none() {
        return Err(DecodeError::Missing(BID_PX));
    }
    Ok(QuoteMsg {
        rfq: r.id(QUOTE_REQ_ID, RfqId::new)?,
        id: r.id(QUOTE_ID, QuoteId::new)?,
        instrument: r.instrument()?,
        dealer: dealer(f)?,
        bid,
        offer,
        valid_until: r.utc(VALID_UNTIL_TIME)?,
        tradeable: match r.opt(QUOTE_TYPE) {
            None | Some(b"1") => true,
            Some(b"0") => false,
            Some(_) => return Err(DecodeError::Bad(QUOTE_TYPE)),
        },
        at: if r.opt(TRANSACT_TIME).is_some() {
            r.utc(TRANSACT_TIME)?
        } else {
            r.utc(SENDING_TIME)?
        },
        qualifiers: Qualifiers {
            price_type: r.optional(PRICE_TYPE, Reader::number)?,
            currency: r.optional(CURRENCY, |r, t| r.text(t).map(str::to_owned))?,
            settlement_date: r.optional(SETTL_DATE, Reader::date)?,
            side: match r.opt(SIDE) {
                // 7 is "undisclosed": a quote for both sides.
                None | Some(b"7") => None,
                Some(_) => Some(r.side()?),
            },
        },
    })
}

/// One side of a quote; `None` when it is not quoted. Some dealers write a side that they do not
/// quote as zeros, and some give the size of both sides once, as OrderQty (38).
fn side_of_quote(r: Reader<'_, '_>, px: u32, size: u32) -> Result<Option<Level>, DecodeError> {
    let amount = |tag| r.optional(tag, Reader::decimal);
    let (price, own_size) = (amount(px)?, amount(size)?);
    match (price, own_size) {
        (None, None) => Ok(None),
        (_, Some(n)) if n.is_zero() => Ok(None),
        (Some(price), Some(_)) => Ok(Some(Level { price, size: r.positive(size)? })),
        (Some(price), None) if r.opt(ORDER_QTY).is_some() => {
            Ok(Some(Level { price, size: r.positive(ORDER_QTY)? }))
        }
        // A price of nothing, of no size: not quoted. Any other price without its size cannot be
        // traded on safely, and the other way round.
        (Some(price), None) if price.is_zero() => Ok(None),
        (Some(_), None) => Err(DecodeError::Missing(size)),
        (None, Some(_)) => Err(DecodeError::Missing(px)),
    }
}

fn execution(f: &Fields<'_>) -> Result<ExecutionReport, DecodeError> {
    let r = Reader(f.as_slice());
    let code = |tag| match r.text(tag)?.as_bytes() {
        [c] => Ok(char::from(*c)),
        _ => Err(DecodeError::Bad(tag)),
    };
    let last = match (r.opt(LAST_PX), r.opt(LAST_QTY)) {
        (Some(_), Some(_)) => {
            Some(Level { price: r.decimal(LAST_PX)?, size: r.decimal(LAST_QTY)? })
        }
        _ => None,
    };
    Ok(ExecutionReport {
        order_id: r.text(ORDER_ID)?.into(),
        exec_id: r.text(EXEC_ID)?.into(),
        exec_ref: r.optional(EXEC_REF_ID, |r, t| r.text(t).map(str::to_owned))?,
        accept: r.id(CL_ORD_ID, AcceptId::new)?,
        exec_type: ExecType::of(code(EXEC_TYPE)?),
        status: OrdStatus::of(code(ORD_STATUS)?),
        instrument: r.instrument()?,
        dealer: dealer(f)?,
        side: r.side()?,
        last,
        cum_qty: r.decimal(CUM_QTY)?,
        leaves_qty: r.decimal(LEAVES_QTY)?,
        avg_px: r.decimal(AVG_PX)?,
        settlement_date: r.optional(SETTL_DATE, Reader::date)?,
        currency: r.optional(CURRENCY, |r, t| r.text(t).map(str::to_owned))?,
        disputed: r.opt(REASON_CODE) == Some(DISPUTED.as_bytes()),
        reject_reason: r
            .opt(ORD_REJ_REASON)
            .and_then(parse_number)
            .and_then(|n| u16::try_from(n).ok()),
        text: r.free_text(),
        at: if r.opt(TRANSACT_TIME).is_some() {
            r.utc(TRANSACT_TIME)?
        } else {
            r.utc(SENDING_TIME)?
        },
    })
}

/// The parties with the dealer's role.
pub(super) fn dealers(f: &Fields<'_>) -> Result<Vec<DealerId>, DecodeError> {
    let entries = f.group(PARTY_ID, &[PARTY_ID_SOURCE, PARTY_ROLE], 0..f.as_slice().len());
    // The number says how many parties there are; any other number hides or invents some.
    let announced = match f.get(NO_PARTY_IDS) {
        Some(n) => parse_number(n).ok_or(DecodeError::Bad(NO_PARTY_IDS))?,
        None => 0,
    };
    if announced != entries.len() {
        return Err(DecodeError::Bad(NO_PARTY_IDS));
    }
    let mut out = Vec::new();
    for e in entries {
        let r = Reader(&f.as_slice()[e]);
        if r.opt(PARTY_ROLE) == Some(b"35") {
            out.push(r.id(PARTY_ID, DealerId::new)?);
        }
        // One more than allowed is kept, so that the terms' own check can say what is wrong.
        if out.len() > MAX_DEALERS_PER_RFQ + 1 {
            return Err(DecodeError::Bad(NO_PARTY_IDS));
        }
    }
    Ok(out)
}

fn dealer(f: &Fields<'_>) -> Result<Option<DealerId>, DecodeError> {
    let mut all = dealers(f)?;
    match all.len() {
        0 | 1 => Ok(all.pop()),
        _ => Err(DecodeError::Bad(NO_PARTY_IDS)),
    }
}

/// Free text as a person reads it. FIX 4.4 text without MessageEncoding (347) is ASCII; what is not
/// UTF-8 either is taken for ISO 8859-1, in which many engines write their users' names.
pub(super) fn lossy(b: &[u8]) -> String {
    let shown =
        |text: &mut dyn Iterator<Item = char>| text.take(crate::tagvalue::MAX_TEXT_CHARS).collect();
    match std::str::from_utf8(b) {
        Ok(text) => shown(&mut text.chars()),
        Err(_) => shown(&mut b.iter().map(|c| char::from(*c))),
    }
}

/// Reads single fields of a message or of one group entry.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a, 'b>(pub &'b [(u32, &'a [u8])]);

impl<'a> Reader<'a, '_> {
    pub(crate) fn opt(self, tag: u32) -> Option<&'a [u8]> {
        first(self.0, tag)
    }

    /// A field that may be absent, read by `read` when it is there.
    pub(crate) fn optional<T>(
        self,
        tag: u32,
        read: impl FnOnce(Self, u32) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.opt(tag).map(|_| read(self, tag)).transpose()
    }

    pub(crate) fn text(self, tag: u32) -> Result<&'a str, DecodeError> {
        let v = self.opt(tag).ok_or(DecodeError::Missing(tag))?;
        let s = std::str::from_utf8(v).map_err(|_| DecodeError::Bad(tag))?;
        // Nearly every value is ASCII, and its control characters are those below the space and
        // DEL.
        let control = if s.is_ascii() {
            s.bytes().any(|b| b.is_ascii_control())
        } else {
            s.chars().any(char::is_control)
        };
        if control || s.len() > 512 { Err(DecodeError::Bad(tag)) } else { Ok(s) }
    }

    pub(crate) fn free_text(self) -> Option<String> {
        self.opt(TEXT).map(lossy)
    }

    pub(crate) fn id<T, E>(
        self,
        tag: u32,
        make: impl Fn(String) -> Result<T, E>,
    ) -> Result<T, DecodeError> {
        make(self.text(tag)?.into()).map_err(|_| DecodeError::Bad(tag))
    }

    /// The instrument by Symbol (55), or by SecurityID (48) with SecurityIDSource (22) 4, an ISIN:
    /// a bond has no symbol of its own, so dealers write `[N/A]` or a name of theirs there.
    pub(crate) fn instrument(self) -> Result<InstrumentId, DecodeError> {
        self.instrument_if_named()?.ok_or(DecodeError::Missing(SYMBOL))
    }

    pub(crate) fn instrument_if_named(self) -> Result<Option<InstrumentId>, DecodeError> {
        if self.opt(SECURITY_ID_SOURCE) == Some(b"4") && self.opt(SECURITY_ID).is_some() {
            return self.id(SECURITY_ID, InstrumentId::new).map(Some);
        }
        match self.opt(SYMBOL) {
            None | Some(b"[N/A]") => Ok(None),
            Some(_) => self.id(SYMBOL, InstrumentId::new).map(Some),
        }
    }

    pub(crate) fn number<N: TryFrom<usize>>(self, tag: u32) -> Result<N, DecodeError> {
        let v = self.opt(tag).ok_or(DecodeError::Missing(tag))?;
        parse_number(v).and_then(|n| N::try_from(n).ok()).ok_or(DecodeError::Bad(tag))
    }

    pub(crate) fn decimal(self, tag: u32) -> Result<Decimal, DecodeError> {
        parse_decimal(self.opt(tag).ok_or(DecodeError::Missing(tag))?).ok_or(DecodeError::Bad(tag))
    }

    pub(crate) fn positive(self, tag: u32) -> Result<Decimal, DecodeError> {
        self.decimal(tag)
            .and_then(|d| if d > Decimal::ZERO { Ok(d) } else { Err(DecodeError::Bad(tag)) })
    }

    pub(crate) fn utc(self, tag: u32) -> Result<UtcMillis, DecodeError> {
        parse_utc(self.opt(tag).ok_or(DecodeError::Missing(tag))?).ok_or(DecodeError::Bad(tag))
    }

    pub(crate) fn date(self, tag: u32) -> Result<String, DecodeError> {
        let s = self.text(tag)?;
        if is_date(s.as_bytes()) { Ok(s.into()) } else { Err(DecodeError::Bad(tag)) }
    }

    pub(crate) fn flag(self, tag: u32) -> Result<bool, DecodeError> {
        match self.opt(tag) {
            Some(b"Y") => Ok(true),
            Some(b"N") => Ok(false),
            Some(_) => Err(DecodeError::Bad(tag)),
            None => Err(DecodeError::Missing(tag)),
        }
    }

    pub(crate) fn side(self) -> Result<Side, DecodeError> {
        match self.text(SIDE)? {
            "1" => Ok(Side::Buy),
            "2" => Ok(Side::Sell),
            _ => Err(DecodeError::Bad(SIDE)),
        }
    }
}
