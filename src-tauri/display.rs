//! Whether there is a display to open a window on, asked before the toolkit, which would panic.

#[cfg(target_os = "linux")]
pub fn check() -> Result<(), String> {
    gtk::init().map_err(|_| match std::env::var("DISPLAY").or_else(|_| std::env::var("WAYLAND_DISPLAY")) {
        Ok(display) => format!(
            "the display {display:?} cannot be opened. Start it from a desktop session, or check that this user may use that display."
        ),
        Err(_) => "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set. Start it from a desktop session, or under `xvfb-run`."
            .to_owned(),
    })
}

#[cfg(not(target_os = "linux"))]
pub fn check() -> Result<(), String> {
    Ok(())
}
