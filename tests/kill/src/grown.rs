//! The files that only grow: each look reads what came since the last one.

use crate::{
    DEALERS, DESKS,
    firm::{Res, text},
    followed::Followed,
    talk::Mark,
};
use signet_journal::StoreKey;
use signet_router::journal::{self, RecordKind};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// First byte of a record of the evidence that is a copy of the journal's; the small letter is
/// followed by three digits, the microseconds. A copy that a start makes good has none.
const JOURNAL: u8 = b'J';
const JOURNAL_US: u8 = b'j';
const MICROS_LEN: usize = 3;

/// An order at a dealer: its last state.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) dealer: String,
    pub(crate) filled: bool,
}

/// What the gateway's journal took, from its copy in the evidence: by desk and id, the number of
/// the record.
#[derive(Debug, Default)]
pub(crate) struct Journalled {
    taken: usize,
    pub(crate) requests: BTreeMap<String, usize>,
    pub(crate) accepts: BTreeMap<String, usize>,
    pub(crate) fills: BTreeMap<String, usize>,
    /// The RFQs of each desk, in order.
    pub(crate) order: BTreeMap<String, Vec<String>>,
    /// By desk and id, the accepts by what dealers call them.
    accept_of: BTreeMap<String, String>,
}

/// What the SIEM's file has.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) count: usize,
    last: Option<u64>,
    uids: BTreeSet<String>,
    /// Accepts, by desk and id, of which an execution was told.
    pub(crate) filled: BTreeSet<String>,
}

/// What was read so far.
#[derive(Default)]
pub(crate) struct Grown {
    /// How far each file of lines was read, in bytes.
    lines: BTreeMap<PathBuf, u64>,
    /// The files of the evidence.
    evidence: BTreeMap<PathBuf, Followed>,
    /// What must never be. It does not heal, so every look says it again.
    faults: Vec<String>,
    pub(crate) marks: BTreeMap<&'static str, Vec<Mark>>,
    orders: BTreeMap<String, Order>,
    pub(crate) journal: Journalled,
    pub(crate) events: Events,
}

impl Grown {
    /// Reads on in what the desks wrote down and in the dealers' orders.
    pub(crate) fn read_outcomes(&mut self, dir: &Path) -> Res<()> {
        for desk in DESKS {
            let lines = self.lines_of(&dir.join(format!("{desk}.marks")))?;
            let marks = self.marks.entry(desk).or_default();
            for line in lines {
                match serde_json::from_slice(&line) {
                    Ok(mark) => marks.push(mark),
                    Err(e) => self.faults.push(format!("the marks of {desk}: {e}")),
                }
            }
        }
        for dealer in DEALERS {
            for line in self.lines_of(&dir.join(format!("dealers/{dealer}.orders.jsonl")))? {
                match serde_json::from_slice::<serde_json::Value>(&line) {
                    Ok(order) => self.order(dealer, &order),
                    Err(e) => self.faults.push(format!("the orders of {dealer}: {e}")),
                }
            }
        }
        self.whole()
    }

    /// What must never be: it was found, and no later look takes it back.
    pub(crate) fn is_at_fault(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Keeps what must never be.
    pub(crate) fn keep_fault(&mut self, found: Res<()>) {
        self.faults.extend(found.err());
    }

    /// What was read of the evidence at earlier looks is as it was.
    pub(crate) fn evidence_is_unchanged(&mut self) -> Res<()> {
        let found = self.evidence.values().try_for_each(Followed::unchanged);
        self.keep_fault(found.map_err(|e| format!("the evidence: {e}")));
        self.whole()
    }

    /// Reads on in the evidence and in the SIEM's file.
    pub(crate) fn read_records(&mut self, dir: &Path, key: &StoreKey) -> Res<()> {
        let folder = dir.join("state/signed");
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).map_err(text)?.flatten().map(|e| e.path()).collect();
        files.sort();
        for file in files {
            let followed =
                self.evidence.entry(file.clone()).or_insert_with(|| Followed::new(&file));
            let news = followed.read_on(key)?;
            if news.another {
                let name = file.display();
                self.faults.push(format!("{name} is another file than was read"));
            }
            for record in news.records {
                let copy = match record.split_first() {
                    Some((&JOURNAL, rest)) => Some(rest),
                    Some((&JOURNAL_US, rest)) => rest.get(MICROS_LEN..),
                    _ => None,
                };
                if let Some(copy) = copy {
                    let taken = self.journal.take(copy);
                    self.faults.extend(taken.err());
                }
            }
        }
        for line in self.lines_of(&dir.join("events.jsonl"))? {
            let taken = self.events.take(&line);
            self.faults.extend(taken.err());
        }
        self.whole()
    }

    fn whole(&self) -> Res<()> {
        self.faults.first().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// The lines that were added to a file and are whole: one that was cut off by a kill says
    /// nothing.
    fn lines_of(&mut self, path: &Path) -> Res<Vec<Vec<u8>>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound && !self.lines.contains_key(path) => {
                return Ok(Vec::new());
            }
            Err(e) => return Err(format!("{}: {e}", path.display())),
        };
        let at = self.lines.entry(path.into()).or_default();
        let have = file.metadata().map_err(text)?.len();
        if have < *at {
            let name = path.display();
            self.faults.push(format!("{name} was cut: {at} bytes were read, {have} are left"));
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(*at)).map_err(text)?;
        file.read_to_end(&mut bytes).map_err(text)?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        *at += whole as u64;
        let lines = bytes[..whole].split(|b| *b == b'\n').filter(|l| !l.is_empty());
        Ok(lines.map(<[u8]>::to_vec).collect())
    }

    /// The orders at dealers, by the desk and id of the accept; by what its dealer calls it if the
    /// gateway's records have none of that name.
    pub(crate) fn orders(&self) -> BTreeMap<String, Order> {
        let id = |name: &String| self.journal.accept_of.get(name).unwrap_or(name).clone();
        self.orders.iter().map(|(name, order)| (id(name), order.clone())).collect()
    }

    /// By ClOrdID (11) as dealers know it.
    fn order(&mut self, dealer: &str, order: &serde_json::Value) {
        let id = order["cl_ord_id"].as_str().unwrap_or_default().to_owned();
        let filled = order["state"].as_str().is_some_and(|s| s.ends_with("illed"));
        let order = Order { dealer: dealer.into(), filled };
        if let Some(before) = self.orders.insert(id.clone(), order)
            && before.dealer != dealer
        {
            self.faults.push(format!("{id} reached {} and {dealer}", before.dealer));
        }
    }
}

impl Journalled {
    fn take(&mut self, copy: &[u8]) -> Res<()> {
        let at = self.taken;
        self.taken += 1;
        let r = journal::shown(copy).ok_or("a record of the journal says nothing")?;
        let f = |tag| field(&r.message, tag);
        match r.what {
            RecordKind::RequestDecided => {
                let rfq = f("131").ok_or("a request without an id")?;
                if self.requests.insert(format!("{}.{rfq}", r.id), at).is_some() {
                    return Err(format!("RFQ {rfq} of {} was decided twice", r.id));
                }
                self.order.entry(r.id.clone()).or_default().push(rfq.into());
            }
            RecordKind::AcceptDecided => {
                let accept = f("693").ok_or("an accept without an id")?;
                let id = format!("{}.{accept}", r.id);
                if let Some(name) = &r.name {
                    self.accept_of.insert(name.clone(), id.clone());
                }
                if self.accepts.insert(id, at).is_some() {
                    return Err(format!("accept {accept} of {} was decided twice", r.id));
                }
            }
            RecordKind::FromDealer if f("35") == Some("8") && f("14").is_some_and(|n| n != "0") => {
                let accept = f("11").ok_or("a report without an id")?;
                self.fills.entry(accept.to_owned()).or_insert(at);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Events {
    /// Numbers without a gap or a repeat.
    fn take(&mut self, line: &[u8]) -> Res<()> {
        let e: serde_json::Value = serde_json::from_slice(line).map_err(text)?;
        let sequence = e["metadata"]["sequence"].as_u64().ok_or("an event without a number")?;
        let uid = e["metadata"]["uid"].as_str().ok_or("an event without a uid")?.to_owned();
        if let Some(last) = self.last.replace(sequence)
            && sequence != last + 1
        {
            return Err(format!("event {sequence} follows event {last} at the SIEM"));
        }
        if !self.uids.insert(uid.clone()) {
            return Err(format!("event {uid} is at the SIEM twice"));
        }
        self.count += 1;
        if e["metadata"]["event_code"] == "execution.filled" {
            let accept = e["unmapped"]["accept"].as_str().unwrap_or_default();
            if !self.filled.insert(accept.to_owned()) {
                return Err(format!("the execution of {accept} was told twice to the SIEM"));
            }
        }
        Ok(())
    }
}

/// The first field of a FIX message with this tag.
pub(crate) fn field<'a>(message: &'a [u8], tag: &str) -> Option<&'a str> {
    let wanted = format!("{tag}=");
    let part = message.split(|b| *b == 1).find(|part| part.starts_with(wanted.as_bytes()))?;
    std::str::from_utf8(&part[wanted.len()..]).ok()
}
