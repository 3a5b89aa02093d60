//! Events of the business that a kill took before they were on disk. What they tell is in the
//! evidence by then, so they are made again at the next start, and no other.

use crate::{
    config::Config,
    pipeline::retold,
    siem,
    signed::{Record, SignedLogError, walk_from},
    state_dir::signed_folder,
};
use signet_events::{Event, Origin};
use signet_journal::StoreKey;
use signet_rfq::UtcMillis;
use signet_router::journal::Replayed;
use std::collections::{HashMap, VecDeque};

/// An event waits for the disk for milliseconds. Records that are older than this, counted from the
/// newest, are of a time without `[siem]`.
const AGE_MAX_MS: i64 = 60_000;
/// Half of what waits for the thread at most.
const EVENTS_MAX: usize = 4_096;

/// Records of the evidence whose events may not be on disk, and those events.
#[derive(Debug, Default)]
pub(super) struct Untold {
    /// The last event that is on disk.
    horizon: Option<Origin>,
    /// Places in the evidence of copies of the journal's records.
    records: HashMap<Vec<u8>, u64>,
    events: VecDeque<(UtcMillis, Event)>,
}

impl Untold {
    /// Looks for them; none without `[siem]`, and none before the first event.
    pub(super) fn find(config: &Config, key: &StoreKey) -> Result<Self, SignedLogError> {
        let horizon = config.siem.as_ref().and_then(|_| siem::newest(config, key));
        let mut untold = Self { horizon, ..Self::default() };
        let Some(horizon) = horizon else { return Ok(untold) };
        walk_from(&signed_folder(config), key, horizon.position, |step| {
            let position = step.tree.map_or(0, |t| t.size());
            if let Some(Record::Journal(record)) = Record::read(step.bytes)
                && position >= horizon.position
            {
                untold.records.insert(record.to_vec(), position);
            }
            Ok::<_, SignedLogError>(())
        })?;
        Ok(untold)
    }

    /// A record of the journal that is replayed.
    pub(super) fn watch(&mut self, replayed: &Replayed<'_>) {
        let Some(position) = self.records.remove(replayed.record) else { return };
        let new = retold(replayed, position).into_iter().filter(|e| e.origin > self.horizon);
        self.events.extend(new.map(|e| (replayed.at, e)));
        while self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
    }

    /// The events, oldest first.
    pub(super) fn into_events(self) -> impl Iterator<Item = Event> {
        let newest = self.events.back().map_or(UtcMillis(0), |(at, _)| *at);
        let young = move |at: &UtcMillis| newest.since(*at) <= AGE_MAX_MS;
        self.events.into_iter().filter(move |(at, _)| young(at)).map(|(_, e)| e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_fix::{AppMessage, message::QuoteRequest};
    use signet_identity::CompId;
    use signet_rfq::{Ask, DealerId, InstrumentId, RfqId};
    use signet_router::{Input, Output};

    const NOON: UtcMillis = UtcMillis(1_795_219_200_000);

    fn request() -> AppMessage {
        AppMessage::QuoteRequest(QuoteRequest {
            min_quantity: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: RfqId::new("R1").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            ask: Ask::Buy,
            quantity: 1_000_000.into(),
            currency: "EUR".into(),
            settlement_date: "20261201".into(),
            dealers: vec![],
            expires: NOON + 60_000,
            at: NOON,
        })
    }

    /// Replays a request to two dealers, which is two events, for each record.
    fn told(untold: &mut Untold, records: &[(&[u8], i64)]) {
        let input = Input::FromDesk(CompId::new("ALICE").unwrap(), request());
        let done = ["N", "E"].map(|d| Output::ToDealer(DealerId::new(d).unwrap(), request()));
        for (record, ms) in records {
            untold.watch(&Replayed { record, at: NOON + *ms, input: &input, done: &done });
        }
    }

    #[test]
    fn what_follows_the_last_event_on_disk_is_told_and_nothing_else() {
        let mut untold = Untold {
            horizon: Some(Origin { position: 5, index: 0 }),
            records: [(b"A".to_vec(), 5), (b"B".to_vec(), 8)].into(),
            ..Untold::default()
        };
        // The evidence has "old" before the horizon.
        told(&mut untold, &[(b"old", 0), (b"A", 1), (b"B", 2), (b"B", 3)]);
        let origins: Vec<_> = untold.into_events().filter_map(|e| e.origin).collect();
        let origin = |position, index| Origin { position, index };
        assert_eq!(origins, [origin(5, 1), origin(8, 0), origin(8, 1)]);
    }

    #[test]
    fn what_is_older_than_a_kill_can_lose_is_of_a_time_without_a_siem() {
        let mut untold = Untold {
            records: [(b"A".to_vec(), 5), (b"B".to_vec(), 8)].into(),
            horizon: Some(Origin { position: 1, index: 0 }),
            ..Untold::default()
        };
        told(&mut untold, &[(b"A", 0), (b"B", AGE_MAX_MS + 1)]);
        let events: Vec<_> = untold.into_events().collect();
        assert_eq!(events.len(), 2);
        assert_eq!(events[0].at_us, (NOON.0 + AGE_MAX_MS + 1) * 1_000);
    }
}
