//! The commands of the list of requests. They decide nothing.

use signet_desk_core::view::{HiddenRows, ListIntent, ListPage, ListPasted, Problem};
use tauri::State;

use crate::Shell;

type Answer<T> = Result<T, Problem>;

/// Adds the rows of a text: comma, semicolon or tab separated, with or without names of columns.
#[tauri::command(async)]
#[specta::specta]
pub fn list_paste(shell: State<'_, Shell>, text: String) -> Answer<ListPasted> {
    shell.desk()?.list_paste(&text)
}

/// Adds the rows of the first sheet of a workbook (.xlsx), which is sent in base64; `hidden` says
/// what becomes of rows that are hidden in it.
#[tauri::command(async)]
#[specta::specta]
pub fn list_workbook(
    shell: State<'_, Shell>,
    file: String,
    hidden: Option<HiddenRows>,
) -> Answer<ListPasted> {
    shell.desk()?.list_workbook(&file, hidden)
}

/// Does what the trader wants of the list.
#[tauri::command(async)]
#[specta::specta]
pub fn list_act(shell: State<'_, Shell>, intent: ListIntent) -> Answer<()> {
    shell.desk()?.list_act(&intent)
}

/// A window of the rows, and what is to be confirmed.
#[tauri::command(async)]
#[specta::specta]
pub fn list_page(shell: State<'_, Shell>, offset: u32, limit: u32) -> Answer<ListPage> {
    Ok(shell.desk()?.list_page(offset, limit))
}

/// Shows every row whose best price is within its limit. Nothing is sent.
#[tauri::command(async)]
#[specta::specta]
pub fn list_take(shell: State<'_, Shell>) -> Answer<()> {
    shell.desk()?.list_take()
}

/// Takes what is shown, one accept after the other.
#[tauri::command(async)]
#[specta::specta]
pub fn list_confirm(shell: State<'_, Shell>) -> Answer<()> {
    shell.desk()?.list_confirm()
}
