//! What the panel asks of the rows: which match, in which order, in which groups. Pure; it runs on
//! a copy of the list of rows, so that nobody waits for it.

use super::{Entry, RowStatus, matches};
use crate::{
    peer_text, price,
    problem::problem,
    view::{
        BlotterRow, BlotterTab, Column, Problem, RowsChoices, RowsFilter, RowsGroup, RowsLine,
        RowsPage, RowsQuery, RowsSum,
    },
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use signet_rfq::{PriceFormat, group_digits};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// Lines of one window.
const LINES_MAX: usize = 1_000;
/// Bytes of the words that are searched for.
const TEXT_MAX: usize = 200;
/// Filters of one query, and values of one filter.
const FILTERS_MAX: usize = 16;
const VALUES_MAX: usize = 200;
/// Closed groups of one query.
const CLOSED_MAX: usize = 1_000;
/// Currencies of one sum; a peer chooses them.
const CURRENCIES_MAX: usize = 20;
/// What the columns with a filter are.
const CHOICES: [Column; 5] =
    [Column::Side, Column::Dealer, Column::Status, Column::Symbol, Column::Least];

/// The window of the rows that a query asks for.
pub(crate) fn page(rows: &[Arc<Entry>], q: &RowsQuery) -> Result<RowsPage, Problem> {
    check(q)?;
    let zone = zone(q);
    let all: Vec<&Entry> = rows.iter().map(|e| &**e).filter(|e| in_tab(e, q.tab)).collect();
    let found = found(&all, q, &zone)?;
    let groups = grouped(&found, q, &zone);
    let wanted = q.offset as usize..(q.offset as usize).saturating_add(limit(q));
    let (lines, all_lines) = lines(&groups, q, wanted);
    Ok(RowsPage {
        offset: q.offset,
        lines,
        all_lines: count(all_lines),
        total: count(found.len()),
        of: count(all.len()),
        attention: count(rows.iter().filter(|e| in_tab(e, BlotterTab::Attention)).count()),
        sums: sums(&found),
        choices: CHOICES.map(|c| choices(&all, c)).into(),
    })
}

/// All rows that a query asks for, in its order, for an export.
pub(crate) fn every(rows: &[Arc<Entry>], q: &RowsQuery) -> Result<Vec<BlotterRow>, Problem> {
    check(q)?;
    let zone = zone(q);
    let all: Vec<&Entry> = rows.iter().map(|e| &**e).filter(|e| in_tab(e, q.tab)).collect();
    let found = found(&all, q, &zone)?;
    let groups = grouped(&found, q, &zone);
    Ok(groups.into_iter().flat_map(|g| g.rows).map(|e| shown(&e.row)).collect())
}

/// The time zone of a query.
pub(crate) fn zone(q: &RowsQuery) -> TimeZone {
    TimeZone::get(&q.zone).unwrap_or(TimeZone::UTC)
}

fn check(q: &RowsQuery) -> Result<(), Problem> {
    let fits = q.text.len() <= TEXT_MAX
        && q.filters.len() <= FILTERS_MAX
        && q.filters.iter().all(|f| f.values.len() <= VALUES_MAX)
        && q.closed.len() <= CLOSED_MAX;
    match fits {
        true => Ok(()),
        false => Err(problem(
            "blotter.query",
            "The blotter cannot be asked for so much at once.",
            "Search for fewer words, or take filters away.",
        )),
    }
}

/// Whether a row is in a list.
fn in_tab(e: &Entry, tab: BlotterTab) -> bool {
    match tab {
        BlotterTab::Attention => needs(e).is_some(),
        other => e.tab == other,
    }
}

/// Why a person must look at a row.
fn needs(e: &Entry) -> Option<&'static str> {
    use BlotterTab as T;
    use RowStatus as S;
    if e.row.attended {
        return None;
    }
    Some(match (e.tab, e.status?) {
        (T::Trades, S::Disputed) => {
            "Not what was accepted. Settle it with the dealer and your desk head."
        }
        (T::Trades, S::CancelledByDealer) => {
            "The dealer cancelled this trade. Check it with the dealer."
        }
        (T::Trades, S::Corrected) => "The dealer corrected this trade. Check it with the dealer.",
        // Its outcome may be known by now; the status then says which.
        (T::Attention, S::Unknown) => {
            "The answer was lost. Do not trade it again before it is known."
        }
        (T::Attention, S::Declined) => "Your accept was declined; nothing was traded.",
        _ => return None,
    })
}

/// The rows that match, in order.
fn found<'a>(all: &[&'a Entry], q: &RowsQuery, zone: &TimeZone) -> Result<Vec<&'a Entry>, Problem> {
    let words: Vec<String> = q.text.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let from_ms = q.from.as_deref().map(|d| begins(d, zone, 0)).transpose()?;
    let to_ms = q.to.as_deref().map(|d| begins(d, zone, 1)).transpose()?;
    let fits = |e: &&&'a Entry| {
        from_ms.is_none_or(|from| e.row.at_ms >= from)
            && to_ms.is_none_or(|to| e.row.at_ms < to)
            && q.filters.iter().all(|f| passes(&e.row, f))
            && matches(&e.row, &words)
    };
    let mut found: Vec<&'a Entry> = all.iter().filter(fits).copied().collect();
    found.sort_by_cached_key(|e| Place::of(&e.row, q.sort, q.descending));
    Ok(found)
}

/// When a day begins, or with `after` 1 the day after it, milliseconds.
fn begins(day: &str, zone: &TimeZone, after: i32) -> Result<f64, Problem> {
    let bad =
        || problem("blotter.day", format!("{day} is not a day."), "Write it as in 2026-11-29.");
    let day: Date = day.parse().map_err(|_| bad())?;
    let day = (0..after).try_fold(day, |d, _| d.tomorrow()).map_err(|_| bad())?;
    let at = day.to_zoned(zone.clone()).map_err(|_| bad())?;
    Ok(at.timestamp().as_millisecond() as f64)
}

fn passes(r: &BlotterRow, f: &RowsFilter) -> bool {
    if f.values.is_empty() {
        return true;
    }
    let has = |text: &str| f.values.iter().any(|v| v == text);
    match f.column {
        // A request names every dealer that was asked.
        Column::Dealer => has(&r.dealer) || r.dealer.split(", ").any(has),
        other => has(&text(r, other)),
    }
}

/// The row for people: the dealer's ExecID is kept as it came, since reports are compared by it.
fn shown(r: &BlotterRow) -> BlotterRow {
    BlotterRow { exec_id: shown_id(r), ..r.clone() }
}

fn shown_id(r: &BlotterRow) -> Option<String> {
    r.exec_id.as_deref().map(peer_text::shown)
}

/// What a row says in a column.
pub(crate) fn text(r: &BlotterRow, c: Column) -> String {
    match c {
        Column::Time => r.at_ms.to_string(),
        Column::Symbol => r.symbol.clone(),
        // A package has no id that anybody could look up.
        Column::Instrument if r.instrument == "[N/A]" => "package".into(),
        Column::Instrument => r.instrument.clone(),
        Column::Side => r.side.clone(),
        Column::Quantity => r.quantity.clone(),
        Column::Least => r.min_quantity.clone().unwrap_or_default(),
        Column::Quoted => r.quoted.clone().unwrap_or_default(),
        Column::Currency => r.currency.clone(),
        Column::Price => r.price.clone().unwrap_or_default(),
        Column::Dealer => r.dealer.clone(),
        Column::Status => r.status.clone(),
        Column::Cover => r.cover.clone().unwrap_or_default(),
        Column::Reason => r.reason.clone().unwrap_or_default(),
        Column::Settles => r.settlement_date.clone(),
        Column::Rfq => r.rfq_id.clone(),
        Column::Execution => shown_id(r).unwrap_or_default(),
    }
}

/// A number as the blotter writes it, with group separators; `None` when it is another text.
pub(crate) fn number(text: &str) -> Option<Decimal> {
    let plain: String = text.chars().filter(|c| *c != ',').collect();
    plain.parse().ok()
}

/// A price as the blotter writes it, in its convention, and its unit (`%`, `bp`, `bp over EURIBOR
/// 3M`); the unit of a price is empty.
pub(crate) fn priced_in(text: &str) -> Option<(Decimal, &str)> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    Some((priced(number)?, unit))
}

/// A price as the blotter writes it, in decimals or in 32nds; `None` when it is another text.
fn priced(text: &str) -> Option<Decimal> {
    number(text).or_else(|| price::read(PriceFormat::ThirtySecondEighths, text))
}

/// Where a row stands. What a row does not have stands last, whichever way the rows are sorted;
/// of two that are the same the later one stands first.
#[derive(PartialEq, Eq)]
struct Place {
    key: Key,
    descending: bool,
    at_ms: i64,
    id: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Time(i64),
    Number(Decimal),
    Text(String),
    Nothing,
}

impl Place {
    fn of(r: &BlotterRow, sort: Column, descending: bool) -> Self {
        let at_ms = r.at_ms as i64;
        let said = text(r, sort);
        let counted = match sort {
            Column::Quantity | Column::Least | Column::Quoted => number(&said),
            Column::Price | Column::Cover => priced_in(&said).map(|(price, _)| price),
            _ => None,
        };
        let key = match sort {
            Column::Time => Key::Time(at_ms),
            _ if said.is_empty() => Key::Nothing,
            _ => counted.map_or_else(|| Key::Text(said.to_lowercase()), Key::Number),
        };
        Self { key, descending, at_ms, id: r.id.clone() }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = match (&self.key, &other.key) {
            (a, b) if *a == Key::Nothing || *b == Key::Nothing || !self.descending => a.cmp(b),
            (a, b) => b.cmp(a),
        };
        keys.then(other.at_ms.cmp(&self.at_ms)).then_with(|| other.id.cmp(&self.id))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Group<'a> {
    key: String,
    title: String,
    rows: Vec<&'a Entry>,
}

/// The rows in groups; one group without a title when they are not put together. Days stand latest
/// first, everything else in alphabetical order.
fn grouped<'a>(found: &[&'a Entry], q: &RowsQuery, zone: &TimeZone) -> Vec<Group<'a>> {
    let Some(by) = q.group else {
        return vec![Group { key: String::new(), title: String::new(), rows: found.to_vec() }];
    };
    let mut groups: BTreeMap<String, Group<'a>> = BTreeMap::new();
    for e in found {
        let (key, title) = match by {
            RowsGroup::Instrument => (e.row.instrument.clone(), e.row.symbol.clone()),
            RowsGroup::Dealer => (e.row.dealer.clone(), e.row.dealer.clone()),
            RowsGroup::Day => {
                let day = day_of(e.row.at_ms, zone);
                (day.clone(), day)
            }
        };
        let new = || Group { key: key.clone(), title, rows: Vec::new() };
        groups.entry(key.clone()).or_insert_with(new).rows.push(e);
    }
    let mut groups: Vec<Group<'a>> = groups.into_values().collect();
    match by {
        RowsGroup::Day => groups.reverse(),
        _ => groups.sort_by_cached_key(|g| (g.title.to_lowercase(), g.key.clone())),
    }
    groups
}

/// The day of a moment, `2026-11-29`; empty for a time that no calendar has.
pub(crate) fn day_of(at_ms: f64, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(at_ms as i64)
        .map(|t| t.to_zoned(zone.clone()).date().to_string())
        .unwrap_or_default()
}

fn lines(
    groups: &[Group<'_>],
    q: &RowsQuery,
    wanted: std::ops::Range<usize>,
) -> (Vec<RowsLine>, usize) {
    let closed: HashSet<&str> = q.closed.iter().map(String::as_str).collect();
    let (mut out, mut at) = (Vec::new(), 0);
    for g in groups {
        let is_closed = q.group.is_some() && closed.contains(g.key.as_str());
        if q.group.is_some() {
            if wanted.contains(&at) {
                let (key, title, rows) = (g.key.clone(), g.title.clone(), count(g.rows.len()));
                let sums = sums(&g.rows);
                out.push(RowsLine::Group { key, title, rows, sums, closed: is_closed });
            }
            at += 1;
        }
        if is_closed {
            continue;
        }
        let skip = wanted.start.saturating_sub(at);
        let take = wanted.end.saturating_sub(at.max(wanted.start));
        out.extend(g.rows.iter().skip(skip).take(take).map(|e| RowsLine::Row {
            row: Box::new(shown(&e.row)),
            needs: needs(e).map(|why| e.row.text.clone().unwrap_or_else(|| why.into())),
            owes_reason: e.row.better.is_some() && e.row.reason.is_none(),
        }));
        at += g.rows.len();
    }
    (out, at)
}

#[derive(Default)]
struct Sum {
    bought: Decimal,
    sold: Decimal,
    two_way: Decimal,
}

/// What rows come to, by currency. A trade that does not stand does not count. A sum that is too
/// large for a number is left out.
fn sums(rows: &[&Entry]) -> Vec<RowsSum> {
    let mut all: BTreeMap<&str, Option<Sum>> = BTreeMap::new();
    for e in rows {
        let Some(quantity) = number(&e.row.quantity) else { continue };
        if e.tab != BlotterTab::Rfqs && !e.stands() {
            continue;
        }
        if all.len() >= CURRENCIES_MAX && !all.contains_key(e.row.currency.as_str()) {
            continue;
        }
        let entry = all.entry(&e.row.currency).or_insert_with(|| Some(Sum::default()));
        let Some(sum) = entry else { continue };
        let part = match e.row.side.as_str() {
            "Buy" => &mut sum.bought,
            "Sell" => &mut sum.sold,
            _ => &mut sum.two_way,
        };
        match part.checked_add(quantity) {
            Some(more) => *part = more,
            None => *entry = None,
        }
    }
    let shown = |d: Decimal| (!d.is_zero()).then(|| group_digits(d.normalize()));
    all.into_iter()
        .filter_map(|(currency, sum)| Some((currency.to_owned(), sum?)))
        .map(|(currency, s)| RowsSum {
            currency,
            bought: shown(s.bought),
            sold: shown(s.sold),
            two_way: shown(s.two_way),
        })
        .collect()
}

fn choices(all: &[&Entry], column: Column) -> RowsChoices {
    let mut values: BTreeSet<String> = BTreeSet::new();
    for e in all {
        match column {
            Column::Dealer => values.extend(e.row.dealer.split(", ").map(str::to_owned)),
            other => values.extend([text(&e.row, other)]),
        }
    }
    let mut values: Vec<String> = values.into_iter().filter(|v| !v.is_empty()).collect();
    if column == Column::Least {
        values.sort_by_cached_key(|v| number(v));
    }
    values.truncate(VALUES_MAX);
    RowsChoices { column, values }
}

fn limit(q: &RowsQuery) -> usize {
    (q.limit as usize).min(LINES_MAX)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
