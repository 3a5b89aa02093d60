//! The ceremony that is under way: at most one at a time.

use signet_stepup::client::Told;
use std::cell::RefCell;
use tokio::sync::mpsc;

struct Ceremony {
    id: String,
    /// `None` once nobody waits for its answer.
    told: Option<mpsc::UnboundedSender<Told>>,
}

#[derive(Default)]
pub(super) struct Running(RefCell<Option<Ceremony>>);

impl Running {
    /// Begins one; the answer is where it hears what the person does.
    pub(super) fn begin(&self, id: &str) -> mpsc::UnboundedReceiver<Told> {
        let (told, hear) = mpsc::unbounded_channel();
        *self.0.borrow_mut() = Some(Ceremony { id: id.into(), told: Some(told) });
        hear
    }

    /// Of the one under way, if any.
    pub(super) fn id(&self) -> Option<String> {
        self.0.borrow().as_ref().map(|c| c.id.clone())
    }

    /// Tells it something, if it is the one under way.
    pub(super) fn tell(&self, id: &str, told: Told) {
        if let Some(to) =
            self.0.borrow().as_ref().filter(|c| c.id == id).and_then(|c| c.told.as_ref())
        {
            let _ = to.send(told);
        }
    }

    /// Nobody waits for its answer.
    pub(super) fn abandon(&self) {
        if let Some(c) = self.0.borrow_mut().as_mut() {
            c.told = None;
        }
    }

    /// It is over; the answer is whether somebody still wants its result.
    pub(super) fn end(&self) -> bool {
        self.0.borrow_mut().take().is_some_and(|c| c.told.is_some())
    }
}
