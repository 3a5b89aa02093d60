//! The desks' own signed histories: their tails after each kill, and at the end the whole of each,
//! by itself and against the gateway's evidence.

use crate::{
    DESKS, desk,
    firm::{Res, text},
    talk::{Asked, Mark},
};
use signet_desk_core::{DeskConfig, history_export, history_tail};
use signet_gateway::{
    Config,
    evidence::{CompareOrder, Compared, evidence_compare},
};
use signet_history::{
    Account, Blame, Difference, Said, Selection, Verified, account_of, verify_since,
};
use signet_keystore::MemoryKeychain;
use signet_tlog::{Checkpoint, Hash};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// How far apart the two sides' times of one event may be: both read one clock, and this machine
/// may be busy.
const TOLERANCE_MS: i64 = 5_000;
/// Faults and differences that are told.
const TOLD_MAX: usize = 8;
/// What a history that was put aside is called, with a number.
const ASIDE: &str = "history.damaged";

/// What the whole histories turned out to be, of all desks.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Records, all of them verified.
    pub records: u64,
    /// Records that a checkpoint of the second party covers: acknowledged, and all there.
    pub acknowledged: u64,
    /// Signed messages in them, all of them verified.
    pub messages: u64,
    /// Ends of desks that a history does not tell of: kills.
    pub torn: usize,
    /// Facts of the gateway and of the desks that were compared.
    pub facts: (usize, usize),
    /// Differences that a kill explains, by code.
    pub explained: BTreeMap<&'static str, usize>,
}

/// Whose history, and how it was at the last look.
struct One {
    config: DeskConfig,
    keychain: MemoryKeychain,
    /// Number of records, and the root over them.
    seen: Option<(u64, Hash)>,
}

/// The histories of all desks.
pub struct Histories {
    dir: PathBuf,
    all: BTreeMap<&'static str, One>,
}

impl Histories {
    /// Of the desks of a firm.
    pub fn new(dir: &Path) -> Self {
        let one = |name: &&'static str| {
            let config = desk::config(dir, name, 0);
            (*name, One { config, keychain: desk::keychain(dir, name), seen: None })
        };
        Self { dir: dir.into(), all: DESKS.iter().map(one).collect() }
    }

    /// Each history goes on where it was: its records follow each other, and lead to what was seen
    /// before, to the desk's own checkpoint and to that of the second party. Reads the last file of
    /// each, and checks what came since the last look.
    pub fn tails(&mut self) -> Res<()> {
        let dir = self.dir.clone();
        self.all.iter_mut().try_for_each(|(name, one)| {
            one.tail(&dir, name).map_err(|e| format!("the history of {name}: {e}"))
        })
    }

    /// Every record of every history is good, has what its desk was shown in order, and says what
    /// the gateway's evidence says. Nothing may happen meanwhile. `marks`: what a desk was shown.
    pub fn whole<'a>(&self, config: &Config, marks: impl Fn(&str) -> &'a [Mark]) -> Res<Found> {
        let mut found = Found::default();
        for (name, one) in &self.all {
            one.whole(&self.dir, name, config, marks(name), &mut found)
                .map_err(|e| format!("the history of {name}: {e}"))?;
        }
        Ok(found)
    }
}

impl One {
    fn tail(&mut self, dir: &Path, name: &str) -> Res<()> {
        none_put_aside(&dir.join("desks").join(name).join(name))?;
        // Before the records, which only become more.
        let note = published(dir, name)?;
        let tail = history_tail(&self.config, &self.keychain, name).map_err(text)?;
        let open = |n: &String| Checkpoint::open(n.as_bytes(), &tail.key).map_err(text);
        let kept = note.as_ref().map(open).transpose()?;
        let of = |c: &Checkpoint| (c.size, c.root);
        let wanted = [
            ("what was seen before", self.seen),
            ("the desk's own checkpoint", tail.noted.as_ref().map(of)),
            ("the second party's checkpoint", kept.as_ref().map(of)),
        ];
        let known = self.seen.map_or(0, |(size, _)| size);
        let mut chain = tail.before;
        let mut roots = BTreeMap::from([(chain.size(), chain.root())]);
        for record in &tail.records {
            if chain.size() >= known {
                chain.check(record).map_err(|e| format!("record {}: {e}", chain.size()))?;
            }
            chain.push(record);
            if wanted.iter().flat_map(|(_, w)| w).any(|(size, _)| *size == chain.size()) {
                roots.insert(chain.size(), chain.root());
            }
        }
        for (whose, (size, root)) in wanted.iter().filter_map(|(whose, w)| Some((whose, (*w)?))) {
            if size > chain.size() {
                let have = chain.size();
                return Err(format!("it has {have} records, and {whose} is over {size}"));
            }
            // What is before the last file is looked at in the end.
            if roots.get(&size).is_some_and(|r| *r != root) {
                return Err(format!("its first {size} records are others than {whose} says"));
            }
        }
        self.seen = Some((chain.size(), chain.root()));
        Ok(())
    }

    fn whole(
        &self,
        dir: &Path,
        name: &str,
        config: &Config,
        marks: &[Mark],
        found: &mut Found,
    ) -> Res<()> {
        let note = published(dir, name)?.ok_or("the second party has no checkpoint")?;
        let wanted = Selection::default();
        let export = history_export(&self.config, &self.keychain, name, &wanted).map_err(text)?;
        let file = dir.join(format!("{name}.history"));
        fs::write(&file, &export.text).map_err(text)?;
        // As it was before the export: the second party may have a newer one by now.
        let checkpoint = dir.join(format!("{name}.checkpoint"));
        fs::write(&checkpoint, &note).map_err(text)?;
        let v = verify_since(&export.text, Some(&note));
        good(&v)?;
        let account = account_of(&v);
        let order = CompareOrder {
            evidence: config.gateway.state_dir.clone(),
            export: file,
            key: None,
            checkpoint: Some(checkpoint),
            tolerance_ms: TOLERANCE_MS,
        };
        let compared = evidence_compare(Some(config), &order)
            .map_err(|e| format!("against the evidence: {} {e}", e.code()))?;
        same(&compared)?;
        let excused = lacking(&compared);
        shown_is_on_record(marks, &account, &excused)?;
        found.records += v.size;
        found.acknowledged += covered(&note);
        found.messages += v.messages;
        found.torn += account.torn.len();
        found.facts.0 += compared.gateway_facts;
        found.facts.1 += compared.desk_facts;
        for d in &compared.differences {
            *found.explained.entry(d.code).or_default() += 1;
        }
        Ok(())
    }
}

fn none_put_aside(of_identity: &Path) -> Res<()> {
    let all = fs::read_dir(of_identity).map_err(text)?.flatten();
    let aside = all.map(|e| e.file_name()).find(|n| n.to_string_lossy().starts_with(ASIDE));
    aside.map_or(Ok(()), |n| Err(format!("it was put aside as {}", n.to_string_lossy())))
}

/// The newest checkpoint that the second party has, if it has one.
fn published(dir: &Path, name: &str) -> Res<Option<String>> {
    let file = desk::kept(dir).join(name).join("latest.checkpoint");
    match fs::read_to_string(&file) {
        Ok(note) => Ok(Some(note)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("{}: {e}", file.display())),
    }
}

/// How many records a checkpoint is over, as it says itself; who signed it was checked.
fn covered(note: &str) -> u64 {
    note.lines().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn good(v: &Verified) -> Res<()> {
    let faults: Vec<String> = v.faults.iter().take(TOLD_MAX).map(ToString::to_string).collect();
    match (faults.is_empty(), v.lost, v.left_out) {
        (true, 0, 0) => Ok(()),
        (true, lost, left_out) => Err(format!("{lost} records are lost, {left_out} left out")),
        (false, ..) => Err(format!("it does not verify: {}", faults.join("; "))),
    }
}

/// A kill explains what a desk had not written yet and what did not arrive; nothing speaks against
/// the gateway.
fn same(c: &Compared) -> Res<()> {
    let bad = |d: &&Difference| d.explained.is_empty() || d.against == Blame::Gateway;
    let differences = c.differences.iter().filter(bad).map(ToString::to_string);
    let faults = c.gateway_faults.iter().chain(&c.desk_faults).cloned();
    let told: Vec<String> = faults.chain(differences).take(TOLD_MAX).collect();
    match told.is_empty() {
        true => Ok(()),
        false => Err(format!("it does not say what the evidence says:\n{}", told.join("\n"))),
    }
}

/// The RFQs of which the desk's history may lack something because the desk was killed. What the
/// gateway's evidence may lack does not excuse it.
fn lacking(c: &Compared) -> BTreeSet<&str> {
    let at_desk =
        |d: &&Difference| d.code.ends_with(".denied_by_desk") || d.code.ends_with(".not_at_desk");
    c.differences.iter().filter(at_desk).map(|d| &d.rfq[..]).collect()
}

/// What the trader was shown is in the history, each request before its accept and that before its
/// trade, but for RFQs of which a kill explains that something is missing.
fn shown_is_on_record(marks: &[Mark], account: &Account, excused: &BTreeSet<&str>) -> Res<()> {
    let (mut asked, mut accepted, mut traded) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (at, f) in account.facts.iter().enumerate() {
        let (all, id) = match &f.said {
            Said::Asked { .. } => (&mut asked, &f.rfq),
            Said::Accepted { accept, .. } => (&mut accepted, accept),
            Said::Traded { accept, .. } => (&mut traded, accept),
            _ => continue,
        };
        all.entry(&id[..]).or_insert(at);
    }
    let of = |accept: &str| accept.rsplit_once(':').map_or(String::new(), |(rfq, _)| rfq.into());
    let mut order = asked.iter().map(|(rfq, at)| (*at, *rfq)).collect::<Vec<_>>();
    order.sort_unstable();
    let marked = Asked::of(marks);
    order.retain(|(_, rfq)| !marked.is_last_of_its_run(rfq));
    let mut rest = marked.all.iter();
    if let Some((_, rfq)) = order.iter().find(|(_, rfq)| !rest.any(|a| a == rfq)) {
        return Err(format!("the request {rfq} is out of its order, or nobody asked it"));
    }
    for m in marks {
        let (id, whole) = match m {
            Mark::Open { rfq } => (rfq.clone(), asked.contains_key(&rfq[..])),
            Mark::Filled { accept } => {
                let rfq = of(accept);
                let request = asked.get(&rfq[..]);
                let (sent, trade) = (accepted.get(&accept[..]), traded.get(&accept[..]));
                let whole = request.is_some() && request < sent && sent < trade;
                (rfq, whole)
            }
            _ => continue,
        };
        if !whole && !excused.contains(&id[..]) {
            return Err(format!("{m:?} was shown, and is not on record in order"));
        }
    }
    Ok(())
}
