//! Keys, messages and a history for the tests of this crate.

use crate::*;
use rustls_pki_types::CertificateDer;
use signet_devca::{DevPki, Issued, Order};
use signet_fix::{
    AppMessage, BEGIN_STRING,
    message::*,
    signature::{SignError, sign},
};
use signet_identity::MessageKey;
use signet_rfq::*;
use signet_tlog::{Checkpoint, note::SignerKey};
use std::sync::LazyLock;
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub(crate) const DESK: &str = "TRADER1";
pub(crate) const DEALER: &str = "NORTHBANK";
pub(crate) const RFQ: &str = "R1";
/// When the RFQ is asked.
pub(crate) const T0: i64 = 1_795_000_000_000;
pub(crate) const FAR: i64 = T0 + 60_000;

/// An end of a connection.
pub(crate) struct End {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: MessageKey,
}

impl End {
    fn of(issued: &Issued) -> Self {
        let key = MessageKey::of(&issued.certified_key().unwrap()).unwrap();
        Self { chain: issued.chain().to_vec(), key }
    }

    pub(crate) fn signs(&self, m: &AppMessage) -> Vec<u8> {
        let signer = |c: &[u8]| self.key.sign(c).map_err(|e| SignError(e.to_string()));
        sign(&plain(m), &signer).unwrap()
    }

    pub(crate) fn signs_bytes(&self, covered: &[u8]) -> [u8; 64] {
        self.key.sign(covered).unwrap()
    }

    pub(crate) fn signer(&self) -> Option<Signer> {
        Signer::of(&self.chain[0])
    }
}

pub(crate) struct Ends {
    pub(crate) desk: End,
    pub(crate) gateway: End,
    pub(crate) dealer: End,
}

pub(crate) static ENDS: LazyLock<Ends> = LazyLock::new(|| {
    let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
    let end = |order: Order| End::of(&pki.issue(&order).unwrap());
    Ends {
        desk: end(Order::desk(DESK)),
        gateway: end(Order::gateway("SIGNET")),
        dealer: end(Order::dealer(DEALER)),
    }
});

pub(crate) fn plain(m: &AppMessage) -> Vec<u8> {
    m.encode().finish(BEGIN_STRING).unwrap()
}

fn level(price: &str) -> Level {
    Level { price: price.parse().unwrap(), size: 5_000_000.into() }
}

fn instrument() -> InstrumentId {
    InstrumentId::new("DE000BU2Z049").unwrap()
}

/// The id as dealers know it.
fn outer(id: &str, to_dealers: bool) -> String {
    if to_dealers { format!("{DESK}.{id}") } else { id.into() }
}

pub(crate) fn request(quantity: u32) -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new(RFQ).unwrap(),
        instrument: instrument(),
        isin: true,
        ask: Ask::Buy,
        quantity: quantity.into(),
        currency: "EUR".into(),
        settlement_date: "20261201".into(),
        dealers: vec![DealerId::new(DEALER).unwrap()],
        expires: UtcMillis(FAR),
        at: UtcMillis(T0),
    })
}

/// A quote as the dealer sends it to the gateway, or as the gateway passes it on.
pub(crate) fn quote(id: &str, offer: &str, valid_until: i64, to_gateway: bool) -> AppMessage {
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: RfqId::new(outer(RFQ, to_gateway)).unwrap(),
        id: QuoteId::new(id).unwrap(),
        instrument: instrument(),
        dealer: (!to_gateway).then(|| DealerId::new(DEALER).unwrap()),
        bid: None,
        offer: Some(level(offer)),
        valid_until: UtcMillis(valid_until),
        tradeable: true,
        at: UtcMillis(T0),
        qualifiers: Qualifiers::default(),
    })
}

pub(crate) fn accept(quote: &str, price: &str) -> AppMessage {
    AppMessage::QuoteResponse(QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: AcceptId::new(format!("{RFQ}:1")).unwrap(),
        response: Response::HitOrLift,
        rfq: Some(RfqId::new(RFQ).unwrap()),
        quote: QuoteId::new(quote).unwrap(),
        instrument: instrument(),
        isin: true,
        dealer: Some(DealerId::new(DEALER).unwrap()),
        side: Side::Buy,
        quantity: 5_000_000.into(),
        price: price.parse().unwrap(),
        currency: Some("EUR".into()),
        settlement_date: Some("20261201".into()),
        deadline: Some(UtcMillis(FAR)),
        limit: None,
        at: UtcMillis(T0),
    })
}

/// A trade as the dealer reports it, or as the gateway passes it on.
pub(crate) fn trade(exec: &str, price: &str, to_gateway: bool) -> AppMessage {
    AppMessage::ExecutionReport(ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "O1".into(),
        exec_id: exec.into(),
        exec_ref: None,
        accept: AcceptId::new(outer(&format!("{RFQ}:1"), to_gateway)).unwrap(),
        exec_type: ExecType::Trade,
        status: OrdStatus::Filled,
        instrument: instrument(),
        dealer: (!to_gateway).then(|| DealerId::new(DEALER).unwrap()),
        side: Side::Buy,
        last: Some(level(price)),
        cum_qty: 5_000_000.into(),
        leaves_qty: 0.into(),
        avg_px: price.parse().unwrap(),
        settlement_date: Some("20261201".into()),
        currency: Some("EUR".into()),
        disputed: false,
        price: None,
        reject_reason: None,
        text: None,
        at: UtcMillis(T0),
    })
}

/// What the gateway says when it has a request.
pub(crate) fn open() -> AppMessage {
    AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(
        RfqId::new(RFQ).unwrap(),
        instrument(),
        RfqStatus::Open,
        None,
    ))
}

pub(crate) fn pass() -> AppMessage {
    AppMessage::QuoteRequestReject(QuoteRequestReject {
        rfq: RfqId::new(RFQ).unwrap(),
        reason: 10,
        instrument: instrument(),
        dealer: Some(DealerId::new(DEALER).unwrap()),
        text: None,
        advice: None,
    })
}

/// The gateway refuses the whole request.
pub(crate) fn refusal() -> AppMessage {
    let AppMessage::QuoteRequestReject(r) = pass() else { unreachable!() };
    AppMessage::QuoteRequestReject(QuoteRequestReject { dealer: None, ..r })
}

/// The gateway refuses a message of this type before it keeps it.
pub(crate) fn not_taken(msg_type: &str, id: &str) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: Some(9),
        ref_msg_type: msg_type.into(),
        ref_id: Some(id.into()),
        reason: 4,
        text: None,
    })
}

/// A report without a trade, as the dealer sends it, or as the gateway makes it.
pub(crate) fn without_trade(
    exec_type: ExecType,
    status: OrdStatus,
    reject_reason: Option<u16>,
    to_gateway: bool,
) -> AppMessage {
    let AppMessage::ExecutionReport(e) = trade("G.R1:1.7", "99.125", to_gateway) else {
        unreachable!()
    };
    AppMessage::ExecutionReport(ExecutionReport {
        exec_type,
        status,
        dealer: None,
        last: None,
        cum_qty: 0.into(),
        reject_reason,
        ..e
    })
}

/// A history as a desk writes it.
pub(crate) struct Written {
    pub(crate) chain: Chain,
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) key: SignerKey,
}

impl Written {
    pub(crate) fn new() -> Self {
        let key = SignerKey::new("TRADER1/history", &Zeroizing::new([7; 32])).unwrap();
        let mut w = Self { chain: Chain::default(), records: Vec::new(), key };
        w.add(T0 - 9, What::Started { desk: DESK.into(), version: "1".into(), torn_bytes: 0 });
        let text = statement(w.key.verifier(), &ENDS.desk.chain[0]);
        let signature = ENDS.desk.key.sign(text.as_bytes()).unwrap();
        w.add(T0 - 8, Certified::record(text, &signature, &ENDS.desk.chain));
        w.add(
            T0 - 5_000,
            What::Up {
                again: false,
                venue: "Bank".into(),
                peer: "SIGNET".into(),
                own: DESK.into(),
                direct: false,
                tls: "TLS 1.3".into(),
                own_certificate: encode(&ENDS.desk.chain[0]),
                peer_certificate: encode(&ENDS.gateway.chain[0]),
            },
        );
        w.hears(T0 - 4_900, &AppMessage::Snapshot(SnapshotMark::End));
        w
    }

    pub(crate) fn add(&mut self, at_ms: i64, what: What) {
        self.add_by(at_ms, Some(0), what);
    }

    /// By a laptop whose clock is so far from the venue's, if it has measured that.
    pub(crate) fn add_by(&mut self, at_ms: i64, offset_ms: Option<i64>, what: What) {
        let run_us = self.chain.size();
        let record = self.chain.next(Moment { at_ms, run_us, offset_ms }, what);
        assert!(self.chain.check(&record).is_ok());
        self.chain.push(&record);
        self.records.push(record);
    }

    pub(crate) fn sends(&mut self, at_ms: i64, m: &AppMessage) {
        let frame = ENDS.desk.signs(m);
        self.add(at_ms, observe(Seen::Sent(&frame)).unwrap());
    }

    /// From the gateway, signed if messages of this type are.
    pub(crate) fn hears(&mut self, at_ms: i64, m: &AppMessage) {
        let signed = signet_fix::signature::commits_gateway(m.msg_type());
        let frame = if signed { ENDS.gateway.signs(m) } else { plain(m) };
        self.add(at_ms, observe(Seen::Received { frame: &frame, signed }).unwrap());
    }

    /// A request, a quote, an accept, a trade.
    pub(crate) fn traded() -> Self {
        let mut w = Self::new();
        w.sends(T0, &request(5_000_000));
        w.hears(T0 + 50, &open());
        w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
        w.add(
            T0 + 190,
            What::Shown { rfq: RFQ.into(), accept: "R1:1".into(), screen: "{}".into() },
        );
        w.sends(T0 + 200, &accept("Q1", "99.125"));
        w.hears(T0 + 300, &trade("E1", "99.125", false));
        w.add(T0 + 60_000, What::Down);
        w.add(T0 + 60_100, What::Stopped);
        w
    }

    pub(crate) fn note(&self) -> String {
        let c = Checkpoint {
            origin: self.key.verifier().name().into(),
            size: self.chain.size(),
            root: self.chain.root(),
            extensions: Vec::new(),
        };
        c.sign(&self.key).unwrap()
    }

    pub(crate) fn export(&self, wanted: &Selection) -> String {
        let (note, key) = (self.note(), self.key.verifier());
        let base = Chain::default();
        export(&Source { key, checkpoint: &note, base, records: &self.records }, wanted).unwrap()
    }

    pub(crate) fn account(&self) -> Account {
        let v = verify(&self.export(&Selection::default()));
        assert_eq!(v.faults, []);
        account_of(&v)
    }
}
