//! Our store behind quickfix-rs's public store trait.

use super::{SessionError, counted::Counted, ffi};
use crate::store::{SessionStore, StoreError};
use quickfix::FfiMessageStoreFactory;
use quickfix_ffi::FixMessageStoreFactory_t;
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    ffi::{c_char, c_void},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
};

struct Shared {
    store: RefCell<Counted>,
    /// Not while the engine makes its session: it then resets every store that was made on an
    /// earlier day, since it learns that the session never stops only afterwards.
    may_be_reset: Cell<bool>,
}

/// Makes the C++ store of one session; that store calls back into `store`.
pub(super) struct StoreFactory {
    factory: NonNull<c_void>,
    store: super::Pinned<Shared>,
}

impl StoreFactory {
    pub(crate) fn new(store: Box<dyn SessionStore>) -> Result<Self, SessionError> {
        let store = super::Pinned::new(Shared {
            store: RefCell::new(Counted::new(store)),
            may_be_reset: Cell::new(false),
        });
        // SAFETY: the table takes a `Shared`, which is a field of `Self` and dropped after
        // `factory`.
        let factory = unsafe { ffi::store_factory(store.0.as_ptr().cast(), &TABLE) };
        let factory =
            factory.ok_or_else(|| SessionError::Engine("no memory for a message store".into()))?;
        Ok(Self { factory, store })
    }

    /// The store itself. The engine caches nothing of it.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut dyn SessionStore) -> T) -> T {
        self.counted(|counted| f(counted))
    }

    /// The same, of which is told what was dealt with.
    pub(super) fn counted<T>(&self, f: impl FnOnce(&mut Counted) -> T) -> T {
        // SAFETY: the store is a field of `self`, and the reference does not leave this function.
        // The engine's calls into the store return before anything else runs on this thread.
        let shared = unsafe { self.store.get() };
        f(&mut shared.store.borrow_mut())
    }

    /// The engine has made its session; from now on a reset is one that a Logon asks for.
    pub(crate) fn session_is_made(&self) {
        // SAFETY: as in `counted`.
        unsafe { self.store.get() }.may_be_reset.set(true);
    }
}

impl Drop for StoreFactory {
    fn drop(&mut self) {
        // SAFETY: made in `new`; the engine that used it is dropped before (field order of
        // Session).
        unsafe { ffi::delete_store_factory(self.factory) }
    }
}

impl FfiMessageStoreFactory for StoreFactory {
    fn as_ffi_ptr(&self) -> FixMessageStoreFactory_t {
        // SAFETY: the type is a `repr(transparent)` wrapper of this very pointer type, with a
        // private field; the pointer is a live FIX::MessageStoreFactory.
        unsafe { std::mem::transmute::<NonNull<c_void>, FixMessageStoreFactory_t>(self.factory) }
    }
}

static TABLE: ffi::StoreTable = ffi::StoreTable {
    set,
    get,
    next_sender,
    next_target,
    set_next_sender,
    set_next_target,
    created_s,
    reset,
};

/// Runs a store operation for C++: no panic crosses, every failure is told and the engine then
/// sends nothing.
fn run(ctx: *mut c_void, f: impl FnOnce(&mut dyn SessionStore) -> Result<(), StoreError>) -> i8 {
    // SAFETY: C++ passes the context given to `store_factory`, alive as long as the factory.
    let shared = unsafe { &*ctx.cast::<Shared>() };
    match catch_unwind(AssertUnwindSafe(|| f(&mut *shared.store.borrow_mut()))) {
        Ok(Ok(())) => 0,
        Ok(Err(e)) => {
            tracing::error!(error = %e, "the message store failed; nothing is sent");
            -1
        }
        Err(_) => -1,
    }
}

/// Reads a number; a store that panics answers 0, which is not a valid sequence number and makes
/// the engine stop.
fn read<T: Default>(ctx: *mut c_void, f: impl FnOnce(&dyn SessionStore) -> T) -> T {
    // SAFETY: as in `run`.
    let shared = unsafe { &*ctx.cast::<Shared>() };
    catch_unwind(AssertUnwindSafe(|| f(&*shared.store.borrow()))).unwrap_or_default()
}

extern "C" fn set(ctx: *mut c_void, seq: u64, p: *const c_char, n: usize) -> i8 {
    // SAFETY: C++ passes a valid range.
    let message = unsafe { std::slice::from_raw_parts(p.cast::<u8>(), n) };
    run(ctx, |s| s.keep(seq, message))
}

/// The engine never asks: what is sent again is this crate's decision (`resend`). If it did, it
/// would find nothing to send and fill the gap.
extern "C" fn get(_: *mut c_void, _: u64, _: u64, _: *mut c_void, _: ffi::Sink) -> i8 {
    0
}

extern "C" fn next_sender(ctx: *mut c_void) -> u64 {
    read(ctx, |s| s.next_sender())
}

extern "C" fn next_target(ctx: *mut c_void) -> u64 {
    read(ctx, |s| s.next_target())
}

extern "C" fn set_next_sender(ctx: *mut c_void, n: u64) -> i8 {
    run(ctx, |s| s.set_next_sender(n))
}

extern "C" fn set_next_target(ctx: *mut c_void, n: u64) -> i8 {
    run(ctx, |s| s.set_next_target(n))
}

extern "C" fn created_s(ctx: *mut c_void) -> i64 {
    read(ctx, |s| s.created().0.div_euclid(1_000))
}

extern "C" fn reset(ctx: *mut c_void, now_s: i64) -> i8 {
    // SAFETY: as in `run`.
    if !unsafe { &*ctx.cast::<Shared>() }.may_be_reset.get() {
        return 0;
    }
    run(ctx, |s| s.reset(UtcMillis(now_s.saturating_mul(1_000))))
}
