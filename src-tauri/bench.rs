//! What a measuring build records: when frames reached the glass. Never part of a shipped build.
//!
//! The page is opened as `index.html?measure` and then reports every frame it painted. Whoever
//! drives the measurement feeds a desk, and drains the marks with [`take_marks`].

use std::sync::{Mutex, OnceLock};

use tauri::{Runtime, ipc::Invoke};

/// One frame, painted. Times are milliseconds since the Unix epoch on the laptop's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// The sequence number of the frame.
    pub seq: f64,
    /// How many lines it changed.
    pub changed: u32,
    pub painted_at_ms: f64,
}

static MARKS: Mutex<Vec<Mark>> = Mutex::new(Vec::new());
static FIRST_PAINT: OnceLock<f64> = OnceLock::new();

/// The frames painted since the last call.
pub fn take_marks() -> Vec<Mark> {
    std::mem::take(&mut *MARKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// When the page first painted anything.
pub fn first_paint_ms() -> Option<f64> {
    FIRST_PAINT.get().copied()
}

#[tauri::command]
fn bench_frame(seq: f64, changed: u32, painted_at_ms: f64) {
    MARKS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(Mark { seq, changed, painted_at_ms });
}

#[tauri::command]
fn first_paint(at_ms: f64) {
    // Only the first counts; a reload reports again.
    if FIRST_PAINT.set(at_ms).is_ok() {
        tracing::info!(at_ms, "first paint");
    }
}

/// The commands of the desk and these two.
pub(crate) fn with_marks<R: Runtime>(
    desk: impl Fn(Invoke<R>) -> bool + Send + Sync + 'static,
) -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    let marks: Box<dyn Fn(Invoke<R>) -> bool + Send + Sync> = Box::new(tauri::generate_handler![bench_frame, first_paint]);
    move |invoke| match invoke.message.command() {
        "bench_frame" | "first_paint" => marks(invoke),
        _ => desk(invoke),
    }
}
