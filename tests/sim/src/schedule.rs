//! What can happen in a run: drawn before the run begins, by `kinds.rs`.
//!
//! An event names things by small numbers that are resolved when it happens ("the third price on
//! screen"), so that a schedule with some events left out still means something.

use crate::{rng::Rng, signer::Forgery};
use signet_gateway::simulated::Bar;
use std::fmt;

/// How long the events of a schedule may last, milliseconds.
pub const LENGTH_MS: i64 = 25_000;

/// One end of the link between desk and gateway, or a direction of it by its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The trader's desk.
    Desk,
    /// The gateway.
    Gateway,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each event says what its fields are")]
pub enum Act {
    /// The trader asks for quotes: millions, bits of dealers, seconds to live.
    Ask { millions: u8, dealers: u8, ttl_s: u32 },
    /// The trader asks for a package: millions of a leg with ratio 1, how many legs, bits of
    /// dealers, seconds to live.
    AskPackage { millions: u8, legs: u8, dealers: u8, ttl_s: u32 },
    /// The trader takes a price on screen: which one.
    Take { pick: u8 },
    /// The trader takes a part of a price on screen: which one, and so many percent.
    TakePart { pick: u8, percent: u8 },
    /// The trader takes a price on screen and lets it follow its dealer: which one, and how many
    /// ticks.
    TakeWithin { pick: u8, ticks: u8 },
    /// The trader approves an accept to come: at which price, and how many ticks worse.
    ApproveAhead { pick: u8, ticks: u8 },
    /// The trader arms a price and looks at it.
    Arm { pick: u8 },
    /// The trader confirms what is armed.
    Confirm,
    /// The trader asks a dealer for a better price than one on screen: which price.
    Counter { pick: u8 },
    /// The trader ends an RFQ.
    Cancel { pick: u8 },
    /// The trader takes an ended RFQ off the screen.
    Dismiss { pick: u8 },
    /// The trader sends a list of three requests: millions, seconds to live. A list that is held is
    /// sent on.
    SendList { millions: u8, ttl_s: u32 },
    /// The trader takes every row of the list that is within its limit, by one confirmation.
    TakeList,
    /// The desk's link delivers so many more bytes of this sender, then nothing, for so long; the
    /// rest arrives after that, unless the connection has ended. `None`: never.
    Silence { from: End, after: u32, for_ms: Option<i64> },
    /// What this sender writes on the desk's connection from now on arrives later by so much, for
    /// so long: after what is written later on a newer connection, or by a dealer.
    DeskLag { from: End, by_ms: i64, for_ms: i64 },
    /// The same on the line to a dealer, one way.
    DealerLag { dealer: u8, to_dealer: bool, by_ms: i64, for_ms: i64 },
    /// Both ends are told at once that the connection is gone.
    Reset,
    /// The desk has another address and says so: it dials beside the old connection.
    NewAddress { old_lives: bool },
    /// The desk makes another connection, which takes so long. The one that is up serves it until
    /// then, and what is still on its way there arrives after that.
    DialBeside { takes_ms: i64 },
    /// The desk's address changes under the same session; the gateway holds what arrives until the
    /// address is proved, or drops the connection.
    Migrate { proof_ms: i64, proved: bool },
    /// No network at the desk for so long.
    NoNetwork { for_ms: i64 },
    /// One-way delay of the desk's link from now on.
    Delay { ms: i64 },
    /// The gateway's clock is set, by so much.
    GatewayClock { ms: i64 },
    /// The laptop's clock is set, by so much. A desk that runs goes on by the clock that it began
    /// with, as the product does; one that starts after that begins with this one.
    DeskClock { ms: i64 },
    /// A dealer's clock is set, by so much.
    DealerClock { dealer: u8, ms: i64 },
    /// The desk ends without a word and is started again; its message store may be lost.
    DeskCrash { for_ms: i64, store_lost: bool },
    /// The gateway ends without a word and is started again; its message stores may be lost.
    GatewayCrash { for_ms: i64, store_lost: bool },
    /// A dealer ends without a word and is started again; it knows its orders.
    DealerCrash { dealer: u8, for_ms: i64 },
    /// A dealer ends without a word and is started again without the requests and quotes that it
    /// had; it knows its orders.
    DealerForgets { dealer: u8, for_ms: i64 },
    /// A dealer ends without a word and stays away until everything else has settled.
    DealerAway { dealer: u8 },
    /// A dealer logs out with a reason, and is dialled again.
    DealerLeaves { dealer: u8 },
    /// The link to a dealer is reset.
    DealerReset { dealer: u8 },
    /// The gateway's disk takes no new RFQ for so long.
    DiskFull { for_ms: i64 },
    /// The disk of an end refuses to write for so long.
    DiskFails { end: End, for_ms: i64 },
    /// The policies deny every accept for so long.
    Locked { for_ms: i64 },
    /// The registry keeps the trader out for so long; `None`: until everything is well.
    Barred { how: Bar, for_ms: Option<i64> },
    /// Somebody copies the gateway's journal.
    KeepJournal,
    /// The gateway ends without a word and is started on the journal that was copied, if it is an
    /// older one; after so long it is started again on its own.
    OlderJournal { for_ms: i64 },
    /// The signature of the desk's next accept is not what it should be.
    Forge(Forgery),
    /// The desk's last accept arrives once more, as it was.
    Replay,
    /// The disk of the gateway's evidence refuses to write for so long.
    EvidenceFails { for_ms: i64 },
    /// A dealer quotes again in every RFQ it knows.
    Requote { dealer: u8 },
    /// A dealer takes its last fill back.
    Bust { dealer: u8 },
    /// A dealer corrects the price of a fill.
    Correct { dealer: u8 },
    /// A dealer takes all its quotes back.
    Withdraw { dealer: u8 },
    /// A colleague takes an open RFQ over: which one.
    TakenOver { pick: u8 },
    /// The colleague accepts in an RFQ that was taken over: which price.
    ColleagueAccepts { pick: u8 },
}

/// The name of every act.
pub const ACTS: [&str; 47] = [
    "ask",
    "ask for a package",
    "take",
    "take a part",
    "take within a limit",
    "approve ahead",
    "arm",
    "confirm",
    "counter",
    "cancel",
    "dismiss",
    "send a list",
    "take a list",
    "silence",
    "lag of the desk",
    "lag of a dealer",
    "reset",
    "new address",
    "dial beside",
    "migrate",
    "no network",
    "delay",
    "clock of the gateway",
    "clock of the desk",
    "clock of a dealer",
    "crash of the desk",
    "crash of the gateway",
    "crash of a dealer",
    "a dealer forgets",
    "a dealer is away",
    "a dealer leaves",
    "reset of a dealer",
    "disk full",
    "disk fails",
    "locked",
    "barred",
    "keep the journal",
    "an older journal",
    "forge",
    "replay",
    "evidence fails",
    "requote",
    "bust",
    "correct",
    "withdraw",
    "taken over",
    "a colleague accepts",
];

impl Act {
    /// What it is called in a tally; one of [`ACTS`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ask { .. } => "ask",
            Self::AskPackage { .. } => "ask for a package",
            Self::Take { .. } => "take",
            Self::TakePart { .. } => "take a part",
            Self::TakeWithin { .. } => "take within a limit",
            Self::ApproveAhead { .. } => "approve ahead",
            Self::Arm { .. } => "arm",
            Self::Confirm => "confirm",
            Self::Counter { .. } => "counter",
            Self::Cancel { .. } => "cancel",
            Self::Dismiss { .. } => "dismiss",
            Self::SendList { .. } => "send a list",
            Self::TakeList => "take a list",
            Self::Silence { .. } => "silence",
            Self::DeskLag { .. } => "lag of the desk",
            Self::DealerLag { .. } => "lag of a dealer",
            Self::Reset => "reset",
            Self::NewAddress { .. } => "new address",
            Self::DialBeside { .. } => "dial beside",
            Self::Migrate { .. } => "migrate",
            Self::NoNetwork { .. } => "no network",
            Self::Delay { .. } => "delay",
            Self::GatewayClock { .. } => "clock of the gateway",
            Self::DeskClock { .. } => "clock of the desk",
            Self::DealerClock { .. } => "clock of a dealer",
            Self::DeskCrash { .. } => "crash of the desk",
            Self::GatewayCrash { .. } => "crash of the gateway",
            Self::DealerCrash { .. } => "crash of a dealer",
            Self::DealerForgets { .. } => "a dealer forgets",
            Self::DealerAway { .. } => "a dealer is away",
            Self::DealerLeaves { .. } => "a dealer leaves",
            Self::DealerReset { .. } => "reset of a dealer",
            Self::DiskFull { .. } => "disk full",
            Self::DiskFails { .. } => "disk fails",
            Self::Locked { .. } => "locked",
            Self::Barred { .. } => "barred",
            Self::KeepJournal => "keep the journal",
            Self::OlderJournal { .. } => "an older journal",
            Self::Forge(_) => "forge",
            Self::Replay => "replay",
            Self::EvidenceFails { .. } => "evidence fails",
            Self::Requote { .. } => "requote",
            Self::Bust { .. } => "bust",
            Self::Correct { .. } => "correct",
            Self::Withdraw { .. } => "withdraw",
            Self::TakenOver { .. } => "taken over",
            Self::ColleagueAccepts { .. } => "a colleague accepts",
        }
    }
}

/// An event and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds from the beginning.
    pub at: i64,
    /// What happens.
    pub act: Act,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} ms  {:?}", self.at, self.act)
    }
}

pub(crate) fn ask(rng: &mut Rng) -> Act {
    let millions = [1, 1, 1, 3, 5, 8][rng.pick(6)];
    let dealers = u8::try_from(rng.within(1, 8)).unwrap_or(1);
    Act::Ask { millions, dealers, ttl_s: [10, 15, 30, 60][rng.pick(4)] }
}

pub(crate) fn small(rng: &mut Rng) -> u8 {
    u8::try_from(rng.within(0, 8)).unwrap_or(0)
}

pub(crate) fn trader(rng: &mut Rng) -> Act {
    match rng.within(0, 20) {
        0..=10 => Act::Take { pick: small(rng) },
        11..=12 => Act::Arm { pick: small(rng) },
        13..=14 => Act::Confirm,
        15..=16 => Act::Cancel { pick: small(rng) },
        17 => Act::Dismiss { pick: small(rng) },
        _ => ask(rng),
    }
}

pub(crate) fn fault(rng: &mut Rng) -> Act {
    let for_ms = [200, 1_000, 4_000, 7_000, 12_000][rng.pick(5)];
    let dealer = u8::try_from(rng.within(0, 3)).unwrap_or(0);
    match rng.within(0, 37) {
        0..=7 => Act::Silence {
            from: if rng.chance(50) { End::Desk } else { End::Gateway },
            after: u32::try_from(rng.within(0, 400)).unwrap_or(0),
            for_ms: rng.chance(70).then_some(for_ms),
        },
        8..=10 => Act::Reset,
        11..=13 => Act::NewAddress { old_lives: rng.chance(50) },
        14..=15 => Act::Migrate { proof_ms: rng.within(1, 3_000), proved: rng.chance(80) },
        16 => Act::NoNetwork { for_ms },
        17..=18 => Act::Delay { ms: [1, 20, 150, 800][rng.pick(4)] },
        19 => Act::GatewayClock { ms: [-20_000, -1_500, 1_500, 20_000][rng.pick(4)] },
        20..=21 => Act::DeskCrash { for_ms, store_lost: rng.chance(30) },
        22..=23 => Act::GatewayCrash { for_ms, store_lost: rng.chance(20) },
        24 => Act::DealerCrash { dealer, for_ms },
        25..=26 => Act::DealerReset { dealer },
        27 => match rng.within(0, 3) {
            0 => Act::DiskFull { for_ms },
            1 => Act::DiskFails { end: End::Desk, for_ms },
            _ => Act::DiskFails { end: End::Gateway, for_ms },
        },
        28..=29 => Act::Locked { for_ms },
        30..=31 => Act::Requote { dealer },
        32..=33 => Act::Withdraw { dealer },
        _ => Act::NoNetwork { for_ms },
    }
}
