//! The second window, for a second monitor: the ladder of one request, or the blotter. It shows the
//! same page in another mode and may call less (`capabilities/panel.json`). Every decision stays in
//! the desk, which gives both windows the same frames.

use crate::{Shell, place, shell};
use signet_desk_core::{Seat, view::Problem};
use tauri::{
    AppHandle, Manager, Runtime, State, WebviewUrl, WebviewWindowBuilder, WindowEvent,
    webview::NewWindowResponse,
};

/// As the capabilities name it.
pub(crate) const WINDOW: &str = "panel";
/// Bytes of the id of a request.
const RFQ_ID_MAX: usize = 64;

/// What the page wants of the second window.
pub(crate) enum Order {
    /// Shows it, with this request or else with the blotter.
    Show(Option<String>),
    /// Gives the keyboard back to the desk's own window, and closes it if that is wanted.
    Leave { close: bool },
}

/// Shows a request, or with `null` the blotter, in the second window.
#[tauri::command(async)]
#[specta::specta]
pub fn open_panel(shell: State<'_, Shell>, rfq_id: Option<String>) -> Result<(), Problem> {
    let fits = |id: &String| (1..=RFQ_ID_MAX).contains(&id.len());
    if rfq_id.as_ref().is_some_and(|id| !fits(id)) {
        return Err(Problem::new("panel.rfq", "This desk has no such RFQ.", "Reload the window."));
    }
    shell.order(Order::Show(rfq_id)).map_err(|why| {
        Problem::new(
            "panel.not_opened",
            format!("The second window could not be opened: {why}."),
            "Use the request in the desk's own window.",
        )
    })
}

/// Gives the keyboard back to the desk's own window; with `close` the second one goes.
#[tauri::command(async)]
#[specta::specta]
pub fn leave_panel(shell: State<'_, Shell>, close: bool) -> Result<(), Problem> {
    shell.order(Order::Leave { close }).map_err(|why| {
        Problem::new(
            "panel.not_left",
            format!("The other window could not be reached: {why}."),
            "Go to it with the keys of your desktop.",
        )
    })
}

pub(crate) fn follow<R: Runtime>(app: &AppHandle<R>, order: Order) -> tauri::Result<()> {
    match order {
        Order::Show(rfq) => open(app, rfq.as_deref()),
        Order::Leave { close } => {
            if close && let Some(panel) = app.get_webview_window(WINDOW) {
                panel.close()?;
            }
            shell::raise(app);
            Ok(())
        }
    }
}

/// It closes with the desk's own window: alone it would look like a desk.
pub(crate) fn end<R: Runtime>(app: &AppHandle<R>) {
    let Some(panel) = app.get_webview_window(WINDOW) else { return };
    keep_place(app);
    if let Err(why) = panel.destroy() {
        tracing::warn!(%why, "the second window could not be closed");
    }
}

fn open<R: Runtime>(app: &AppHandle<R>, rfq: Option<&str>) -> tauri::Result<()> {
    let query = query(rfq);
    if let Some(panel) = app.get_webview_window(WINDOW) {
        let mut page = panel.url()?;
        page.set_query(Some(&query));
        panel.navigate(page)?;
        panel.unminimize()?;
        return panel.show().and_then(|()| panel.set_focus());
    }
    let page = WebviewUrl::App(format!("index.html?{query}").into());
    let panel = WebviewWindowBuilder::new(app, WINDOW, page)
        .title(format!("{} (second window)", app.state::<Shell>().title()))
        .inner_size(760.0, 640.0)
        .min_inner_size(560.0, 400.0)
        .incognito(cfg!(not(feature = "e2e")))
        .devtools(cfg!(debug_assertions))
        .on_navigation(shell::is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    let own = app.clone();
    panel.on_window_event(move |event| {
        if matches!(event, WindowEvent::CloseRequested { .. }) {
            keep_place(&own);
        }
    });
    if let Ok(desk) = app.state::<Shell>().desk() {
        place::restore(&panel, desk, Seat::Panel);
    }
    crate::display::spare_the_processor(&panel)?;
    panel.set_focus()
}

fn keep_place<R: Runtime>(app: &AppHandle<R>) {
    let shell = app.state::<Shell>();
    if let (Some(panel), Ok(desk)) = (app.get_webview_window(WINDOW), shell.desk()) {
        place::keep(&panel, desk, Seat::Panel);
    }
}

/// What tells the page its mode. A gateway may have chosen the id.
fn query(rfq: Option<&str>) -> String {
    let Some(rfq) = rfq else { return "panel=blotter".into() };
    let mut query = String::from("panel=rfq&id=");
    for b in rfq.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => query.push(char::from(b)),
            other => query.push_str(&format!("%{other:02X}")),
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn an_id_cannot_change_what_else_the_page_is_told() {
        assert_eq!(query(None), "panel=blotter");
        assert_eq!(query(Some("R-1_a")), "panel=rfq&id=R-1_a");
        assert_eq!(query(Some("A&panel=x#?%é")), "panel=rfq&id=A%26panel%3Dx%23%3F%25%C3%A9");
    }
}
