//! Real keys for the real window: pressed at the X server by XTEST, as a keyboard's driver does,
//! on a connection of their own. Timed from before the key is handed to the server.

use libloading::{Library, Symbol};
use std::{
    ffi::{c_char, c_int, c_uint, c_ulong, c_void},
    ptr::null,
};

type Display = *mut c_void;

/// Return, Escape and BackSpace (X11/keysymdef.h); letters and digits are their ASCII numbers.
pub const RETURN: u32 = 0xff0d;
pub const ESCAPE: u32 = 0xff1b;
pub const BACKSPACE: u32 = 0xff08;

/// A keyboard at the display of the window.
pub struct Keyboard {
    x11: Library,
    xtst: Library,
    display: Display,
}

impl Keyboard {
    /// `None` where there is no X server, or no XTEST.
    pub fn open() -> Option<Self> {
        // SAFETY: both libraries only initialise themselves; this connection is used by one thread.
        unsafe {
            let x11 = Library::new("libX11.so.6").ok()?;
            let xtst = Library::new("libXtst.so.6").ok()?;
            let open: Symbol<unsafe extern "C" fn(*const c_char) -> Display> =
                x11.get(b"XOpenDisplay\0").ok()?;
            let display = open(null());
            if display.is_null() {
                return None;
            }
            Some(Self { x11, xtst, display })
        }
    }

    /// Gives the keyboard to the largest window, as a window manager does; the display of the bench
    /// has none.
    pub fn focus(&self) -> Option<()> {
        type Query = unsafe extern "C" fn(
            Display,
            c_ulong,
            *mut c_ulong,
            *mut c_ulong,
            *mut *mut c_ulong,
            *mut c_uint,
        ) -> c_int;
        type Focus = unsafe extern "C" fn(Display, c_ulong, c_int, c_ulong) -> c_int;
        type Root = unsafe extern "C" fn(Display) -> c_ulong;
        const REVERT_TO_PARENT: c_int = 2;
        // SAFETY: the signatures are those of Xlib; the list has `n` entries and is left to the
        // process, which ends soon.
        unsafe {
            let root: Symbol<Root> = self.x11.get(b"XDefaultRootWindow\0").ok()?;
            let query: Symbol<Query> = self.x11.get(b"XQueryTree\0").ok()?;
            let focus: Symbol<Focus> = self.x11.get(b"XSetInputFocus\0").ok()?;
            let (mut a, mut b, mut list, mut n) = (0, 0, std::ptr::null_mut(), 0);
            if query(self.display, root(self.display), &mut a, &mut b, &mut list, &mut n) == 0
                || n == 0
            {
                return None;
            }
            let all = std::slice::from_raw_parts(list, n as usize);
            let largest = all.iter().max_by_key(|w| self.area(**w))?;
            focus(self.display, *largest, REVERT_TO_PARENT, 0);
        }
        self.sync()
    }

    fn area(&self, window: c_ulong) -> u64 {
        type Geometry = unsafe extern "C" fn(
            Display,
            c_ulong,
            *mut c_ulong,
            *mut c_int,
            *mut c_int,
            *mut c_uint,
            *mut c_uint,
            *mut c_uint,
            *mut c_uint,
        ) -> c_int;
        let (mut root, mut x, mut y) = (0, 0, 0);
        let (mut w, mut h, mut border, mut depth) = (0, 0, 0, 0);
        // SAFETY: the signature is that of Xlib, and every pointer is to a value of its type.
        unsafe {
            let Ok(get) = self.x11.get::<Geometry>(b"XGetGeometry\0") else { return 0 };
            get(
                self.display,
                window,
                &mut root,
                &mut x,
                &mut y,
                &mut w,
                &mut h,
                &mut border,
                &mut depth,
            );
        }
        u64::from(w) * u64::from(h)
    }

    /// Presses and releases a key. Returns when it was handed to the server, microseconds.
    pub fn press(&self, keysym: u32) -> Option<u64> {
        type Code = unsafe extern "C" fn(Display, c_ulong) -> u8;
        type Fake = unsafe extern "C" fn(Display, c_uint, c_int, c_ulong) -> c_int;
        // SAFETY: the signatures are those of Xlib and XTest.
        let at = unsafe {
            let code: Symbol<Code> = self.x11.get(b"XKeysymToKeycode\0").ok()?;
            let fake: Symbol<Fake> = self.xtst.get(b"XTestFakeKeyEvent\0").ok()?;
            let code = c_uint::from(code(self.display, c_ulong::from(keysym)));
            let at = signet_bench::micros();
            fake(self.display, code, 1, 0);
            fake(self.display, code, 0, 0);
            at
        };
        self.sync()?;
        Some(at)
    }

    fn sync(&self) -> Option<()> {
        type Sync = unsafe extern "C" fn(Display, c_int) -> c_int;
        // SAFETY: the signature is that of Xlib.
        unsafe {
            let sync: Symbol<Sync> = self.x11.get(b"XSync\0").ok()?;
            sync(self.display, 0);
        }
        Some(())
    }
}
