//! Calls of Network.framework: its path monitor, which alone knows whether a network is metered.
//!
//! There is no maintained binding to it, so the few functions that are needed are declared here, as
//! `Network/path_monitor.h`, `Network/path.h` and `Network/nw_object.h` have them. The newest of
//! them is of macOS 10.15.

use crate::watch::facts::MacPath;
use block2::{Block, RcBlock};
use dispatch2::{DispatchQueue, DispatchQueueAttr, DispatchRetained};
use std::{
    ffi::{c_int, c_void},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
};

/// `nw_path_monitor_t` or `nw_path_t`.
type Object = *mut c_void;

#[link(name = "Network", kind = "framework")]
unsafe extern "C" {
    fn nw_path_monitor_create() -> Object;
    fn nw_path_monitor_set_queue(monitor: Object, queue: &DispatchQueue);
    fn nw_path_monitor_set_update_handler(monitor: Object, handler: &Block<dyn Fn(Object)>);
    fn nw_path_monitor_start(monitor: Object);
    fn nw_path_monitor_cancel(monitor: Object);
    fn nw_path_get_status(path: Object) -> c_int;
    fn nw_path_is_expensive(path: Object) -> bool;
    fn nw_path_is_constrained(path: Object) -> bool;
    fn nw_release(object: Object);
}

/// Says what the path is now and at each change, on a queue of its own, until it is dropped.
pub(super) struct PathMonitor {
    monitor: NonNull<c_void>,
    _queue: DispatchRetained<DispatchQueue>,
}

// SAFETY: objects of Network.framework are counted atomically and may be used from any thread; this
// one is used only by `start` and `drop`.
unsafe impl Send for PathMonitor {}

impl PathMonitor {
    /// Calls `on_path` from a thread of the system, one call at a time.
    pub(super) fn start(on_path: impl Fn(MacPath) + Send + Sync + 'static) -> io::Result<Self> {
        // SAFETY: takes nothing; the caller owns what it returns.
        let monitor = NonNull::new(unsafe { nw_path_monitor_create() })
            .ok_or_else(|| io::Error::other("a path monitor cannot be made"))?;
        let queue = DispatchQueue::new("signet.path", DispatchQueueAttr::SERIAL);
        let handler: RcBlock<dyn Fn(Object)> = RcBlock::new(move |path: Object| {
            // SAFETY: the monitor hands over a path that lives during the call.
            let path = unsafe {
                MacPath {
                    status: nw_path_get_status(path),
                    expensive: nw_path_is_expensive(path),
                    constrained: nw_path_is_constrained(path),
                }
            };
            let _ = catch_unwind(AssertUnwindSafe(|| on_path(path)));
        });
        // SAFETY: `monitor` is the one above and not started yet. It keeps the queue, and a copy of
        // the handler, which owns all that it uses and may be called from any thread.
        unsafe {
            nw_path_monitor_set_queue(monitor.as_ptr(), &queue);
            nw_path_monitor_set_update_handler(monitor.as_ptr(), &handler);
            nw_path_monitor_start(monitor.as_ptr());
        }
        Ok(Self { monitor, _queue: queue })
    }
}

impl Drop for PathMonitor {
    fn drop(&mut self) {
        // SAFETY: made by `start` and let go of only here. A call that is under way keeps what it
        // uses until it returns.
        unsafe {
            nw_path_monitor_cancel(self.monitor.as_ptr());
            nw_release(self.monitor.as_ptr());
        }
    }
}
