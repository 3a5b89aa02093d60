//! The commands of the ticket beside those that send.

use signet_desk_core::view::{FoundInstruments, Problem, SettlementDay};
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
