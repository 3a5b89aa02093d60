use super::*;
use crate::{tag, tagvalue::Fields};
use proptest::prelude::*;
use rust_decimal::Decimal;
use signet_identity::CompId;
use signet_rfq::{
    AcceptId, Ask, AssetClass, Benchmark, DealerId, Instrument, InstrumentId, Leg, Level, Limit,
    MAX_LEGS, MIN_LEGS, Over, PriceFormat, PriceType, QuoteId, ReferenceRate, Side, StatedLeg,
    StatedType, UtcMillis,
};

fn id() -> impl Strategy<Value = String> {
    "[!-~]([ -~]{0,20}[!-~])?"
}
fn rfq() -> impl Strategy<Value = RfqId> {
    id().prop_map(|s| RfqId::new(s).unwrap())
}
fn quote() -> impl Strategy<Value = QuoteId> {
    id().prop_map(|s| QuoteId::new(s).unwrap())
}
fn accept() -> impl Strategy<Value = AcceptId> {
    id().prop_map(|s| AcceptId::new(s).unwrap())
}
fn dealer() -> impl Strategy<Value = DealerId> {
    id().prop_map(|s| DealerId::new(s).unwrap())
}
fn instrument() -> impl Strategy<Value = InstrumentId> {
    id().prop_map(|s| InstrumentId::new(s).unwrap())
}
fn time() -> impl Strategy<Value = UtcMillis> {
    (0i64..4_000_000_000_000).prop_map(UtcMillis)
}
fn price() -> impl Strategy<Value = Decimal> {
    (-1_000_000_000i64..1_000_000_000, 0u32..7).prop_map(|(n, s)| Decimal::new(n, s))
}
fn qty() -> impl Strategy<Value = Decimal> {
    (1i64..1_000_000_000_000, 0u32..3).prop_map(|(n, s)| Decimal::new(n, s))
}
fn price_type() -> impl Strategy<Value = PriceType> {
    let rate = prop::sample::select(ReferenceRate::ALL.to_vec());
    let margin = (rate, prop::sample::select(vec!["ON", "3M", "12M"]), "[A-Z]{3}").prop_map(
        |(rate, point, currency)| {
            PriceType::Margin(Benchmark::read(rate.word(), point, &currency).unwrap())
        },
    );
    prop_oneof![prop::sample::select(PriceType::WITHOUT_REFERENCE.to_vec()), margin]
}
fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}
fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[!-~]{1,30}")
}
fn level() -> impl Strategy<Value = Level> {
    (price(), qty()).prop_map(|(price, size)| Level { price, size })
}
fn date() -> impl Strategy<Value = String> {
    (2000u32..2100, 1u32..13, 1u32..29).prop_map(|(y, m, d)| format!("{y:04}{m:02}{d:02}"))
}

fn request(dealers: std::ops::Range<usize>) -> impl Strategy<Value = QuoteRequest> {
    let ask = prop_oneof![Just(Ask::Buy), Just(Ask::Sell), Just(Ask::TwoWay)];
    (
        rfq(),
        instrument(),
        any::<bool>(),
        ask,
        qty(),
        date(),
        prop::collection::vec(dealer(), dealers),
        (time(), time()),
        (prop::option::of(qty()), price_type()),
    )
        .prop_map(
            |(id, instrument, isin, ask, quantity, settlement_date, dealers, times, of)| {
                let ((expires, at), (least, price_type)) = (times, of);
                QuoteRequest {
                    min_quantity: least,
                    price_type,
                    legs: vec![],
                    id,
                    instrument,
                    isin,
                    ask,
                    quantity,
                    currency: "EUR".into(),
                    settlement_date,
                    dealers,
                    expires,
                    at,
                }
            },
        )
}

pub(crate) fn any_message() -> impl Strategy<Value = AppMessage> {
    prop_oneof![
        request(0..4).prop_map(AppMessage::QuoteRequest),
        request(0..4).prop_map(|q| AppMessage::Snapshot(SnapshotMark::Rfq(q))),
        Just(AppMessage::Snapshot(SnapshotMark::Begin)),
        Just(AppMessage::Snapshot(SnapshotMark::End)),
        (rfq(), 0u16..100, instrument(), prop::option::of(dealer()), text(), text()).prop_map(
            |(rfq, reason, instrument, dealer, text, cure)| {
                let advice = cure.map(|cure| Advice { code: "entitle.denied".into(), cure });
                AppMessage::QuoteRequestReject(QuoteRequestReject {
                    rfq,
                    reason,
                    instrument,
                    dealer,
                    text,
                    advice,
                })
            }
        ),
        (
            rfq(),
            quote(),
            instrument(),
            prop::option::of(dealer()),
            level(),
            prop::option::of(level()),
            any::<bool>(),
            time(),
            time()
        )
            .prop_map(
                |(rfq, id, instrument, dealer, one, other, flip, valid_until, at)| {
                    let (bid, offer) = if flip { (Some(one), other) } else { (other, Some(one)) };
                    AppMessage::Quote(QuoteMsg {
                        legs: vec![],
                        rfq,
                        id,
                        instrument,
                        dealer,
                        bid,
                        offer,
                        valid_until,
                        tradeable: flip,
                        at,
                        qualifiers: Default::default(),
                    })
                }
            ),
        (
            prop::option::of(rfq()),
            prop::option::of(quote()),
            prop::option::of(instrument()),
            prop::option::of(dealer()),
            any::<bool>()
        )
            .prop_map(|(rfq, quote, instrument, dealer, unreachable)| {
                AppMessage::QuoteCancel(QuoteCancel { rfq, quote, instrument, dealer, unreachable })
            }),
        response(),
        (
            rfq(),
            instrument(),
            prop::sample::select(vec![
                RfqStatus::Open,
                RfqStatus::Cancelled,
                RfqStatus::Rejected,
                RfqStatus::NothingDone,
                RfqStatus::Expired,
                RfqStatus::NotFound,
                RfqStatus::Pending,
                RfqStatus::Other(77)
            ]),
            prop::option::of(quote()),
            prop::option::of(accept()),
            prop::option::of(time()),
            text()
        )
            .prop_map(|(rfq, instrument, status, quote, answers, until, text)| {
                let quote = quote.filter(|q| q.as_str() != rfq.as_str());
                AppMessage::QuoteStatusReport(QuoteStatusReport {
                    rfq,
                    instrument,
                    status,
                    quote,
                    answers,
                    until,
                    text,
                })
            }),
        execution().prop_map(AppMessage::ExecutionReport),
        (accept(), instrument(), side(), prop::option::of(dealer()), prop::option::of(time()))
            .prop_map(|(accept, instrument, side, dealer, sent)| {
                AppMessage::OrderStatusRequest(OrderStatusRequest {
                    accept,
                    instrument,
                    side,
                    dealer,
                    sent,
                })
            }),
        (prop::option::of(1u64..9_999), prop::option::of(id()), 0u16..9, text()).prop_map(
            |(ref_seq_num, ref_id, reason, text)| {
                AppMessage::BusinessReject(BusinessReject {
                    ref_seq_num,
                    ref_msg_type: "R".into(),
                    ref_id,
                    reason,
                    text,
                })
            }
        ),
        (rfq(), prop::option::of("[0-9a-f]{64}")).prop_map(|(id, digest)| {
            let digest = digest.map(|d| ListDigest::read(&d).unwrap());
            AppMessage::SecurityListRequest(SecurityListRequest { id, digest })
        }),
        rfq().prop_map(|request| AppMessage::SecurityListUnchanged { request }),
        (rfq(), any::<bool>(), 0usize..4).prop_map(|(request, last, n)| {
            let instruments =
                ["EUR/USD", "GBP/USD", "USD/JPY"].iter().take(n).map(|p| pair(p)).collect();
            AppMessage::SecurityList(SecurityList { request, last, instruments })
        }),
        (
            "[!-~]{1,20}",
            any::<bool>(),
            prop::collection::vec((dealer(), "[!-~]{1,20}", any::<[bool; 3]>()), 0..5),
            time()
        )
            .prop_map(|(name, practice, d, at)| {
                let dealers = d
                    .into_iter()
                    .map(|(id, name, [online, counters, parts])| DealerState {
                        id,
                        name,
                        online,
                        counters,
                        parts,
                    })
                    .collect();
                AppMessage::VenueState(VenueState { name, practice, dealers, at })
            }),
        (rfq(), text()).prop_map(|(rfq, text)| AppMessage::RfqCancel { rfq, text }),
        step_up(),
        hand_over(),
    ]
}

fn hand_over() -> impl Strategy<Value = AppMessage> {
    let desk = || id().prop_map(|s| CompId::new(s).unwrap());
    let word = || "[!-~]([ -~]{0,20}[!-~])?";
    let kinds = vec![HandOverKind::Yours, HandOverKind::Theirs, HandOverKind::Refused];
    let other = (prop::option::of(desk()), prop::option::of(word()));
    let why = (prop::option::of(word()), text(), text());
    prop_oneof![
        time().prop_map(|at| AppMessage::GroupRequest { at }),
        (rfq(), desk(), rfq(), time())
            .prop_map(|(rfq, desk, of, at)| AppMessage::TakeOver(TakeOver { rfq, desk, of, at })),
        Just(AppMessage::Group(GroupMark::Begin)),
        any::<bool>().prop_map(|more| AppMessage::Group(GroupMark::End { more })),
        (desk(), word(), request(1..4), 0u32..30, text()).prop_map(
            |(desk, name, request, quoting, hindrance)| {
                let row = GroupRfq { desk, name, request, quoting, hindrance };
                AppMessage::Group(GroupMark::Rfq(Box::new(row)))
            }
        ),
        (rfq(), prop::sample::select(kinds), other, time(), why).prop_map(
            |(rfq, kind, (desk, name), at, (code, text, cure))| {
                AppMessage::HandOver(HandOver { rfq, kind, desk, name, at, code, text, cure })
            }
        ),
    ]
}

fn data() -> impl Strategy<Value = String> {
    "[ -~\n\u{1}é]{1,60}"
}

fn step_up() -> impl Strategy<Value = AppMessage> {
    let word = || "[!-~]([ -~]{0,20}[!-~])?";
    let statuses = vec![
        StepUpStatus::Passed,
        StepUpStatus::Refused,
        StepUpStatus::Expired,
        StepUpStatus::Withdrawn,
        StepUpStatus::SecondWanted,
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    prop_oneof![
        (word(), text(), time(), data(), data()).prop_map(
            |(id, reason, deadline, approval, options)| {
                AppMessage::StepUpChallenge(StepUpChallenge {
                    id,
                    reason,
                    deadline,
                    approval,
                    options,
                })
            }
        ),
        (word(), data()).prop_map(|(id, json)| AppMessage::StepUpAnswer(StepUpAnswer {
            id,
            answer: Answer::Signed(json)
        })),
        (word(), text(), any::<bool>()).prop_map(|(id, text, declined)| {
            let answer = if declined { Answer::Declined(text) } else { Answer::Failed(text) };
            AppMessage::StepUpAnswer(StepUpAnswer { id, answer })
        }),
        (word(), prop::sample::select(statuses), prop::option::of(word()), text(), text())
            .prop_map(|(id, status, code, text, cure)| AppMessage::StepUpOutcome(StepUpOutcome {
                id,
                status,
                code,
                text,
                cure
            })),
        (prop::option::of(time()), 0u32..9_999, flags, 0u32..99, text()).prop_map(
            |(lease_until, idle_s, (on_wake, on_unlock, step_up, approver), keys, text)| {
                AppMessage::AccessState(AccessState {
                    lease_until,
                    idle_s,
                    on_wake,
                    on_unlock,
                    step_up,
                    keys,
                    approver,
                    text,
                })
            }
        ),
        (rfq(), side(), qty(), price(), time()).prop_map(|(rfq, side, quantity, price, until)| {
            let limit = Limit { price, until };
            AppMessage::ApproveAhead(ApproveAhead { rfq, side, quantity, limit })
        }),
        word().prop_map(|reason| AppMessage::StepUpRequest { reason }),
        (0usize..3, 0u32..999, word(), data(), word(), text(), time()).prop_map(
            |(v, score, policy, factors, text, cure, at)| {
                let verdict = [AccessVerdict::Allow, AccessVerdict::StepUp, AccessVerdict::Deny][v];
                AppMessage::AccessDecision(AccessDecision {
                    verdict,
                    score,
                    policy,
                    factors,
                    text,
                    cure,
                    at,
                })
            }
        ),
        word().prop_map(|nonce| AppMessage::PostureRequest { nonce }),
        data().prop_map(|envelope| AppMessage::PostureReport { envelope }),
        Just(AppMessage::KeyRequest(KeyRequest::List)),
        (word(), prop::option::of(word()))
            .prop_map(|(name, code)| AppMessage::KeyRequest(KeyRequest::Begin { name, code })),
        (word(), data()).prop_map(|(id, credential)| AppMessage::KeyRequest(KeyRequest::Finish {
            id,
            credential
        })),
        data().prop_map(|json| AppMessage::KeyReport(KeyReport::List(json))),
        (word(), time(), data()).prop_map(|(id, deadline, options)| AppMessage::KeyReport(
            KeyReport::Options { id, deadline, options }
        )),
        word().prop_map(|name| AppMessage::KeyReport(KeyReport::Registered { name })),
        (word(), text(), text()).prop_map(|(code, text, cure)| AppMessage::KeyReport(
            KeyReport::Refused { code, text, cure }
        )),
    ]
}

fn response() -> impl Strategy<Value = AppMessage> {
    let ids = (
        accept(),
        prop::sample::select(vec![Response::HitOrLift, Response::Counter, Response::Pass]),
        prop::option::of(rfq()),
        quote(),
        instrument(),
        any::<bool>(),
        prop::option::of(dealer()),
    );
    let of = price_type();
    let limit = (price(), time()).prop_map(|(price, until)| Limit { price, until });
    let times = (prop::option::of(time()), prop::option::of(limit), time());
    let terms =
        (side(), qty(), price(), prop::option::of("[A-Z]{3}"), prop::option::of(date()), times);
    (ids, terms, of).prop_map(
        |(
            (id, response, rfq, quote, instrument, isin, dealer),
            (side, quantity, price, currency, settlement_date, (deadline, limit, at)),
            price_type,
        )| {
            AppMessage::QuoteResponse(QuoteResponse {
                text: None,
                price_type,
                legs: vec![],
                id,
                response,
                rfq,
                quote,
                instrument,
                isin,
                dealer,
                side,
                quantity,
                price,
                currency,
                settlement_date,
                deadline,
                limit,
                at,
            })
        },
    )
}

fn execution() -> impl Strategy<Value = ExecutionReport> {
    let kinds = || prop::sample::select([ExecType::ALL, &[ExecType::Other('Z')]].concat());
    let kind = (kinds(), prop::sample::select([OrdStatus::ALL, &[OrdStatus::Other('Z')]].concat()));
    let ids = (
        id(),
        id(),
        accept(),
        instrument(),
        prop::option::of(dealer()),
        prop::option::of(id()),
        prop::option::of("[A-Z]{3}"),
    );
    let numbers = (prop::option::of(level()), qty(), qty(), price(), price_type());
    (
        ids,
        kind,
        side(),
        numbers,
        prop::option::of(date()),
        prop::option::of(0u16..99),
        text(),
        time(),
    )
        .prop_map(
            |(
                (order_id, exec_id, accept, instrument, dealer, exec_ref, currency),
                (exec_type, status),
                side,
                (last, cum_qty, leaves_qty, avg_px, of),
                settlement_date,
                reject_reason,
                text,
                at,
            )| {
                ExecutionReport {
                    price_type: of.stated(),
                    legs: vec![],
                    order_id,
                    exec_id,
                    exec_ref,
                    accept,
                    exec_type,
                    status,
                    instrument,
                    dealer,
                    side,
                    last,
                    cum_qty,
                    leaves_qty,
                    avg_px,
                    settlement_date,
                    currency,
                    disputed: leaves_qty > cum_qty,
                    price: (cum_qty > leaves_qty).then_some(avg_px),
                    reject_reason,
                    text,
                    at,
                }
            },
        )
}

pub(crate) fn pair(p: &str) -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::new(p).unwrap(),
        symbol: p.into(),
        name: "Currency pair".into(),
        asset_class: AssetClass::FxSpot,
        currency: p[..3].into(),
        price_decimals: 5,
        price_unit: "rate".into(),
        tick: (if p == "GBP/USD" { "0.5" } else { "0.00001" }).parse().unwrap(),
        lot: "1000".parse().unwrap(),
        min_quantity: "1000".parse().unwrap(),
        max_quantity: "50000000".parse().unwrap(),
        settlement: "spot".into(),
        price_format: match p {
            "GBP/USD" => PriceFormat::ThirtySeconds,
            _ => PriceFormat::default(),
        },
    }
}

fn stated_leg() -> impl Strategy<Value = StatedLeg> {
    let id = prop_oneof![Just("EUR/USD".to_owned()), Just("DE0001102580".to_owned()), id()];
    let id = id.prop_map(|s| InstrumentId::new(s).unwrap());
    let id = id.prop_filter("a package has no packages within", |i| !i.is_package());
    let prices = (
        prop::option::of(price()),
        prop::option::of(price()),
        prop::option::of(price()),
        prop::option::of("[A-Z]{3}"),
    );
    (
        id,
        prop::option::of(side()),
        prop::option::of(qty()),
        prop::option::of(qty()),
        prop::option::of(date()),
        prices,
    )
        .prop_map(|(instrument, side, ratio, quantity, settlement_date, prices)| {
            let (bid, offer, last, currency) = prices;
            StatedLeg {
                instrument,
                side,
                ratio,
                currency,
                quantity,
                settlement_date,
                bid,
                offer,
                last,
            }
        })
}

fn stated_legs() -> impl Strategy<Value = Vec<StatedLeg>> {
    prop::collection::vec(stated_leg(), MIN_LEGS..=MAX_LEGS)
}

fn asked_legs() -> impl Strategy<Value = Vec<Leg>> {
    let leg = (stated_leg(), side(), qty(), qty(), date()).prop_map(
        |(l, side, ratio, quantity, settlement_date)| Leg {
            instrument: l.instrument,
            side,
            ratio,
            quantity,
            settlement_date,
        },
    );
    prop::collection::vec(leg, MIN_LEGS..=MAX_LEGS)
}

/// The same message about a package.
fn about_package() -> impl Strategy<Value = AppMessage> {
    (any_message(), asked_legs(), stated_legs()).prop_map(|(mut m, asked, stated)| {
        let of = |q: &mut QuoteRequest| {
            (q.instrument, q.isin, q.legs) = (InstrumentId::package(), false, asked.clone());
        };
        match &mut m {
            AppMessage::QuoteRequest(q) | AppMessage::Snapshot(SnapshotMark::Rfq(q)) => of(q),
            AppMessage::Quote(q) => {
                (q.instrument, q.legs) = (InstrumentId::package(), stated);
            }
            AppMessage::QuoteResponse(r) => {
                (r.instrument, r.isin, r.legs) = (InstrumentId::package(), false, stated);
            }
            AppMessage::ExecutionReport(e) => {
                (e.instrument, e.legs) = (InstrumentId::package(), stated);
            }
            AppMessage::QuoteRequestReject(r) => r.instrument = InstrumentId::package(),
            AppMessage::QuoteStatusReport(r) => r.instrument = InstrumentId::package(),
            AppMessage::OrderStatusRequest(r) => r.instrument = InstrumentId::package(),
            AppMessage::QuoteCancel(c) if c.instrument.is_some() => {
                c.instrument = Some(InstrumentId::package());
            }
            _ => {}
        }
        m
    })
}

proptest! {
    #[test]
    fn every_message_about_a_package_survives_the_wire(m in about_package()) {
        let frame = m.encode().finish("FIX.4.4").unwrap();
        prop_assert_eq!(AppMessage::decode(&frame), Ok(m));
    }

    /// Whatever is done to one leg, reading gives an error, or a message that can be written so
    /// that it is read.
    #[test]
    fn a_damaged_package_never_panics(m in about_package(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut frame = m.encode().finish("FIX.4.4").unwrap();
        let i = at.index(frame.len());
        frame[i] = with;
        if let Ok(read) = AppMessage::decode(&frame)
            && let Ok(again) = read.encode().finish("FIX.4.4")
        {
            prop_assert!(AppMessage::decode(&again).is_ok());
        }
    }

    #[test]
    fn any_group_of_legs_never_panics(t in prop::sample::select(vec!["R", "S", "AJ", "8"]), fields in prop::collection::vec((prop::sample::select(vec![15u32, 55, 131, 146, 167, 555, 588, 600, 602, 603, 623, 624, 637, 654, 681, 684, 686, 687]), "[ -~]{1,6}"), 0..60)) {
        let text: String = fields.iter().map(|(tag, v)| format!("{tag}={v}|")).collect();
        let _ = decode(&format!("35={t}|{text}"));
    }

    #[test]
    fn every_message_survives_the_wire(m in any_message()) {
        let frame = m.encode().finish("FIX.4.4").unwrap();
        prop_assert_eq!(AppMessage::decode(&frame), Ok(m));
    }

    /// Whatever a peer changes, drops or repeats, reading gives a message or an error.
    #[test]
    fn a_damaged_message_never_panics(m in any_message(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut frame = m.encode().finish("FIX.4.4").unwrap();
        let i = at.index(frame.len());
        frame[i] = with;
        let _ = AppMessage::decode(&frame);
        let _ = AppMessage::decode(&frame[cut.index(frame.len())..]);
        let twice = [&frame[..], &frame[..]].concat();
        let _ = AppMessage::decode(&twice);
    }

    #[test]
    fn any_field_list_never_panics(t in "[a-zA-Z0-9]{1,2}", fields in prop::collection::vec((prop::sample::select(vec![11u32, 15, 38, 44, 48, 54, 55, 60, 62, 64, 117, 126, 131, 132, 133, 134, 146, 150, 295, 448, 452, 453, 658, 694, 20004, 20020, 20031]), "[ -~]{1,12}"), 0..25)) {
        let mut b = crate::tagvalue::Body::new("S");
        for (tag, v) in fields { b.put(tag, v); }
        let frame = String::from_utf8(b.finish("FIX.4.4").unwrap()).unwrap().replace("35=S", &format!("35={t}"));
        if let Ok(f) = Fields::parse(frame.as_bytes()) { let _ = decode::message(&f); }
    }
}

pub(crate) fn decode(body: &str) -> Result<AppMessage, DecodeError> {
    AppMessage::decode(&crate::tagvalue::seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes()))
}

#[test]
fn what_a_dictionary_cannot_see_is_refused_with_its_tag() {
    let r = "35=R|131=R1|146=1|55=EUR/USD|54=1|38=5|64=20261124|15=EUR|126=20261121-02:22:00|60=20261121-02:22:00|";
    assert!(decode(r).is_ok());
    for (from, to, want) in [
        ("38=5", "38=0", DecodeError::Bad(38)),
        ("38=5", "38=-5", DecodeError::Bad(38)),
        ("38=5", "38=5e6", DecodeError::Bad(38)),
        ("38=5|", "", DecodeError::Missing(38)),
        ("54=1", "54=7", DecodeError::Bad(54)),
        ("64=20261124", "64=20261324", DecodeError::Bad(64)),
        ("146=1", "146=2", DecodeError::Bad(146)),
        ("126=20261121-02:22:00", "126=tomorrow", DecodeError::Bad(126)),
        ("131=R1", &format!("131={}", "x".repeat(65)), DecodeError::Bad(131)),
        ("35=R", "35=ZZ", DecodeError::UnsupportedType("ZZ".into())),
    ] {
        assert_eq!(decode(&r.replace(from, to)), Err(want), "{from} -> {to}");
    }
    let s = "35=S|131=R1|117=Q1|55=EUR/USD|132=1.1|134=5|133=1.2|135=5|62=20261121-02:22:00|60=20261121-02:22:00|";
    assert!(decode(s).is_ok());
    for (from, to, want) in [
        ("134=5|", "", DecodeError::Missing(134)),
        ("132=1.1|", "", DecodeError::Missing(132)),
        ("132=1.1|134=5|133=1.2|135=5|", "", DecodeError::Missing(132)),
        ("135=5", "135=-5", DecodeError::Bad(135)),
        ("134=5|133=1.2|135=5|", "134=0|133=1.2|135=0|", DecodeError::Missing(132)),
        ("62=20261121-02:22:00|", "", DecodeError::Missing(62)),
    ] {
        assert_eq!(decode(&s.replace(from, to)), Err(want), "{from} -> {to}");
    }
}

/// What real dealers write, each in its own way (FIX 4.4, Quote).
#[test]
fn quotes_as_dealers_write_them() {
    let quote = |body: &str| match decode(&format!(
        "35=S|131=R1|117=Q1|{body}|62=20261121-02:22:00|60=20261121-02:22:00|"
    )) {
        Ok(AppMessage::Quote(q)) => q,
        other => panic!("{body}: {other:?}"),
    };
    let sides = |body: &str| {
        let q = quote(body);
        (
            q.bid.map(|l| (l.price.to_string(), l.size.to_string())),
            q.offer.map(|l| (l.price.to_string(), l.size.to_string())),
        )
    };
    let of = |p: &str, s: &str| Some((p.to_owned(), s.to_owned()));
    // One side only: left out, zeros, a price of nothing, a size of nothing.
    for one in [
        "55=EUR/USD|133=1.2|135=5",
        "55=EUR/USD|132=0|134=0|133=1.2|135=5",
        "55=EUR/USD|132=1.1|134=0|133=1.2|135=5",
        "55=EUR/USD|132=0|133=1.2|135=5",
        "55=EUR/USD|134=0|133=1.2|135=5",
    ] {
        assert_eq!(sides(one), (None, of("1.2", "5")), "{one}");
    }
    assert_eq!(
        sides("55=EUR/USD|132=1.1|133=1.2|38=7"),
        (of("1.1", "7"), of("1.2", "7")),
        "one size for both"
    );
    // Instruments of bonds.
    for named in [
        "55=[N/A]|48=DE0001102580|22=4",
        "48=DE0001102580|22=4",
        "55=DBR 0 08/30|48=DE0001102580|22=4",
        "55=DE0001102580|48=DE0001102580|22=4",
        "55=DE0001102580|48=110258|22=1",
        "55=DE0001102580",
    ] {
        assert_eq!(
            quote(&format!("{named}|132=99.1|134=5")).instrument.as_str(),
            "DE0001102580",
            "{named}"
        );
    }
    assert_eq!(
        decode("35=S|131=R1|117=Q1|55=[N/A]|132=1|134=1|62=20261121-02:22:00|"),
        Err(DecodeError::Missing(55))
    );
    // Qualifiers are read, so that they can be compared.
    let q = quote("55=EUR/USD|54=1|64=20261124|15=EUR|423=9|132=1.1|134=5").qualifiers;
    assert_eq!((q.price_type, q.side), (Some(9.into()), Some(Side::Buy)));
    assert_eq!(
        (q.currency.as_deref(), q.settlement_date.as_deref()),
        (Some("EUR"), Some("20261124"))
    );
    assert_eq!(quote("55=EUR/USD|54=7|132=1.1|134=5").qualifiers.side, None, "undisclosed");
    // Parties with sub-identifiers and other roles.
    let parties = "453=2|448=DESK|447=D|452=3|448=N|447=D|452=35|802=2|523=Jane|803=2|523=x|803=9";
    assert_eq!(quote(&format!("{parties}|55=EUR/USD|132=1.1|134=5")).dealer.unwrap().as_str(), "N");
}

#[test]
fn cancels_as_dealers_write_them() {
    let cancel = |body: &str| match decode(&format!("35=Z|{body}")) {
        Ok(AppMessage::QuoteCancel(c)) => {
            (c.rfq.map(|r| r.to_string()), c.quote.map(|q| q.to_string()))
        }
        other => panic!("{body}: {other:?}"),
    };
    let s = |text: &str| Some(text.to_owned());
    assert_eq!(cancel("131=R1|117=Q1|298=1|295=1|55=EUR/USD|"), (s("R1"), s("Q1")));
    assert_eq!(cancel("131=R1|117=Q1|298=1|"), (s("R1"), s("Q1")), "no entries");
    assert_eq!(cancel("117=Q1|298=5|"), (None, s("Q1")), "the quote alone");
    assert_eq!(cancel("131=R1|117=X|298=4|"), (s("R1"), None), "all of the request");
    assert_eq!(cancel("117=X|298=4|"), (None, None), "all");
    assert_eq!(decode("35=Z|131=R1|298=1|"), Err(DecodeError::Missing(117)));
}

#[test]
fn text_that_is_not_utf_8_is_read_as_latin_1() {
    let mut body = b"35=AG\x01131=R1\x01658=99\x0155=EUR/USD\x0158=".to_vec();
    body.extend(b"M\xfcller geht nicht");
    body.push(1);
    match AppMessage::decode(&crate::tagvalue::seal("FIX.4.4", &body)) {
        Ok(AppMessage::QuoteRequestReject(r)) => {
            assert_eq!(r.text.as_deref(), Some("Müller geht nicht"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_side_that_is_absent_asks_for_both() {
    let r = "35=R|131=R1|146=1|55=EUR/USD|38=5|64=20261124|15=EUR|126=20261121-02:22:00|60=20261121-02:22:00|";
    assert!(matches!(decode(r), Ok(AppMessage::QuoteRequest(q)) if q.ask == Ask::TwoWay));
}

#[test]
fn the_number_of_parties_is_how_many_there_are() {
    let quote = |parties: &str| {
        let text = format!("8=FIX.4.4|9=1|35=AG|131=R1|658=1|146=1|55=EUR/USD|{parties}10=000|");
        AppMessage::decode(text.replace('|', "\u{1}").as_bytes()).map(|_| ())
    };
    assert_eq!(quote("453=1|448=N|447=D|452=35|"), Ok(()));
    assert_eq!(quote(""), Ok(()));
    for wrong in [
        "453=99999|448=N|447=D|452=35|",
        "453=0|448=N|447=D|452=35|",
        "453=1|",
        "448=N|447=D|452=35|",
        "453=x|448=N|447=D|452=35|",
    ] {
        assert_eq!(quote(wrong), Err(DecodeError::Bad(tag::NO_PARTY_IDS)), "{wrong}");
    }
}

const R_LEGS: &str = "35=R|131=R1|146=1|55=[N/A]|167=MLEG|38=20|64=20261124|15=EUR|555=3|\
    600=A|623=1|624=1|687=5|588=20261124|\
    600=B|623=2|624=2|687=10|588=20261124|\
    600=C|623=1|624=1|687=5|588=20261124|126=20261121-02:22:00|60=20261121-02:22:00|";

/// One leg more than may be.
fn many_legs(n: usize) -> String {
    let legs: String =
        (0..n).map(|i| format!("600=L{i}|623=1|624=1|687=5|588=20261124|")).collect();
    let (before, rest) = R_LEGS.split_once("555=3|").unwrap();
    let (_, after) = rest.split_once("126=").unwrap();
    format!("{before}555={n}|{legs}126={after}")
}

#[test]
fn a_group_of_legs_that_is_not_what_it_says_is_refused() {
    let Ok(AppMessage::QuoteRequest(q)) = decode(R_LEGS) else { panic!() };
    assert!(q.instrument.is_package() && q.legs.len() == 3);
    assert_eq!((q.legs[1].side, q.legs[1].quantity), (Side::Sell, Decimal::TEN));
    assert!(decode(&many_legs(MAX_LEGS)).is_ok());
    assert_eq!(decode(&many_legs(MAX_LEGS + 1)), Err(DecodeError::Bad(555)));
    assert_eq!(decode(&many_legs(1)), Err(DecodeError::Bad(555)));
    let bad = |tag| Err(DecodeError::Bad(tag));
    for (from, to, want) in [
        ("555=3", "555=2", bad(555)),
        ("555=3", "555=4", bad(555)),
        ("555=3", "555=21", bad(555)),
        ("555=3", "555=0", bad(555)),
        ("555=3", "555=999999", bad(555)),
        ("555=3", "555=99999999999999999999", bad(555)),
        ("555=3", "555=-3", bad(555)),
        ("555=3|", "", bad(555)),
        ("555=3|", "555=3|555=3|", bad(555)),
        // The first field of a leg is missing: it would be of the leg before, or of none.
        ("600=A|", "", bad(555)),
        ("600=B|", "", bad(555)),
        ("600=C|", "", bad(555)),
        // A field within a leg that is of no leg, and one of a leg after them.
        ("600=C|623=1|", "600=C|58=x|623=1|", bad(555)),
        ("60=2026", "687=5|60=2026", bad(555)),
        ("623=2|624=2|", "623=2|624=2|624=1|", bad(555)),
        ("624=2", "624=3", bad(624)),
        ("624=2|", "", Err(DecodeError::Missing(624))),
        ("687=10", "687=0", bad(687)),
        ("687=10", "687=-10", bad(687)),
        ("687=10|", "", Err(DecodeError::Missing(687))),
        ("623=2", "623=0", bad(623)),
        ("600=B|", "600=[N/A]|", bad(600)),
        ("624=2|", "624=2|556=USD|", bad(556)),
        ("624=2|", "624=2|686=1|", bad(686)),
        ("600=B|", "600=B|602=DE0001102581|603=4|686=1|", bad(686)),
        ("600=A|623=1|", "600=A|623=1|654=x|", Ok(())),
    ] {
        let found = decode(&R_LEGS.replacen(from, to, 1)).map(|_| ());
        assert_eq!(found, want, "{from} -> {to}");
    }
    let between = R_LEGS.replacen("600=C|", "58=x|600=C|", 1);
    assert!(matches!(decode(&between), Ok(AppMessage::QuoteRequest(q)) if q.legs.len() == 3));
    let no_legs = "35=R|131=R1|146=1|55=[N/A]|167=MLEG|38=20|64=20261124|15=EUR|126=20261121-02:22:00|60=20261121-02:22:00|";
    assert_eq!(decode(no_legs), Err(DecodeError::Missing(555)));
}

#[test]
fn a_name_of_a_leg_is_there_once() {
    let e = "35=8|37=o|17=e|11=x|150=F|39=2|55=[N/A]|167=MLEG|54=1|14=1|151=0|6=1|60=20261121-02:22:00|";
    let legs = |a: &str, b: &str| {
        let leg = |id: &str, name: &str| format!("600={id}|687=5|654={name}|588=20261124|637=1|");
        decode(&format!("{e}555=2|{}{}", leg("A", a), leg("B", b))).map(|_| ())
    };
    assert_eq!(legs("1", "2"), Ok(()));
    assert_eq!(legs("1", "1"), Err(DecodeError::Bad(654)));
    assert_eq!(legs("1", &"x".repeat(65)), Err(DecodeError::Bad(654)));
}

/// What real dealers may write in a leg, and how some say that there is none.
#[test]
fn legs_as_dealers_write_them() {
    let s = "35=S|131=R1|117=Q1|62=20261121-02:22:00|60=20261121-02:22:00|132=-1.5|134=20|";
    let quote = |rest: &str| match decode(&format!("{s}{rest}")) {
        Ok(AppMessage::Quote(q)) => q,
        other => panic!("{rest}: {other:?}"),
    };
    let leg = "600=[N/A]|602=DE0001102580|603=4|608=DB|609=GOVT|611=20320215|539=1|524=X|525=D|538=35|686=1|681=99|";
    for named in ["55=[N/A]|167=MLEG|", "55=BUND FLY|", "55=X|48=DE0001102580|22=4|"] {
        let q = quote(&format!("{named}555=2|{leg}600=B|681=1|"));
        assert!(q.instrument.is_package(), "{named}");
        assert_eq!(q.legs[0].instrument.as_str(), "DE0001102580");
        assert_eq!((q.legs[0].bid, q.legs[1].bid), (Some(99.into()), Some(1.into())));
    }
    let single = quote("55=EUR/USD|555=0|");
    assert!(!single.instrument.is_package() && single.legs.is_empty());
    assert!(decode(&format!("{s}55=EUR/USD|555=1|600=A|681=1|")).is_err(), "one leg");
}

/// A message about a single instrument is written as it was before there were packages.
#[test]
fn a_single_instrument_is_written_as_ever() {
    let r = "35=R|131=R1|146=1|55=DE0001102580|48=DE0001102580|22=4|303=1|537=1|54=1|38=5|64=20261124|15=EUR|126=20261121-02:22:00.000|60=20261121-02:22:00.000|423=1|";
    let m = decode(r).unwrap();
    let written = String::from_utf8(m.encode().finish("FIX.4.4").unwrap()).unwrap();
    assert!(written.replace('\u{1}', "|").contains(r), "{written}");
}

/// Where FIX 4.4 has a group of stipulations in a request: after Currency (15).
#[test]
fn the_least_quantity_is_a_stipulation_of_the_request() {
    let r = |stipulations: &str| {
        format!(
            "35=R|131=R1|146=1|55=EUR/USD|303=1|537=1|54=1|38=5|64=20261124|15=EUR|{stipulations}126=20261121-02:22:00.000|60=20261121-02:22:00.000|"
        )
    };
    let least = |text: &str| match decode(&r(text)) {
        Ok(AppMessage::QuoteRequest(q)) => Ok(q.min_quantity.map(|q| q.to_string())),
        Ok(other) => panic!("{other:?}"),
        Err(e) => Err(e),
    };
    assert_eq!(least(""), Ok(None));
    let good = "232=1|233=MINQTY|234=2.5|";
    assert_eq!(least(good), Ok(Some("2.5".into())));
    let m = decode(&r(good)).unwrap();
    let written = String::from_utf8(m.encode().finish("FIX.4.4").unwrap()).unwrap();
    assert!(written.replace('\u{1}', "|").contains(&r(good)), "{written}");
    for (bad, tag) in [
        ("232=1|233=MINQTY|", 232),
        ("232=1|234=2|", 232),
        ("233=MINQTY|234=2|", 232),
        ("232=x|233=MINQTY|234=2|", 232),
        ("232=0|233=MINQTY|234=2|", 232),
        ("232=2|233=MINQTY|234=2|", 232),
        ("232=2|233=MINQTY|234=2|233=MINQTY|234=3|", 232),
        ("232=1|233=MINQTY|234=2|234=3|", 232),
        ("232=1|234=2|233=MINQTY|", 234),
        ("232=1|233=PIECES|234=2|", 233),
        ("232=1|233=MINQTY|234=0|", 234),
        ("232=1|233=MINQTY|234=-2|", 234),
        ("232=1|233=MINQTY|234=2m|", 234),
    ] {
        let found = least(bad).unwrap_err();
        let expected = match bad {
            "232=1|234=2|233=MINQTY|" => DecodeError::Missing(tag),
            _ => DecodeError::Bad(tag),
        };
        assert_eq!(found, expected, "{bad}");
    }
}

/// What PriceType (423) a message states, and what is read of it.
#[test]
fn a_price_type_is_said_where_it_is_not_a_price() {
    let text = |m: &AppMessage| {
        let bytes = m.encode().finish("FIX.4.4").unwrap();
        String::from_utf8(bytes).unwrap().replace('\u{1}', "|")
    };
    let r = |named: &str, type_: &str| {
        decode(&format!(
            "35=R|131=R1|146=1|{named}303=1|537=1|54=1|38=5|64=20261124|15=EUR|126=20261121-02:22:00.000|60=20261121-02:22:00.000|{type_}"
        ))
    };
    let bond = "55=DE0001102580|48=DE0001102580|22=4|";
    for (named, said, of, told) in [
        (bond, "", PriceType::Price, "423=1|"),
        (bond, "423=1|", PriceType::Price, "423=1|"),
        (bond, "423=9|", PriceType::Yield, "423=9|"),
        (bond, "423=6|", PriceType::Spread, "|423=6|"),
        (bond, MARGIN, margin(), "|220=EUR|221=Euribor|222=3M|423=6|"),
        (bond, "423=6|222=3M|221=EURIBOR|220=EUR|", margin(), "|220=EUR|221=Euribor|222=3M|423=6|"),
        ("55=EUR/USD|", "", PriceType::Price, ""),
        ("55=EUR/USD|", "423=2|", PriceType::Price, ""),
    ] {
        let m = r(named, said).unwrap();
        let AppMessage::QuoteRequest(q) = &m else { panic!() };
        assert_eq!((q.price_type, q.terms().price_type), (of, of), "{named} {said}");
        assert_eq!(QuoteRequest::of(&q.terms(), q.isin).price_type, of);
        let written = text(&m);
        assert_eq!(written.contains("|423="), !told.is_empty(), "{written}");
        assert!(written.contains(told), "{written}");
    }
    for bad in ["423=4|", "423=3|", "423=0|", "423=x|", "423=99999|"] {
        assert!(r(bond, bad).is_err(), "{bad}");
    }
    // A benchmark that is not understood is not a spread, and it says nothing of other numbers.
    for bad in [
        "423=6|221=Euribor|",
        "423=6|221=Euribor|222=3M|",
        "423=6|220=EUR|222=3M|",
        "423=6|220=EUR|221=EUROBOR|222=3M|",
        "423=6|220=EUR|221=Euribor|222=3 months|",
        "423=6|220=EUR|221=Treasury|222=10Y|",
        "423=9|220=EUR|221=Euribor|222=3M|",
        "423=1|220=EUR|221=Euribor|222=3M|",
        "220=EUR|221=Euribor|222=3M|",
    ] {
        assert_eq!(r(bond, bad), Err(DecodeError::Bad(221)), "{bad}");
    }
    let aj = |type_: &str| {
        decode(&format!(
            "35=AJ|693=x|117=q|694=1|11=x|55=DE0001102580|54=1|38=5|60=20261121-02:22:00.000|44=-0.25|{type_}"
        ))
    };
    for (said, of, told) in [
        ("", PriceType::Price, None),
        ("423=9|", PriceType::Yield, Some("|423=9|")),
        ("423=6|", PriceType::Spread, Some("|423=6|")),
        (MARGIN, margin(), Some("|220=EUR|221=Euribor|222=3M|423=6|")),
    ] {
        let m = aj(said).unwrap();
        let AppMessage::QuoteResponse(q) = &m else { panic!() };
        assert_eq!((q.price_type, q.price), (of, "-0.25".parse().unwrap()));
        let written = text(&m);
        assert_eq!(written.contains("|423="), told.is_some(), "{written}");
        assert!(told.is_none_or(|t| written.contains(t)), "{written}");
    }
    assert!(aj("423=8|").is_err());
    assert!(aj("423=6|221=Euribor|").is_err());
    let e = |type_: &str| {
        let m = decode(&format!(
            "35=8|37=o|11=x|17=e|150=F|39=2|55=X|54=1|{type_}32=5|31=-0.25|151=0|14=5|6=-0.25|60=20261121-02:22:00.000|"
        ));
        match m.unwrap() {
            AppMessage::ExecutionReport(e) => (e.price_type, text(&AppMessage::ExecutionReport(e))),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(e("").0, None);
    assert!(!e("").1.contains("|423="));
    assert_eq!(e("423=9|").0, Some(9.into()));
    assert!(e("423=9|").1.contains("|423=9|"));
    for odd in ["423=x|", "423=-1|", "423=70000|"] {
        assert_eq!(e(odd).0, Some(0.into()), "{odd} is not lost, and fits nothing");
    }
    assert_eq!(e(MARGIN).0, margin().stated());
    assert!(e(MARGIN).1.contains("|220=EUR|221=Euribor|222=3M|423=6|"));
    // A dealer may name the curve of a spread; what is not read leaves no number of a spread.
    for (said, over, told) in [
        ("220=EUR|221=Treasury|222=10Y|423=6|", Over::Curve("Treasury"), "|221=Treasury|423=6|"),
        ("221=SWAP|423=6|", Over::Curve("SWAP"), "|221=SWAP|423=6|"),
        ("220=EUR|221=EUROBOR|222=10Y|423=6|", Over::Unreadable, "|423=0|"),
        ("221=Euribor|423=6|", Over::Unreadable, "|423=0|"),
        ("220=EUR|221=Euribor|222=3M|423=9|", Over::Unsaid, "|423=9|"),
    ] {
        let (stated, written) = e(said);
        assert_eq!(stated.map(StatedType::over), Some(over), "{said}");
        assert!(written.contains(told), "{said}: {written}");
        assert!(!written.contains("|220=") && !written.contains("|222="), "{said}: {written}");
        // What is kept in a journal is read as it was.
        let again = e(told.trim_start_matches('|')).0.map(StatedType::price_type);
        assert_eq!(again, stated.map(StatedType::price_type), "{said}");
    }
}

/// What a discount margin over EURIBOR 3M is written as.
const MARGIN: &str = "220=EUR|221=Euribor|222=3M|423=6|";

fn margin() -> PriceType {
    PriceType::Margin(Benchmark::read("EURIBOR", "3M", "EUR").unwrap())
}

/// A peer that no dictionary checks may write a field twice: of two values one reader takes the
/// first, another the last.
#[test]
fn what_is_told_in_two_ways_is_neither_quoted_nor_traded() {
    let s = "35=S|131=R|117=Q|55=X|54=1|64=20261124|15=EUR|132=1.1|134=5|62=20261121-02:22:00|\
        60=20261121-02:22:00|";
    for (again, want) in [
        ("132=1.2|", Err(DecodeError::Bad(132))),
        ("117=P|", Err(DecodeError::Bad(117))),
        ("64=20261125|", Err(DecodeError::Bad(64))),
        // Over which rate a margin is, by the first value and by the last.
        ("220=EUR|221=Euribor|222=3M|423=6|221=SONIA|", Err(DecodeError::Bad(221))),
        ("220=EUR|221=Euribor|222=3M|423=6|222=6M|", Err(DecodeError::Bad(222))),
        ("220=EUR|221=Euribor|222=3M|423=6|220=USD|", Err(DecodeError::Bad(220))),
        ("132=1.1|", Ok(())),
        ("58=a|58=b|", Ok(())),
    ] {
        assert_eq!(decode(&format!("{s}{again}")).map(|_| ()), want, "{again}");
    }
    let report = |again: &str| {
        let m = decode(&format!(
            "35=8|37=o|11=x|17=e|150=8|39=8|55=X|54=1|32=5|31=1|151=0|14=5|6=1|{again}\
            60=20261121-02:22:00|"
        ));
        match m {
            Ok(AppMessage::ExecutionReport(e)) => (e.exec_type, e.price_type.map(StatedType::code)),
            other => panic!("{again}: {other:?}"),
        }
    };
    for (again, want) in [
        ("", (ExecType::Rejected, None)),
        ("31=1|17=e|150=8|", (ExecType::Rejected, None)),
        ("31=2|", (ExecType::Rejected, Some(0))),
        ("17=f|", (ExecType::Rejected, Some(0))),
        ("423=1|423=9|", (ExecType::Rejected, Some(0))),
        ("220=EUR|221=Euribor|222=3M|423=6|", (ExecType::Rejected, Some(6))),
        ("220=EUR|221=Euribor|222=3M|423=6|221=SONIA|", (ExecType::Rejected, Some(0))),
        ("220=EUR|221=Euribor|222=3M|423=6|222=6M|", (ExecType::Rejected, Some(0))),
        ("220=EUR|221=Euribor|222=3M|423=6|220=USD|", (ExecType::Rejected, Some(0))),
        ("150=F|", (ExecType::Trade, Some(0))),
        ("11=y|", (ExecType::Trade, Some(0))),
    ] {
        assert_eq!(report(again), want, "{again}");
    }
}

#[test]
fn an_instrument_lists_its_price_types() {
    let told = |types: &[PriceType]| {
        let i = Instrument {
            id: InstrumentId::new("DE0001102580").unwrap(),
            asset_class: AssetClass::GovernmentBond,
            price_types: types.into(),
            ..pair("EUR/USD")
        };
        let request = RfqId::new("1").unwrap();
        let list = SecurityList { request, last: true, instruments: vec![i] };
        let m = AppMessage::SecurityList(list);
        let text = String::from_utf8(m.encode().finish("FIX.4.4").unwrap()).unwrap();
        let text = text.replace('\u{1}', "|");
        let body = &text[text.find("35=").unwrap()..text.rfind("10=").unwrap()];
        assert_eq!(decode(body), Ok(m));
        body.to_owned()
    };
    use PriceType::{Price, Spread, Yield};
    assert!(!told(&[Price]).contains("20038="));
    assert!(told(&[Price, Yield]).contains("|20038=price yield|"));
    assert!(told(&[Spread]).contains("|20038=spread|"));
    let listed = told(&[margin(), Price, Yield]);
    assert!(listed.contains("|20038=discount-margin price yield|220=EUR|221=Euribor|222=3M|"));
    for (from, to) in [
        ("|221=Euribor|", "|"),
        ("|222=3M|", "|222=3 months|"),
        ("|221=Euribor|", "|221=Treasury|"),
        // Of another currency than the instrument.
        ("|220=EUR|", "|220=USD|"),
        ("discount-margin price yield", "discount-margin price spread"),
        ("discount-margin", "discount"),
    ] {
        assert!(decode(&listed.replace(from, to)).is_err(), "{to}");
    }
    let all = told(&[Yield, Price, Spread]);
    for bad in ["yield yield", "", "price", "price yield spread price", "discount"] {
        let text = all.replace("yield price spread", bad);
        let good = bad == "price";
        assert_eq!(decode(&text).is_ok(), good, "{bad:?}");
    }
}

/// The desk replaces such a character where it shows the text: a list in which a gateway has one
/// must not leave a trader without any instrument.
#[test]
fn a_list_with_a_character_that_does_not_show_is_read() {
    let i = Instrument { name: "Currency\u{200b}pair".into(), ..pair("EUR/USD") };
    let request = RfqId::new("1").unwrap();
    let m = AppMessage::SecurityList(SecurityList { request, last: true, instruments: vec![i] });
    assert_eq!(AppMessage::decode(&m.encode().finish("FIX.4.4").unwrap()), Ok(m));
}

/// ListDigest (20039) of a request, and ListUnchanged (20040) of an answer.
#[test]
fn a_list_that_the_desk_has_is_named_exactly() {
    let digest = "0123456789abcdef".repeat(4);
    let x = |field: &str| match decode(&format!("35=x|320=L|559=4|{field}")) {
        Ok(AppMessage::SecurityListRequest(x)) => {
            Ok(x.digest.map_or_else(String::new, |d| d.as_str().to_owned()))
        }
        Ok(other) => panic!("{other:?}"),
        Err(e) => Err(e),
    };
    assert_eq!(x(""), Ok(String::new()), "a desk of an earlier release");
    assert_eq!(x(&format!("20039={digest}|")), Ok(digest.clone()));
    let short = &digest[1..];
    for bad in [
        short.to_owned(),
        format!("{digest}0"),
        format!("g{short}"),
        format!("{short} "),
        digest.to_uppercase(),
        format!("é{}", &digest[2..]),
        "Y".into(),
    ] {
        assert_eq!(x(&format!("20039={bad}|")), Err(DecodeError::Bad(20039)), "{bad}");
    }

    let request = || RfqId::new("L").unwrap();
    let m = AppMessage::SecurityListUnchanged { request: request() };
    let text = String::from_utf8(m.encode().finish("FIX.4.4").unwrap()).unwrap();
    let text = text.replace('\u{1}', "|");
    assert!(text.contains("320=L|322=L|560=0|893=Y|20040=Y|"), "{text}");

    let list = |instruments| SecurityList { request: request(), last: true, instruments };
    let whole = AppMessage::SecurityList(list(vec![pair("EUR/USD")]));
    let whole = String::from_utf8(whole.encode().finish("FIX.4.4").unwrap()).unwrap();
    let whole = whole.replace('\u{1}', "|");
    let whole = &whole[whole.find("35=").unwrap()..whole.rfind("10=").unwrap()];
    let none = || Ok(AppMessage::SecurityList(list(vec![])));
    for (body, want) in [
        ("35=y|320=L|322=L|560=0|893=Y|20040=Y|", Ok(m.clone())),
        ("35=y|320=L|322=L|560=0|20040=Y|", Ok(m)),
        ("35=y|320=L|322=L|560=2|893=Y|", none()),
        ("35=y|320=L|322=L|560=2|893=Y|20040=N|", none()),
        ("35=y|320=L|322=L|560=0|893=N|20040=Y|", Err(DecodeError::Bad(20040))),
        ("35=y|320=L|322=L|560=0|893=Y|20040=y|", Err(DecodeError::Bad(20040))),
        ("35=y|322=L|560=0|893=Y|20040=Y|", Err(DecodeError::Missing(320))),
        (whole, Ok(AppMessage::SecurityList(list(vec![pair("EUR/USD")])))),
        (whole.replace("893=Y|", "893=Y|20040=Y|").as_str(), Err(DecodeError::Bad(20040))),
    ] {
        assert_eq!(decode(body), want, "{body}");
    }
}
