//! The commands of the package on the ticket.

use signet_desk_core::view::{PackageEdit, PackageForm, PackageRead, Problem};
use tauri::State;

use crate::Shell;

type Answer<T> = Result<T, Problem>;

/// What the desk reads in the package of a ticket.
#[tauri::command(async)]
#[specta::specta]
pub fn read_package(shell: State<'_, Shell>, form: PackageForm) -> Answer<PackageRead> {
    Ok(shell.desk()?.read_package(&form))
}

/// The package of a ticket after an edit.
#[tauri::command(async)]
#[specta::specta]
pub fn edit_package(
    shell: State<'_, Shell>,
    form: PackageForm,
    edit: PackageEdit,
) -> Answer<PackageForm> {
    Ok(shell.desk()?.edit_package(form, edit))
}
