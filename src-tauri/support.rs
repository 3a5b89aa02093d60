//! The commands around the trading: the security panel, the look of the window, the log, the
//! support report and alerts of the system.

use crate::{Shell, attention::Attention, crash, log::LOG};
use signet_desk_core::view::{Look, Problem, SecurityView, Sound};
use std::{sync::LazyLock, time::Instant};
use tauri::State;

type Answer<T> = Result<T, Problem>;

/// Who this desk is, and how it is connected.
#[tauri::command]
#[specta::specta]
pub async fn security(shell: State<'_, Shell>) -> Answer<SecurityView> {
    shell.desk()?.security().await
}

/// What the trader has chosen about the page.
#[tauri::command(async)]
#[specta::specta]
pub fn look(shell: State<'_, Shell>) -> Answer<Look> {
    Ok(shell.desk()?.look())
}

/// Keeps it for the next start.
#[tauri::command(async)]
#[specta::specta]
pub fn keep_look(shell: State<'_, Shell>, look: Look) -> Answer<()> {
    shell.desk()?.keep_look(look)
}

/// The last lines of the desk's log that hold every word of `text`; the latest last.
#[tauri::command(async)]
#[specta::specta]
pub fn log_lines(text: String) -> Answer<Vec<String>> {
    Ok(LOG.lines(&text))
}

/// A text for whoever helps, without secrets and without anything of an RFQ.
#[tauri::command]
#[specta::specta]
pub async fn support_report(shell: State<'_, Shell>) -> Answer<String> {
    let view = tauri::webview_version().unwrap_or_else(|_| "of an unknown version".into());
    let report = shell.desk()?.support_report(&format!("web view {view}")).await?;
    let crashes = tauri::async_runtime::spawn_blocking(crash::latest).await.unwrap_or_default();
    Ok(if crashes.is_empty() { report } else { format!("{report}\n== Crashes\n{crashes}") })
}

/// Shows an alert of the system, unless there was one a moment ago or the trader wants none.
#[tauri::command(async)]
#[specta::specta]
pub fn alert(shell: State<'_, Shell>, what: Sound) -> Answer<()> {
    static SHOWN: LazyLock<Attention> = LazyLock::new(Attention::default);
    if shell.desk()?.look().alerts && SHOWN.is_due(Instant::now()) {
        show(words(what));
    }
    Ok(())
}

/// Fixed words: an alert may stand on a locked screen, so it tells nothing of a client.
fn words(what: Sound) -> &'static str {
    match what {
        Sound::Quote => "A quote came.",
        Sound::Filled => "A trade was made.",
        Sound::Bad => "Something needs to be read.",
        Sound::Lost => "The connection is lost.",
        Sound::Touch => "A touch of your security key is wanted.",
    }
}

/// Asks the desktop's own service to show it. Without one nothing is shown.
#[cfg(target_os = "linux")]
fn show(words: &str) {
    use gtk::{
        gio::{self, BusType, Cancellable, DBusCallFlags},
        glib::{ToVariant as _, Variant},
    };
    use std::collections::HashMap;
    const SERVICE: &str = "org.freedesktop.Notifications";
    const PATIENCE_MS: i32 = 2_000;
    let hints: HashMap<String, Variant> = HashMap::new();
    // The program, no earlier alert, no icon, the title, the words, no buttons, the service's time.
    let alert =
        ("Signet Desk", 0_u32, "", "Signet Desk", words, Vec::<String>::new(), hints, -1_i32);
    let shown = gio::bus_get_sync(BusType::Session, Cancellable::NONE).and_then(|bus| {
        bus.call_sync(
            Some(SERVICE),
            "/org/freedesktop/Notifications",
            SERVICE,
            "Notify",
            Some(&alert.to_variant()),
            None,
            DBusCallFlags::NONE,
            PATIENCE_MS,
            Cancellable::NONE,
        )
    });
    if let Err(why) = shown {
        tracing::info!(%why, "the desktop shows no alerts");
    }
}

/// On this system the window only asks for attention (`shell.rs`).
#[cfg(not(target_os = "linux"))]
fn show(_: &str) {}
