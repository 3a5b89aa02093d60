//! The window: the desk behind it, its title, and its orderly end.

use crate::{asked::Waiting, attention::Attention, instance::Call, panel};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use signet_desk_core::{
    Desk, SHUT_DOWN_MAX, Seat, read_link,
    view::{PageAsk, Problem},
};
use tauri::{
    App, AppHandle, Emitter, Manager, RunEvent, Runtime, Url, UserAttentionType, WebviewUrl,
    WebviewWindowBuilder, WindowEvent, webview::NewWindowResponse,
};

/// The desk's own window, as the capabilities name it. A second one may be beside it (`panel.rs`).
const WINDOW: &str = "main";
const TITLE: &str = "Signet Desk";
const TITLE_IN_PRACTICE: &str = "Signet Desk — PRACTICE VENUE";

/// How long the process waits for the desk to end after its window is closed: longer than the desk
/// itself waits.
const END_MAX: Duration = SHUT_DOWN_MAX.saturating_add(Duration::from_secs(1));

/// The desk as the commands see it, or why there is none.
pub struct Shell {
    desk: Result<Desk, Problem>,
    changed: Box<dyn Fn() -> Wake + Send + Sync>,
    close: Box<dyn Fn() + Send + Sync>,
    print: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    order: Box<dyn Fn(panel::Order) -> Result<(), String> + Send + Sync>,
    ask: Box<dyn Fn() + Send + Sync>,
    waiting: Waiting,
    ending: AtomicBool,
}

type Wake = Box<dyn FnOnce() + Send>;

impl Shell {
    pub fn new<R: Runtime>(app: &AppHandle<R>, desk: Result<Desk, Problem>) -> Self {
        let (app, own, printed) = (app.clone(), app.clone(), app.clone());
        // Without asking again, as the second try at the window's frame does.
        let close = move || {
            if let Some(Err(why)) = own.get_webview_window(WINDOW).map(|w| w.destroy()) {
                tracing::warn!(%why, "the window could not be closed");
            }
        };
        let print = move || match printed.get_webview_window(WINDOW) {
            Some(window) => window.print().map_err(|why| why.to_string()),
            None => Err("there is no window".into()),
        };
        let second = app.clone();
        let order = move |order| panel::follow(&second, order).map_err(|why| why.to_string());
        let main = app.clone();
        let ask = move || {
            if let Err(why) = main.emit_to(WINDOW, crate::ASKED, ()) {
                tracing::warn!(%why, "the page could not be asked");
            }
        };
        // Both windows hear it, so that the one that waits wakes the other too.
        let changed = move || -> Wake {
            let app = app.clone();
            Box::new(move || {
                if let Err(why) = app.emit(crate::CHANGED, ()) {
                    tracing::warn!(%why, "the page could not be woken");
                }
            })
        };
        Self {
            desk,
            changed: Box::new(changed),
            close: Box::new(close),
            print: Box::new(print),
            order: Box::new(order),
            ask: Box::new(ask),
            waiting: Waiting::default(),
            ending: AtomicBool::new(false),
        }
    }

    pub(crate) fn desk(&self) -> Result<&Desk, Problem> {
        self.desk.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn wake(&self) -> Wake {
        (self.changed)()
    }

    pub(crate) fn close(&self) {
        (self.close)();
    }

    /// Opens the system's dialog that prints what the window shows.
    pub(crate) fn print(&self) -> Result<(), String> {
        (self.print)()
    }

    pub(crate) fn order(&self, order: panel::Order) -> Result<(), String> {
        (self.order)(order)
    }

    /// Asks the trader something, in the page of the desk's own window.
    pub(crate) fn ask(&self, asked: PageAsk) {
        self.waiting.put(asked);
        (self.ask)();
    }

    pub(crate) fn asked(&self) -> Vec<PageAsk> {
        self.waiting.take()
    }

    pub(crate) fn title(&self) -> &'static str {
        if self.practice() { TITLE_IN_PRACTICE } else { TITLE }
    }

    fn practice(&self) -> bool {
        self.desk.as_ref().is_ok_and(|desk| desk.info().practice)
    }
}

pub(crate) fn open_window(app: &App) -> tauri::Result<()> {
    let title = app.state::<Shell>().title();
    let window = WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::App(page().into()))
        .title(title)
        .inner_size(1280.0, 800.0)
        .min_inner_size(1024.0, 640.0)
        // The web view must store nothing of a trading day. WebDriver can only drive a view that is
        // not incognito.
        .incognito(cfg!(not(feature = "e2e")))
        .devtools(cfg!(debug_assertions))
        // A file that is dropped goes to the page, which takes lists of requests so.
        .disable_drag_drop_handler()
        .on_navigation(is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    // The person who is asked for a touch may be working in another program. The system points to
    // this window but does not give it the keyboard, because the person may be typing there.
    if let Ok(desk) = app.state::<Shell>().desk() {
        let (own, asked) = (window.clone(), Attention::default());
        desk.on_step_up(move || {
            if own.is_focused().unwrap_or(false) || !asked.is_due(Instant::now()) {
                return;
            }
            if let Err(why) = own.request_user_attention(Some(UserAttentionType::Critical)) {
                tracing::warn!(%why, "the system does not point to the window");
            }
        });
    }
    let app_handle = app.handle().clone();
    window.on_window_event(move |event| {
        match event {
            WindowEvent::CloseRequested { .. } => keep_place(&app_handle),
            WindowEvent::Destroyed => panel::end(&app_handle),
            _ => {}
        }
        if let WindowEvent::CloseRequested { api, .. } = event
            && app_handle.state::<Shell>().desk().is_ok_and(|desk| !desk.may_close())
        {
            api.prevent_close();
        }
    });
    // The system's own dialog for security keys must open in front of this window.
    #[cfg(windows)]
    if let (Ok(desk), Ok(handle)) = (app.state::<Shell>().desk(), window.hwnd()) {
        desk.set_window(handle.0 as isize);
    }
    if let Ok(desk) = app.state::<Shell>().desk() {
        crate::place::restore(&window, desk, Seat::Main);
    }
    crate::display::spare_the_processor(&window)
}

/// The program was started again, with a link or without.
pub(crate) fn started_again(app: &AppHandle, call: Call) {
    match call.link {
        None => raise(app),
        // The keyboard stays where it is: a web page can make the system open a link at any moment.
        Some(link) => {
            ask_about(app, &link, call.replaced);
            let Some(window) = app.get_webview_window(WINDOW) else { return };
            let told = window
                .unminimize()
                .and_then(|()| window.request_user_attention(Some(UserAttentionType::Critical)));
            if let Err(why) = told {
                tracing::warn!(%why, "the system does not point to the window");
            }
        }
    }
}

/// Asks the trader whether to follow a link, or says why it is not followed. `replaced`: another
/// came just before it, and was not heard.
pub(crate) fn ask_about(app: &AppHandle, link: &str, replaced: bool) {
    app.state::<Shell>().ask(match read_link(link) {
        Ok(offer) => PageAsk::Offer { offer, replaced },
        Err(why) => PageAsk::Refused { why: format!("{} {}", why.message, why.cure) },
    });
}

/// As the frame of the window does it.
pub(crate) fn ask_to_close(app: &AppHandle) {
    if let Some(Err(why)) = app.get_webview_window(WINDOW).map(|w| w.close()) {
        tracing::warn!(%why, "the window could not be closed");
    }
}

/// Brings the window to the front.
pub(crate) fn raise<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(WINDOW) else { return };
    let raised = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
    if let Err(why) = raised {
        tracing::warn!(%why, "the window could not be brought to the front");
    }
}

fn keep_place(app: &AppHandle) {
    if let (Some(window), Ok(desk)) = (app.get_webview_window(WINDOW), app.state::<Shell>().desk())
    {
        crate::place::keep(&window, desk, Seat::Main);
    }
}

fn page() -> &'static str {
    if cfg!(feature = "bench") { "index.html?measure" } else { "index.html" }
}

/// The page never leaves the program; a `tauri dev` build also serves it from the local Vite.
pub(crate) fn is_own_page(url: &Url) -> bool {
    let local =
        matches!(url.host_str(), Some("localhost" | "tauri.localhost" | "isolation.localhost"));
    match url.scheme() {
        "tauri" | "isolation" => local,
        "http" | "https" if url.host_str() == Some("localhost") => {
            !cfg!(feature = "custom-protocol")
        }
        "http" | "https" => local,
        "about" => true,
        _ => false,
    }
}

/// SIGINT, SIGTERM and SIGHUP end the desk as closing its window does.
pub(crate) fn end_on_signal(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        told_to_end().await;
        shut_down(&app);
    });
}

#[cfg(unix)]
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

#[cfg(not(unix))]
async fn told_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

pub(crate) fn on_event(app: &AppHandle, event: RunEvent) {
    // The last window closed. `code` is set when the program itself exits, after the logout.
    if let RunEvent::ExitRequested { code: None, api, .. } = event {
        api.prevent_exit();
        shut_down(app);
    }
}

/// Logs out and exits. Only the first call does anything.
fn shut_down(app: &AppHandle) {
    let shell = app.state::<Shell>();
    if shell.ending.swap(true, Ordering::SeqCst) {
        return;
    }
    keep_place(app);
    let desk = shell.desk.as_ref().ok().cloned();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Some(desk) = desk
            && tokio::time::timeout(END_MAX, desk.shut_down()).await.is_err()
        {
            tracing::warn!("the desk did not end in time: its last records may be missing");
        }
        app.exit(0);
    });
}
