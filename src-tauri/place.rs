//! Where each window was, remembered for the next start.

use signet_desk_core::{Desk, Place, Seat};
use tauri::{PhysicalPosition, PhysicalSize, Runtime, WebviewWindow};

/// How much of the top edge must be on a monitor, so that a person can take hold of the window.
const HELD_MIN: i64 = 100;

/// A monitor: its left upper corner and its size.
type Screen = (i32, i32, u32, u32);

/// Puts a new window where the last one was, if that is still on a monitor.
pub(crate) fn restore<R: Runtime>(window: &WebviewWindow<R>, desk: &Desk, seat: Seat) {
    let Some(kept) = desk.place(seat) else { return };
    let monitors = window.available_monitors().unwrap_or_default();
    let screens: Vec<Screen> = monitors
        .iter()
        .map(|m| (m.position().x, m.position().y, m.size().width, m.size().height))
        .collect();
    let Some(place) = fitting(kept, &screens) else { return };
    let placed = window
        .set_size(PhysicalSize::new(place.width, place.height))
        .and_then(|()| window.set_position(PhysicalPosition::new(place.x, place.y)))
        .and_then(|()| if place.maximized { window.maximize() } else { Ok(()) });
    if let Err(why) = placed {
        tracing::warn!(%why, "the window could not be put where it was");
    }
}

/// Remembers where the window is. The size of one that fills its monitor is not its own.
pub(crate) fn keep<R: Runtime>(window: &WebviewWindow<R>, desk: &Desk, seat: Seat) {
    let (Ok(at), Ok(size), Ok(maximized)) =
        (window.outer_position(), window.inner_size(), window.is_maximized())
    else {
        return;
    };
    if window.is_minimized().unwrap_or(false) || size.width == 0 || size.height == 0 {
        return;
    }
    let now = Place { x: at.x, y: at.y, width: size.width, height: size.height, maximized };
    let place = match desk.place(seat) {
        Some(before) if maximized => Place { maximized, ..before },
        _ => now,
    };
    desk.keep_place(seat, place);
}

/// The place, no larger than the monitor that it begins on; `None` if it begins on none.
fn fitting(place: Place, screens: &[Screen]) -> Option<Place> {
    let on = |&&(x, y, width, height): &&Screen| {
        let (left, top) = (i64::from(place.x), i64::from(place.y));
        let right = left + i64::from(place.width);
        let held = right.min(i64::from(x) + i64::from(width)) - left.max(i64::from(x));
        held >= HELD_MIN
            && top >= i64::from(y)
            && top + HELD_MIN <= i64::from(y) + i64::from(height)
    };
    let &(_, _, width, height) = screens.iter().find(on)?;
    Some(Place { width: place.width.min(width), height: place.height.min(height), ..place })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Screen = (-1920, 0, 1920, 1080);
    const MAIN: Screen = (0, 0, 2560, 1440);

    fn place(x: i32, y: i32, width: u32, height: u32) -> Place {
        Place { x, y, width, height, maximized: false }
    }

    #[test]
    fn a_window_returns_only_to_where_it_can_be_reached() {
        let here = |p| fitting(p, &[LEFT, MAIN]);
        let usual = place(100, 50, 1280, 800);
        assert_eq!(here(usual), Some(usual));
        let beside = place(-1900, 0, 1280, 800);
        assert_eq!(here(beside), Some(beside));
        assert_eq!(fitting(beside, &[MAIN]), None, "the left monitor is gone");
        assert_eq!(here(place(2500, 10, 1280, 800)), None, "a strip of it");
        assert_eq!(here(place(10, -30, 1280, 800)), None, "its frame is above the monitor");
        assert_eq!(here(place(10, 1400, 1280, 800)), None, "below");
        assert_eq!(here(place(i32::MAX, i32::MIN, u32::MAX, u32::MAX)), None);
        assert_eq!(fitting(usual, &[]), None);
    }

    #[test]
    fn a_window_is_no_larger_than_its_monitor() {
        let large = place(0, 0, 3840, 2160);
        assert_eq!(fitting(large, &[MAIN]), Some(place(0, 0, 2560, 1440)));
    }
}
