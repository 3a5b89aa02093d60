//! Calls of macOS that are not safe: power management, the run loop's mode, values of the store.

use crate::watch::facts::{Power, mac_power};
use objc2_core_foundation::{CFRetained, CFRunLoop as RunLoop, CFRunLoopSource as LoopSource};
use objc2_io_kit::{
    IOAllowPowerChange, IODeregisterForSystemPower, IONotificationPort, IONotificationPortRef,
    IORegisterForSystemPower, IOServiceClose, io_connect_t, io_object_t, io_service_t,
};
use std::{
    cell::Cell,
    ffi::c_void,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    time::Duration,
};
use system_configuration::core_foundation::{
    base::{CFType, TCFType},
    dictionary::CFDictionary,
    propertylist::CFPropertyList,
    runloop::{
        CFRunLoop, CFRunLoopRunResult, CFRunLoopSource, CFRunLoopSourceIsValid,
        kCFRunLoopDefaultMode,
    },
    string::CFString,
};

/// How long the run loop runs before it is asked whether it goes on.
const SLICE: Duration = Duration::from_secs(1);

type OnPower = Box<dyn Fn(Power)>;

struct Subscription {
    /// What answers are sent over. Set when the registration has returned, before the loop runs.
    root: Cell<io_connect_t>,
    on_power: OnPower,
}

/// Power messages to the run loop of the thread that registered. It must be dropped there.
pub(super) struct SystemPower {
    port: IONotificationPortRef,
    notifier: io_object_t,
    root: io_connect_t,
    subscription: *mut Subscription,
    source: Option<CFRetained<LoopSource>>,
}

impl SystemPower {
    /// Calls `on_power` from the run loop of this thread. The system is never held up.
    pub(super) fn register(on_power: impl Fn(Power) + 'static) -> io::Result<Self> {
        let subscription = Box::into_raw(Box::new(Subscription {
            root: Cell::new(0),
            on_power: Box::new(on_power),
        }));
        let (mut port, mut notifier): (IONotificationPortRef, io_object_t) = (ptr::null_mut(), 0);
        // SAFETY: the three pointers are valid during the call, and `subscription` until `drop`,
        // which takes the registration back first. Messages come through the run loop of this
        // thread only, so none comes before the loop runs.
        let root = unsafe {
            IORegisterForSystemPower(
                subscription.cast(),
                &mut port,
                Some(on_message),
                &mut notifier,
            )
        };
        if root == 0 {
            // SAFETY: made above by `Box::into_raw`; a registration that failed keeps nothing.
            drop(unsafe { Box::from_raw(subscription) });
            return Err(io::Error::other("power management refuses the registration"));
        }
        // SAFETY: as above; only this thread refers to it.
        unsafe { (*subscription).root.set(root) };
        // SAFETY: `port` comes from the registration, and lives until `drop`.
        let source = unsafe { IONotificationPort::run_loop_source(port) };
        let power = Self { port, notifier, root, subscription, source };
        let run_loop = RunLoop::current();
        // SAFETY: a constant of CoreFoundation.
        let mode = unsafe { objc2_core_foundation::kCFRunLoopDefaultMode };
        match (&power.source, run_loop) {
            (Some(source), Some(run_loop)) => run_loop.add_source(Some(source), mode),
            _ => return Err(io::Error::other("power management has no run loop source")),
        }
        Ok(power)
    }

    /// Whether messages still come.
    pub(super) fn is_heard(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is_valid())
    }
}

impl Drop for SystemPower {
    fn drop(&mut self) {
        // SAFETY: all four come from `register` and are let go of only here, in the order that
        // IOKit asks for: no message can come after the port is destroyed, so the box is free.
        unsafe {
            IODeregisterForSystemPower(&mut self.notifier);
            IOServiceClose(self.root);
            IONotificationPort::destroy(self.port);
            drop(Box::from_raw(self.subscription));
        }
    }
}

unsafe extern "C-unwind" fn on_message(
    context: *mut c_void,
    _service: io_service_t,
    message: u32,
    argument: *mut c_void,
) {
    // SAFETY: IOKit hands back the context of `register`, which lives until the registration is
    // taken back, and calls on the thread whose run loop it is.
    let subscription = unsafe { &*context.cast::<Subscription>() };
    let means = mac_power(message);
    if let Some(power) = means.power {
        let _ = catch_unwind(AssertUnwindSafe(|| (subscription.on_power)(power)));
    }
    if means.allow {
        IOAllowPowerChange(subscription.root.get(), argument as isize);
    }
}

/// Runs the loop of this thread, with `source`, for as long as `goes_on` says so and the source is
/// valid: the system may take it away. Both are looked at once a second, because a word to stop
/// that comes before the loop runs would be lost.
pub(super) fn run_in_default_mode(source: &CFRunLoopSource, goes_on: impl Fn() -> bool) {
    // SAFETY: a constant of CoreFoundation.
    let mode = unsafe { kCFRunLoopDefaultMode };
    CFRunLoop::get_current().add_source(source, mode);
    // SAFETY: `source` keeps what it refers to alive.
    let is_valid = || unsafe { CFRunLoopSourceIsValid(source.as_concrete_TypeRef()) } != 0;
    while goes_on() && is_valid() {
        let ended = CFRunLoop::run_in_mode(mode, SLICE, false);
        if matches!(ended, CFRunLoopRunResult::Finished) {
            return;
        }
    }
}

/// A text in a dictionary of the store; `None` for any other kind of value.
pub(super) fn dictionary_text(value: &CFPropertyList, key: &str) -> Option<String> {
    let dictionary = value.downcast::<CFDictionary>()?;
    let key = CFString::new(key);
    let found = dictionary.find(key.as_CFTypeRef())?;
    // SAFETY: values of a property list are CoreFoundation objects, which the dictionary keeps
    // alive while this one is made; it keeps its own reference from then on.
    let found = unsafe { CFType::wrap_under_get_rule(*found) };
    found.downcast::<CFString>().map(|text| text.to_string())
}
