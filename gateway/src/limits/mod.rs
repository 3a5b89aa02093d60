//! What one peer may draw out of the gateway, and how often somebody may fail. Pure: the time is
//! passed in.

mod attempts;
mod budget;
mod peers;

pub use attempts::{JournalBudget, PeerBudgets, RateLimit, Subject, left_out_words};
pub use budget::{BudgetVerdict, Class, DayBytes, NoLogon, PeerBudget, Summaries};
pub use peers::Peers;
