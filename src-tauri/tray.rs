//! The tray: the state of the connection, and what a trader wants without the window in front. It
//! decides nothing: whatever changes something is asked in the window first. On a system without a
//! tray the desk is the same without it.

use crate::{Shell, shell, tray_icon};
use signet_desk_core::view::{LinkState, PageAsk, Pulse};
use std::time::Duration;
use tauri::{
    AppHandle, Manager, Wry,
    menu::{Menu, MenuItem, PredefinedMenuItem},
    tray::{TrayIcon, TrayIconBuilder},
};

const EVERY: Duration = Duration::from_secs(1);

const SHOW: &str = "show";
const DISCONNECT: &str = "disconnect";
const STOP: &str = "stop";
const QUIT: &str = "quit";

/// The state of the connection, as the icon shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Off,
    Working,
    On,
    Trouble,
}

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    face: Face,
    words: String,
    disconnect: bool,
    stop: bool,
    stop_words: String,
}

fn shown(pulse: Option<Pulse>) -> Shown {
    let Some(p) = pulse else {
        let words = "Signet Desk: not started".into();
        let stop_words = stop_words(0);
        return Shown { face: Face::Trouble, words, disconnect: false, stop: false, stop_words };
    };
    let (face, state) = match (p.state, p.doubtful) {
        (LinkState::Offline, _) => (Face::Off, "not connected"),
        (LinkState::WaitingForKeychain, _) => (Face::Working, "waiting for the keychain"),
        (LinkState::Connecting, _) => (Face::Working, "connecting"),
        (LinkState::LoggingOn, _) => (Face::Working, "logging on"),
        (LinkState::Restoring, _) => (Face::Working, "bringing the screen up to date"),
        (LinkState::Online, false) => (Face::On, "online"),
        (LinkState::Online, true) => (Face::Working, "checking the connection"),
        (LinkState::Reconnecting, _) => (Face::Trouble, "connection lost, reconnecting"),
        (LinkState::Refused, _) => (Face::Trouble, "the connection was refused"),
    };
    let mut words = format!("Signet Desk: {state}");
    if p.open > 0 {
        words.push_str(&format!(", {} open", p.open));
    }
    if p.waiting > 0 {
        words.push_str(&format!(", {} waiting for an answer", p.waiting));
    }
    Shown {
        face,
        words,
        disconnect: p.state != LinkState::Offline,
        stop: p.open > 0,
        stop_words: stop_words(p.open),
    }
}

fn stop_words(open: usize) -> String {
    match open {
        0 => "End all open requests".into(),
        1 => "End the open request…".into(),
        n => format!("End all {n} open requests…"),
    }
}

struct Tray {
    icon: TrayIcon,
    state: MenuItem<Wry>,
    disconnect: MenuItem<Wry>,
    stop: MenuItem<Wry>,
}

/// Shows the tray where the system has one. Nothing depends on it.
pub(crate) fn start(app: &AppHandle) {
    if let Err(why) = available() {
        return tracing::info!(%why, "no icon in the tray");
    }
    let tray = match build(app) {
        Ok(tray) => tray,
        Err(why) => return tracing::info!(%why, "no icon in the tray"),
    };
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let mut last = None;
        loop {
            let now = shown(app.state::<Shell>().desk().ok().map(|desk| desk.pulse()));
            if last.as_ref() != Some(&now) {
                if let Err(why) = show(&tray, &now) {
                    tracing::info!(%why, "the icon in the tray does not change");
                }
                last = Some(now);
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}

fn build(app: &AppHandle) -> tauri::Result<Tray> {
    let first = shown(None);
    let state = MenuItem::with_id(app, "state", &first.words, false, None::<&str>)?;
    let open = MenuItem::with_id(app, SHOW, "Show the window", true, None::<&str>)?;
    let disconnect = MenuItem::with_id(app, DISCONNECT, "Disconnect", false, None::<&str>)?;
    let stop = MenuItem::with_id(app, STOP, &first.stop_words, false, None::<&str>)?;
    let quit = MenuItem::with_id(app, QUIT, "Quit", true, None::<&str>)?;
    let line = PredefinedMenuItem::separator(app)?;
    let menu = Menu::with_items(app, &[&state, &line, &open, &disconnect, &stop, &quit])?;
    let icon = TrayIconBuilder::with_id("signet")
        .icon(tray_icon::image(first.face))
        .menu(&menu)
        .on_menu_event(|app, event| chosen(app, event.id().as_ref()))
        .build(app)?;
    Ok(Tray { icon, state, disconnect, stop })
}

fn show(tray: &Tray, now: &Shown) -> tauri::Result<()> {
    tray.icon.set_icon(Some(tray_icon::image(now.face)))?;
    // Linux shows no tooltip; the first line of the menu says the same.
    tray.icon.set_tooltip(Some(&now.words))?;
    tray.state.set_text(&now.words)?;
    tray.disconnect.set_enabled(now.disconnect)?;
    tray.stop.set_text(&now.stop_words)?;
    tray.stop.set_enabled(now.stop)
}

/// Every question is asked in the window, where the trader sees what it is about.
fn chosen(app: &AppHandle, id: &str) {
    shell::raise(app);
    let shell = app.state::<Shell>();
    match id {
        DISCONNECT => shell.ask(PageAsk::Disconnect),
        STOP => shell.ask(PageAsk::StopAll),
        // As its frame does it: the page asks while something is open or in flight.
        QUIT => shell::ask_to_close(app),
        _ => {}
    }
}

/// Why this system shows no icon. On Linux the library that shows it is loaded by name, and a
/// program that asks for it where it is missing would panic.
#[cfg(target_os = "linux")]
fn available() -> Result<(), String> {
    const NAMES: [&str; 2] = ["libayatana-appindicator3.so.1", "libappindicator3.so.1"];
    let mut why = String::new();
    for name in NAMES {
        // SAFETY: a library of the system, which loads GTK; this is the thread that runs GTK.
        match unsafe { libloading::Library::new(name) } {
            Ok(library) => {
                // It stays loaded: GTK's types cannot be taken back.
                std::mem::forget(library);
                return Ok(());
            }
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

#[cfg(not(target_os = "linux"))]
fn available() -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use LinkState as L;

    fn of(state: L, doubtful: bool, open: usize, waiting: usize) -> Shown {
        shown(Some(Pulse { state, doubtful, open, waiting }))
    }

    #[test]
    fn the_icon_and_its_words_say_how_the_connection_is() {
        for (state, doubtful, face, words) in [
            (L::Offline, false, Face::Off, "not connected"),
            (L::WaitingForKeychain, false, Face::Working, "waiting for the keychain"),
            (L::Connecting, false, Face::Working, "connecting"),
            (L::LoggingOn, false, Face::Working, "logging on"),
            (L::Restoring, false, Face::Working, "bringing the screen up to date"),
            (L::Online, false, Face::On, "online"),
            (L::Online, true, Face::Working, "checking the connection"),
            (L::Reconnecting, false, Face::Trouble, "connection lost, reconnecting"),
            (L::Reconnecting, true, Face::Trouble, "connection lost, reconnecting"),
            (L::Refused, false, Face::Trouble, "the connection was refused"),
        ] {
            let shown = of(state, doubtful, 0, 0);
            assert_eq!(shown.face, face, "{state:?}");
            assert_eq!(shown.words, format!("Signet Desk: {words}"));
        }
        let none = shown(None);
        assert_eq!((none.face, none.disconnect, none.stop), (Face::Trouble, false, false));
    }

    #[test]
    fn the_menu_offers_only_what_there_is_to_do() {
        let idle = of(L::Offline, false, 0, 0);
        assert_eq!((idle.disconnect, idle.stop), (false, false));
        let online = of(L::Online, false, 0, 0);
        assert_eq!((online.disconnect, online.stop), (true, false));
        let busy = of(L::Online, false, 3, 1);
        assert_eq!((busy.disconnect, busy.stop), (true, true));
        assert_eq!(busy.words, "Signet Desk: online, 3 open, 1 waiting for an answer");
        assert_eq!(busy.stop_words, "End all 3 open requests…");
        assert_eq!(of(L::Reconnecting, false, 1, 0).stop_words, "End the open request…");
        assert!(of(L::Refused, false, 0, 0).disconnect, "it stops trying");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_system_without_the_library_of_the_tray_says_so_and_does_not_panic() {
        if let Err(why) = available() {
            assert!(why.contains("appindicator"), "{why}");
        }
    }
}
