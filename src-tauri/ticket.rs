//! The commands of the ticket beside those that send.

use signet_desk_core::view::{FoundInstruments, Problem};
use tauri::State;

use crate::Shell;

type Answer<T> = Result<T, Problem>;

/// The instruments that a typed text finds.
#[tauri::command(async)]
#[specta::specta]
pub fn find_instruments(shell: State<'_, Shell>, typed: String) -> Answer<FoundInstruments> {
    Ok(shell.desk()?.find_instruments(&typed))
}
