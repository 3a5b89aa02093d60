//! What the window is shown, and what it may ask for.
//!
//! These types are the whole contract between the desk and its page: the page draws them and sends
//! intents back; it decides nothing. `ui/src/bindings.ts` is generated from them.
//!
//! Prices and quantities are decimal strings, already formatted for the instrument, so that no
//! price ever passes through a binary float. Times are milliseconds since the Unix epoch **on the
//! gateway's clock**, so that a laptop clock which is wrong cannot show a dead quote as live;
//! [`Frame::gateway_now_ms`] says what that clock reads now.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Something that went wrong, in the three parts a person needs. `code` is stable and is what tests
/// and support look at; nobody matches on `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable, lower snake case, for example `keychain_locked`.
    pub code: String,
    /// What happened and whose side it is on, in plain words.
    pub message: String,
    /// What would cure it, in plain words.
    pub cure: String,
}

/// What this build is. Constant while the program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeskInfo {
    pub version: String,
    /// True only in a build with the `practice` feature connected to its embedded venue. The page
    /// must say so at all times.
    pub practice: bool,
    /// Security keys are simulated here, for practice: what to say about them; a click is the touch.
    pub simulated_key: Option<String>,
    /// The venues (gateways) this desk is configured for; at least one, else `problem` says why.
    pub venues: Vec<VenueView>,
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VenueView {
    pub name: String,
    /// `host:port`.
    pub endpoint: String,
}

/// A client identity found in the keychain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct IdentityView {
    /// The name to pass back to `connect`.
    pub name: String,
    /// The CompID the certificate is bound to.
    pub comp_id: String,
    pub issuer: String,
    pub not_before_ms: f64,
    pub not_after_ms: f64,
    /// SHA-256 of the certificate's public key, `sha256/` and base64, as pins are written.
    pub fingerprint: String,
    /// Where the private key lives, in words ("OS keychain").
    pub held_in: String,
    /// Why it cannot be used (expired, key missing), if it cannot.
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LinkState {
    /// Nobody has asked to connect, or the trader disconnected.
    Offline,
    /// The OS keychain has been asked for the key and has not answered yet (it may be showing its
    /// own unlock prompt).
    WaitingForKeychain,
    /// TCP and TLS are being established.
    Connecting,
    /// TLS is up; the FIX Logon has not been answered yet.
    LoggingOn,
    /// Logged on and rebuilding state: open RFQs, live quotes, accepts in flight.
    Restoring,
    /// Logged on and up to date.
    Online,
    /// The link was lost and the desk is trying again by itself.
    Reconnecting,
    /// Refused or impossible; needs somebody to act. `problem` says what.
    Refused,
}

/// The connection, always visible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    pub state: LinkState,
    pub venue: Option<VenueView>,
    /// The identity in use, as in [`IdentityView::name`].
    pub identity: Option<String>,
    pub comp_id: Option<String>,
    /// For example `TLS 1.3 · X25519MLKEM768 · AES-256-GCM`.
    pub tls: Option<String>,
    /// Gateway clock minus laptop clock, milliseconds; `None` until measured.
    pub clock_offset_ms: Option<f64>,
    /// Measured round trip to the gateway, milliseconds.
    pub round_trip_ms: Option<f64>,
    /// When the present state began, on the laptop's clock.
    pub since_ms: f64,
    /// While `Reconnecting`: which attempt this is.
    pub attempt: u32,
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentView {
    /// ISIN, or the currency pair.
    pub id: String,
    /// What a trader calls it: `DBR 2.5 02/35`, `EUR/USD`.
    pub symbol: String,
    pub name: String,
    /// `Government bond`, `Corporate bond`, `FX spot`, ...
    pub asset_class: String,
    /// Currency the quantity is counted in.
    pub currency: String,
    /// Digits after the decimal point in a price.
    pub price_decimals: u8,
    /// Unit of the price, in words: `% of par`, `USD per EUR`.
    pub price_unit: String,
    /// Smallest price step.
    pub tick: String,
    /// Quantities are multiples of this.
    pub lot: String,
    pub min_quantity: String,
    pub max_quantity: String,
    /// `T+2`, `spot`.
    pub settlement: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DealerView {
    /// The dealer's CompID.
    pub id: String,
    pub name: String,
    /// Whether the dealer's session with the gateway is up.
    pub online: bool,
}

/// Instruments and dealers this trader may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    pub instruments: Vec<InstrumentView>,
    pub dealers: Vec<DealerView>,
    pub max_dealers: u32,
    /// Allowed times to live, seconds: shortest, longest and the one offered first.
    pub ttl_min_s: u32,
    pub ttl_max_s: u32,
    pub ttl_default_s: u32,
}

/// From the trader's side: `Buy` means the trader buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Ask {
    Buy,
    Sell,
    TwoWay,
}

/// The RFQ ticket as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    pub instrument: String,
    pub ask: Ask,
    /// As typed: `5m`, `250k`, `1,500,000`.
    pub quantity: String,
    /// Dealer ids.
    pub dealers: Vec<String>,
    pub ttl_s: u32,
    /// The day the trader saw and chose, `2026-12-01`; the usual one if none is given.
    pub settlement_date: Option<String>,
}

/// On which days a trade of now may settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettlementView {
    /// Business days, `2026-12-01`, the usual one first.
    pub dates: Vec<String>,
    /// `T+2`, `spot`.
    pub convention: String,
    /// What is not known of the calendar; empty when nothing is missing.
    pub note: String,
}

/// What a typed quantity means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuantityView {
    /// Plain decimal: `5000000`.
    pub value: String,
    /// With group separators: `5,000,000`.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RfqState {
    /// On its way; the gateway has not acknowledged it.
    Sent,
    /// The gateway has it and the dealers were asked.
    Open,
    /// Traded.
    Done,
    /// Time ran out.
    Expired,
    /// The trader ended it.
    Cancelled,
    /// The gateway refused it; `problem` says why.
    Refused,
    /// Every dealer passed, rejected or withdrew.
    NothingDone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum AcceptState {
    /// Shown to the trader for confirmation; nothing has been sent.
    Armed,
    /// It was armed and is no more, because the quote changed under it; `text` says how.
    Disarmed,
    /// Sent, and waiting at the gateway for a touch or a second person; `text` says for which.
    StepUp,
    /// Sent; no answer yet.
    Sent,
    /// The dealer is taking its last look.
    LastLook,
    Filled,
    PartlyFilled,
    /// The dealer has corrected the trade; what is shown is how it stands now.
    Corrected,
    /// The dealer has cancelled the trade.
    Busted,
    /// Refused by desk, gateway or dealer; `text` says by whom and why.
    Declined,
    /// The dealer reports a trade that is not what was accepted; people must settle it.
    Disputed,
    /// Sent, the answer was lost, and the desk is asking what became of it. Never a guess.
    Unknown,
}

/// The one accept of an RFQ: what exactly was, or would be, agreed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AcceptView {
    pub state: AcceptState,
    /// Unique id of the accept (ClOrdID).
    pub id: String,
    pub dealer: String,
    pub dealer_name: String,
    pub quote_id: String,
    pub side: Side,
    pub price: String,
    /// With group separators.
    pub quantity: String,
    pub settlement_date: Option<String>,
    /// When the quote behind it ends (gateway clock), while that still matters.
    pub valid_until_ms: Option<f64>,
    /// One sentence: what happened, or what is being waited for.
    pub text: String,
    pub since_ms: f64,
}

/// The head of one RFQ panel. Its dealers are in [`LineView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RfqView {
    /// QuoteReqID.
    pub id: String,
    pub instrument: String,
    pub symbol: String,
    pub name: String,
    pub ask: Ask,
    /// With group separators.
    pub quantity: String,
    pub currency: String,
    pub settlement_date: String,
    pub price_decimals: u8,
    pub price_unit: String,
    pub state: RfqState,
    pub created_ms: f64,
    pub expires_ms: f64,
    pub accept: Option<AcceptView>,
    pub problem: Option<Problem>,
    /// One sentence for the panel's head: `Waiting for 3 of 4 dealers`, `Filled at 99.125 with ...`.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LineState {
    /// Asked, no answer yet.
    Asked,
    /// A live quote.
    Quoted,
    /// The dealer took its quote back.
    Withdrawn,
    /// The dealer, or the gateway, cannot be reached; the quote is not withdrawn.
    Unreachable,
    /// The quote's time ran out.
    Expired,
    /// The dealer does not want to quote; `reason` says why.
    Passed,
    /// The dealer, or the gateway on its behalf, refused the request; `reason` says why.
    Rejected,
    /// This dealer's quote was accepted and filled.
    Traded,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuoteSide {
    /// Formatted with the instrument's decimals, so that columns align.
    pub price: String,
    /// With group separators.
    pub size: String,
    /// True if the size is smaller than asked.
    pub partial: bool,
}

/// One dealer's row in the ladder of one RFQ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LineView {
    pub rfq_id: String,
    pub dealer: String,
    pub dealer_name: String,
    pub state: LineState,
    pub reason: Option<String>,
    pub quote_id: Option<String>,
    /// The dealer buys, the trader sells.
    pub bid: Option<QuoteSide>,
    /// The dealer sells, the trader buys.
    pub offer: Option<QuoteSide>,
    /// Gateway clock; `None` when there is no live quote.
    pub valid_until_ms: Option<f64>,
    pub best_bid: bool,
    pub best_offer: bool,
    /// Whether a hit (sell) or a lift (buy) may be armed now.
    pub can_hit: bool,
    pub can_lift: bool,
    /// The dealer shows this price and does not trade on it.
    pub indicative: bool,
    /// Counts this dealer's prices; a change of it is a re-quote.
    pub revision: u32,
    /// Place in the ladder, best first; lines of one RFQ are drawn in this order.
    pub rank: u32,
}

/// In what a key is, or is to be, held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// The keychain of the operating system.
    Keychain,
    /// A smart card, security key or other PKCS#11 token that never gives the key out.
    Token,
}

/// What an invitation says, for the trader to compare with the administrator's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    pub venue: String,
    /// The user id at the firm.
    pub user: String,
    /// `host:port` of the enrolment service.
    pub enrol_at: String,
    /// `host:port` of the gateway.
    pub trade_at: String,
    /// SHA-256 of the authority that vouches for the gateway, hexadecimal in groups.
    pub fingerprint: Vec<String>,
    /// What the administrator allows the key to be held in.
    pub holders: Vec<Holder>,
    pub code_expires_ms: f64,
    /// The code has expired by this laptop's clock.
    pub expired: bool,
    /// A name for this laptop, to be changed freely.
    pub device: String,
}

/// Everything the trader gives to enrol this laptop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EnrolIntent {
    /// The link, or the text of the file.
    pub invitation: String,
    /// The fingerprint the trader compared; enrolment stops if the invitation has another.
    pub compared: Vec<String>,
    /// The one-time code.
    pub code: String,
    pub device: String,
    pub holder: Holder,
}

/// How many tries a token says are left for its PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PinTries {
    Full,
    /// At least one wrong PIN since the last right one.
    Low,
    /// One more wrong PIN locks the token.
    Last,
    Locked,
}

/// What the PIN dialog shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PinView {
    /// A PIN is being waited for.
    pub open: bool,
    pub token: String,
    pub tries: PinTries,
    /// The PIN just given was wrong.
    pub wrong: bool,
    pub chars_min: u32,
    pub chars_max: u32,
    /// It is typed on the reader's own keys.
    pub on_reader: bool,
}

impl PinView {
    /// No PIN is waited for.
    pub(crate) fn closed() -> Self {
        Self { open: false, token: String::new(), tries: PinTries::Full, wrong: false, chars_min: 0, chars_max: 0, on_reader: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum EnrolPhase {
    Idle,
    /// The key pair is made in its holder, which may be waiting for somebody to unlock it.
    MakingKey,
    /// The enrolment service has the request.
    Asking,
    /// The certificate goes to its holder.
    Storing,
    /// `identity` may connect.
    Done,
    /// `problem` says why.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EnrolView {
    pub phase: EnrolPhase,
    /// Name of the new identity.
    pub identity: Option<String>,
    /// Venue it belongs to.
    pub venue: Option<String>,
    pub problem: Option<Problem>,
}

/// What a touch of a security key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StepUpKind {
    /// To be on, or to go on.
    Session,
    Request,
    Accept,
    /// To approve, with a key that is registered, that another is.
    RegisterKey,
    /// The new key itself.
    NewKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StepUpPhase {
    /// Nothing happens before the person begins (a second person reads first).
    Ready,
    /// Another ceremony is under way; this one is next.
    Queued,
    /// No key is there.
    Insert,
    /// Several keys are there: the one touched is used.
    ChooseByTouch,
    /// The key's PIN is waited for.
    Pin,
    /// The key waits for its touch.
    Touch,
    /// The key, or the system's own dialog, is at work.
    Verifying,
    /// Signed; the gateway looks at it.
    Checking,
    /// There is no signature; `problem` says why. It may be tried again until the deadline.
    Failed,
    /// The connection went. The gateway asks anew when it is back.
    LinkLost,
}

/// What exactly is approved, formatted for the instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StepUpTerms {
    pub ask: Ask,
    /// With group separators.
    pub quantity: String,
    pub currency: String,
    pub symbol: String,
    /// ISIN or pair.
    pub instrument: String,
    /// Of an accept.
    pub price: Option<String>,
    pub price_unit: String,
    /// The dealer of an accept; the dealers of an RFQ.
    pub dealers: Vec<String>,
    pub settlement_date: String,
}

/// The step-up dialog, when one is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StepUpView {
    /// Pass back with every intent about it.
    pub id: String,
    pub kind: StepUpKind,
    pub phase: StepUpPhase,
    /// Why it is asked, one sentence.
    pub reason: String,
    pub terms: Option<StepUpTerms>,
    /// The name of the key to be registered, for the kinds that register one.
    pub key_name: Option<String>,
    /// CompID of the desk that asks, when it is not this one: this person is the second.
    pub asked_by: Option<String>,
    /// Gateway clock.
    pub deadline_ms: f64,
    /// The PIN just given was wrong.
    pub pin_wrong: bool,
    /// How many tries the key says are left for its PIN.
    pub pin_left: Option<u32>,
    pub problem: Option<Problem>,
    pub rfq_id: Option<String>,
    /// How many more wait behind this one.
    pub behind: u32,
}

/// What the gateway wants of this session beyond a certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccessView {
    /// The venue uses security keys.
    pub step_up: bool,
    /// The desk itself asks for touches, because the venue does not: weaker.
    pub direct: bool,
    /// Until when the last touch is good, on the gateway's clock.
    pub lease_until_ms: Option<f64>,
    /// Security keys of this person that are good.
    pub keys: u32,
    /// This person may be asked to approve what others do.
    pub approver: bool,
    /// What stands in the way of trading, if anything.
    pub text: Option<String>,
    /// The gateway's decision about this access, once it said one.
    pub risk: Option<RiskView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RiskVerdict {
    Allow,
    StepUp,
    Deny,
}

/// The gateway's decision about this access, and what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RiskView {
    pub verdict: RiskVerdict,
    pub score: u32,
    /// One sentence.
    pub text: String,
    pub cure: Option<String>,
    pub factors: Vec<FactorView>,
    /// SHA-256 of the policy, lower-case hexadecimal.
    pub policy: String,
    /// When it was decided, milliseconds since 1970 on the gateway's clock.
    pub at_ms: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FactorView {
    pub attribute: String,
    pub condition: String,
    pub points: u32,
    pub rationale: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    pub id: String,
    pub name: String,
    pub model: String,
    /// False when it is locked.
    pub good: bool,
    pub registered_ms: f64,
    /// 0: not yet.
    pub last_used_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RegisterPhase {
    Idle,
    /// The gateway is asked, or the dialog is open.
    UnderWay,
    /// A one-time code of the administrator is needed.
    CodeWanted,
    Done,
    Failed,
}

/// The person's security keys, and how a registration is going.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeysView {
    pub keys: Vec<KeyView>,
    pub phase: RegisterPhase,
    pub problem: Option<Problem>,
}

/// An RFQ the page does not keep up with, because its panel is out of sight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Behind {
    pub rfq_id: String,
    /// The frame up to which the page knows this RFQ, older than the one it has of the rest.
    pub since: f64,
    /// Whether it wants to catch up with this pull.
    pub send: bool,
}

/// What changed since the frame the page already has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Pass back to the next `pull`.
    pub seq: f64,
    /// True when this frame is everything and the page must forget what it had.
    pub whole: bool,
    /// True when something changed that the page, being [`Behind`] by its own wish, was not sent.
    pub withheld: bool,
    pub gateway_now_ms: f64,
    pub session: Option<SessionView>,
    /// How an enrolment is going, when that changed.
    pub enrol: Option<EnrolView>,
    /// Whether a token waits for its PIN, when that changed.
    pub pin: Option<PinView>,
    /// The step-up dialog, when it changed: at most one, or none.
    pub step_up: Option<Vec<StepUpView>>,
    pub access: Option<AccessView>,
    pub keys: Option<KeysView>,
    pub rfqs: Vec<RfqView>,
    pub lines: Vec<LineView>,
    /// RFQs to remove from the screen.
    pub removed: Vec<String>,
    /// Reference data changed (call `reference` again).
    pub reference_changed: bool,
    /// The blotter changed (call `blotter` again if it is on screen).
    pub blotter_changed: bool,
    /// Notices to show once, newest last.
    pub notices: Vec<Notice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum NoticeKind {
    Good,
    Plain,
    Bad,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    pub kind: NoticeKind,
    pub at_ms: f64,
    pub code: String,
    pub text: String,
    pub rfq_id: Option<String>,
}

/// Arm an accept: ask to be shown exactly what would be agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ArmIntent {
    pub rfq_id: String,
    pub dealer: String,
    /// The quote as the trader saw it. A re-quote in between refuses the intent.
    pub quote_id: String,
    pub side: Side,
    /// The price as the trader saw it.
    pub price: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum BlotterTab {
    Rfqs,
    Trades,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterQuery {
    pub tab: BlotterTab,
    /// Free text matched against every column; empty for all.
    pub text: String,
    pub limit: u32,
}

/// A row of the blotter: an ended or open RFQ, or a trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterRow {
    pub id: String,
    pub rfq_id: String,
    pub at_ms: f64,
    pub symbol: String,
    pub instrument: String,
    /// `Buy`, `Sell` or `Two-way`.
    pub side: String,
    pub quantity: String,
    pub currency: String,
    pub price: Option<String>,
    /// The dealer traded with, or the dealers asked.
    pub dealer: String,
    /// `Filled`, `Expired`, `Cancelled`, ...
    pub status: String,
    /// The second best price at the time of the trade, when there was one.
    pub cover: Option<String>,
    pub settlement_date: String,
    /// The dealer's execution id, for trades.
    pub exec_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterPage {
    pub rows: Vec<BlotterRow>,
    /// How many rows match in all.
    pub total: u32,
}

/// JavaScript has no 64-bit integer; a sequence number stays exact in a double for as long as
/// anybody will run one desk. A page that sends nonsense gets everything.
pub fn as_seq(number: f64) -> u64 {
    number.max(0.0) as u64
}
