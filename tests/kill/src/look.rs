//! What must hold, from the files of all parties: the gateway's journal and evidence, its events,
//! the dealers' orders, what the desks wrote down and what they show.

use crate::{
    DEALERS, DESKS, GATEWAY, desk_secret,
    firm::{Firm, Res, text},
    grown::Grown,
    talk::{Mark, Screen, asked_in, is_last_of_its_run},
};
use signet_desk_core::view::{AcceptState as Shown, LineState as ShownLine, RfqState as ShownRfq};
use signet_fix::store::{SealedStore, SessionStore as _};
use signet_gateway::{Config, Loaded, checkpoint::journal_verify};
use signet_identity::CompId;
use signet_journal::StoreKey;
use signet_rfq::{DealerId, LineState, Rfq, RfqState, UtcMillis};
use signet_router::{
    DealerSettings, DeskSettings, Input, Router,
    journal::{Journal, OnBadRecord},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Around the end of an RFQ either side may know of it first, milliseconds.
const ENDING_MS: i64 = 5_000;
/// The copy of the journal.
const COPY: &str = "look.journal";

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What came since the last look.
    Tail,
    /// The whole evidence as well, with every checkpoint that the second party has.
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
    /// Records of the evidence and checkpoints, as the last whole look found them.
    whole: (u64, usize),
}

/// Copies the gateway's journal, to be replayed: what stands on screen now is in it.
pub fn copy_journal(firm: &Firm) -> Res<()> {
    let journal = fs::read_dir(firm.dir.join("state"))
        .map_err(text)?
        .flatten()
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|e| e == "journal" || e == "log"))
        .ok_or("no journal")?;
    fs::copy(journal, firm.dir.join(COPY)).map(drop).map_err(text)
}

impl Looker {
    /// Has read nothing yet.
    pub fn new(firm: &Firm) -> Res<Self> {
        let config = Config::read(&firm.config).map_err(text)?;
        let loaded = Loaded::of(config).map_err(text)?;
        Ok(Self { loaded, grown: Grown::default(), whole: (0, 0) })
    }

    /// The gateway's configuration.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// What a desk's process has written down, as far as it was looked at.
    pub fn marks(&self, desk: &str) -> &[Mark] {
        self.grown.marks.get(desk).map(Vec::as_slice).unwrap_or_default()
    }

    /// Looks at everything; what is wrong, in words. `taken`: when the screens were asked for.
    pub fn look(
        &mut self,
        firm: &Firm,
        screens: &BTreeMap<&'static str, Screen>,
        taken: UtcMillis,
        depth: Depth,
    ) -> Res<Figures> {
        let key = fs::read(firm.dir.join("state/store.key")).map_err(text)?;
        let key = StoreKey::from_slice(&key).map_err(text)?;
        self.grown.read_outcomes(&firm.dir)?;
        let router = self.replay(&firm.dir, &key, taken)?;
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
        for desk in DESKS {
            numbers_agree(firm, desk, &key)?;
        }
        dealers_numbers_agree(firm, &key)?;
        let orders = self.grown.orders();
        let filled = orders.iter().filter(|(_, o)| o.filled);
        let told = &self.grown.events.filled;
        if let Some((id, _)) = filled.clone().find(|(id, _)| !told.contains(*id)) {
            return Err(format!("{id} is executed and the SIEM has not heard of it"));
        }
        Ok(self.figures(filled.count()))
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
            let asked = asked_in(marks);
            let mut rest = asked.iter();
            for rfq in journal.order.get(*desk).into_iter().flatten() {
                if !is_last_of_its_run(rfq, &asked) && !rest.any(|a| a == rfq) {
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

    /// The gateway's book, from a copy of its journal.
    fn replay(&self, dir: &Path, key: &StoreKey, taken: UtcMillis) -> Res<Router> {
        let config = &self.loaded.config;
        let dealers = config.dealer.iter();
        let mut router = Router::new(
            config.gateway.name.clone(),
            false,
            self.loaded.catalogue.clone(),
            config
                .desk
                .iter()
                .map(|d| DeskSettings { id: d.comp_id.clone(), dealers: d.dealers.clone() }),
            dealers.map(|d| DealerSettings {
                id: d.comp_id.clone(),
                name: d.name.clone(),
                counters: d.counter,
            }),
            // It takes no request: what it holds has its names.
            || None,
        )
        .with_max_ended(config.limits.ended_rfqs_per_desk);
        let opened = Journal::open(&dir.join(COPY), key, &mut router, OnBadRecord::Stop);
        opened.map_err(|e| format!("the journal cannot be replayed: {e}"))?;
        router.handle(taken, Input::Tick);
        Ok(router)
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
                // Of RFQs that ended long ago the gateway holds no more than the newest.
                let all_held = held.len() < self.loaded.config.limits.ended_rfqs_per_desk;
                if all_held || held.contains_key(&rfq[..]) {
                    at_gateway(&held, rfq, accept, filled)?;
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

/// (next to send, next expected), from a copy of a session's file.
fn numbers(path: &Path, key: &StoreKey, copy: &Path) -> Res<(u64, u64)> {
    fs::copy(path, copy).map_err(|e| format!("{}: {e}", path.display()))?;
    let store = SealedStore::open(copy, key, now(), false)
        .map_err(|e| format!("{}: {e}", path.display()))?;
    Ok((store.next_sender(), store.next_target()))
}

/// Both ends of a desk's session count alike.
fn numbers_agree(firm: &Firm, desk: &str, key: &StoreKey) -> Res<()> {
    let copy = firm.dir.join("look.fix");
    let at_gateway = firm.dir.join(format!("state/desks/{desk}.fix"));
    let own = fs::read_dir(firm.dir.join("desks").join(desk).join(desk))
        .map_err(text)?
        .flatten()
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|e| e == "fix"))
        .ok_or("the desk has no session")?;
    // A heartbeat may be on its way.
    let mut seen = Vec::new();
    for _ in 0..50 {
        let gateway = numbers(&at_gateway, key, &copy);
        let desk = numbers(&own, &StoreKey::new(desk_secret(desk)), &copy);
        match (&gateway, &desk) {
            (Ok(g), Ok(d)) if (g.0, g.1) == (d.1, d.0) => return Ok(()),
            _ => seen.push((gateway, desk)),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Err(format!("numbers of {GATEWAY} and {desk} (out, in) disagree: {:?}", seen.last()))
}

/// The same of the dealers, whose engine keeps its numbers in a file of its own.
fn dealers_numbers_agree(firm: &Firm, key: &StoreKey) -> Res<()> {
    let copy = firm.dir.join("look.fix");
    for dealer in DEALERS {
        numbers(&firm.dir.join(format!("state/dealers/{dealer}.fix")), key, &copy)?;
    }
    Ok(())
}

pub fn now() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
