//! The C++ shim's functions, and nothing else.

use super::Outbox;
use crate::tagvalue::Field;
use quickfix_ffi as _; // keeps the engine's archive on the link line, after the shim's
use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    rc::Rc,
};

#[repr(C)]
pub(super) struct Wire {
    _opaque: [u8; 0],
}

#[repr(C)]
struct WireTable {
    send: extern "C" fn(*mut c_void, *const c_char, usize) -> i8,
    close: extern "C" fn(*mut c_void),
}

#[repr(C)]
pub(super) struct StoreTable {
    pub set: extern "C" fn(*mut c_void, u64, *const c_char, usize) -> i8,
    pub get: extern "C" fn(*mut c_void, u64, u64, *mut c_void, Sink) -> i8,
    pub next_sender: extern "C" fn(*mut c_void) -> u64,
    pub next_target: extern "C" fn(*mut c_void) -> u64,
    pub set_next_sender: extern "C" fn(*mut c_void, u64) -> i8,
    pub set_next_target: extern "C" fn(*mut c_void, u64) -> i8,
    pub created_s: extern "C" fn(*mut c_void) -> i64,
    pub reset: extern "C" fn(*mut c_void, i64) -> i8,
}

pub(super) type Sink = extern "C" fn(*mut c_void, *const c_char, usize);

unsafe extern "C" {
    fn qfs_last_error() -> *const c_char;
    fn qfs_store_factory_new(ctx: *mut c_void, table: *const StoreTable) -> *mut c_void;
    fn qfs_store_factory_delete(factory: *mut c_void);
    fn qfs_use_dictionary(
        b: *const c_char,
        s: *const c_char,
        t: *const c_char,
        xml: *const c_char,
        n: usize,
        lenient: *const c_char,
        m: usize,
        strict: i8,
    ) -> c_int;
    fn qfs_attach(
        b: *const c_char,
        s: *const c_char,
        t: *const c_char,
        ctx: *mut c_void,
        table: *const WireTable,
    ) -> *mut Wire;
    fn qfs_detach(w: *mut Wire);
    fn qfs_receive(
        w: *mut Wire,
        m: *const c_char,
        n: usize,
        fields: *const Field,
        count: usize,
        msg_type: *const c_char,
        msg_type_len: usize,
        number: u64,
    ) -> c_int;
    fn qfs_steady_us() -> i64;
    fn qfs_look(w: *mut Wire, steady_us: i64) -> c_int;
    fn qfs_tick(w: *mut Wire) -> c_int;
    fn qfs_send(
        w: *mut Wire,
        msg_type: *const c_char,
        msg_type_len: usize,
        fields: *const Field,
        count: usize,
        bytes: *const c_char,
        size: usize,
        sent: *mut i8,
    ) -> c_int;
    fn qfs_is_logged_on(w: *mut Wire) -> i8;
    fn qfs_next_sender(w: *mut Wire) -> u64;
    fn qfs_next_target(w: *mut Wire) -> u64;
    fn qfs_logout(w: *mut Wire, reason: *const c_char) -> c_int;
}

extern "C" fn wire_send(ctx: *mut c_void, p: *const c_char, n: usize) -> i8 {
    // SAFETY: C++ passes the context given to `attach`, alive until `detach`, and a valid range.
    let (outbox, frame) =
        unsafe { (&*ctx.cast::<Rc<Outbox>>(), std::slice::from_raw_parts(p.cast::<u8>(), n)) };
    // A panic must not cross into C++; the message then counts as not sent.
    catch_unwind(AssertUnwindSafe(|| outbox.push(frame))).unwrap_or(false).into()
}

extern "C" fn wire_close(ctx: *mut c_void) {
    // SAFETY: as in `wire_send`.
    let outbox = unsafe { &*ctx.cast::<Rc<Outbox>>() };
    let _ = catch_unwind(AssertUnwindSafe(|| outbox.close()));
}

static WIRE: WireTable = WireTable { send: wire_send, close: wire_close };

fn last_error() -> String {
    // SAFETY: the pointer is to a thread-local C++ string, valid until the next failing call.
    unsafe { CStr::from_ptr(qfs_last_error()) }.to_string_lossy().into_owned()
}

fn checked(code: c_int) -> Result<(), String> {
    if code == 0 { Ok(()) } else { Err(last_error()) }
}

pub(super) fn use_dictionary(
    b: &CString,
    s: &CString,
    t: &CString,
    strict: bool,
) -> Result<(), String> {
    let (xml, lenient) = (super::dictionary::WHOLE, super::dictionary::lenient());
    // SAFETY: all pointers are valid for the call and copied by the callee.
    checked(unsafe {
        qfs_use_dictionary(
            b.as_ptr(),
            s.as_ptr(),
            t.as_ptr(),
            xml.as_ptr().cast(),
            xml.len(),
            lenient.as_ptr().cast(),
            lenient.len(),
            strict.into(),
        )
    })
}

pub(super) fn attach(
    b: &CString,
    s: &CString,
    t: &CString,
    outbox: NonNull<Rc<Outbox>>,
) -> Result<NonNull<Wire>, String> {
    // SAFETY: the names are copied; the caller keeps `outbox` alive until `detach`.
    let w =
        unsafe { qfs_attach(b.as_ptr(), s.as_ptr(), t.as_ptr(), outbox.as_ptr().cast(), &WIRE) };
    NonNull::new(w).ok_or_else(last_error)
}

/// # Safety
/// `w` came from `attach` and is not used again.
pub(super) unsafe fn detach(w: NonNull<Wire>) {
    // SAFETY: the caller's promise.
    unsafe { qfs_detach(w.as_ptr()) }
}

/// A frame for the engine, and what we read of it.
pub(super) struct ForEngine<'a> {
    pub frame: &'a [u8],
    /// Fields for the engine, within the frame; empty: the engine parses the text.
    pub fields: &'a [Field],
    pub msg_type: &'a [u8],
    pub number: u64,
}

/// Why the engine did not take a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// The engine reads another type or number than this end.
    Differs,
    Other(String),
}

#[cfg(test)]
thread_local! {
    /// How far the steady clock is ahead of the wall clock for a test: as if the latter had been
    /// set back by so much.
    pub(super) static AHEAD_US: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

/// The clock by which timers count, microseconds.
fn steady_us() -> i64 {
    // SAFETY: it takes nothing and reads a clock.
    let now = unsafe { qfs_steady_us() };
    #[cfg(test)]
    let now = now + AHEAD_US.get();
    now
}

/// Has the engine's timers follow a wall clock that was set. Before everything that counts or
/// restarts one.
///
/// # Safety
/// `w` is attached.
pub(super) unsafe fn look(w: NonNull<Wire>) -> Result<(), String> {
    // SAFETY: the caller's promise.
    checked(unsafe { qfs_look(w.as_ptr(), steady_us()) })
}

/// # Safety
/// `w` is attached.
pub(super) unsafe fn receive(w: NonNull<Wire>, m: &ForEngine<'_>) -> Result<(), NotTaken> {
    // SAFETY: the caller's promise. What fails here the next tick says.
    let _ = unsafe { look(w) };
    let (f, t) = (m.frame, m.msg_type);
    // SAFETY: the caller's promise; everything is copied, and the callee checks that `fields` lie
    // within the bytes.
    let code = unsafe {
        let (fields, count) = (m.fields.as_ptr(), m.fields.len());
        qfs_receive(
            w.as_ptr(),
            f.as_ptr().cast(),
            f.len(),
            fields,
            count,
            t.as_ptr().cast(),
            t.len(),
            m.number,
        )
    };
    match code {
        0 => Ok(()),
        -3 => Err(NotTaken::Differs),
        _ => Err(NotTaken::Other(last_error())),
    }
}

/// # Safety
/// `w` is attached.
pub(super) unsafe fn tick(w: NonNull<Wire>) -> Result<(), String> {
    // SAFETY: the caller's promise.
    unsafe {
        look(w)?;
        checked(qfs_tick(w.as_ptr()))
    }
}

/// # Safety
/// `w` is attached.
pub(super) unsafe fn send(
    w: NonNull<Wire>,
    msg_type: &str,
    fields: &[Field],
    values: &[u8],
) -> Result<bool, String> {
    // SAFETY: the caller's promise. What fails here the next tick says.
    let _ = unsafe { look(w) };
    let mut sent = 0;
    let (t, v) = (msg_type.as_bytes(), values);
    // SAFETY: the caller's promise; everything is copied, and the callee checks that `fields` lie
    // within `values`.
    let code = unsafe {
        qfs_send(
            w.as_ptr(),
            t.as_ptr().cast(),
            t.len(),
            fields.as_ptr(),
            fields.len(),
            v.as_ptr().cast(),
            v.len(),
            &mut sent,
        )
    };
    checked(code)?;
    Ok(sent == 1)
}

/// # Safety
/// `w` is attached.
pub(super) unsafe fn is_logged_on(w: NonNull<Wire>) -> bool {
    // SAFETY: the caller's promise.
    unsafe { qfs_is_logged_on(w.as_ptr()) == 1 }
}

/// # Safety
/// `w` is attached.
pub(super) unsafe fn next_sender(w: NonNull<Wire>) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { qfs_next_sender(w.as_ptr()) }
}

/// # Safety
/// `w` is attached.
pub(super) unsafe fn next_target(w: NonNull<Wire>) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { qfs_next_target(w.as_ptr()) }
}

/// # Safety
/// `w` is attached.
pub(super) unsafe fn logout(w: NonNull<Wire>, reason: &CString) {
    // SAFETY: the caller's promise; the text is copied.
    let _ = unsafe { qfs_logout(w.as_ptr(), reason.as_ptr()) };
}

/// # Safety
/// `ctx` fits the table's functions and outlives the factory.
pub(super) unsafe fn store_factory(
    ctx: *mut c_void,
    table: &'static StoreTable,
) -> Option<NonNull<c_void>> {
    // SAFETY: the caller's promise.
    NonNull::new(unsafe { qfs_store_factory_new(ctx, table) })
}

/// # Safety
/// `factory` came from `store_factory` and no session uses it.
pub(super) unsafe fn delete_store_factory(factory: NonNull<c_void>) {
    // SAFETY: the caller's promise.
    unsafe { qfs_store_factory_delete(factory.as_ptr()) }
}
