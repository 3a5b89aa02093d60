//! Entitlements: who may ask which dealer for what, up to how much, and what is owed first.
//!
//! An action that no policy permits is denied. Three documents make one set of policies and are
//! loaded or refused as a whole: the schema (ours), the firm's policies in Cedar, and a facts file
//! in TOML. What is owed first (a touch, a second person) is found by asking the same policies
//! again as if it were proved; a policy says so with `forbid ... unless { context.touched }`.
//!
//! Arithmetic is exact and rounds against the trader. A failure while deciding is a denial with a
//! code. What was evaluated is remembered for questions that the policies cannot tell from it.

mod actions;
mod cedar;
mod classes;
mod diff;
mod error;
mod evaluate;
mod expect;
mod facts;
mod literals;
mod load;
mod memory;
mod question;
mod reckon;
mod scenario;
mod shape;
mod sight;
mod universe;
mod verdict;

pub use cedar::CedarEntitlements;
pub use diff::{Change, Diff, diff};
pub use error::EntitleError;
pub use expect::{Expectations, TestReport, TestResult};
pub use facts::Facts;
pub use load::{Documents, InstrumentFacts, World};
pub use question::{Act, AdminAction, Amounts, Colleague, Deal, Proof, Question, Side, Step};
pub use scenario::{Scenario, ScenarioError, amount};
pub use verdict::{Because, Cited, Denial, Outcome, Verdict};

/// Largest of the documents, bytes.
pub const MAX_DOCUMENT_LEN: usize = 1024 * 1024;
/// Most policies in force at once.
pub const MAX_POLICIES: usize = 500;
/// Groups, panels, lists: of each kind.
pub const MAX_GROUPS: usize = 1_000;
/// Members of all groups of one kind together.
pub const MAX_MEMBERS: usize = 50_000;
/// Most currencies with a rate in the facts file.
pub const MAX_CURRENCIES: usize = 200;
/// Longest `@words` and `@cure`, characters.
pub const MAX_WORDS_CHARS: usize = 300;
/// Longest name of a group, trader, policy, characters.
pub const MAX_NAME_CHARS: usize = 64;

/// Decides what may be done. The trait is the boundary: the engine behind it may change, the
/// questions and verdicts stay.
pub trait Entitlements {
    /// Whether it may be done, and what is owed first.
    fn decide(&self, q: &Question<'_>) -> Verdict;

    /// Decides about one deal with each dealer that is asked about, by its name and by whether the
    /// trader has no remembered trade with it. Says what [`Self::decide`] says; the amounts, which
    /// are the same for all dealers, are reckoned once.
    fn for_deal(
        &self,
        who: &str,
        proof: Proof,
        step: Step,
        deal: &Deal<'_>,
    ) -> impl Fn(&str, bool) -> Verdict;

    /// SHA-256 over the documents the decisions follow, lower-case hexadecimal.
    fn digest(&self) -> &str;

    /// Milliseconds after midnight UTC at which a trading day begins.
    fn day_begins_ms(&self) -> i64;
}

#[cfg(test)]
mod tests;
