//! Combines several ways to keys: the first that finds a key goes on, the others are cancelled.

use super::{Ceremony, CeremonyError, Order, Stage, Status, Step, StepUp, Told};
use std::{
    sync::{Arc, mpsc::RecvTimeoutError},
    thread,
    time::Duration,
};
use tokio::sync::mpsc::error;

const TICK: Duration = Duration::from_millis(10);

/// USB ports and readers, say, as one back end.
#[derive(Debug, Clone)]
pub struct Several(Vec<Arc<dyn StepUp>>);

impl Several {
    /// Runs every ceremony on all of these ways at once.
    pub fn new(ways: Vec<Arc<dyn StepUp>>) -> Self {
        Self(ways)
    }
}

impl StepUp for Several {
    fn begin(&self, order: Order) -> Ceremony {
        let running: Vec<Ceremony> = self.0.iter().map(|way| way.begin(order.clone())).collect();
        let (ceremony, stage) = Ceremony::new();
        let last = stage.steps.clone();
        let started = thread::Builder::new().name("signet-keys".into()).spawn(move || {
            let outcome = follow(running, &stage);
            let _ = stage.steps.send(Step::Done(outcome));
        });
        if let Err(e) = started {
            let _ = last.send(Step::Done(Err(CeremonyError::Backend(format!(
                "no thread for the ceremony: {e}"
            )))));
        }
        ceremony
    }
}

/// One way, and whether it found no key so far.
struct Running {
    ceremony: Ceremony,
    empty: bool,
}

/// Dropping a ceremony cancels it: leaving this function, however, cancels all that still run.
fn follow(ceremonies: Vec<Ceremony>, stage: &Stage) -> Result<String, CeremonyError> {
    let mut running: Vec<_> =
        ceremonies.into_iter().map(|ceremony| Running { ceremony, empty: false }).collect();
    let mut ended = CeremonyError::Backend("there is no way to security keys".into());
    let mut told_to_insert = false;
    while !running.is_empty() {
        let mut at = 0;
        while let Some(way) = running.get_mut(at) {
            match next(&mut way.ceremony) {
                None => at += 1,
                Some(Step::Status(Status::Insert)) => way.empty = true,
                Some(Step::Status(status)) => {
                    let _ = stage.steps.send(Step::Status(status));
                    // Here is a key: this is the way, from now on the only one.
                    running = vec![running.swap_remove(at)];
                    at = 0;
                }
                Some(Step::Done(Ok(answer))) => return Ok(answer),
                Some(Step::Done(Err(error))) => {
                    drop(running.remove(at));
                    // How another way ended tells more than that this one cannot be used.
                    if matches!(ended, CeremonyError::Backend(_)) {
                        ended = error;
                    }
                }
            }
        }
        // Not before all have looked: a key in a port takes longer to speak than an empty reader.
        if !told_to_insert && !running.is_empty() && running.iter().all(|way| way.empty) {
            told_to_insert = true;
            let _ = stage.steps.send(Step::Status(Status::Insert));
        }
        match stage.told.recv_timeout(TICK) {
            Ok(Told::Cancel) | Err(RecvTimeoutError::Disconnected) => {
                return Err(CeremonyError::Cancelled);
            }
            Ok(Told::Pin(pin)) => {
                if let [only] = running.as_slice() {
                    only.ceremony.give_pin(pin);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Err(ended)
}

fn next(ceremony: &mut Ceremony) -> Option<Step> {
    match ceremony.steps.try_recv() {
        Ok(step) => Some(step),
        Err(error::TryRecvError::Empty) => None,
        Err(error::TryRecvError::Disconnected) => {
            Some(Step::Done(Err(CeremonyError::Backend("the ceremony's thread ended".into()))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{KeyOperation, Pin};
    use std::sync::Mutex;

    /// A way whose stage the test holds.
    #[derive(Debug, Default)]
    struct Way(Mutex<Option<Stage>>);

    impl StepUp for Way {
        fn begin(&self, _: Order) -> Ceremony {
            let (ceremony, stage) = Ceremony::new();
            *self.0.lock().expect("lock") = Some(stage);
            ceremony
        }
    }

    fn begin() -> (Ceremony, Stage, Stage) {
        let ways = [Arc::new(Way::default()), Arc::new(Way::default())];
        let order = Order {
            operation: KeyOperation::Sign(String::new()),
            origin: String::new(),
            context: None,
            timeout: TICK,
            window: None,
        };
        let ceremony = Several::new(vec![ways[0].clone(), ways[1].clone()]).begin(order);
        let [a, b] = ways.map(|way| way.0.lock().expect("lock").take().expect("begun"));
        (ceremony, a, b)
    }

    fn say(stage: &Stage, step: Step) {
        stage.steps.send(step).expect("heard");
    }

    #[tokio::test]
    async fn the_first_with_a_key_goes_on_alone() {
        let (mut ceremony, usb, reader) = begin();
        say(&reader, Step::Status(Status::Insert));
        say(&usb, Step::Status(Status::Insert));
        assert!(matches!(ceremony.next().await, Step::Status(Status::Insert)));
        say(&usb, Step::Status(Status::Insert));
        say(&reader, Step::Status(Status::Pin { wrong: false, left: None }));
        assert!(
            matches!(ceremony.next().await, Step::Status(Status::Pin { .. })),
            "told to insert once only"
        );
        ceremony.give_pin(Pin::new("1234".into()));
        assert!(matches!(reader.told.recv(), Ok(Told::Pin(pin)) if pin.expose() == "1234"));
        assert!(usb.told.recv().is_err(), "cancelled by hanging up, and without the PIN");
        say(&reader, Step::Done(Ok("signed".into())));
        assert!(matches!(ceremony.next().await, Step::Done(Ok(answer)) if answer == "signed"));
    }

    #[tokio::test]
    async fn an_empty_reader_does_not_ask_for_a_key_that_is_in_a_port() {
        let (mut ceremony, usb, reader) = begin();
        say(&reader, Step::Status(Status::Insert));
        // The reader hangs up only once the other has found a key.
        say(&usb, Step::Status(Status::Touch));
        assert!(matches!(ceremony.next().await, Step::Status(Status::Touch)));
        assert!(reader.told.recv().is_err());
    }

    #[tokio::test]
    async fn a_way_that_cannot_be_used_leaves_the_other() {
        let (mut ceremony, usb, reader) = begin();
        say(&reader, Step::Done(Err(CeremonyError::Backend("no service".into()))));
        say(&usb, Step::Status(Status::Insert));
        assert!(matches!(ceremony.next().await, Step::Status(Status::Insert)));
        say(&usb, Step::Done(Err(CeremonyError::TimedOut)));
        assert!(matches!(ceremony.next().await, Step::Done(Err(CeremonyError::TimedOut))));

        let (mut ceremony, usb, reader) = begin();
        drop(usb);
        say(&reader, Step::Done(Err(CeremonyError::Backend("no service".into()))));
        assert!(matches!(ceremony.next().await, Step::Done(Err(CeremonyError::Backend(_)))));
    }

    #[tokio::test]
    async fn cancelling_reaches_all_of_them() {
        let (mut ceremony, usb, reader) = begin();
        ceremony.cancel();
        assert!(matches!(ceremony.next().await, Step::Done(Err(CeremonyError::Cancelled))));
        assert!(usb.told.recv().is_err() && reader.told.recv().is_err());
    }
}
