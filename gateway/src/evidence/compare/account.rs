//! What the records of the evidence say of a desk's RFQs.

use super::certificate_of;
use crate::signed::{Digest, Party, Record, judge, sha256};
use signet_fix::AppMessage;
use signet_history::{Account, Fact, Said, Signer, Way, fact_named, fact_of};
use signet_router::journal::{NamesRead, RecordKind, shown};
use std::collections::{BTreeMap, HashMap};

/// Most faults that are named.
const FAULTS_MAX: usize = 1_000;

/// A take-over that a desk signed.
struct Wanted {
    at: (u64, i64),
    signer: Option<Signer>,
    frame: Vec<u8>,
}

/// Takes records in order.
pub(super) struct Teller {
    desk: String,
    certificates: HashMap<Digest, Vec<u8>>,
    facts: Vec<Fact>,
    /// The places of the facts of each RFQ in `facts`.
    of_rfq: HashMap<String, Vec<usize>>,
    /// What the desk signed that it wants to take over, until the gateway's record says that it
    /// did: a refused one hides nothing.
    wanted: HashMap<String, Wanted>,
    /// As [`Account::decided`].
    decided: BTreeMap<String, Vec<(i64, i64)>>,
    /// What dealers call the RFQs and accepts of the desk.
    names: NamesRead,
    faults: Vec<String>,
    /// The first record that has a time, and the first of all.
    first: Option<(u64, Option<i64>)>,
}

impl Teller {
    /// Of this desk.
    pub(super) fn of(desk: &str) -> Self {
        Self {
            desk: desk.into(),
            certificates: HashMap::new(),
            facts: Vec::new(),
            of_rfq: HashMap::new(),
            wanted: HashMap::new(),
            decided: BTreeMap::new(),
            names: NamesRead::default(),
            faults: Vec::new(),
            first: None,
        }
    }

    /// A certificate that messages may name.
    pub(super) fn certificate(&mut self, der: &[u8]) {
        self.certificates.insert(sha256(der), der.to_vec());
    }

    pub(super) fn take(&mut self, leaf: u64, bytes: &[u8]) {
        if let Some((digest, der)) = certificate_of(bytes) {
            self.certificates.insert(digest, der);
        }
        let (first, _) = *self.first.get_or_insert((leaf, None));
        match Record::read(bytes) {
            Some(Record::Frame { at, party, certificate, id, frame }) => {
                self.began(first, at.0);
                let (way, dealer) = match party {
                    Party::Desk if id == self.desk => (Way::FromDesk, None),
                    Party::Desk => return,
                    Party::Dealer => (Way::FromDealer(id), Some(id)),
                };
                let own = |name: &str| self.names.desk_and_id(name).map(|(_, own)| own);
                let told = fact_named(way, &self.desk, frame, own);
                let Some((rfq, said)) = told else { return };
                let signer = self.signer(leaf, party, id, &certificate, frame);
                if said == Said::HandedOver {
                    let wanted = Wanted { at: (leaf, at.0), signer, frame: frame.to_vec() };
                    self.wanted.insert(rfq, wanted);
                    return;
                }
                self.tell((leaf, at.0), (rfq, said), signer, dealer, frame);
            }
            Some(Record::Journal(record)) => {
                let Some(s) = shown(record) else { return };
                self.began(first, s.at.0);
                self.names.take(&s, |desk, _| desk == self.desk);
                if s.what == RecordKind::TakeOverDecided && s.id.as_str() == self.desk {
                    return self.taken_over(&s.message);
                }
                if s.what == RecordKind::RequestDecided && s.id.as_str() == self.desk {
                    return self.request_decided(s.at.0, &s.message);
                }
                let (way, id) = (Way::FromDealer(&s.id), Some(s.id.as_str()));
                let told = match s.what {
                    RecordKind::FromDealer => fact_of(way, &self.desk, &s.message),
                    RecordKind::NotSentToDealer => self.unsent(&s.id, &s.message),
                    // What a desk sent is kept with its signature.
                    _ => None,
                };
                if let Some(told) = told {
                    self.tell((leaf, s.at.0), told, None, id, &s.message);
                }
            }
            _ => {}
        }
    }

    /// The gateway decided that the desk takes an RFQ over.
    fn taken_over(&mut self, message: &[u8]) {
        let Some((rfq, said)) = fact_of(Way::FromDesk, &self.desk, message) else { return };
        let Some(w) = self.wanted.remove(&rfq) else { return };
        self.tell(w.at, (rfq, said), w.signer, None, &w.frame);
    }

    /// The gateway decided a request, at once or when it was released from its wait for a touch.
    fn request_decided(&mut self, at_ms: i64, message: &[u8]) {
        let Ok(AppMessage::QuoteRequest(q)) = AppMessage::decode(message) else { return };
        let end_ms = at_ms.saturating_add(q.expires.since(q.at).max(0));
        self.decided.entry(q.id.to_string()).or_default().push((at_ms, end_ms));
    }

    fn began(&mut self, leaf: u64, at_ms: i64) {
        if let Some((_, at)) = self.first.as_mut().filter(|(n, at)| *n == leaf && at.is_none()) {
            *at = Some(at_ms);
        }
    }

    /// A request that did not reach its dealer: the gateway tells the desk that it does not quote.
    fn unsent(&self, dealer: &str, message: &[u8]) -> Option<(String, Said)> {
        let Ok(AppMessage::QuoteRequest(q)) = AppMessage::decode(message) else { return None };
        let rfq = q.id.as_str().strip_prefix(&self.desk)?.strip_prefix('.')?.to_owned();
        Some((rfq, Said::Passed { dealer: dealer.into() }))
    }

    fn signer(
        &mut self,
        leaf: u64,
        party: Party,
        id: &str,
        certificate: &Digest,
        frame: &[u8],
    ) -> Option<Signer> {
        let why = match self.certificates.get(certificate) {
            None => "its certificate is not there",
            Some(der) => match judge(party, id, der, frame) {
                Ok(()) => return Signer::of(der),
                Err(why) => why,
            },
        };
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(format!("leaf {leaf}, a message of {id}: {why}"));
        }
        None
    }

    fn tell(
        &mut self,
        (leaf, at_ms): (u64, i64),
        (rfq, said): (String, Said),
        signer: Option<Signer>,
        dealer: Option<&str>,
        frame: &[u8],
    ) {
        // A signed message is in the journal as well.
        let twice = |f: &Fact| f.said == said && f.signer.is_some() && signer.is_none();
        let before = self.of_rfq.entry(rfq.clone()).or_default();
        if before.iter().rev().any(|at| self.facts.get(*at).is_some_and(twice)) {
            return;
        }
        before.push(self.facts.len());
        self.facts.push(Fact {
            rfq,
            at_ms,
            said,
            signer,
            dealer: dealer.map(str::to_owned),
            place: format!("leaf {leaf}"),
            restored: false,
            frame: frame.to_vec(),
        });
    }

    /// The whole account, and what is wrong with the records.
    pub(super) fn account(self, only: Option<String>) -> (Account, Vec<String>) {
        // An evidence whose beginning is elsewhere says nothing of what was before.
        let from_ms = match (self.first, &only) {
            (Some((first, at)), None) if first > 0 => at,
            _ => None,
        };
        let (desk, facts, decided) = (self.desk, self.facts, self.decided);
        (Account { desk, facts, only, from_ms, decided, ..Account::default() }, self.faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_fix::tagvalue::seal;

    /// A request that waited for a touch lives from when it was decided, not from when it came.
    #[test]
    fn a_request_lives_from_when_it_was_decided() {
        let decided = |expires: &str| {
            let text = format!(
                "35=R|131=R1|146=1|55=EUR/USD|54=1|38=1000000|64=20261124|15=EUR|126={expires}|\
                    60=20261121-12:00:00.000|453=1|448=NORTHBANK|447=D|452=35|"
            );
            seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes())
        };
        let mut t = Teller::of("BOB");
        for (at, expires) in [(5_000, "20261121-12:00:30.000"), (9_000, "20261121-11:59:00.000")] {
            t.request_decided(at, &decided(expires));
        }
        t.request_decided(9_999, b"no message");
        let (account, _) = t.account(None);
        let wanted = vec![(5_000, 35_000), (9_000, 9_000)];
        assert_eq!(account.decided, BTreeMap::from([("R1".to_owned(), wanted)]));
    }

    /// A desk that asks for what it does not get must not hide its own RFQ of that name.
    #[test]
    fn only_a_take_over_that_was_decided_takes_an_rfq_out_of_the_comparison() {
        let wants = |rfq: &str| {
            let text = format!(
                "35=UH|34=2|49=BOB|52=20261121-12:00:00.000|56=SIGNET|131={rfq}|20171=ALICE|\
                    20172=R1|60=20261121-12:00:00.000|"
            );
            seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes())
        };
        let signer = || Signer {
            who: "BOB".into(),
            gateway: false,
            certificate: String::new(),
            serial: String::new(),
        };
        for (decided, rfqs) in [(None, vec![]), (Some("B2"), vec![]), (Some("B1"), vec!["B1"])] {
            let mut t = Teller::of("BOB");
            let wanted = Wanted { at: (4, 0), signer: Some(signer()), frame: wants("B1") };
            t.wanted.insert("B1".into(), wanted);
            if let Some(rfq) = decided {
                t.taken_over(&wants(rfq));
            }
            let (account, _) = t.account(None);
            let handed = account.facts.iter().filter(|f| f.said == Said::HandedOver);
            assert_eq!(handed.map(|f| f.rfq.as_str()).collect::<Vec<_>>(), rfqs, "{decided:?}");
        }
    }
}
