//! Hears when the screen of this laptop is unlocked, and tells the desk. Linux desktops say so on
//! the session bus; elsewhere the desk learns of a pause by the clock alone.

use gtk::gio::{self, BusType, DBusSignalFlags};
use signet_desk_core::Desk;
use std::cell::RefCell;

/// Who says it, in which words: freedesktop's interface (KDE and others) and GNOME's.
const SCREEN_SAVERS: [&str; 2] = ["org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver"];

thread_local! {
    /// Subscriptions end with what holds them.
    static BUS: RefCell<Option<gio::DBusConnection>> = const { RefCell::new(None) };
}

/// To be called on the main thread, whose loop delivers the signals. A machine without a session
/// bus has no screen lock that could be heard.
pub fn listen(desk: &Desk) {
    let bus = match gio::bus_get_sync(BusType::Session, gio::Cancellable::NONE) {
        Ok(bus) => bus,
        Err(why) => {
            return tracing::info!(%why, "no session bus: unlocking the screen is not heard");
        }
    };
    for interface in SCREEN_SAVERS {
        let desk = desk.clone();
        bus.signal_subscribe(
            None,
            Some(interface),
            Some("ActiveChanged"),
            None,
            None,
            DBusSignalFlags::NONE,
            move |_, _, _, _, _, parameters| {
                // (b): whether the screen is locked now. Anything else is nobody's business here.
                if parameters.get::<(bool,)>() == Some((false,)) {
                    desk.screen_unlocked();
                }
            },
        );
    }
    BUS.set(Some(bus));
}
