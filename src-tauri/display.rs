//! Checks for a display and a web view before the toolkit is started, which would panic without
//! them, and tells the trader where they will see it.

#[cfg(target_os = "linux")]
pub fn check() -> Result<(), String> {
    gtk::init().map_err(|_| {
        let named = std::env::var("DISPLAY").or_else(|_| std::env::var("WAYLAND_DISPLAY"));
        match named {
            Ok(display) => format!(
                "the display {display:?} cannot be opened. Start it from a desktop session, or \
                    check that this user may use that display."
            ),
            Err(_) => "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set. Start it \
                from a desktop session, or under `xvfb-run`."
                .to_owned(),
        }
    })
}

#[cfg(windows)]
pub fn check() -> Result<(), String> {
    tauri::webview_version().map(drop).map_err(|_| {
        "the Microsoft Edge WebView2 Runtime, which draws its window, is not installed. Ask \
            your administrator to install it."
            .to_owned()
    })
}

#[cfg(not(any(target_os = "linux", windows)))]
pub fn check() -> Result<(), String> {
    Ok(())
}

/// Keeps the web view from drawing through an emulated graphics card.
///
/// Without a real one, in a virtual machine or over a remote desktop, WebKit still composites with
/// OpenGL, which Mesa then emulates on the processor: at 5,000 quotes a second that took more than
/// half of all processor time and of the frames (docs/benchmarks.md).
#[cfg(target_os = "linux")]
pub fn spare_the_processor<R: tauri::Runtime>(
    window: &tauri::WebviewWindow<R>,
) -> tauri::Result<()> {
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};
    if has_graphics_card() {
        return Ok(());
    }
    window.with_webview(|view| {
        if let Some(settings) = view.inner().settings() {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    })
}

/// Whether the kernel offers a card on which this user may render. Emulated ones (`vgem`, plain
/// frame buffers) have no render node.
#[cfg(target_os = "linux")]
fn has_graphics_card() -> bool {
    let nodes = std::fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    let mut render =
        nodes.filter(|node| node.file_name().as_encoded_bytes().starts_with(b"renderD"));
    render.any(|node| std::fs::OpenOptions::new().read(true).write(true).open(node.path()).is_ok())
}

#[cfg(not(target_os = "linux"))]
pub fn spare_the_processor<R: tauri::Runtime>(_: &tauri::WebviewWindow<R>) -> tauri::Result<()> {
    Ok(())
}

/// Tells why no window opens: on standard error and, where a program has none, in a message box.
pub fn tell(why: &str) {
    eprintln!("signet-desk: {why}");
    #[cfg(all(windows, not(debug_assertions)))]
    message_box(why);
}

#[cfg(windows)]
#[cfg_attr(debug_assertions, expect(dead_code, reason = "a debug build has a console"))]
fn message_box(why: &str) {
    use std::{ffi::c_void, ptr};

    #[link(name = "user32")]
    unsafe extern "system" {
        fn MessageBoxW(owner: *mut c_void, text: *const u16, title: *const u16, kind: u32) -> i32;
    }
    const ICON_ERROR: u32 = 0x10;

    let wide = |s: &str| s.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let (text, title) = (wide(&format!("Signet Desk cannot open: {why}")), wide("Signet Desk"));
    // SAFETY: both strings end in a zero and live until the call returns; no owner is allowed.
    unsafe { MessageBoxW(ptr::null_mut(), text.as_ptr(), title.as_ptr(), ICON_ERROR) };
}
