use super::*;
use crate::router::tests::{T0, bund, dealer, dec, desk, hit, quoted};
use signet_fix::message::AppMessage;
use signet_rfq::RfqId;

fn status_of(state: AcceptState) -> ExecutionReport {
    let AppMessage::QuoteResponse(r) = hit("x1", "N", "n1", "99.5") else { unreachable!() };
    let a = r.accept(RfqId::new("R1").unwrap(), dealer("N"));
    status_report(&a, &state, AnswerLost::DealerLine, T0)
}

/// Who refused is told by the dealer being named or not.
#[test]
fn a_status_names_the_dealer_unless_the_gateway_or_the_desk_refused() {
    let of = |d| status_of(AcceptState::Declined(d));
    for (declined, named) in [
        (Declined::ByDealer("no".into()), true),
        (Declined::ByGateway("no".into()), false),
        (Declined::ByDesk("no".into()), false),
    ] {
        let r = of(declined);
        assert_eq!(
            (r.dealer.is_some(), r.status, r.text.as_deref()),
            (named, OrdStatus::Rejected, Some("no"))
        );
        assert_eq!((r.reject_reason, r.leaves_qty), (Some(REJ_OTHER), Decimal::ZERO));
    }
    for (state, status, leaves) in [
        (AcceptState::Sent, OrdStatus::New, dec("5000000")),
        (AcceptState::LastLook, OrdStatus::PendingNew, dec("5000000")),
        (AcceptState::Unknown, OrdStatus::New, dec("5000000")),
        (AcceptState::Disputed, OrdStatus::New, dec("5000000")),
    ] {
        let r = status_of(state.clone());
        assert_eq!(
            (r.dealer, r.status, r.leaves_qty, r.reject_reason),
            (Some(dealer("N")), status, leaves, None),
            "{state:?}"
        );
    }
}

#[test]
fn a_dispute_is_reported_in_every_field() {
    let rfq = quoted().rfqs.iter().next().unwrap().1.rfq.clone();
    let dispute = |quantity: &str| Dispute {
        accept: AcceptId::new("x1").unwrap(),
        dealer: dealer("N"),
        exec_id: "e7".into(),
        kind: ExecType::Trade,
        side: Side::Sell,
        price: dec("99.4"),
        quantity: dec(quantity),
        settlement_date: Some("20261125".into()),
        why: "the price differs".into(),
        at: T0 + 7,
        received: T0 + 9,
    };
    let r = dispute_report(&rfq, &dispute("4000000"));
    let level = Level { price: dec("99.4"), size: dec("4000000") };
    assert_eq!(
        (r.accept.as_str(), r.exec_id.as_str(), r.exec_type, r.status),
        ("x1", "e7", ExecType::Trade, OrdStatus::Calculated)
    );
    assert_eq!(
        (r.dealer, r.side, r.instrument, r.last),
        (Some(dealer("N")), Side::Sell, bund(), Some(level))
    );
    assert_eq!(
        (r.cum_qty, r.avg_px, r.settlement_date.as_deref()),
        (dec("4000000"), dec("99.4"), Some("20261125"))
    );
    assert_eq!(
        (r.disputed, r.reject_reason, r.text.as_deref(), r.at),
        (true, None, Some("the price differs"), T0 + 7)
    );
    // A refusal after a trade has no quantity, and so no price of its own.
    assert_eq!(dispute_report(&rfq, &dispute("0")).last, None);
}

#[test]
fn the_rfq_of_an_accept_is_its_desks_own_and_asked_that_dealer() {
    let r = quoted();
    let of = |who: &str, m: AppMessage, rfq: Option<&str>| {
        let AppMessage::QuoteResponse(m) = m else { unreachable!() };
        let named = QuoteResponse { rfq: rfq.map(|id| RfqId::new(id).unwrap()), ..m };
        r.rfq_accepted(&desk(who), &named).map(|id| id.to_string())
    };
    assert_eq!(of("ALICE", hit("x1", "N", "n1", "99.5"), None).as_deref(), Some("ALICE.R1"));
    assert_eq!(of("ALICE", hit("x1", "N", "n1", "99.5"), Some("R1")).as_deref(), Some("ALICE.R1"));
    assert_eq!(of("BOB", hit("x1", "N", "n1", "99.5"), None), None, "another desk's");
    assert_eq!(of("ALICE", hit("x1", "S", "n1", "99.5"), Some("R1")), None, "S was not asked");
    assert_eq!(
        of("ALICE", hit("x1", "N", "n1", "99.5"), Some("R2")),
        None,
        "there is none of this id"
    );
    // "ALICE" and "R1" make the same id as "ALI" and "CE.R1" would, were there a point in it.
    assert_eq!(of("A", hit("x1", "N", "n1", "99.5"), Some("LICE.R1")), None);
}
