//! Frames for the page: everything that changed since the frame it has.

use super::{
    Book,
    frame_clock::{Part, Wake},
    guarded::Guarding,
    screen::Stale,
};
use crate::{
    ladder,
    present::{self, Look, legs},
    view::{Behind, BlotterPage, BlotterQuery, EnrolView, Frame, PinView, RecordView, as_seq},
};
use signet_rfq::{DealerId, UtcMillis};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How the dealers did, in the words that the page has.
#[derive(Debug, Default)]
pub(super) struct ShownRecords {
    words: Vec<RecordView>,
    /// The revision of the tally, and the names, that the words are of.
    of: Option<(u64, Arc<BTreeMap<DealerId, String>>)>,
}

impl ShownRecords {
    fn is_of(&self, revision: u64, names: &Arc<BTreeMap<DealerId, String>>) -> bool {
        self.of.as_ref().is_some_and(|(r, n)| *r == revision && Arc::ptr_eq(n, names))
    }
}

impl Book {
    /// What changed since frame `since`. For an RFQ in `behind` it is what changed since the frame
    /// named there; if the page does not want that yet, what became of it and none of its prices.
    pub fn pull(&mut self, since: u64, behind: &[Behind], now: UtcMillis) -> Frame {
        let whole = self.frames.is_out_of_reach(since);
        let behind: BTreeMap<&str, &Behind> =
            behind.iter().filter(|_| !whole).map(|b| (b.rfq_id.as_str(), b)).collect();
        self.redraw(now, |id| behind.get(id).is_none_or(|b| b.send));
        self.redraw_records();
        let since = if whole { 0 } else { since };
        let newer = |part| self.frames.is_newer(part, since);
        let (mut rfqs, mut lines, mut withheld) = (Vec::new(), Vec::new(), false);
        for (id, item) in self.screen.iter() {
            let late = behind.get(id.as_str());
            let from = late.map_or(since, |b| as_seq(b.since));
            let mut changed = item.lines_since(from);
            if late.is_some_and(|b| !b.send) {
                rfqs.extend(item.head_since(since).cloned());
                withheld |= item.stale != Stale::No || changed.next().is_some();
                continue;
            }
            rfqs.extend(item.head_since(from).cloned());
            lines.extend(changed.cloned());
        }
        let touch = newer(Part::StepUp);
        Frame {
            seq: self.frames.seq() as f64,
            whole,
            withheld,
            gateway_now_ms: self.clock.gateway(now).0 as f64,
            session: newer(Part::Session).then(|| self.connection.view.clone()),
            enrol: newer(Part::Enrol).then(|| self.dialogs.enrol.clone()),
            pin: newer(Part::Pin).then(|| self.dialogs.pin.clone()),
            step_up: touch
                .then(|| self.step_ups.view(self.reference.catalogue(), &self.reference.names())),
            access: touch.then(|| self.step_ups.access.clone()),
            keys: touch.then(|| self.step_ups.keys.clone()),
            records: newer(Part::Records).then(|| self.records_shown.words.clone()),
            group: newer(Part::Group).then(|| self.group_view()),
            closing: newer(Part::Closing).then_some(self.dialogs.closing),
            rfqs,
            lines,
            removed: self.screen.removed_since(since),
            reference_changed: newer(Part::Reference),
            blotter_changed: newer(Part::Blotter),
            list: newer(Part::List).then(|| self.list.summary()),
            notices: self.notices.since(since, whole),
        }
    }

    /// Calls `wake` once, at the first change after frame `seq`. It must not call the desk.
    pub fn wake_after(&mut self, seq: u64, wake: Wake) {
        self.frames.wake_after(seq, self.screen.is_dirty(), wake);
    }

    /// A page of the blotter.
    pub(crate) fn blotter(&self, query: &BlotterQuery) -> BlotterPage {
        self.records.blotter.page(query)
    }

    /// Shows the PIN dialog of a token like this.
    pub fn pin(&mut self, pin: PinView) {
        self.dialogs.pin = pin;
        self.changed(Part::Pin);
    }

    /// Shows how far an enrolment has come.
    pub fn enrolling(&mut self, enrol: EnrolView) {
        self.dialogs.enrol = enrol;
        self.changed(Part::Enrol);
    }

    /// Marks a part of the window as changed and wakes the page.
    pub(super) fn changed(&mut self, part: Part) {
        self.frames.mark(part);
        self.frames.wake();
    }

    /// How the dealers did, when that or their names changed: seldom, so it is not part of their
    /// lines.
    fn redraw_records(&mut self) {
        let names = self.reference.names();
        if self.records_shown.is_of(self.tally.revision(), &names) {
            return;
        }
        let words = |d| ladder::record_words(d, &self.dealer_record(d));
        let shown: Vec<RecordView> = names.keys().filter_map(words).collect();
        self.records_shown.of = Some((self.tally.revision(), names));
        if self.records_shown.words != shown {
            self.records_shown.words = shown;
            self.frames.mark(Part::Records);
        }
    }

    /// Makes the views of what changed, of prices only where the page `sees` the RFQ; only views
    /// that differ get a new number.
    fn redraw(&mut self, now: UtcMillis, sees: impl Fn(&str) -> bool) {
        let seq = self.frames.seq() + 1;
        let mut used = false;
        let names = self.reference.names();
        let (moment, online) = (self.moment(now), self.may_trade().is_ok());
        let counterable = match self.connection.direct {
            true => BTreeSet::new(),
            false => self.reference.counterable(),
        };
        let guarding = Guarding { trading: self.trading, last: &self.last_trades };
        for (id, item) in self.screen.iter_mut() {
            if !item.is_due(sees(id.as_str())) {
                if item.stale == Stale::New {
                    (item.stale, used) = (Stale::Told, true);
                }
                continue;
            }
            let instrument = self.reference.of_rfq(&item.rfq.terms);
            let look = Look {
                rfq: &item.rfq,
                instrument: instrument.as_deref(),
                catalogue: self.reference.catalogue(),
                names: &names,
                at: moment.venue,
                arrival_ms: moment.arrival_ms,
                online: online && !item.ending,
                waits: self.step_ups.waits(id),
                ahead: item.ahead.as_ref().map(|a| (a.side, a.limit, a.approved)),
                guard: guarding.view(item, instrument.as_deref(), moment),
                cover: item.cover.as_ref(),
                counterable: &counterable,
            };
            let market = ladder::market(&look);
            let (mut head, lines) =
                (present::head(&look, market, item.problem.as_ref()), ladder::lines(&look));
            let form = item.form.as_ref().or_else(|| self.records.tickets.form(id.as_str()));
            let typed = form.map(|f| f.price_limit.trim());
            head.limit = typed.filter(|limit| !limit.is_empty()).map(str::to_owned);
            if item.rfq.terms.is_package() {
                // It has no id that a trader could look up.
                head.instrument = head.symbol.clone();
            }
            let of_accept = head.accept.iter_mut().flat_map(|a| &mut a.legs);
            let named = self.reference.catalogue();
            head.legs.iter_mut().chain(of_accept).for_each(|l| legs::name(l, named));
            used |= item.show(head, lines, seq);
        }
        if used {
            self.frames.bump();
        }
    }
}
