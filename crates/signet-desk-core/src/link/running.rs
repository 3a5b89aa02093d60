//! The running ceremony: at most one at a time.

use signet_stepup::client::Told;
use std::cell::RefCell;
use tokio::sync::mpsc;

struct Ceremony {
    id: String,
    /// `None` once its answer is no longer wanted.
    told: Option<mpsc::UnboundedSender<Told>>,
}

#[derive(Default)]
pub(super) struct Running(RefCell<Option<Ceremony>>);

impl Running {
    /// Starts one; returns the receiver of what the person does.
    pub(super) fn begin(&self, id: &str) -> mpsc::UnboundedReceiver<Told> {
        let (told, hear) = mpsc::unbounded_channel();
        *self.0.borrow_mut() = Some(Ceremony { id: id.into(), told: Some(told) });
        hear
    }

    /// The id of the running ceremony.
    pub(super) fn id(&self) -> Option<String> {
        self.0.borrow().as_ref().map(|c| c.id.clone())
    }

    /// Tells ceremony `id` something, if it is running.
    pub(super) fn tell(&self, id: &str, told: Told) {
        if let Some(to) =
            self.0.borrow().as_ref().filter(|c| c.id == id).and_then(|c| c.told.as_ref())
        {
            let _ = to.send(told);
        }
    }

    /// Its answer is no longer wanted.
    pub(super) fn abandon(&self) {
        if let Some(c) = self.0.borrow_mut().as_mut() {
            c.told = None;
        }
    }

    /// It ended; returns whether its result is still wanted.
    pub(super) fn end(&self) -> bool {
        self.0.borrow_mut().take().is_some_and(|c| c.told.is_some())
    }
}
