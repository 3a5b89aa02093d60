//! Colleagues' open RFQs, and the taking over of one.

use super::Desk;
use crate::{book::lock, laptop_clock::laptop_now, link::Command, view::Problem};

impl Desk {
    /// Asks which RFQs of colleagues are open; the frames show the answer.
    pub fn ask_group(&self) -> Result<(), Problem> {
        let message = lock(&self.book).ask_group(laptop_now())?;
        self.command(Command::Send(message))
    }

    /// Takes a colleague's RFQ over, by its key in the list. The frames show whether it came about.
    pub fn take_over(&self, key: &str) -> Result<(), Problem> {
        let message = lock(&self.book).take_over(key, laptop_now())?;
        self.command(Command::Send(message))
    }
}
