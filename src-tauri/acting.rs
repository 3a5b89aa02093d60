//! The commands for ending and leaving. They decide nothing.

use crate::Shell;
use signet_desk_core::view::{CounterIntent, Problem, StoppedView};
use tauri::State;

type Answer<T> = Result<T, Problem>;

/// Ends an RFQ without a trade, with the trader's reason for the records.
#[tauri::command(async)]
#[specta::specta]
pub fn end_rfq(shell: State<'_, Shell>, rfq_id: String, reason: String) -> Answer<()> {
    shell.desk()?.end_rfq(&rfq_id, &reason)
}

/// Tells one dealer of an RFQ that nothing will be traded with it, with the trader's reason for the
/// records.
#[tauri::command(async)]
#[specta::specta]
pub fn pass_dealer(
    shell: State<'_, Shell>,
    rfq_id: String,
    dealer: String,
    reason: String,
) -> Answer<()> {
    shell.desk()?.pass_dealer(&rfq_id, &dealer, &reason)
}

/// Asks one dealer for a better price than it quotes; agrees to nothing.
#[tauri::command(async)]
#[specta::specta]
pub fn counter_dealer(shell: State<'_, Shell>, intent: CounterIntent) -> Answer<()> {
    shell.desk()?.counter(&intent)
}

/// Stops everything at once: takes back what is armed and ends every open RFQ.
#[tauri::command(async)]
#[specta::specta]
pub fn stop_all(shell: State<'_, Shell>) -> Answer<StoppedView> {
    shell.desk()?.stop_all()
}

/// The trader was asked whether the window is to close, and it stays.
#[tauri::command(async)]
#[specta::specta]
pub fn stay_open(shell: State<'_, Shell>) -> Answer<()> {
    shell.desk()?.stay_open();
    Ok(())
}

/// The trader was asked, and the window closes.
#[tauri::command(async)]
#[specta::specta]
pub fn close_window(shell: State<'_, Shell>) -> Answer<()> {
    shell.close();
    Ok(())
}
