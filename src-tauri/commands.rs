//! The commands of the page: one for each method of the desk. They decide nothing.
//!
//! Every command is asynchronous for Tauri, even where the desk answers at once, because a lock or
//! a disk must never delay the thread that draws.

use signet_desk_core::view::{
    AcceptView, ArmIntent, Behind, DeskInfo, EnrolIntent, Frame, IdentityView, InvitationView,
    Problem, QuantityView, Reference, SettlementView, Side, TicketForm, as_seq,
};
use tauri::State;

use crate::Shell;

type Answer<T> = Result<T, Problem>;

/// What this build is, and the venues that it knows.
#[tauri::command(async)]
#[specta::specta]
pub fn info(shell: State<'_, Shell>) -> Answer<DeskInfo> {
    let info = shell.desk()?.info();
    // The first thing that the page asks: it runs, and there is a desk behind it.
    crate::update::window_works();
    Ok(info)
}

/// The client identities in the OS keychain.
#[tauri::command]
#[specta::specta]
pub async fn identities(shell: State<'_, Shell>) -> Answer<Vec<IdentityView>> {
    shell.desk()?.identities().await
}

/// What an invitation (a link, or the text of its file) says.
#[tauri::command(async)]
#[specta::specta]
pub fn read_invitation(shell: State<'_, Shell>, text: String) -> Answer<InvitationView> {
    shell.desk()?.read_invitation(&text)
}

/// Makes a key, gets its certificate and stores both. The frames show how it goes.
#[tauri::command]
#[specta::specta]
pub async fn enrol(shell: State<'_, Shell>, intent: EnrolIntent) -> Answer<()> {
    shell.desk()?.enrol(intent).await
}

/// Answers a token that waits for its PIN; `null` declines.
#[tauri::command(async)]
#[specta::specta]
pub fn give_pin(shell: State<'_, Shell>, question: u32, pin: Option<String>) -> Answer<()> {
    shell.desk()?.give_pin(question, pin);
    Ok(())
}

/// Connects, and reconnects until `disconnect`.
#[tauri::command]
#[specta::specta]
pub async fn connect(shell: State<'_, Shell>, identity: String, venue: String) -> Answer<()> {
    shell.desk()?.connect(identity, venue).await
}

/// Logs out and stays offline.
#[tauri::command]
#[specta::specta]
pub async fn disconnect(shell: State<'_, Shell>) -> Answer<()> {
    shell.desk()?.disconnect().await
}

/// The instruments and dealers that this trader may use.
#[tauri::command(async)]
#[specta::specta]
pub fn reference(shell: State<'_, Shell>) -> Answer<Reference> {
    Ok(shell.desk()?.reference())
}

/// What a typed quantity means, and whether the instrument allows it.
#[tauri::command(async)]
#[specta::specta]
pub fn read_quantity(
    shell: State<'_, Shell>,
    instrument: String,
    text: String,
) -> Answer<QuantityView> {
    shell.desk()?.read_quantity(&instrument, &text)
}

/// The days on which a trade of an instrument may settle, the usual one first.
#[tauri::command(async)]
#[specta::specta]
pub fn settlement_dates(shell: State<'_, Shell>, instrument: String) -> Answer<SettlementView> {
    shell.desk()?.settlement_dates(&instrument)
}

/// Sends a filled-in ticket and returns the id of its RFQ.
#[tauri::command(async)]
#[specta::specta]
pub fn send_rfq(shell: State<'_, Shell>, form: TicketForm) -> Answer<String> {
    shell.desk()?.ask(&form)
}

/// Ends an RFQ without a trade.
#[tauri::command(async)]
#[specta::specta]
pub fn cancel_rfq(shell: State<'_, Shell>, rfq_id: String) -> Answer<()> {
    shell.desk()?.cancel_rfq(&rfq_id)
}

/// Removes an ended RFQ from the screen; the blotter keeps it.
#[tauri::command(async)]
#[specta::specta]
pub fn dismiss_rfq(shell: State<'_, Shell>, rfq_id: String) -> Answer<()> {
    shell.desk()?.dismiss_rfq(&rfq_id)
}

/// Returns the terms that an accept would agree to. Nothing is sent.
#[tauri::command(async)]
#[specta::specta]
pub fn arm(shell: State<'_, Shell>, intent: ArmIntent) -> Answer<AcceptView> {
    shell.desk()?.arm(intent)
}

/// Lets an armed accept follow its dealer's quotes by so many ticks, 0 for the same price or a
/// better one.
#[tauri::command(async)]
#[specta::specta]
pub fn set_limit(shell: State<'_, Shell>, rfq_id: String, ticks: u32) -> Answer<()> {
    shell.desk()?.set_limit(&rfq_id, ticks)
}

/// Lets an armed accept take so much of its quote, as it is typed; nothing typed is the whole. With
/// another quantity the accept has another id.
#[tauri::command(async)]
#[specta::specta]
pub fn take_quantity(shell: State<'_, Shell>, rfq_id: String, quantity: String) -> Answer<()> {
    shell.desk()?.take_quantity(&rfq_id, &quantity)
}

/// Asks to approve an accept of an RFQ before its quote is chosen: at the best price of this side,
/// or so many ticks worse.
#[tauri::command(async)]
#[specta::specta]
pub fn approve_ahead(
    shell: State<'_, Shell>,
    rfq_id: String,
    side: Side,
    ticks: Option<u32>,
) -> Answer<()> {
    shell.desk()?.approve_ahead(&rfq_id, side, ticks)
}

/// Takes an armed accept back.
#[tauri::command(async)]
#[specta::specta]
pub fn disarm(shell: State<'_, Shell>, rfq_id: String) -> Answer<()> {
    shell.desk()?.disarm(&rfq_id)
}

/// Sends the accept that was armed, shown and confirmed.
#[tauri::command(async)]
#[specta::specta]
pub fn accept(shell: State<'_, Shell>, rfq_id: String, accept_id: String) -> Answer<()> {
    shell.desk()?.accept(&rfq_id, &accept_id)
}

/// What changed since frame `since`, 0 for everything. The RFQs in `behind` are not visible.
#[tauri::command(async)]
#[specta::specta]
pub fn pull(shell: State<'_, Shell>, since: f64, behind: Vec<Behind>) -> Answer<Frame> {
    let frame = shell.desk()?.pull(as_seq(since), &behind);
    #[cfg(feature = "bench")]
    crate::bench::pulled(&frame, &behind);
    Ok(frame)
}

/// Asks for one [`crate::CHANGED`] event at the first change after frame `seq`.
#[tauri::command(async)]
#[specta::specta]
pub fn park(shell: State<'_, Shell>, seq: f64) -> Answer<()> {
    shell.desk()?.wake_after(as_seq(seq), shell.wake());
    Ok(())
}

/// Starts the ceremony of a step-up dialog, or starts it again.
#[tauri::command(async)]
#[specta::specta]
pub fn begin_step_up(shell: State<'_, Shell>, id: String) -> Answer<()> {
    shell.desk()?.begin_step_up(&id)
}

/// Answers a security key that waits for its PIN.
#[tauri::command(async)]
#[specta::specta]
pub fn give_key_pin(shell: State<'_, Shell>, id: String, question: u32, pin: String) -> Answer<()> {
    shell.desk()?.give_key_pin(&id, question, pin)
}

/// Stops a ceremony; it may be started again.
#[tauri::command(async)]
#[specta::specta]
pub fn stop_step_up(shell: State<'_, Shell>, id: String) -> Answer<()> {
    shell.desk()?.stop_step_up(&id)
}

/// Declines: what waits for the touch is refused.
#[tauri::command(async)]
#[specta::specta]
pub fn refuse_step_up(shell: State<'_, Shell>, id: String) -> Answer<()> {
    shell.desk()?.refuse_step_up(&id)
}

/// Asks the gateway for a challenge now, on the trader's own wish.
#[tauri::command(async)]
#[specta::specta]
pub fn verify_now(shell: State<'_, Shell>) -> Answer<()> {
    shell.desk()?.verify_now()
}

/// Registers a security key; the first one may need a one-time code.
#[tauri::command(async)]
#[specta::specta]
pub fn register_key(shell: State<'_, Shell>, name: String, code: Option<String>) -> Answer<()> {
    shell.desk()?.register_key(&name, code)
}

/// Touches the simulated key of a practice build; a build with real keys refuses.
#[tauri::command(async)]
#[specta::specta]
pub fn touch_simulated_key(shell: State<'_, Shell>) -> Answer<()> {
    shell.desk()?.touch_simulated_key()
}
