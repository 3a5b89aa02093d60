//! A timer that is cheap to move.
//!
//! QUIC moves its timer with every packet, nearly always to a later time than the last one. Each
//! move of a timer of the runtime takes a lock and may wake its thread through the kernel. This one
//! stays where it is set until it goes off, and only then is set to the time wanted meanwhile.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::time::Sleep;

/// Goes off at a time that may be moved as often as one likes.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// What the runtime's timer is set to: never later than `due`, unless it has gone off.
    set_to: Instant,
    due: Instant,
}

impl Alarm {
    pub(crate) fn new(due: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(due.into())), set_to: due, due }
    }

    pub(crate) fn move_to(&mut self, due: Instant) {
        self.due = due;
        if due < self.set_to {
            self.set(due);
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.due <= tokio::time::Instant::now().into_std() {
                return Poll::Ready(());
            }
            self.set(self.due);
        }
    }

    fn set(&mut self, to: Instant) {
        self.sleep.as_mut().reset(to.into());
        self.set_to = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, time::Duration};

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    const MS: Duration = Duration::from_millis(1);

    async fn goes_off_after(alarm: &mut Alarm) -> Duration {
        let began = now();
        poll_fn(|cx| alarm.poll(cx)).await;
        now() - began
    }

    #[tokio::test(start_paused = true)]
    async fn goes_off_at_the_time_it_was_moved_to_last() {
        let began = now();
        let mut alarm = Alarm::new(began + 20 * MS);
        for later in [30, 10, 50, 40] {
            alarm.move_to(began + later * MS);
        }
        assert_eq!(goes_off_after(&mut alarm).await, 40 * MS);
        // It has gone off: a time in the past, then one to come.
        alarm.move_to(began + 15 * MS);
        assert_eq!(goes_off_after(&mut alarm).await, Duration::ZERO);
        alarm.move_to(began + 60 * MS);
        assert_eq!(goes_off_after(&mut alarm).await, 20 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_waits_is_woken_after_every_kind_of_move() {
        let began = now();
        let mut alarm = Alarm::new(began + 20 * MS);
        poll_fn(|cx| {
            assert!(alarm.poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        alarm.move_to(began + 70 * MS);
        poll_fn(|cx| {
            assert!(alarm.poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        alarm.move_to(began + 5 * MS);
        assert_eq!(goes_off_after(&mut alarm).await, 5 * MS);
    }
}
