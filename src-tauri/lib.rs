//! The window of Signet Desk: commands, permissions, and the start and end of the process.
//!
//! `signet-desk-core` takes every decision; a command here is one call of [`Desk`]. The page in
//! `ui/` can use only the commands granted in `capabilities/`, and loads nothing that is not part
//! of this program.

mod acting;
mod asked;
mod attention;
#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "practice")]
pub mod check;
mod commands;
mod crash;
mod display;
pub mod doctor;
pub mod erase;
mod group;
pub mod history;
mod insight;
pub mod instance;
mod list;
mod log;
mod package;
mod panel;
mod place;
pub mod policy;
#[cfg(feature = "practice")]
pub mod practice;
mod shell;
pub mod start;
mod support;
mod ticket;
mod tray;
mod tray_icon;
#[cfg(target_os = "linux")]
mod unlock;
pub mod update;
mod web_view_env;

use std::{io::IsTerminal, process::ExitCode};

use signet_desk_core::{Desk, view::Problem};
use tauri::{AppHandle, Manager, Runtime};

pub use shell::Shell;
pub use web_view_env::remove_web_view_variables;

/// Emitted when something changed after the frame at which the page parked. It carries nothing: the
/// page pulls what changed.
pub const CHANGED: &str = "desk://changed";

/// Emitted when the tray or another program asks something of the trader. It carries nothing: the
/// page takes what waits.
pub const ASKED: &str = "desk://asked";

/// The typed contract of the page; `tests/bindings.rs` writes `ui/src/bindings.ts` from it.
#[rustfmt::skip] // A line for each room, not for each command.
pub fn contract<R: Runtime>() -> tauri_specta::Builder<R> {
    constants().commands(tauri_specta::collect_commands![
        commands::info, commands::identities, commands::read_invitation, commands::enrol,
        commands::give_pin, commands::connect, commands::disconnect, commands::reference,
        ticket::find_instruments, ticket::read_settlement,
        package::read_package, package::edit_package,
        ticket::check_ticket, ticket::dealer_hints, ticket::dealer_lists,
        ticket::keep_dealer_list, ticket::rename_dealer_list, ticket::drop_dealer_list,
        ticket::kept_tickets, ticket::ticket_of,
        ticket::keep_draft, ticket::keep_template, ticket::drop_template, ticket::favour_dealer,
        commands::read_quantity, commands::settlement_dates, commands::send_rfq,
        commands::cancel_rfq, commands::dismiss_rfq, commands::arm, commands::disarm,
        commands::set_limit, commands::take_quantity, commands::approve_ahead,
        commands::accept, commands::pull,
        commands::park, commands::begin_step_up, commands::give_key_pin, commands::stop_step_up,
        commands::refuse_step_up, commands::verify_now, commands::register_key,
        commands::touch_simulated_key,
        acting::pass_dealer, acting::counter_dealer, acting::end_rfq, acting::stop_all,
        acting::stay_open, acting::close_window,
        list::list_paste, list::list_workbook, list::list_act, list::list_page, list::list_take,
        list::list_confirm,
        group::ask_group, group::take_over,
        insight::blotter_rows, insight::blotter_columns, insight::keep_blotter_columns,
        insight::export_blotter, insight::give_reason, insight::attend, insight::best_execution,
        insight::save_best_execution, insight::save_proof, insight::print_page,
        insight::dealer_insights,
        support::security, support::look, support::keep_look, support::log_lines,
        support::support_report, support::alert,
        panel::open_panel, panel::leave_panel,
        asked::take_asked,
    ])
}

/// The contract without its commands.
fn constants<R: Runtime>() -> tauri_specta::Builder<R> {
    // A time is always a finite number of milliseconds, so the page need not expect `null` here.
    let floats = specta_typescript::semantic::Configuration::empty().enable_lossless_floats();
    tauri_specta::Builder::new()
        .constant("CHANGED", CHANGED)
        .constant("ASKED", ASKED)
        .semantic_types(floats)
        // What is serialised and what is deserialised have the same shape.
        .disable_serde_phases()
}

/// Adds everything but the runtime and the desk, so that tests build the same application without
/// a display. The caller manages a [`Shell`].
pub fn configure<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    let commands = contract().invoke_handler();
    #[cfg(feature = "bench")]
    let commands = bench::with_marks(commands);
    builder.invoke_handler(commands)
}

/// Opens the window on the desk that `start` makes, and returns when both have ended. Another start
/// on the same folder asks `instance` for this window. `link` is what another program passed on
/// with this start.
///
/// `start` runs on the main thread inside the asynchronous runtime, so it may spawn tasks. If it
/// fails, the window still opens and shows why.
pub fn run(
    instance: Option<instance::Instance>,
    link: Option<String>,
    start: impl FnOnce(&AppHandle) -> Result<Desk, Problem> + Send + 'static,
) -> ExitCode {
    start_log();
    if let Some((data, _)) = start::folders() {
        crash::keep_reports(&data);
    }
    if let Err(why) = display::check() {
        display::tell(&why);
        return ExitCode::FAILURE;
    }
    update::begin();
    let app = configure(tauri::Builder::default())
        .setup(move |app| {
            let runtime = tauri::async_runtime::handle();
            let _inside = runtime.inner().enter();
            let desk = start(app.handle());
            #[cfg(target_os = "linux")]
            if let Ok(desk) = &desk {
                unlock::listen(desk);
            }
            update::watch(desk.as_ref().ok().cloned());
            app.manage(Shell::new(app.handle(), desk));
            shell::open_window(app)?;
            shell::end_on_signal(app.handle());
            if let Some(instance) = instance {
                let handle = app.handle().clone();
                instance.listen(move |call| shell::started_again(&handle, call));
                app.manage(instance);
            }
            if let Some(link) = link {
                shell::ask_about(app.handle(), &link, false);
            }
            tray::start(app.handle());
            Ok(())
        })
        .build(tauri::generate_context!());
    match app {
        Ok(app) => ExitCode::from(u8::try_from(app.run_return(shell::on_event)).unwrap_or(1)),
        Err(why) => {
            eprintln!("signet-desk: the window could not be opened: {why}");
            ExitCode::FAILURE
        }
    }
}

/// `RUST_LOG` chooses what is logged; the default is little. No level may log a key or a message of
/// the session. Targets that would log PINs are never logged. The last lines stay in memory for the
/// log viewer.
fn start_log() {
    use tracing_subscriber::{
        EnvFilter, Layer as _, filter::filter_fn, fmt, layer::SubscriberExt as _,
        util::SubscriberInitExt as _,
    };
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,signet=info"));
    let lines =
        fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let kept = fmt::layer().with_ansi(false).with_writer(log::ToLog);
    let capped = lines
        .and_then(kept)
        .with_filter(filter_fn(|record| signet_stepup::logs::may_be_logged(record.target())));
    // A second call happens only in tests, where the first subscriber stays.
    let _ = tracing_subscriber::registry().with(capped.with_filter(filter)).try_init();
}
