//! Calls of Windows that are not safe: whether a class is there, power notifications, the registry.
//!
//! A callback runs on a thread of the system. It posts and returns, and a panic ends in it.

use std::{
    ffi::c_void,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    thread::JoinHandle,
};
use tokio::sync::oneshot;
use windows::{
    Win32::System::{Com::CoIncrementMTAUsage, WinRT::RoGetActivationFactory},
    core::{HSTRING, IUnknown},
};
use windows_sys::{
    Win32::{
        Foundation::{CloseHandle, ERROR_SUCCESS, HANDLE, WAIT_OBJECT_0},
        System::{
            Power::{DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS, PowerRegisterSuspendResumeNotification},
            Registry::{
                HKEY, HKEY_LOCAL_MACHINE, KEY_NOTIFY, REG_NOTIFY_CHANGE_LAST_SET,
                REG_NOTIFY_CHANGE_NAME, RegCloseKey, RegNotifyChangeKeyValue, RegOpenKeyExW,
            },
            Threading::{CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects},
        },
        UI::WindowsAndMessaging::DEVICE_NOTIFY_CALLBACK,
    },
    core::{PCWSTR, w},
};

/// Asks the system for a class. The crate `windows` would go on to look for a DLL of its name,
/// which is not wanted, and which wine has without the entry point.
pub(super) fn require_class(name: &HSTRING) -> io::Result<()> {
    // SAFETY: no pointer is handed over. COM stays started for as long as the process lives.
    unsafe { CoIncrementMTAUsage() }?;
    // SAFETY: `name` is a string that lives during the call; the factory is released by its drop.
    unsafe { RoGetActivationFactory::<IUnknown>(name) }?;
    Ok(())
}

type OnEvent = Box<dyn Fn(u32) + Send + Sync>;

/// Power notifications. They last as long as the process: Windows does not say whether a callback
/// may still be under way when a registration is taken back, so nothing of it is freed.
pub(super) struct SuspendResume;

struct Subscription {
    parameters: DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS,
    on_event: OnEvent,
}

impl SuspendResume {
    /// Calls `on_event` with each `PBT_*`.
    pub(super) fn register(on_event: impl Fn(u32) + Send + Sync + 'static) -> io::Result<Self> {
        let at: *mut Subscription = Box::into_raw(Box::new(Subscription {
            parameters: DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS {
                Callback: Some(on_power),
                Context: ptr::null_mut(),
            },
            on_event: Box::new(on_event),
        }));
        let mut registration: *mut c_void = ptr::null_mut();
        // SAFETY: `at` is a box that nothing else refers to, and once Windows has taken it, it is
        // valid for the life of the process. Windows reads the parameters through `recipient`, as
        // DEVICE_NOTIFY_CALLBACK says, and writes one pointer to `registration`.
        let status = unsafe {
            (*at).parameters.Context = at.cast();
            PowerRegisterSuspendResumeNotification(
                DEVICE_NOTIFY_CALLBACK,
                (&raw mut (*at).parameters).cast(),
                &mut registration,
            )
        };
        checked(status).map(|()| Self).inspect_err(|_| {
            // SAFETY: made above by `Box::into_raw`; Windows keeps nothing of a registration that
            // it refuses.
            drop(unsafe { Box::from_raw(at) });
        })
    }
}

unsafe extern "system" fn on_power(
    context: *const c_void,
    event: u32,
    _setting: *const c_void,
) -> u32 {
    // SAFETY: Windows hands back the context of `register`, which is never freed and is only read
    // from here on; `on_event` may be called from any thread.
    let on_event = unsafe { &(*context.cast::<Subscription>()).on_event };
    let _ = catch_unwind(AssertUnwindSafe(|| on_event(event)));
    ERROR_SUCCESS
}

/// Name servers of each interface, set by hand or by DHCP, are values below these keys.
const KEYS: [PCWSTR; 2] = [
    w!("SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"),
    w!("SYSTEM\\CurrentControlSet\\Services\\Tcpip6\\Parameters"),
];

/// Watches the keys on a thread that ends with this.
pub(super) struct DnsKeys {
    stop: Event,
    thread: Option<JoinHandle<()>>,
    ended: oneshot::Receiver<io::Error>,
}

impl DnsKeys {
    /// Calls `changed` at each change below the keys, renewed leases included: it is a hint.
    pub(super) fn watch(changed: impl Fn() + Send + 'static) -> io::Result<Self> {
        let stop = Event::new()?;
        // A system without IPv6 may have one of them only.
        let mut missing = None;
        let open = |path| Key::open(path).map_err(|e| missing = Some(e)).ok();
        let keys: Vec<Key> = KEYS.into_iter().filter_map(open).collect();
        if let Some(e) = missing.filter(|_| keys.is_empty()) {
            return Err(e);
        }
        let stopped = stop.0 as usize;
        let (tell, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("signet-dns".into()).spawn(move || {
            if let Err(e) = wait(stopped as HANDLE, &keys, changed) {
                // Nobody listens when this is being dropped.
                let _ = tell.send(e);
            }
        })?;
        Ok(Self { stop, thread: Some(thread), ended })
    }

    /// Returns when the keys are not watched further; why.
    pub(super) async fn ended(&mut self) -> io::Error {
        let ended = (&mut self.ended).await;
        ended.unwrap_or_else(|_| io::Error::other("the thread that watches the keys ended"))
    }
}

impl Drop for DnsKeys {
    fn drop(&mut self) {
        // SAFETY: the event is open until this is dropped, after the thread that waits for it.
        unsafe { SetEvent(self.stop.0) };
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for `stop` or a key, whichever comes first, until `stop`.
fn wait(stop: HANDLE, keys: &[Key], changed: impl Fn()) -> io::Result<()> {
    keys.iter().try_for_each(Key::arm)?;
    let handles: Vec<HANDLE> = [stop].into_iter().chain(keys.iter().map(|k| k.event.0)).collect();
    let count = u32::try_from(handles.len()).map_err(io::Error::other)?;
    loop {
        // SAFETY: `handles` are open events: `stop` outlives the thread, `keys` this call.
        let woken = unsafe { WaitForMultipleObjects(count, handles.as_ptr(), 0, INFINITE) };
        match woken.checked_sub(WAIT_OBJECT_0) {
            Some(0) => return Ok(()),
            Some(n) if n < count => {
                let key = keys.get(n as usize - 1).ok_or_else(io::Error::last_os_error)?;
                // Armed again before it is told, so that a change meanwhile is one more.
                key.arm()?;
                changed();
            }
            _ => return Err(io::Error::last_os_error()),
        }
    }
}

/// An open key and the event that says that something below it changed.
struct Key {
    key: HKEY,
    event: Event,
}

// SAFETY: handles of keys belong to the process and may be used from any thread, one at a time.
unsafe impl Send for Key {}

impl Key {
    fn open(path: PCWSTR) -> io::Result<Self> {
        let event = Event::new()?;
        let mut key: HKEY = ptr::null_mut();
        // SAFETY: `path` is a string of the program that ends with zero; `key` takes one handle.
        let status = unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_NOTIFY, &mut key) };
        checked(status).map(|()| Self { key, event })
    }

    fn arm(&self) -> io::Result<()> {
        let what = REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET;
        // SAFETY: both handles are open while `self` lives. It returns at once (asynchronous).
        checked(unsafe { RegNotifyChangeKeyValue(self.key, 1, what, self.event.0, 1) })
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, closed only here.
        unsafe { RegCloseKey(self.key) };
    }
}

/// An event that resets itself when a thread was woken by it.
struct Event(HANDLE);

// SAFETY: handles of events belong to the process and may be used from any thread.
unsafe impl Send for Event {}
// SAFETY: as above; the system orders the calls.
unsafe impl Sync for Event {}

impl Event {
    fn new() -> io::Result<Self> {
        // SAFETY: no pointer is handed over; null stands for the defaults.
        let handle = unsafe { CreateEventW(ptr::null(), 0, 0, ptr::null()) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: made by `new`, closed only here.
        unsafe { CloseHandle(self.0) };
    }
}

fn checked(status: u32) -> io::Result<()> {
    match status {
        ERROR_SUCCESS => Ok(()),
        e => Err(io::Error::from_raw_os_error(e as i32)),
    }
}
