//! The contract between the desk and its page: the views that the page draws, and the intents that
//! it sends. The page decides nothing. `ui/src/bindings.ts` is generated from these types.
//!
//! Prices and quantities are decimal strings, already formatted for the instrument, so that no
//! price passes through a binary float. Times are milliseconds since the Unix epoch **on the
//! gateway's clock**, unless a field says otherwise, so that a wrong laptop clock cannot show an
//! ended quote as live; [`Frame::gateway_now_ms`] is what that clock reads now.
//!
//! Each panel or dialog has a file of its own.

mod access;
mod acting;
mod around;
mod blotter;
mod enrol;
mod find;
mod form;
mod frame;
mod group;
mod insight;
mod keys;
mod list;
mod notice;
mod package;
mod pin;
mod problem;
mod reference;
mod rfq;
mod rows;
mod security;
mod session;
mod step_up;
mod ticket;

pub use access::{AccessView, FactorView, RiskVerdict, RiskView};
pub use acting::{StoppedLeft, StoppedView};
pub use around::{PageAsk, Pulse, TicketOffer};
pub use blotter::{BlotterPage, BlotterQuery, BlotterRow, BlotterTab};
pub use enrol::{EnrolIntent, EnrolPhase, EnrolView, Holder, InvitationView};
pub use find::FoundInstruments;
pub use form::{
    AskedView, DealerHint, DealerListView, KeptTickets, LeftOutDealer, LeftOutReason, TemplateView,
    TicketCheck, TicketForm,
};
pub use frame::{Behind, Frame, as_seq};
pub use group::{ColleagueRfq, GroupView};
pub use insight::{
    BestAccept, BestCounter, BestDealer, BestExecution, BestQuote, DealerInsight, ExportFormat,
    SavedFile,
};
pub use keys::{KeyView, KeysView, RegisterPhase};
pub use list::{
    HiddenRows, ListCells, ListField, ListIntent, ListPage, ListPasted, ListProblem, ListRepeat,
    ListRepeats, ListRow, ListRun, ListState, ListSummary, ListTake, TakeLeft, TakeLine, TakeTotal,
};
pub use notice::{Notice, NoticeKind};
pub use package::{LegForm, LegRead, PackageEdit, PackageForm, PackageRead, PackageShape};
pub use pin::{PinTries, PinView};
pub use problem::Problem;
pub(crate) use problem::is_code;
pub use reference::{DealerView, InstrumentView, PriceTypeView, Reference};
pub use rfq::{
    AcceptState, AcceptView, AheadView, ArmIntent, CounterIntent, CounterState, CounterView,
    CoverView, GuardView, LegQuote, LegView, LineState, LineView, MarketView, QuoteSide,
    RecordView, RfqState, RfqView,
};
pub use rows::{
    Column, RowsChoices, RowsFilter, RowsGroup, RowsLine, RowsPage, RowsQuery, RowsSum, TabColumns,
};
pub use security::{ChannelView, Colours, Look, SecurityView, Sound, Transport};
pub use session::{
    BackView, DeskInfo, IdentityView, LinkState, NetworkView, SessionView, VenueView,
};
pub use step_up::{StepUpKind, StepUpPhase, StepUpTerms, StepUpView};
pub use ticket::{
    Ask, PriceType, QuantityView, SettlementDay, SettlementView, Side, Ticket, TicketField,
    TicketLeg,
};
