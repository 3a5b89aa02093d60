//! Tells the desk when the screen of this laptop is unlocked. Linux desktops signal it on the
//! session bus; on other systems the desk notices only that the laptop slept, by its clock.

use gtk::gio::{self, BusType, DBusSignalFlags};
use signet_desk_core::Desk;
use std::cell::RefCell;

/// The interfaces that signal it: freedesktop's (KDE and others) and GNOME's.
const SCREEN_SAVERS: [&str; 2] = ["org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver"];

thread_local! {
    /// Subscriptions end when the connection is dropped.
    static BUS: RefCell<Option<gio::DBusConnection>> = const { RefCell::new(None) };
}

/// Subscribes to the signals. Call it on the main thread, whose loop delivers them. Without a
/// session bus there are none.
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
                // (b): whether the screen is locked now. Other parameters are ignored.
                if parameters.get::<(bool,)>() == Some((false,)) {
                    desk.screen_unlocked();
                }
            },
        );
    }
    BUS.set(Some(bus));
}
