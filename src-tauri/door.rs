//! Variables by which another program could drive, inspect or replace the web view.

const DOORS: [&str; 9] = [
    "TAURI_AUTOMATION",
    "TAURI_WEBVIEW_AUTOMATION",
    "WEBKIT_INSPECTOR_SERVER",
    "WEBKIT_INSPECTOR_HTTP_SERVER",
    "WEBVIEW2_ADDITIONAL_BROWSER_ARGUMENTS",
    "WEBVIEW2_BROWSER_EXECUTABLE_FOLDER",
    "WEBVIEW2_USER_DATA_FOLDER",
    "WEBVIEW2_RELEASE_CHANNEL_PREFERENCE",
    "WEBVIEW2_CHANNEL_SEARCH_KIND",
];

/// Shuts them, except in a build made for the tests that drive the real window.
///
/// # Safety
/// Call it first in `main`: no other thread may be running.
pub unsafe fn close_doors() {
    if cfg!(feature = "e2e") {
        return;
    }
    for name in DOORS {
        // SAFETY: the caller promises that this is the only thread.
        unsafe { std::env::remove_var(name) };
    }
}
