//! What a report of an execution says to the row of its trade, once the RFQ is off the screen. The
//! rules are those of an RFQ that is on screen, as far as the row knows its executions.

use crate::{
    blotter::{
        RowStatus,
        query::{number, priced_in},
    },
    view::BlotterRow,
};
use rust_decimal::Decimal;
use signet_fix::message::{ExecType, ExecutionReport};
use signet_rfq::{
    Known, MAX_EXECUTIONS_PER_RFQ, PriceType, averages_to_zero, group_digits,
    lifecycle::{Meaning, meaning},
};

/// What a report is to the row of its trade, with the row as it is then.
#[derive(Debug)]
pub(super) enum Late {
    /// The first word of a trade.
    Trade(Box<BlotterRow>),
    /// A further part was executed.
    More(Box<BlotterRow>),
    /// An execution that is a part of what the row says already.
    Part(Box<BlotterRow>),
    /// Nothing new.
    Repeated,
    /// The dealer took the trade back.
    Cancelled(Box<BlotterRow>),
    /// The dealer changed it, or took a part of it back.
    Corrected(Box<BlotterRow>),
    /// It does not fit what is known.
    Dispute,
    /// It tells of no trade.
    NoTrade,
}

/// `told`: the report as a row. `direct`: a plain venue's, which nobody else has compared.
pub(super) fn judge(
    known: Option<&BlotterRow>,
    told: BlotterRow,
    e: &ExecutionReport,
    direct: bool,
) -> Late {
    let meaning = meant(e);
    match (meaning, known) {
        (Meaning::Working | Meaning::Refused | Meaning::NothingTraded | Meaning::Noted, _) => {
            Late::NoTrade
        }
        (Meaning::Execution | Meaning::ExecutedSoFar, None) => {
            let executions = Some(new_execution(e, meaning).into_iter().collect());
            Late::Trade(Box::new(BlotterRow { executions, ..told }))
        }
        (Meaning::Contradiction, _) | (_, None) => Late::Dispute,
        (Meaning::TradeCancelled | Meaning::TradeCorrected, Some(k)) => change(k, told, e, meaning),
        (Meaning::Execution | Meaning::ExecutedSoFar, Some(k)) => {
            executed(k, &told, e, meaning, direct)
        }
    }
}

/// What the gateway disputes contradicts, whatever it says.
fn meant(e: &ExecutionReport) -> Meaning {
    match e.disputed {
        true => Meaning::Contradiction,
        false => meaning(e.exec_type, e.status, e.cum_qty > Decimal::ZERO),
    }
}

/// Whether nothing more of a partly executed accept is to come: as on screen, the trader is told.
pub(super) fn ends_the_rest(known: Option<&BlotterRow>, e: &ExecutionReport) -> bool {
    let is_part = |k: &BlotterRow| RowStatus::read(&k.status) == Some(RowStatus::PartlyFilled);
    let ends =
        matches!(e.exec_type, ExecType::Cancelled | ExecType::Expired | ExecType::DoneForDay);
    ends && !e.disputed && known.is_some_and(is_part)
}

fn with_status(row: BlotterRow, status: RowStatus) -> BlotterRow {
    BlotterRow { status: status.words().into(), ..row }
}

/// A bust or a correction.
fn change(known: &BlotterRow, told: BlotterRow, e: &ExecutionReport, meaning: Meaning) -> Late {
    let is_bust = meaning == Meaning::TradeCancelled;
    if let Some(k) = by_id(known, e) {
        // A bust under the ExecID of what stands was not heard before.
        let same = if is_bust { !k.stands } else { is_again(known, &told, k, e) };
        return if same { Late::Repeated } else { Late::Dispute };
    }
    if (&known.side, &known.instrument) != (&told.side, &told.instrument) {
        return Late::Dispute;
    }
    if RowStatus::read(&known.status) == Some(RowStatus::CancelledByDealer) {
        // What was taken back is taken back once, and is corrected to nothing else.
        return if is_bust { Late::Repeated } else { Late::Dispute };
    }
    if !is_bust && !may_be_corrected_to(known, e) {
        return Late::Dispute;
    }
    // As on screen: a total has no ExecID, so what a correction is about is not known.
    if !is_bust && known.executions.as_ref().is_some_and(Vec::is_empty) {
        return Late::Dispute;
    }
    let all = executions_or_whole(known, e);
    let meant = meant_execution(&all, e).cloned();
    if meant.is_none() && !all.is_empty() {
        // What was busted is busted once; what a correction has replaced is not what stands.
        let named = e.exec_ref.as_ref().and_then(|id| all.iter().find(|k| k.exec_id == *id));
        let was_busted = named.is_some_and(|k| !k.corrected);
        return if is_bust && was_busted { Late::Repeated } else { Late::Dispute };
    }
    let left = meant
        .as_ref()
        .and_then(|k| number(&known.quantity)?.checked_sub(k.quantity))
        .filter(|left| is_bust && *left > Decimal::ZERO);
    let Some(executions) = after_change(all, meant.as_ref(), e, is_bust) else {
        return Late::Dispute;
    };
    let row = BlotterRow { executions: Some(executions), ..known.clone() };
    match (is_bust, left) {
        (true, None) => Late::Cancelled(Box::new(with_status(row, RowStatus::CancelledByDealer))),
        (true, Some(left)) => {
            let row = BlotterRow { quantity: group_digits(left), ..row };
            Late::Corrected(Box::new(with_status(row, RowStatus::Corrected)))
        }
        (false, _) => {
            let BlotterRow { price, quantity, exec_id, .. } = told;
            let row = BlotterRow { price, quantity, exec_id, ..row };
            Late::Corrected(Box::new(with_status(row, RowStatus::Corrected)))
        }
    }
}

/// Something, and no more than was accepted; a row of an earlier Signet does not say how much that
/// was.
fn may_be_corrected_to(known: &BlotterRow, e: &ExecutionReport) -> bool {
    let accepted = known.accepted.as_deref().and_then(number);
    e.last.is_none_or(|l| l.size > Decimal::ZERO)
        && e.cum_qty > Decimal::ZERO
        && accepted.is_none_or(|accepted| e.cum_qty <= accepted)
}

/// The average price that a correction of a part states: the row is about the other parts as well.
pub(super) fn average(
    known: Option<&BlotterRow>,
    e: &ExecutionReport,
    of: PriceType,
) -> Option<Decimal> {
    let stated = match e.avg_px {
        zero if zero.is_zero() => {
            let all = known.map(executions).unwrap_or_default().iter().filter(|k| k.stands);
            let others = all.filter(|k| e.exec_ref.as_ref() != Some(&k.exec_id));
            let parts = others.map(|k| (k.price, k.quantity));
            averages_to_zero(of, e.cum_qty, parts.chain(e.last.map(|l| (l.price, l.size))))
        }
        average => average > Decimal::ZERO || of.may_be_negative(),
    };
    let is_part = e.last.is_some_and(|l| l.size < e.cum_qty);
    (e.exec_type == ExecType::TradeCorrect && is_part && stated).then_some(e.avg_px)
}

/// An execution, or what was executed so far.
fn executed(
    known: &BlotterRow,
    told: &BlotterRow,
    e: &ExecutionReport,
    meaning: Meaning,
    direct: bool,
) -> Late {
    let is_execution = meaning == Meaning::Execution;
    // One that was told before stays told, whatever a bust or a correction made of it later.
    if let Some(k) = by_id(known, e).filter(|_| is_execution) {
        return if is_again(known, told, k, e) { Late::Repeated } else { Late::Dispute };
    }
    if let Some(row) = with_more(known, told, e, meaning) {
        return Late::More(Box::new(row));
    }
    if let Some(row) = with_part(known, told, e).filter(|_| is_execution) {
        return Late::Part(Box::new(row));
    }
    if is_known(known, told, meaning, direct) { Late::Repeated } else { Late::Dispute }
}

/// Whether a row says already what a report of an execution, or of what was executed so far, tells.
fn is_known(known: &BlotterRow, told: &BlotterRow, meaning: Meaning, direct: bool) -> bool {
    match RowStatus::read(&known.status) {
        // The gateway compares with every execution that it knows, and marks what does not fit.
        Some(status) if status.is_changed() && !direct => true,
        // At a plain venue nobody else compares: after a bust or a correction another ExecID is
        // another execution, though all else be the same.
        Some(status) if status.is_changed() && meaning == Meaning::Execution => {
            known.exec_id == told.exec_id && same_terms(known, told)
        }
        // It counts what the dealer took back.
        Some(RowStatus::CancelledByDealer) => false,
        // So it is where the row knows its executions, and this one is not a part of them.
        _ if direct && meaning == Meaning::Execution && known.executions.is_some() => false,
        _ => same_trade(known, told),
    }
}

fn same_trade(known: &BlotterRow, told: &BlotterRow) -> bool {
    let quantity = |r: &BlotterRow| number(&r.quantity);
    quantity(known) == quantity(told) && same_terms(known, told)
}

fn same_terms(known: &BlotterRow, told: &BlotterRow) -> bool {
    // The list of instruments, which says how a price is written, may not have come yet.
    let (before, now) =
        (known.price.as_deref().and_then(priced_in), told.price.as_deref().and_then(priced_in));
    let price = known.price == told.price || (before.is_some() && before == now);
    price && (&known.side, &known.instrument) == (&told.side, &told.instrument)
}

/// Whether a report is of the row's trade by all that a part of it has: terms, dealer, currency and
/// day.
fn same_deal(known: &BlotterRow, told: &BlotterRow, e: &ExecutionReport) -> bool {
    same_terms(known, told)
        && e.dealer.is_some()
        && known.dealer_id == told.dealer_id
        && e.currency.as_ref().is_none_or(|c| *c == known.currency)
        && (e.settlement_date.is_none() || known.settlement_date == told.settlement_date)
}

/// The row of a partly executed accept after a further part: at the same terms, and within what was
/// accepted. `None` if it is not that, or if the row is of an earlier Signet, which does not say
/// what was accepted.
fn with_more(
    known: &BlotterRow,
    told: &BlotterRow,
    e: &ExecutionReport,
    meaning: Meaning,
) -> Option<BlotterRow> {
    let accepted = number(known.accepted.as_deref()?)?;
    let so_far = number(&known.quantity)?;
    let fits = RowStatus::read(&known.status) == Some(RowStatus::PartlyFilled)
        && same_deal(known, told, e)
        && executions(known).len() < MAX_EXECUTIONS_PER_RFQ;
    let part = match meaning {
        // An ExecID is that of one execution.
        Meaning::Execution if known.exec_id.as_deref() == Some(e.exec_id.as_str()) => return None,
        Meaning::Execution => e.last.map(|l| l.size),
        Meaning::ExecutedSoFar => None,
        _ => return None,
    };
    let adds_up = match part {
        Some(part) => part > Decimal::ZERO && so_far.checked_add(part)? <= e.cum_qty,
        None => so_far < e.cum_qty,
    };
    let status = match e.cum_qty == accepted {
        true => RowStatus::Filled,
        false => RowStatus::PartlyFilled,
    };
    let added = e.cum_qty.checked_sub(so_far)?;
    let new = new_execution(e, meaning).map(|k| Known { quantity: part.unwrap_or(added), ..k });
    let row = BlotterRow {
        at_ms: told.at_ms,
        quantity: group_digits(e.cum_qty),
        exec_id: told.exec_id.clone(),
        executions: with_execution(known, new),
        ..known.clone()
    };
    (fits && adds_up && e.cum_qty <= accepted).then(|| with_status(row, status))
}

/// The row with an execution of which it had only the total: reports come in any order, and an
/// answer to a question tells a total before its parts.
fn with_part(known: &BlotterRow, told: &BlotterRow, e: &ExecutionReport) -> Option<BlotterRow> {
    let all = known.executions.as_ref()?;
    let total = number(&known.quantity)?;
    let part = new_execution(e, Meaning::Execution)?;
    let size = part.quantity;
    let sum =
        all.iter().filter(|k| k.stands).try_fold(size, |sum, k| sum.checked_add(k.quantity))?;
    let stands =
        matches!(RowStatus::read(&known.status), Some(RowStatus::Filled | RowStatus::PartlyFilled));
    let adds_up = size > Decimal::ZERO && size <= e.cum_qty && e.cum_qty.max(sum) <= total;
    let fits = stands && adds_up && same_deal(known, told, e);
    (fits && all.len() < MAX_EXECUTIONS_PER_RFQ)
        .then(|| BlotterRow { executions: with_execution(known, Some(part)), ..known.clone() })
}

fn executions(row: &BlotterRow) -> &[Known] {
    row.executions.as_deref().unwrap_or_default()
}

fn by_id<'a>(known: &'a BlotterRow, e: &ExecutionReport) -> Option<&'a Known> {
    executions(known).iter().find(|k| k.exec_id == e.exec_id)
}

/// Whether an execution or a correction is told once more, as it was; an ExecID is that of one.
/// That of a bust, which is kept with no quantity, is never that of an execution.
fn is_again(known: &BlotterRow, told: &BlotterRow, k: &Known, e: &ExecutionReport) -> bool {
    let dealer =
        told.dealer_id.is_none() || known.dealer_id.is_none() || told.dealer_id == known.dealer_id;
    let day = k.settlement_date.is_none()
        || e.settlement_date.is_none()
        || k.settlement_date == e.settlement_date;
    let legs = k.legs.is_empty() || e.legs.is_empty() || k.legs == e.legs;
    (&known.side, &known.instrument) == (&told.side, &told.instrument)
        && k.quantity > Decimal::ZERO
        && k.price == price(e)
        && e.last.is_none_or(|l| l.size == k.quantity)
        && dealer
        && day
        && legs
}

fn price(e: &ExecutionReport) -> Decimal {
    e.last.map_or(e.avg_px, |l| l.price)
}

/// What is remembered of a report; a total has no ExecID of its own.
fn new_execution(e: &ExecutionReport, meaning: Meaning) -> Option<Known> {
    let quantity = e.last.map_or(e.cum_qty, |l| l.size);
    (meaning == Meaning::Execution).then(|| remembered(e, quantity, true))
}

fn remembered(e: &ExecutionReport, quantity: Decimal, stands: bool) -> Known {
    Known {
        accept: e.accept.clone(),
        exec_id: e.exec_id.clone(),
        price: price(e),
        quantity,
        settlement_date: e.settlement_date.clone(),
        stands,
        corrected: false,
        legs: e.legs.clone(),
    }
}

/// A row of an earlier Signet does not know its executions, and does not begin with a part of them.
fn with_execution(known: &BlotterRow, new: Option<Known>) -> Option<Vec<Known>> {
    let mut all = known.executions.clone()?;
    all.extend(new);
    Some(all)
}

/// The execution that a bust or a correction names; the only one that stands when it names none.
fn meant_execution<'a>(all: &'a [Known], e: &ExecutionReport) -> Option<&'a Known> {
    let mut standing = all.iter().filter(|k| k.stands);
    match &e.exec_ref {
        Some(id) => standing.find(|k| k.exec_id == *id),
        None => standing.next().filter(|_| standing.next().is_none()),
    }
}

/// The executions of a row. Of a trade that is known as a whole only, the one that a bust names is
/// all of it; so is one that a correction names in a row of an earlier Signet.
fn executions_or_whole(known: &BlotterRow, e: &ExecutionReport) -> Vec<Known> {
    match executions(known) {
        [] => whole(known, e).into_iter().collect(),
        all => all.to_vec(),
    }
}

/// The executions after a bust or a correction of `meant`; `None`: there are too many.
fn after_change(
    mut all: Vec<Known>,
    meant: Option<&Known>,
    e: &ExecutionReport,
    is_bust: bool,
) -> Option<Vec<Known>> {
    all.iter_mut()
        .filter(|k| meant.is_some_and(|m| m.exec_id == k.exec_id))
        .for_each(|k| (k.stands, k.corrected) = (false, !is_bust));
    let quantity = match is_bust {
        true => Decimal::ZERO,
        false => e.last.map_or(e.cum_qty, |l| l.size),
    };
    let room = all.len() < MAX_EXECUTIONS_PER_RFQ.saturating_mul(2);
    all.push(remembered(e, quantity, !is_bust));
    room.then_some(all)
}

fn whole(known: &BlotterRow, e: &ExecutionReport) -> Option<Known> {
    let (price, _) = priced_in(known.price.as_deref()?)?;
    Some(Known {
        accept: e.accept.clone(),
        exec_id: e.exec_ref.clone().or_else(|| known.exec_id.clone())?,
        price,
        quantity: number(&known.quantity)?,
        settlement_date: None,
        stands: true,
        corrected: false,
        legs: Vec::new(),
    })
}
