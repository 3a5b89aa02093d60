//! A window of Tauri with a blank page and nothing else: what the desk's memory is compared with.
//! Never shipped.
//!
//! It is built like the desk's window: the same size, nothing stored, and without a graphics card
//! drawn by the processor, because Mesa's emulation of one costs memory of its own. With
//! `EMPTY_WINDOW_AS_IS` in the environment the web view keeps its own way of drawing.

use tauri::{WebviewUrl, WebviewWindowBuilder};

fn main() {
    let app = tauri::Builder::default().setup(|app| {
        let window = WebviewWindowBuilder::new(app, "main", WebviewUrl::App("index.html".into()))
            .title("Empty")
            .inner_size(1280.0, 800.0)
            .incognito(true)
            .build()?;
        if std::env::var_os("EMPTY_WINDOW_AS_IS").is_none() {
            draw_by_the_processor(&window)?;
        }
        Ok(())
    });
    if let Err(why) = app.run(tauri::generate_context!("tests/bench/empty/tauri.conf.json")) {
        eprintln!("empty-window: {why}");
    }
}

#[cfg(target_os = "linux")]
fn draw_by_the_processor(window: &tauri::WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};
    window.with_webview(|view| {
        if let Some(settings) = view.inner().settings() {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn draw_by_the_processor(_: &tauri::WebviewWindow) -> tauri::Result<()> {
    Ok(())
}
