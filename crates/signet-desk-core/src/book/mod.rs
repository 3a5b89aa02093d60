//! What the desk knows: RFQs, reference data, the blotter, the state of the link. It is one value
//! behind one lock: the link's thread feeds it messages, the window asks it for frames and gives it
//! intents.
//!
//! The caller passes the laptop's time; everything about quotes is on the gateway's clock.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `counters.rs` | to ask a dealer for a better price |
//! | `intents.rs` | the trader's intents: to send and accept RFQs |
//! | `ending.rs` | to end one, or everything, and to leave |
//! | `guarded.rs` | what stands between a confirmation and a trade |
//! | `frames.rs` | frames for the page |
//! | `link_state.rs` | what the link tells: its state, what was sent, what could not be |
//! | `inbound.rs` | messages of the gateway, or of a plain venue |
//! | `restore.rs` | the snapshot after a logon |
//! | `reports.rs`, `late_reports.rs`, `late_rows.rs` | execution reports on RFQs on screen and of earlier runs |
//! | `rejects.rs` | messages of this desk that were not processed |
//! | `questions.rs` | accepts that are asked about again |
//! | `step_ups.rs`, `keys.rs` | touches of security keys, and their registration |
//! | `list.rs`, `list_send.rs`, `list_look.rs`, `list_take.rs` | the list of requests: checked, sent, watched, taken together |
//! | `package.rs` | the terms of a ticket with legs |
//! | `parts.rs` | to take less than a quote is for |
//! | `ticket.rs` | what the ticket needs beside its intents |
//! | `dealer_lists.rs` | dealers that the trader put under names |
//! | `direct.rs` | what direct mode asks of the book |
//! | `told_history.rs` | what the desk's own history is told beside messages |
//! | `group.rs` | colleagues' open RFQs, and RFQs that change hands |
//! | `accept_rows.rs` | rows of accepts that a person must look at |
//! | `insights.rs` | what was seen of the dealers |
//! | `pulse.rs` | what the tray shows |
//! | `tell.rs`, `rows.rs` | notices to the trader; rows of the blotter |
//!
//! The other files hold one part of the state each, with the methods that keep it right.

mod accept_rows;
mod answering;
mod connection;
mod counters;
mod dealer_lists;
mod dialogs;
mod direct;
mod ending;
mod frame_clock;
mod frames;
mod group;
mod guarded;
mod ids;
mod inbound;
mod incoming;
mod insights;
mod intents;
mod keys;
mod late_reports;
mod late_rows;
mod link_state;
mod list;
mod list_look;
mod list_send;
mod list_take;
mod notices;
mod package;
mod parts;
mod pulse;
mod questions;
mod records;
mod reference;
mod rejects;
mod reports;
mod restore;
mod rows;
mod screen;
mod sent;
#[cfg(feature = "test-double")]
mod simulated;
mod step_ups;
mod tell;
mod ticket;
mod told_history;

pub use ids::Ids;
pub(crate) use ids::rfq_of_accept;

use crate::{
    clock::{GatewayClock, Moment},
    guard::TradingSettings,
    history::{Reader, Recorder},
    insight::{Choices, Tally},
    list::List,
    problem::{clock_unknown, doubtful, offline},
    step_up::StepUps,
    view::Problem,
};
use connection::Connection;
use dialogs::Dialogs;
use frame_clock::FrameClock;
use frames::ShownRecords;
use group::Group;
use guarded::LastTrades;
use notices::Notices;
use questions::Questions;
use records::Records;
use reference::ReferenceData;
use screen::Screen;
use signet_rfq::{Rfq, RfqId, UtcMillis};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Called from any thread when a touch is asked for; it must not call the desk.
type Attention = Box<dyn Fn() + Send + Sync>;

/// What the desk knows. Public for tests that drive a desk and a gateway in one thread.
pub struct Book {
    ids: Ids,
    clock: GatewayClock,
    frames: FrameClock,
    connection: Connection,
    reference: ReferenceData,
    screen: Screen,
    records: Records,
    notices: Notices,
    dialogs: Dialogs,
    step_ups: StepUps,
    questions: Questions,
    attention: Option<Attention>,
    /// Where everything is written down.
    recorder: Recorder,
    /// What was seen of the dealers.
    tally: Tally,
    /// What the page is told of it.
    records_shown: ShownRecords,
    /// How the firm protects its traders from slips.
    trading: TradingSettings,
    last_trades: LastTrades,
    /// RFQs to be ended as soon as that is possible, because the trader stopped everything.
    ends_later: BTreeSet<RfqId>,
    /// The accepts of this run beside which a better price stood.
    choices: Choices,
    /// Reads the history back.
    reader: Option<Arc<Reader>>,
    /// Requests that are sent together.
    list: List,
    group: Group,
}

impl Book {
    /// An empty book, for a desk that starts `now`. It protects from no slip; see
    /// [`Self::protected_by`].
    pub fn new(ids: Ids, now: UtcMillis) -> Self {
        Self {
            ids,
            clock: GatewayClock::default(),
            frames: FrameClock::new(),
            connection: Connection::new(now),
            reference: ReferenceData::default(),
            screen: Screen::default(),
            records: Records::default(),
            notices: Notices::default(),
            dialogs: Dialogs::default(),
            step_ups: StepUps::default(),
            questions: Questions::default(),
            attention: None,
            recorder: Recorder::default(),
            tally: Tally::default(),
            records_shown: ShownRecords::default(),
            trading: TradingSettings::NONE,
            last_trades: LastTrades::default(),
            ends_later: BTreeSet::new(),
            choices: Choices::default(),
            reader: None,
            list: List::default(),
            group: Group::default(),
        }
    }

    /// Whether the desk is logged on and the gateway's snapshot is on screen.
    pub fn online(&self) -> bool {
        self.connection.online()
    }

    /// Whether an accept may leave: the desk is online, the link answers, and the clock on which an
    /// accept has its deadline is known.
    pub(crate) fn may_trade(&self) -> Result<(), Problem> {
        self.may_send()?;
        if self.clock.is_known() { Ok(()) } else { Err(clock_unknown()) }
    }

    /// Whether a request may leave.
    fn may_send(&self) -> Result<(), Problem> {
        match (self.online(), self.connection.doubtful()) {
            (false, _) => Err(offline()),
            (true, true) => Err(doubtful()),
            (true, false) => self.recorder.may_trade(),
        }
    }

    /// Whether no RFQ is open, so that the link may be interrupted without losing a price.
    pub fn idle(&self) -> bool {
        self.screen.rfqs().all(|r| r.state.ended())
    }

    /// `now`, on the laptop's clock, as a moment on both clocks.
    pub(crate) fn moment(&self, now: UtcMillis) -> Moment {
        Moment { laptop: now, venue: self.clock.gateway(now), arrival_ms: self.clock.arrival_ms() }
    }

    /// An RFQ on screen.
    pub(crate) fn rfq(&self, id: &RfqId) -> Option<&Rfq> {
        self.screen.rfq(id)
    }

    /// Writes down in `recorder` what the trader does, from now on.
    pub(crate) fn record_with(&mut self, recorder: Recorder) {
        recorder.clock_is(self.clock.offset_ms());
        self.recorder = recorder;
    }

    /// This desk's CompID at the venue.
    pub(crate) fn comp_id(&self) -> Option<String> {
        self.connection.view.comp_id.clone()
    }

    /// Calls `attention` when a touch is asked for.
    pub(crate) fn on_step_up(&mut self, attention: Attention) {
        self.attention = Some(attention);
    }
}

/// Locks the book, even if a thread panicked while it held the lock.
pub(crate) fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod accept_rows_tests;
#[cfg(test)]
mod gap_tests;
#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod sight_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod windows_tests;
