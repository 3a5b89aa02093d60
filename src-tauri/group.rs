//! The commands about colleagues' RFQs. They decide nothing.

use crate::Shell;
use signet_desk_core::view::Problem;
use tauri::State;

type Answer<T> = Result<T, Problem>;

/// Asks which RFQs of colleagues are open; the frames show the answer.
#[tauri::command(async)]
#[specta::specta]
pub fn ask_group(shell: State<'_, Shell>) -> Answer<()> {
    shell.desk()?.ask_group()
}

/// Takes a colleague's RFQ over, by its key in the list.
#[tauri::command(async)]
#[specta::specta]
pub fn take_over(shell: State<'_, Shell>, key: String) -> Answer<()> {
    shell.desk()?.take_over(&key)
}
