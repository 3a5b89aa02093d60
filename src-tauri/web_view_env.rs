//! Environment variables with which another program could drive, inspect or replace the web view.

const VARIABLES: [&str; 9] = [
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

/// Removes them, except in a build for the tests that drive the real window.
///
/// # Safety
/// Call it first in `main`: no other thread may be running.
pub unsafe fn remove_web_view_variables() {
    if cfg!(feature = "e2e") {
        return;
    }
    for name in VARIABLES {
        // SAFETY: the caller promises that this is the only thread.
        unsafe { std::env::remove_var(name) };
    }
}
