//! What the window is shown, and what it may ask for.
//!
//! These types are the whole contract between the desk and its page: the page draws them and sends
//! intents back; it decides nothing. `ui/src/bindings.ts` is generated from them.
//!
//! Prices and quantities are decimal strings, already formatted for the instrument, so that no
//! price ever passes through a binary float. Times are milliseconds since the Unix epoch **on the
//! gateway's clock**, so that a laptop clock which is wrong cannot show a dead quote as live;
//! [`Frame::gateway_now_ms`] says what that clock reads now.
//!
//! One file for each panel or dialog.

mod access;
mod blotter;
mod enrol;
mod frame;
mod keys;
mod notice;
mod pin;
mod problem;
mod reference;
mod rfq;
mod session;
mod step_up;
mod ticket;

pub use access::{AccessView, FactorView, RiskVerdict, RiskView};
pub use blotter::{BlotterPage, BlotterQuery, BlotterRow, BlotterTab};
pub use enrol::{EnrolIntent, EnrolPhase, EnrolView, Holder, InvitationView};
pub use frame::{Behind, Frame, as_seq};
pub use keys::{KeyView, KeysView, RegisterPhase};
pub use notice::{Notice, NoticeKind};
pub use pin::{PinTries, PinView};
pub use problem::Problem;
pub(crate) use problem::is_code;
pub use reference::{DealerView, InstrumentView, Reference};
pub use rfq::{
    AcceptState, AcceptView, ArmIntent, LineState, LineView, QuoteSide, RfqState, RfqView,
};
pub use session::{DeskInfo, IdentityView, LinkState, SessionView, VenueView};
pub use step_up::{StepUpKind, StepUpPhase, StepUpTerms, StepUpView};
pub use ticket::{Ask, QuantityView, SettlementView, Side, Ticket, TicketField};
