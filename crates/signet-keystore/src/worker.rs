//! A thread that owns something slow, with callers that wait for it up to a deadline.
//!
//! A keychain or token may wait for its owner without limit, its library may be unfit for several
//! threads, and some run an event loop that must not run inside an asynchronous runtime.

use std::fmt;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The thread, started when first needed and again after a panic in it.
pub(crate) struct Worker<S> {
    name: &'static str,
    answer_time: Duration,
    tasks: Mutex<Option<Running<S>>>,
}

struct Running<S> {
    tasks: Sender<Task<S>>,
    current: Current,
    /// Disconnected once the thread has released everything it kept.
    ended: Receiver<()>,
}

/// How long dropping waits for the thread's end: the thread may be waiting for a person.
const ENDING_MAX: Duration = Duration::from_secs(1);

struct Task<S> {
    /// After this the caller has given up, and the task must no longer run.
    deadline: Instant,
    run: Box<dyn FnOnce(&mut S) + Send>,
}

/// The deadline of the task that the thread is at; `None`: it waits for one.
#[derive(Debug, Default, Clone)]
struct Current(Arc<Mutex<Option<Instant>>>);

impl Current {
    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_overdue(&self) -> bool {
        self.lock().is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Until the guard that it returns is dropped.
    fn is_at(&self, deadline: Instant) -> AtTask<'_> {
        *self.lock() = Some(deadline);
        AtTask(self)
    }
}

struct AtTask<'a>(&'a Current);

impl Drop for AtTask<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    TimedOut(Duration),
    Failed(String),
}

impl<S: 'static> Worker<S> {
    pub(crate) const fn new(name: &'static str, answer_time: Duration) -> Self {
        Self { name, answer_time, tasks: Mutex::new(None) }
    }

    /// Runs `question` on the thread; `state` makes what the thread keeps between questions. While
    /// the thread is at a question whose caller has given up, nobody waits: a server asks on
    /// threads that have other things to do.
    pub(crate) fn ask<T, E>(
        &self,
        state: impl FnOnce() -> S + Send + 'static,
        question: impl FnOnce(&mut S) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<NoAnswer> + Send + 'static,
    {
        let (answer, answered) = mpsc::sync_channel(1);
        let run = Box::new(move |state: &mut S| {
            // A caller that stopped waiting is not an error.
            let _ = answer.send(question(state));
        });
        self.send(state, Task { deadline: Instant::now() + self.answer_time, run })?;
        match answered.recv_timeout(self.answer_time) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(NoAnswer::TimedOut(self.answer_time).into()),
            // The task was dropped: the thread skipped it as overdue, or it panicked in the store.
            Err(RecvTimeoutError::Disconnected) => {
                Err(NoAnswer::Failed("it gave no answer".into()).into())
            }
        }
    }

    fn send(
        &self,
        state: impl FnOnce() -> S + Send + 'static,
        task: Task<S>,
    ) -> Result<(), NoAnswer> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let task = match tasks.as_ref() {
            Some(running) if running.current.is_overdue() => {
                return Err(NoAnswer::TimedOut(self.answer_time));
            }
            Some(running) => match running.tasks.send(task) {
                Ok(()) => return Ok(()),
                // The thread ended (a store panicked): start another.
                Err(unsent) => unsent.0,
            },
            None => task,
        };
        let (sender, receiver) = mpsc::channel::<Task<S>>();
        let (ending, ended) = mpsc::channel::<()>();
        let current = Current::default();
        let at = current.clone();
        thread::Builder::new()
            .name(self.name.into())
            .spawn(move || {
                // Dropped after the state.
                let _ending = ending;
                let mut state = state();
                while let Ok(Task { deadline, run }) = receiver.recv() {
                    if Instant::now() < deadline {
                        let _at = at.is_at(deadline);
                        run(&mut state);
                    }
                }
            })
            .map_err(|e| NoAnswer::Failed(format!("its thread could not be started: {e}")))?;
        sender.send(task).map_err(|_| NoAnswer::Failed("its thread ended".into()))?;
        *tasks = Some(Running { tasks: sender, current, ended });
        Ok(())
    }
}

/// What the thread keeps is released before this returns: a token's library that is closed while
/// the process ends makes the process crash.
impl<S> Drop for Worker<S> {
    fn drop(&mut self) {
        let running = self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { tasks, ended, .. }) = running {
            drop(tasks);
            let _ = ended.recv_timeout(ENDING_MAX);
        }
    }
}

impl<S> fmt::Debug for Worker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("name", &self.name)
            .field("answer_time", &self.answer_time)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::TryRecvError;

    const ANSWER: Duration = Duration::from_secs(2);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn worker() -> Worker<u32> {
        Worker::new("test", ANSWER)
    }

    fn asks(worker: &Worker<u32>) -> Result<u32, NoAnswer> {
        worker.ask(|| 7, |state| Ok(*state))
    }

    #[test]
    fn nobody_waits_behind_a_question_that_is_overdue() {
        let (worker, (end, ends)) = (worker(), mpsc::channel::<()>());
        let hangs = worker.ask(
            || 7,
            move |_| {
                let _ = ends.recv();
                Ok::<_, NoAnswer>(())
            },
        );
        assert!(matches!(hangs, Err(NoAnswer::TimedOut(time)) if time == ANSWER), "{hangs:?}");
        let (ran, runs) = mpsc::channel::<()>();
        let next = worker.ask(
            || 7,
            move |_| {
                drop(ran);
                Ok::<_, NoAnswer>(())
            },
        );
        assert!(matches!(next, Err(NoAnswer::TimedOut(time)) if time == ANSWER), "{next:?}");
        assert_eq!(runs.try_recv(), Err(TryRecvError::Disconnected), "it does not wait either");
        end.send(()).unwrap();
        let began = Instant::now();
        while asks(&worker).is_err() {
            assert!(began.elapsed() < PATIENCE, "it is at work again");
            thread::yield_now();
        }
    }

    #[test]
    fn a_question_that_panics_is_not_overdue_for_ever() {
        let worker = worker();
        let fails =
            worker.ask(|| 7, |_| -> Result<(), NoAnswer> { panic!("a fault, as a test wants it") });
        assert!(matches!(fails, Err(NoAnswer::Failed(_))), "{fails:?}");
        thread::sleep(2 * ANSWER);
        assert_eq!(asks(&worker).unwrap(), 7);
    }
}
