//! What must hold, from the files of all parties: the gateway's journal and evidence, its events,
//! the dealers' orders, what the desks wrote down and what they show.

use crate::{
    book::{Book, Was},
    firm::{Firm, Res, text},
    grown::Grown,
    sessions::Sessions,
    talk::{Asked, Mark, Screen},
};
use signet_desk_core::view::{AcceptState as Shown, LineState as ShownLine, RfqState as ShownRfq};
use signet_gateway::{Config, Loaded, checkpoint::journal_verify};
use signet_identity::CompId;
use signet_journal::StoreKey;
use signet_rfq::{DealerId, LineState, Rfq, RfqState, UtcMillis};
use signet_router::Router;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

/// Around the end of an RFQ either side may know of it first, milliseconds.
const ENDING_MS: i64 = 5_000;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What came since the last look; what was read before must be the same bytes.
    Tail,
    /// Every record again: the whole evidence with every checkpoint that the second party has, the
    /// whole journal, and the sessions' files.
    Whole,
}

/// How much there was to look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Records of the evidence.
    pub evidence: u64,
    /// Checkpoints of the second party that the evidence leads to.
    pub checkpoints: usize,
    /// RFQs that a desk was told of.
    pub rfqs: usize,
    /// Accepts that were confirmed.
    pub clicks: usize,
    /// Accepts that dealers executed.
    pub fills: usize,
    /// Accepts of which a desk did not know for a while what became of them.
    pub unknown: usize,
    /// Of these: those that turned out to be executed. The others turned out not to be.
    pub unknown_filled: usize,
    /// Events that the SIEM has.
    pub events: usize,
}

/// Looks at the files of all parties, and knows how far it has read those that only grow.
pub struct Looker {
    loaded: Loaded,
    grown: Grown,
    book: Book,
    sessions: Sessions,
    /// Records of the evidence and checkpoints, as the last whole look found them.
    whole: (u64, usize),
}

impl Looker {
    /// Has read nothing yet.
    pub fn new(firm: &Firm) -> Res<Self> {
        let config = Config::read(&firm.config).map_err(text)?;
        let loaded = Loaded::of(config).map_err(text)?;
        Ok(Self {
            loaded,
            grown: Grown::default(),
            book: Book::default(),
            sessions: Sessions::default(),
            whole: (0, 0),
        })
    }

    /// The gateway's configuration.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// What a desk's process has written down, as far as it was looked at.
    pub fn marks(&self, desk: &str) -> &[Mark] {
        self.grown.marks.get(desk).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether something was found that no later look takes back.
    pub fn is_at_fault(&self) -> bool {
        self.grown.is_at_fault()
    }

    /// Reads the gateway's journal as far as it is now: what stands on screen is in it.
    pub fn read_journal(&mut self, firm: &Firm) -> Res<()> {
        let found = self.book.unchanged();
        self.grown.keep_fault(found.map_err(|e| format!("the journal: {e}")));
        self.book.read_on(&firm.dir, &store_key(firm)?)
    }

    /// Looks at everything; what is wrong, in words. `taken`: when the screens were asked for.
    pub fn look(
        &mut self,
        firm: &Firm,
        screens: &BTreeMap<&'static str, Screen>,
        taken: UtcMillis,
        depth: Depth,
    ) -> Res<Figures> {
        let key = store_key(firm)?;
        self.grown.read_outcomes(&firm.dir)?;
        self.grown.evidence_is_unchanged()?;
        if depth == Depth::Whole {
            self.book.whole();
        }
        let router = self.book.replay((firm.dir.as_path(), &key), &self.loaded, screens, taken)?;
        // What dealers call an accept is in the gateway's records.
        self.grown.read_records(&firm.dir, &key)?;
        self.outcomes(&router, screens, taken)?;
        if depth == Depth::Whole {
            let found = journal_verify(self.config(), &[firm.dir.join("witness")])
                .map_err(|e| format!("journal verify: {} {e}", e.code()))?;
            self.whole = (found.size, found.checkpoints);
        }
        // What was told to the SIEM meanwhile counts too.
        self.grown.read_records(&firm.dir, &key)?;
        self.records()?;
        self.sessions.agree(&firm.dir, &key, depth)?;
        let orders = self.grown.orders();
        let filled = orders.iter().filter(|(_, o)| o.filled);
        let told = &self.grown.events.filled;
        if let Some((id, _)) = filled.clone().find(|(id, _)| !told.contains(*id)) {
            return Err(format!("{id} is executed and the SIEM has not heard of it"));
        }
        let figures = self.figures(filled.count());
        let ended_max = self.loaded.config.limits.ended_rfqs_per_desk;
        self.book.found_right(&router, screens, ended_max)?;
        Ok(figures)
    }

    fn figures(&self, fills: usize) -> Figures {
        let all = || self.grown.marks.values().flatten();
        let mut unknown = BTreeSet::new();
        for (desk, marks) in &self.grown.marks {
            unknown.extend(marks.iter().filter_map(|m| match m {
                Mark::Unknown { accept } => Some(format!("{desk}.{accept}")),
                _ => None,
            }));
        }
        let orders = self.grown.orders();
        let filled = |id: &&String| orders.get(*id).is_some_and(|o| o.filled);
        Figures {
            evidence: self.whole.0,
            checkpoints: self.whole.1,
            rfqs: all().filter(|m| matches!(m, Mark::Open { .. })).count(),
            clicks: all().filter(|m| matches!(m, Mark::Clicked { .. })).count(),
            fills,
            unknown: unknown.len(),
            unknown_filled: unknown.iter().filter(filled).count(),
            events: self.grown.events.count,
        }
    }

    /// What was acknowledged is in the journal, once, and in order.
    fn records(&self) -> Res<()> {
        let journal = &self.grown.journal;
        let (requests, accepts, fills) = (&journal.requests, &journal.accepts, &journal.fills);
        for (desk, marks) in &self.grown.marks {
            let asked = Asked::of(marks);
            let mut rest = asked.all.iter();
            for rfq in journal.order.get(*desk).into_iter().flatten() {
                if !asked.is_last_of_its_run(rfq) && !rest.any(|a| a == rfq) {
                    return Err(format!("RFQ {rfq} of {desk} is in the journal out of its order"));
                }
            }
            let outer = |id: &str| format!("{desk}.{id}");
            let clicked: BTreeMap<&str, &str> = marks
                .iter()
                .filter_map(|m| match m {
                    Mark::Clicked { accept, rfq, .. } => Some((&accept[..], &rfq[..])),
                    _ => None,
                })
                .collect();
            for m in marks {
                match m {
                    Mark::Open { rfq } if !requests.contains_key(&outer(rfq)) => {
                        return Err(format!("RFQ {rfq} of {desk} was acknowledged and is lost"));
                    }
                    Mark::Filled { accept } => {
                        let rfq = clicked.get(&accept[..]).ok_or("a fill that nobody clicked")?;
                        let asked = requests.get(&outer(rfq));
                        let sent = accepts.get(&outer(accept));
                        let filled = fills.get(&outer(accept));
                        let in_order = asked.is_some() && asked < sent && sent < filled;
                        if !in_order {
                            return Err(format!(
                                "accept {accept} of {desk} was shown as filled; its records: \
                                 request {asked:?}, accept {sent:?}, fill {filled:?}"
                            ));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Each accept has one outcome: the dealer's, the gateway's, the desk's.
    fn outcomes(
        &self,
        router: &Router,
        screens: &BTreeMap<&'static str, Screen>,
        taken: UtcMillis,
    ) -> Res<()> {
        let orders = self.grown.orders();
        let mut clicked_all = BTreeSet::new();
        for (desk, marks) in &self.grown.marks {
            let id = CompId::new(*desk).map_err(text)?;
            let held: BTreeMap<&str, &Rfq> =
                router.rfqs_of(&id).map(|r| (r.terms.id.as_str(), r)).collect();
            // Of RFQs that ended long ago the gateway holds no more than the newest.
            let ended_max = self.loaded.config.limits.ended_rfqs_per_desk;
            let all_held = held.len() + self.book.set_aside(desk) < ended_max;
            let screen = screens.get(desk).ok_or("no screen")?;
            let trades: BTreeSet<&str> = screen.trades.iter().map(String::as_str).collect();
            let declined: BTreeSet<&str> = marks
                .iter()
                .filter_map(|m| {
                    if let Mark::Declined { accept } = m { Some(&accept[..]) } else { None }
                })
                .collect();
            let mut traded = BTreeMap::new();
            let mut fills = 0;
            for m in marks {
                let Mark::Clicked { accept, rfq, dealer } = m else { continue };
                let outer = format!("{desk}.{accept}");
                clicked_all.insert(outer.clone());
                let order = orders.get(&outer);
                let filled = order.is_some_and(|o| o.filled);
                if order.is_some_and(|o| o.dealer != *dealer) {
                    return Err(format!("{accept} was for {dealer} and reached {order:?}"));
                }
                if filled && let Some(other) = traded.insert(rfq, accept) {
                    return Err(format!("RFQ {rfq} was executed twice: {other} and {accept}"));
                }
                if filled && declined.contains(&accept[..]) {
                    return Err(format!("{accept} was shown as declined and is executed"));
                }
                match self.book.was(&format!("{desk}.{rfq}"), &outer) {
                    Was::Replayed if all_held || held.contains_key(&rfq[..]) => {
                        at_gateway(&held, rfq, accept, filled)?;
                    }
                    Was::Ended(before) if before != filled => {
                        return Err(format!(
                            "{accept} was executed when its RFQ had ended: {before}; now: {filled}"
                        ));
                    }
                    _ => {}
                }
                if filled {
                    fills += 1;
                    if screen.trades_total <= 1_000 && !trades.contains(&accept[..]) {
                        return Err(format!(
                            "{accept} is executed and not in the blotter of {desk}"
                        ));
                    }
                }
                on_screen(screen, rfq, accept, filled)?;
            }
            if screen.trades_total != fills {
                let n = screen.trades_total;
                return Err(format!("{desk} has {n} trades in its blotter, dealers {fills}"));
            }
            same_book(desk, &held, screen, taken)?;
        }
        match orders.keys().find(|id| !clicked_all.contains(*id)) {
            Some(id) => Err(format!("{id} reached a dealer and nobody clicked it")),
            None => Ok(()),
        }
    }
}

fn at_gateway(held: &BTreeMap<&str, &Rfq>, rfq: &str, accept: &str, filled: bool) -> Res<()> {
    let state = held.get(rfq).and_then(|r| {
        let all = r.accept.iter().chain(&r.past);
        all.clone().find(|(a, _)| a.id.as_str() == accept).map(|(_, s)| s)
    });
    match state {
        Some(s) if s.in_flight() => Err(format!("{accept} is {s:?} at the gateway")),
        Some(s) if s.traded().is_some() != filled => {
            Err(format!("{accept} is {s:?} at the gateway; executed: {filled}"))
        }
        None if filled => Err(format!("{accept} is executed and unknown to the gateway")),
        _ => Ok(()),
    }
}

fn on_screen(screen: &Screen, rfq: &str, accept: &str, filled: bool) -> Res<()> {
    let head = screen.rfqs.iter().find(|r| r.id == rfq);
    let shown = head.and_then(|r| r.accept.as_ref()).filter(|a| a.id == accept);
    match shown.map(|a| a.state) {
        None => Ok(()),
        Some(Shown::Filled | Shown::PartlyFilled) if filled => Ok(()),
        Some(Shown::Declined | Shown::Disarmed | Shown::Armed) if !filled => Ok(()),
        Some(s) => Err(format!("{accept} is {s:?} on screen; executed: {filled}")),
    }
}

/// The desk shows the RFQs that the gateway holds, as it holds them.
fn same_book(
    desk: &str,
    held: &BTreeMap<&str, &Rfq>,
    screen: &Screen,
    taken: UtcMillis,
) -> Res<()> {
    let shown: BTreeMap<&str, _> = screen.rfqs.iter().map(|r| (&r.id[..], r)).collect();
    for (id, rfq) in held {
        let state = shown.get(id).map(|r| r.state);
        let same = match (rfq.state, state) {
            (RfqState::Sent | RfqState::Open, Some(ShownRfq::Open)) => true,
            (RfqState::Done, Some(ShownRfq::Done) | None) => true,
            (s, Some(shown)) if s.ended() => {
                !matches!(shown, ShownRfq::Sent | ShownRfq::Open | ShownRfq::Done)
            }
            (s, None) => s.ended(),
            _ => false,
        };
        // Its time is up while one of both is looked at.
        let ends = rfq.deadline.unwrap_or(rfq.terms.expires);
        let ending = matches!(rfq.state, RfqState::Open | RfqState::Sent | RfqState::Expired)
            && (-ENDING_MS..=ENDING_MS).contains(&ends.since(taken));
        if !same && !ending {
            return Err(format!(
                "{id} of {desk} is {:?} at the gateway, {state:?} on screen",
                rfq.state
            ));
        }
        if !rfq.state.ended() {
            same_lines(desk, id, rfq, screen)?;
        }
    }
    for (id, r) in shown {
        if matches!(r.state, ShownRfq::Sent | ShownRfq::Open) && !held.contains_key(id) {
            return Err(format!("{id} of {desk} is {:?} on screen only", r.state));
        }
    }
    Ok(())
}

/// Every quote that can be pressed on screen is the dealer's last one at the gateway.
fn same_lines(desk: &str, id: &str, rfq: &Rfq, screen: &Screen) -> Res<()> {
    for l in screen.lines.iter().filter(|l| l.rfq_id == id) {
        let dealer = DealerId::new(&l.dealer[..]).map_err(text)?;
        let line = rfq.lines.iter().find(|x| x.dealer == dealer);
        let quote = line.and_then(|x| x.quote.as_ref()).map(|q| q.id.as_str());
        if l.state == ShownLine::Quoted && l.quote_id.as_deref() != quote {
            return Err(format!(
                "{id} of {desk}: {dealer}'s quote is {:?} on screen, {quote:?} at the gateway",
                l.quote_id
            ));
        }
        let passed = line.is_some_and(|x| matches!(x.state, LineState::Passed(_)));
        if passed && l.state == ShownLine::Quoted {
            return Err(format!("{id} of {desk}: {dealer} has passed; its quote is on screen"));
        }
    }
    Ok(())
}

/// The key that the gateway's files are sealed with.
fn store_key(firm: &Firm) -> Res<StoreKey> {
    let key = fs::read(firm.dir.join("state/store.key")).map_err(text)?;
    StoreKey::from_slice(&key).map_err(text)
}

/// The wall clock.
pub fn now() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
