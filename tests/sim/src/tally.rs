//! What happened in runs that broke nothing, so that a test can tell that it did happen.

use std::collections::BTreeMap;

/// What happened in runs that broke nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accepts that the trader confirmed.
    pub clicks: usize,
    /// Of them: those that left the desk.
    pub sent: usize,
    /// Of those: rows of a list, confirmed with others.
    pub listed: usize,
    /// Of those: such as take less than their quote is for.
    pub taken_parts: usize,
    /// Accepts that reached a dealer.
    pub arrived: usize,
    /// Accepts that traded.
    pub fills: usize,
    /// Of them: packages.
    pub packages: usize,
    /// Packages of which a dealer executed a part.
    pub parts: usize,
    /// Accepts that a person approved with a key.
    pub approved: usize,
    /// RFQs that a colleague took over.
    pub taken: usize,
    /// Times that the gateway did not start because its disk refused.
    pub away: usize,
    /// How often each act happened, by its name.
    pub acts: BTreeMap<&'static str, usize>,
    /// What came of them.
    pub seen: Seen,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.clicks += more.clicks;
        self.sent += more.sent;
        self.listed += more.listed;
        self.taken_parts += more.taken_parts;
        self.arrived += more.arrived;
        self.fills += more.fills;
        self.packages += more.packages;
        self.parts += more.parts;
        self.approved += more.approved;
        self.taken += more.taken;
        self.away += more.away;
        for (act, n) in more.acts {
            *self.acts.entry(act).or_default() += n;
        }
        self.seen += more.seen;
    }
}

/// What came of acts whose effect no program tells: that one happened does not say that it met
/// anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Times that another connection of the desk took the place of one that was up.
    pub displaced: usize,
    /// Connections of which a message arrived after a newer one had logged on, and was dropped.
    pub late: usize,
    /// Moves that were proved after a newer connection had taken the place of the one that moved.
    pub late_moves: usize,
    /// Bytes that a slow way delivered after what was written later elsewhere.
    pub overtaken: usize,
    /// Starts of the desk on a laptop whose clock was wrong.
    pub wrong_clocks: usize,
    /// Live quotes that a dealer had forgotten when it was back.
    pub forgotten: usize,
    /// Dealers that were off while everything else had settled.
    pub absent: usize,
    /// Answers that a dealer gave at the moment at which the desk's connection was cut.
    pub cuts: usize,
    /// Accepts that needed a touch and went on by one that was given before.
    pub aheads: usize,
    /// Accepts of a colleague, in RFQs that were taken over, that reached a dealer.
    pub colleague: usize,
    /// Orders whose rest was executed or cancelled after their first part.
    pub rests: usize,
    /// Fills whose price was corrected.
    pub corrections: usize,
    /// Looks at what somebody has open who is kept out.
    pub barred: usize,
    /// Starts on an older journal.
    pub older: usize,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        self.displaced += more.displaced;
        self.late += more.late;
        self.late_moves += more.late_moves;
        self.overtaken += more.overtaken;
        self.wrong_clocks += more.wrong_clocks;
        self.forgotten += more.forgotten;
        self.absent += more.absent;
        self.cuts += more.cuts;
        self.aheads += more.aheads;
        self.colleague += more.colleague;
        self.rests += more.rests;
        self.corrections += more.corrections;
        self.barred += more.barred;
        self.older += more.older;
    }
}
