//! The differences that a change of the policies makes: what it newly allows, and what it newly
//! denies.
//!
//! Both sets are asked the same questions. The comparison finds what the questions can show; it is
//! not a proof: a solver that proves it for every question (cvc5, as Cedar's own analysis uses) is
//! not part of this program. Every dealer, kind of instrument and trader is asked about; amounts
//! are varied one at a time, the others staying at their least, together with whether it is the
//! first trade of the day or a new dealer.

use super::{
    Act, AdminAction, Amounts, CedarEntitlements, Colleague, Deal, Entitlements as _, Outcome,
    Proof, Question, Side, Step,
    universe::{Alike, Universe, VAST},
};
use rust_decimal::Decimal;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// One kind of action that is decided differently now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// More is allowed, or less is owed first.
    pub wider: bool,
    /// What the old policies answer.
    pub before: Outcome,
    /// What the new policies answer.
    pub now: Outcome,
    /// A sentence.
    pub text: String,
}

/// Where two sets of policies answer the same question in different ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Wider ones first.
    pub changes: Vec<Change>,
    /// Questions asked of both, and how many there would have been.
    pub asked: usize,
    /// Questions there are; more than `asked` when only a sample was asked.
    pub all: usize,
}

impl Diff {
    /// Whether any answer allows more, or owes less first, than before.
    pub fn widens(&self) -> bool {
        self.changes.iter().any(|c| c.wider)
    }

    /// Not every question was asked, because there were too many.
    pub fn sampled(&self) -> bool {
        self.asked < self.all
    }
}

/// Compares two sets of policies by at most about `max` questions.
pub fn diff(old: &CedarEntitlements, new: &CedarEntitlements, max: usize) -> Diff {
    let universe = Universe::of(old, new);
    let cases = cases(&universe, old, new);
    let all: usize = cases.iter().map(|c| c.values.len()).sum();
    let stride = all.div_ceil(max.max(1)).max(1);
    let mut found = Found::default();
    let mut asked = 0;
    for case in cases.iter().step_by(stride) {
        asked += case.values.len();
        found.look(case, old, new);
    }
    for a in &universe.administrators {
        for action in AdminAction::ALL {
            for (flags, privileged, hardware_key) in
                [(0, false, false), (1, true, false), (2, false, true), (3, true, true)]
            {
                let act = Act::Admin { action, privileged, hardware_key };
                let (before, now) = (outcome(old, &a.one, act), outcome(new, &a.one, act));
                asked += 1;
                if before != now {
                    let flags = one(ADMIN_FLAGS[flags]);
                    found.add(
                        [a.all.clone(), one(action.word()), one(""), one(""), one(""), flags],
                        String::new(),
                        before,
                        now,
                    );
                }
            }
        }
    }
    let colleagues = found.look_at_colleagues(&universe, old, new);
    asked += colleagues;
    let all = all + colleagues + universe.administrators.len() * AdminAction::ALL.len() * 4;
    Diff { changes: found.into_changes(&universe), asked, all }
}

/// Words for what is true of a trade or a session besides amounts. All four together say nothing.
const TRADE_FLAGS: [&str; 4] = [
    "not the first trade of the day",
    "the first trade of the day",
    "a new dealer",
    "the first trade of the day, with a new dealer",
];
const ADMIN_FLAGS: [&str; 4] = [
    "standard role, no key in hardware",
    "privileged role, no key in hardware",
    "standard role, a key in hardware",
    "privileged role, a key in hardware",
];

/// The two circumstances of a trade as one number, 1 and 2: the place of its words in
/// [`TRADE_FLAGS`].
fn circumstances(first_today: bool, new_dealer: bool) -> u8 {
    u8::from(first_today) + 2 * u8::from(new_dealer)
}

/// Everything but the value that is varied.
struct Case<'a> {
    trader: &'a Alike,
    dealer: &'a Alike,
    instrument: Option<&'a Alike>,
    step: Option<Step>,
    side: Side,
    first_today: bool,
    new_dealer: bool,
    /// Which of the two (1, 2) makes no difference, or is not varied here.
    free: u8,
    vary: Vary,
    values: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Vary {
    Nothing,
    Quantity,
    Day,
    Outstanding,
    OpenRfqs,
    Dealers,
    OffMarket,
    Idle,
}

fn cases<'a>(u: &'a Universe, old: &CedarEntitlements, new: &CedarEntitlements) -> Vec<Case<'a>> {
    let mut all = Vec::new();
    let unseen = circumstances(!u.mentions("firstToday"), !u.mentions("newDealer"));
    for (trader, dealer) in u.traders.iter().flat_map(|t| u.dealers.iter().map(move |d| (t, d))) {
        let see = Case {
            trader,
            dealer,
            instrument: None,
            step: None,
            side: Side::Buy,
            first_today: false,
            new_dealer: false,
            free: 3,
            vary: Vary::Nothing,
            values: vec![0],
        };
        all.push(see);
        for instrument in &u.instruments {
            let currency = |e: &CedarEntitlements| {
                e.world().instruments.get(&instrument.one).map(|i| i.currency.clone())
            };
            let rate =
                |e: &CedarEntitlements| currency(e).and_then(|c| e.facts().rates.get(&c).copied());
            let rates: Vec<Decimal> = [rate(old), rate(new)].into_iter().flatten().collect();
            let steps = [
                (Step::Request, &Side::ALL[..]),
                (Step::Accept { off_market_bps: None }, &Side::ALL[..2]),
                (Step::Counter, if u.counters { &Side::ALL[..2] } else { &[] }),
            ];
            for (step, side) in
                steps.iter().flat_map(|(step, sides)| sides.iter().map(move |s| (*step, *s)))
            {
                for (vary, values) in varied(u, step, &rates) {
                    let free = if vary == Vary::Quantity { unseen } else { 3 };
                    for flag in (0..4).filter(|f| f & free == 0) {
                        all.push(Case {
                            trader,
                            dealer,
                            instrument: Some(instrument),
                            step: Some(step),
                            side,
                            first_today: flag & 1 > 0,
                            new_dealer: flag & 2 > 0,
                            free,
                            vary,
                            values: values.clone(),
                        });
                    }
                }
            }
        }
    }
    all
}

fn varied(u: &Universe, step: Step, rates: &[Decimal]) -> Vec<(Vary, Vec<i64>)> {
    let mut all = vec![(Vary::Quantity, u.quantities(rates))];
    for (vary, attribute, least) in [
        (Vary::Day, "dayNotional", 1),
        (Vary::Outstanding, "outstanding", 1),
        (Vary::OpenRfqs, "openRfqs", 1),
        (Vary::Dealers, "dealers", 1),
        (Vary::OffMarket, "offMarketBps", 0),
        (Vary::Idle, "idleSeconds", 0),
    ] {
        let only_accepts = vary == Vary::OffMarket && !matches!(step, Step::Accept { .. });
        if u.compares(attribute) && !only_accepts {
            let vast =
                if matches!(vary, Vary::Day | Vary::Outstanding) { vec![VAST] } else { vec![] };
            all.push((vary, u.values(attribute, least).into_iter().chain(vast).collect()));
        }
    }
    all
}

fn outcome(e: &CedarEntitlements, who: &str, act: Act<'_>) -> Outcome {
    e.decide(&Question { who, proof: Proof::default(), act }).outcome()
}

impl Case<'_> {
    /// What the two say when the varied amount is `value`. A counter is judged as a request: of it
    /// only what is not the request's change is a change.
    fn ask(&self, old: &CedarEntitlements, new: &CedarEntitlements, value: i64) -> [Outcome; 2] {
        let both = |step| [old, new].map(|e| self.ask_one(step, e, value));
        let [before, now] = both(self.step);
        match self.step == Some(Step::Counter) && both(Some(Step::Request)) == [before, now] {
            true => [now, now],
            false => [before, now],
        }
    }

    fn ask_one(&self, step: Option<Step>, e: &CedarEntitlements, value: i64) -> Outcome {
        let (Some(instrument), Some(mut step)) = (self.instrument, step) else {
            return outcome(e, &self.trader.one, Act::See { dealer: &self.dealer.one });
        };
        // In the reporting currency of each, and less the one unit that is asked for.
        let used = |v: i64| {
            Amounts::from([(
                e.facts().reporting_currency.clone(),
                Decimal::from(v.saturating_sub(1)),
            )])
        };
        let is = |vary| self.vary == vary;
        let count = |v: i64| usize::try_from(v).unwrap_or(usize::MAX);
        if is(Vary::OffMarket) {
            step = Step::Accept { off_market_bps: Some(value) };
        }
        let deal = Deal {
            instrument: &instrument.one,
            side: self.side,
            quantity: Decimal::from(if is(Vary::Quantity) { value } else { 1 }),
            day: &if is(Vary::Day) { used(value) } else { Amounts::new() },
            outstanding: &if is(Vary::Outstanding) { used(value) } else { Amounts::new() },
            open_rfqs: if is(Vary::OpenRfqs) { count(value).saturating_sub(1) } else { 0 },
            dealers: if is(Vary::Dealers) { count(value) } else { 1 },
            first_today: self.first_today,
            idle_s: if is(Vary::Idle) { value } else { 0 },
        };
        let act =
            Act::Trade { step, dealer: &self.dealer.one, new_dealer: self.new_dealer, deal: &deal };
        outcome(e, &self.trader.one, act)
    }

    fn tail(&self, run: &[i64], whole: bool, currency: &str, reporting: &str) -> String {
        let (Some(lo), Some(hi)) = (run.first(), run.last()) else { return String::new() };
        match self.vary {
            Vary::Nothing => String::new(),
            _ if whole => "any amount".into(),
            Vary::Quantity => format!("{currency} {}", range(*lo, *hi, self.ends(*hi))),
            Vary::Day => format!("{reporting} {} in the day", range(*lo, *hi, self.ends(*hi))),
            Vary::Outstanding => {
                format!("{reporting} {} outstanding", range(*lo, *hi, self.ends(*hi)))
            }
            Vary::OpenRfqs => format!("{} open RFQs", range(*lo, *hi, self.ends(*hi))),
            Vary::Dealers => format!("{} dealers asked", range(*lo, *hi, self.ends(*hi))),
            Vary::OffMarket => format!(
                "{} hundredths of a per cent off the market",
                range(*lo, *hi, self.ends(*hi))
            ),
            Vary::Idle => format!("{} idle seconds", range(*lo, *hi, self.ends(*hi))),
        }
    }

    /// Whether nothing larger was tried.
    fn ends(&self, hi: i64) -> bool {
        self.values.last() == Some(&hi)
    }
}

fn range(lo: i64, hi: i64, open: bool) -> String {
    match (lo, open) {
        (lo, true) => format!("{} and more", grouped(lo)),
        (0 | 1, false) => format!("up to {}", grouped(hi)),
        (lo, false) if lo == hi => grouped(lo),
        (lo, false) => format!("{} to {}", grouped(lo), grouped(hi)),
    }
}

fn grouped(n: i64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn one(text: &str) -> BTreeSet<String> {
    BTreeSet::from([text.to_owned()])
}

/// The fields of a difference: who, action, side, instruments, dealers, circumstances.
type Fields = [BTreeSet<String>; 6];

#[derive(Default)]
struct Found(BTreeMap<(Fields, String, Outcome, Outcome), ()>);

impl Found {
    fn add(&mut self, fields: Fields, tail: String, before: Outcome, now: Outcome) {
        self.0.insert((fields, tail, before, now), ());
    }

    /// Asks what each kind of trader may do with the RFQs of each. Returns how often it asked.
    fn look_at_colleagues(
        &mut self,
        u: &Universe,
        old: &CedarEntitlements,
        new: &CedarEntitlements,
    ) -> usize {
        let pairs = u.traders.iter().flat_map(|who| u.traders.iter().map(move |of| (who, of)));
        // Policies may tell a trader's own RFQs from those of another one of its kind, so one kind
        // makes two pairs.
        let pairs = pairs.flat_map(|(who, of)| {
            let other = of.all.iter().find(|name| who.one == of.one && **name != of.one);
            [Some(&of.one), other].into_iter().flatten().map(move |owner| (who, of, owner))
        });
        let pairs =
            pairs.flat_map(|(who, of, owner)| Colleague::ALL.map(|what| (who, of, owner, what)));
        let mut asked = 0;
        for (who, of, owner, what) in pairs {
            let act = Act::Colleague { what, owner };
            let (before, now) = (outcome(old, &who.one, act), outcome(new, &who.one, act));
            asked += 1;
            if before != now {
                let words = match what {
                    Colleague::See => "see",
                    Colleague::TakeOver => "take over",
                };
                let theirs = one("RFQs of");
                let fields =
                    [who.all.clone(), one(words), theirs, of.all.clone(), one(""), one("")];
                self.add(fields, String::new(), before, now);
            }
        }
        asked
    }

    /// Asks for every value, and keeps runs of values that changed in the same way.
    fn look(&mut self, case: &Case<'_>, old: &CedarEntitlements, new: &CedarEntitlements) {
        let ask = |v: &i64| {
            let [before, now] = case.ask(old, new, *v);
            (*v, before, now)
        };
        let answers: Vec<(i64, Outcome, Outcome)> = case.values.iter().map(ask).collect();
        for run in answers.chunk_by(|a, b| (a.1, a.2) == (b.1, b.2)) {
            let Some(&(_, before, now)) = run.first().filter(|(_, before, now)| before != now)
            else {
                continue;
            };
            let values: Vec<i64> = run.iter().map(|(v, ..)| *v).collect();
            let i = case.instrument.and_then(|i| {
                new.world().instruments.get(&i.one).or_else(|| old.world().instruments.get(&i.one))
            });
            let currency = i.map_or("", |i| i.currency.as_str());
            let tail = case.tail(
                &values,
                values.len() == answers.len(),
                currency,
                &new.facts().reporting_currency,
            );
            let action = case.step.map_or("see", |s| match s {
                Step::Request => "request",
                Step::Accept { .. } => "accept",
                Step::Counter => "counter",
            });
            let side = case.step.map_or("", |_| case.side.word());
            let instrument = case.instrument.map_or_else(
                || one(""),
                |a| instruments(a, i.map_or("", |i| i.class.as_str()), currency),
            );
            let own = circumstances(case.first_today, case.new_dealer);
            let alike = (0..4u8).filter(|f| f & !case.free == own & !case.free);
            let flags = alike
                .filter_map(|f| TRADE_FLAGS.get(usize::from(f)))
                .map(|f| (*f).to_owned())
                .collect();
            let fields = [
                case.trader.all.clone(),
                one(action),
                one(side),
                instrument,
                case.dealer.all.clone(),
                flags,
            ];
            self.add(fields, tail, before, now);
        }
    }

    /// Joins what differs in one field only, then writes sentences.
    fn into_changes(self, u: &Universe) -> Vec<Change> {
        let mut rows = self.0;
        for field in [5, 2, 4, 3, 1, 0] {
            let mut merged: BTreeMap<(Fields, String, Outcome, Outcome), BTreeSet<String>> =
                BTreeMap::new();
            for ((mut fields, tail, before, now), ()) in rows {
                let taken = fields.get_mut(field).map(std::mem::take).unwrap_or_default();
                merged.entry((fields, tail, before, now)).or_default().extend(taken);
            }
            rows = BTreeMap::new();
            for ((mut fields, tail, before, now), all) in merged {
                if let Some(f) = fields.get_mut(field) {
                    *f = all;
                }
                rows.insert((fields, tail, before, now), ());
            }
        }
        let mut changes: Vec<Change> = rows
            .into_keys()
            .map(|(fields, tail, before, now)| Change {
                wider: now < before,
                before,
                now,
                text: text(&fields, &tail, before, now, u),
            })
            .collect();
        changes.sort_by(|a, b| b.wider.cmp(&a.wider).then_with(|| a.cmp(b)));
        changes
    }
}

/// Few by name, many by kind.
fn instruments(a: &Alike, class: &str, currency: &str) -> BTreeSet<String> {
    if a.all.len() <= 3 {
        a.all.clone()
    } else {
        one(&format!("{class} in {currency} ({} instruments)", a.all.len()))
    }
}

fn text(fields: &Fields, tail: &str, before: Outcome, now: Outcome, u: &Universe) -> String {
    let [who, what, sides, instruments, dealers, flags] = fields;
    let all_dealers: BTreeSet<String> =
        u.dealers.iter().flat_map(|a| a.all.iter().cloned()).collect();
    let with = if *dealers == all_dealers && dealers.len() > 1 {
        "every dealer".into()
    } else {
        list(dealers)
    };
    let verb = match now {
        Outcome::Deny => "may no longer",
        _ if now < before => "may now",
        _ => "owes more to",
    };
    let mut text = format!("{} {verb} {}", list(who), list(what));
    for part in [list(sides), list(instruments)] {
        if !part.is_empty() {
            let _ = write!(text, " {part}");
        }
    }
    if !with.is_empty() {
        let _ = write!(text, " with {with}");
    }
    if !tail.is_empty() {
        let _ = write!(text, ": {tail}");
    }
    if flags.len() < TRADE_FLAGS.len() && !flags.contains("") {
        let _ = write!(
            text,
            " [{}]",
            flags.iter().map(String::as_str).collect::<Vec<_>>().join("; or ")
        );
    }
    let _ = write!(text, " (was {before}, is {now})");
    text
}

fn list(all: &BTreeSet<String>) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> =
        all.iter().take(SHOWN).map(String::as_str).filter(|s| !s.is_empty()).collect();
    let more = all.len().saturating_sub(SHOWN);
    let text = shown.join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}
