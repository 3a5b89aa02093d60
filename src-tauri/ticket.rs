//! The commands of the ticket beside those that send.

use signet_desk_core::view::{
    DealerHint, DealerListView, FoundInstruments, KeptTickets, Problem, SettlementDay,
    TemplateView, TicketCheck, TicketForm,
};
use tauri::State;

use crate::Shell;

type Answer<T> = Result<T, Problem>;

/// The instruments that a typed text finds.
#[tauri::command(async)]
#[specta::specta]
pub fn find_instruments(shell: State<'_, Shell>, typed: String) -> Answer<FoundInstruments> {
    Ok(shell.desk()?.find_instruments(&typed))
}

/// The settlement day that a typed text means: `2026-12-15`, `15 dec`, `3m`.
#[tauri::command(async)]
#[specta::specta]
pub fn read_settlement(
    shell: State<'_, Shell>,
    instrument: String,
    text: String,
) -> Answer<SettlementDay> {
    shell.desk()?.read_settlement(&instrument, &text)
}

/// What is known about a ticket before it is sent.
#[tauri::command(async)]
#[specta::specta]
pub fn check_ticket(shell: State<'_, Shell>, form: TicketForm) -> Answer<TicketCheck> {
    Ok(shell.desk()?.check_ticket(&form))
}

/// What helps to choose dealers for an instrument, in the order of the venue's list.
#[tauri::command(async)]
#[specta::specta]
pub fn dealer_hints(shell: State<'_, Shell>, instrument: String) -> Answer<Vec<DealerHint>> {
    Ok(shell.desk()?.dealer_hints(&instrument))
}

/// The lists of dealers that the trader made at this venue, by name.
#[tauri::command(async)]
#[specta::specta]
pub fn dealer_lists(shell: State<'_, Shell>) -> Answer<Vec<DealerListView>> {
    Ok(shell.desk()?.dealer_lists())
}

/// Keeps dealers under a name; a list of the same name is replaced.
#[tauri::command(async)]
#[specta::specta]
pub fn keep_dealer_list(shell: State<'_, Shell>, name: String, dealers: Vec<String>) -> Answer<()> {
    shell.desk()?.keep_dealer_list(&name, &dealers)
}

/// Gives a list of dealers another name.
#[tauri::command(async)]
#[specta::specta]
pub fn rename_dealer_list(shell: State<'_, Shell>, name: String, to: String) -> Answer<()> {
    shell.desk()?.rename_dealer_list(&name, &to)
}

/// Deletes a list of dealers.
#[tauri::command(async)]
#[specta::specta]
pub fn drop_dealer_list(shell: State<'_, Shell>, name: String) -> Answer<()> {
    shell.desk()?.drop_dealer_list(&name)
}

/// The draft, the templates and the last requests.
#[tauri::command(async)]
#[specta::specta]
pub fn kept_tickets(shell: State<'_, Shell>) -> Answer<KeptTickets> {
    Ok(shell.desk()?.kept_tickets())
}

/// The ticket of a request of this desk; `null` if it is not kept.
#[tauri::command(async)]
#[specta::specta]
pub fn ticket_of(shell: State<'_, Shell>, rfq_id: String) -> Answer<Option<TicketForm>> {
    Ok(shell.desk()?.ticket_of(&rfq_id))
}

/// Keeps the ticket as it is now; `null` when there is nothing in it.
#[tauri::command(async)]
#[specta::specta]
pub fn keep_draft(shell: State<'_, Shell>, draft: Option<TicketForm>) -> Answer<()> {
    shell.desk()?.keep_draft(draft)
}

/// Keeps a ticket under a name.
#[tauri::command(async)]
#[specta::specta]
pub fn keep_template(shell: State<'_, Shell>, template: TemplateView) -> Answer<()> {
    shell.desk()?.keep_template(&template)
}

/// Removes a template.
#[tauri::command(async)]
#[specta::specta]
pub fn drop_template(shell: State<'_, Shell>, name: String) -> Answer<()> {
    shell.desk()?.drop_template(&name)
}

/// Makes a dealer a favourite, or no favourite.
#[tauri::command(async)]
#[specta::specta]
pub fn favour_dealer(shell: State<'_, Shell>, dealer: String, on: bool) -> Answer<()> {
    shell.desk()?.favour_dealer(&dealer, on)
}
