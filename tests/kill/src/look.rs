//! What must hold, from the files of all parties: the gateway's journal and evidence, its events,
//! the dealers' orders, what the desks wrote down and what they show.

use crate::{
    DEALERS, DESKS, GATEWAY, desk_secret,
    firm::{Firm, Res, text},
    talk::{Mark, Screen},
};
use signet_desk_core::view::{AcceptState as Shown, LineState as ShownLine, RfqState as ShownRfq};
use signet_fix::store::{SealedStore, SessionStore as _};
use signet_gateway::{Config, Loaded, checkpoint::journal_verify};
use signet_identity::CompId;
use signet_journal::{SealedLog, StoreKey};
use signet_rfq::{DealerId, LineState, Rfq, RfqState, UtcMillis};
use signet_router::{
    DealerSettings, DeskSettings, Input, Router,
    journal::{self, Journal, OnBadRecord},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Around the end of an RFQ either side may know of it first, milliseconds.
const ENDING_MS: i64 = 5_000;
/// The copy of the journal.
const COPY: &str = "look.journal";
/// First byte of a record of the evidence that is a copy of the journal's; the small letter is
/// followed by three digits, the microseconds. A copy that a start makes good has none.
const JOURNAL: u8 = b'J';
const JOURNAL_US: u8 = b'j';
const MICROS_LEN: usize = 3;

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
    /// Events that the SIEM has.
    pub events: usize,
}

/// An order at a dealer: its last state.
#[derive(Debug, Clone)]
struct Order {
    dealer: String,
    filled: bool,
}

/// What everybody has written down.
pub struct Books {
    key: StoreKey,
    loaded: Loaded,
    marks: BTreeMap<&'static str, Vec<Mark>>,
    orders: BTreeMap<String, Order>,
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

/// Looks at everything; what is wrong, in words. `taken`: when the screens were asked for.
pub fn look(
    firm: &Firm,
    screens: &BTreeMap<&'static str, Screen>,
    taken: UtcMillis,
) -> Res<Figures> {
    let config = Config::read(&firm.config).map_err(text)?;
    let key = fs::read(firm.dir.join("state/store.key")).map_err(text)?;
    let key = StoreKey::from_slice(&key).map_err(text)?;
    let loaded = Loaded::of(config).map_err(text)?;
    let mut marks = BTreeMap::new();
    for desk in DESKS {
        marks.insert(desk, read_marks(&firm.dir.join(format!("{desk}.marks")))?);
    }
    let books = Books { key, loaded, marks, orders: orders(&firm.dir)? };
    let router = books.replay(&firm.dir, taken)?;
    books.outcomes(&router, screens, taken)?;
    let whole = journal_verify(&books.loaded.config, &[firm.dir.join("witness")])
        .map_err(|e| format!("journal verify: {} {e}", e.code()))?;
    let records = journalled(&firm.dir.join("state/signed"), &books.key)?;
    books.records(&records)?;
    let events = events(&firm.dir.join("events.jsonl"))?;
    for desk in DESKS {
        numbers_agree(firm, desk, &books.key)?;
    }
    dealers_numbers_agree(firm, &books.key)?;
    let all = || books.marks.values().flatten();
    let fills: Vec<&String> =
        books.orders.iter().filter(|(_, o)| o.filled).map(|(id, _)| id).collect();
    if let Some(id) = fills.iter().find(|id| !events.filled.contains(**id)) {
        return Err(format!("{id} is executed and the SIEM has not heard of it"));
    }
    Ok(Figures {
        evidence: whole.size,
        checkpoints: whole.checkpoints,
        rfqs: all().filter(|m| matches!(m, Mark::Open { .. })).collect::<Vec<_>>().len(),
        clicks: all().filter(|m| matches!(m, Mark::Clicked { .. })).count(),
        fills: fills.len(),
        events: events.count,
    })
}

fn read_marks(path: &Path) -> Res<Vec<Mark>> {
    let bytes = fs::read(path).unwrap_or_default();
    let mut all = Vec::new();
    for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        all.push(serde_json::from_slice(line).map_err(text)?);
    }
    Ok(all)
}

/// The dealers' orders, by ClOrdID (11) as dealers know it.
fn orders(dir: &Path) -> Res<BTreeMap<String, Order>> {
    let mut all = BTreeMap::new();
    for dealer in DEALERS {
        let lines = fs::read_to_string(dir.join(format!("dealers/{dealer}.orders.jsonl")));
        for line in lines.unwrap_or_default().lines() {
            // The dealer may be writing its last line.
            let Ok(order) = serde_json::from_str::<serde_json::Value>(line) else { break };
            let id = order["cl_ord_id"].as_str().unwrap_or_default().to_owned();
            let filled = order["state"].as_str().is_some_and(|s| s.ends_with("illed"));
            let order = Order { dealer: dealer.into(), filled };
            if let Some(before) = all.insert(id.clone(), order)
                && before.dealer != dealer
            {
                return Err(format!("{id} reached {} and {dealer}", before.dealer));
            }
        }
    }
    Ok(all)
}

/// Every record of the journal that there ever was, in order, from its copy in the evidence.
fn journalled(folder: &Path, key: &StoreKey) -> Res<Vec<journal::Shown>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).map_err(text)?.flatten().map(|e| e.path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        for record in SealedLog::read(&file, key).map_err(text)?.records {
            let copy = match record.split_first() {
                Some((&JOURNAL, rest)) => Some(rest),
                Some((&JOURNAL_US, rest)) => rest.get(MICROS_LEN..),
                _ => None,
            };
            if let Some(copy) = copy {
                all.push(journal::shown(copy).ok_or("a record of the journal says nothing")?);
            }
        }
    }
    Ok(all)
}

fn field<'a>(message: &'a [u8], tag: &str) -> Option<&'a str> {
    let wanted = format!("{tag}=");
    let part = message.split(|b| *b == 1).find(|part| part.starts_with(wanted.as_bytes()))?;
    std::str::from_utf8(&part[wanted.len()..]).ok()
}

struct Events {
    count: usize,
    /// Accepts, as dealers know them, of which an execution was told.
    filled: BTreeSet<String>,
}

/// The SIEM's file: numbers without a gap or a repeat.
fn events(path: &Path) -> Res<Events> {
    let bytes = fs::read(path).unwrap_or_default();
    let mut found = Events { count: 0, filled: BTreeSet::new() };
    let (mut last, mut uids) = (None, BTreeSet::new());
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    for line in bytes[..whole].split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let e: serde_json::Value = serde_json::from_slice(line).map_err(text)?;
        let sequence = e["metadata"]["sequence"].as_u64().ok_or("an event without a number")?;
        let uid = e["metadata"]["uid"].as_str().ok_or("an event without a uid")?.to_owned();
        if last.is_some_and(|l| sequence != l + 1) {
            return Err(format!("event {sequence} follows event {last:?} at the SIEM"));
        }
        if !uids.insert(uid.clone()) {
            return Err(format!("event {uid} is at the SIEM twice"));
        }
        last = Some(sequence);
        found.count += 1;
        if e["metadata"]["event_code"] == "execution.filled" {
            let accept = e["unmapped"]["accept"].as_str().unwrap_or_default();
            if !found.filled.insert(accept.to_owned()) {
                return Err(format!("the execution of {accept} was told twice to the SIEM"));
            }
        }
    }
    Ok(found)
}

impl Books {
    /// What was acknowledged is in the journal, once, and in order.
    fn records(&self, records: &[journal::Shown]) -> Res<()> {
        let (mut requests, mut accepts, mut fills) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut order: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (at, r) in records.iter().enumerate() {
            let f = |tag| field(&r.message, tag);
            match r.kind {
                "request-decided" => {
                    let rfq = f("131").ok_or("a request without an id")?;
                    if requests.insert(format!("{}.{rfq}", r.id), at).is_some() {
                        return Err(format!("RFQ {rfq} of {} was decided twice", r.id));
                    }
                    order.entry(&r.id).or_default().push(rfq);
                }
                "accept-decided" => {
                    let accept = f("693").ok_or("an accept without an id")?;
                    if accepts.insert(format!("{}.{accept}", r.id), at).is_some() {
                        return Err(format!("accept {accept} of {} was decided twice", r.id));
                    }
                }
                "from-dealer" if f("35") == Some("8") && f("14").is_some_and(|n| n != "0") => {
                    let accept = f("11").ok_or("a report without an id")?;
                    fills.entry(accept.to_owned()).or_insert(at);
                }
                _ => {}
            }
        }
        for (desk, marks) in &self.marks {
            let asked: Vec<&str> = marks
                .iter()
                .filter_map(|m| if let Mark::Asked { rfq } = m { Some(&rfq[..]) } else { None })
                .collect();
            let mut rest = asked.iter();
            for rfq in order.get(desk).into_iter().flatten() {
                if !rest.any(|a| a == rfq) {
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
    fn replay(&self, dir: &Path, taken: UtcMillis) -> Res<Router> {
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
        )
        .with_max_ended(config.limits.ended_rfqs_per_desk);
        let opened = Journal::open(&dir.join(COPY), &self.key, &mut router, OnBadRecord::Stop);
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
        let mut clicked_all = BTreeSet::new();
        for (desk, marks) in &self.marks {
            let id = CompId::new(*desk).map_err(text)?;
            let held: BTreeMap<&str, &Rfq> =
                router.rfqs_of(&id).map(|r| (r.terms.id.as_str(), r)).collect();
            let screen = screens.get(desk).ok_or("no screen")?;
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
                let order = self.orders.get(&outer);
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
                at_gateway(&held, rfq, accept, filled)?;
                if filled {
                    fills += 1;
                    if screen.trades_total <= 1_000 && !screen.trades.contains(accept) {
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
        match self.orders.keys().find(|id| !clicked_all.contains(*id)) {
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
