//! Asks a service of the system that may not answer, with a call that blocks its thread.

use std::time::Duration;
use tokio::{task::JoinHandle, time::timeout};

/// One call at a time: one that hangs keeps its thread, so no other is begun beside it.
pub(super) struct Answer<T>(Option<JoinHandle<T>>);

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> Answer<T> {
    /// What `call` answers within this time; `None`: nothing, or it failed inside. One before it
    /// that is still under way is waited for first, and what it answers is out of date.
    pub(super) async fn within(
        &mut self,
        max: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if let Some(mut before) = self.0.take().filter(|task| !task.is_finished())
            && timeout(max, &mut before).await.is_err()
        {
            self.0 = Some(before);
            return None;
        }
        let mut task = tokio::task::spawn_blocking(call);
        match timeout(max, &mut task).await {
            Ok(answer) => answer.ok(),
            Err(_) => {
                self.0 = Some(task);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    };

    const SOON: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_call_that_hangs_is_the_only_one_and_its_late_answer_is_not_taken() {
        let begun = Arc::<AtomicU32>::default();
        let (go_on, waits) = mpsc::channel::<()>();
        let waits = Arc::new(Mutex::new(waits));
        let call = || {
            let (begun, waits) = (begun.clone(), waits.clone());
            move || {
                let nth = begun.fetch_add(1, Ordering::SeqCst) + 1;
                if nth == 1 {
                    let _ = waits.lock().unwrap().recv();
                }
                nth
            }
        };
        let mut answer = Answer::default();
        for _ in 0..5 {
            assert_eq!(answer.within(SOON, call()).await, None);
        }
        assert!(begun.load(Ordering::SeqCst) <= 1);
        go_on.send(()).unwrap();
        let ended = timeout(PATIENCE, async {
            while !answer.0.as_ref().unwrap().is_finished() {
                tokio::time::sleep(SOON).await;
            }
        });
        assert!(ended.await.is_ok());
        assert_eq!(answer.within(PATIENCE, call()).await, Some(2));
        assert_eq!(answer.within(PATIENCE, call()).await, Some(3));
    }

    #[tokio::test]
    async fn what_was_begun_before_is_waited_for_and_not_taken_and_a_failure_answers_nothing() {
        let mut answer = Answer::default();
        let (go_on, waits) = mpsc::channel::<()>();
        let hangs = move || {
            let _ = waits.recv();
            1
        };
        assert_eq!(answer.within(SOON, hangs).await, None);
        go_on.send(()).unwrap();
        assert_eq!(answer.within(PATIENCE, || 2).await, Some(2));
        let fails = || -> i32 { panic!("a fault, as a test wants it") };
        assert_eq!(answer.within(PATIENCE, fails).await, None);
        assert_eq!(answer.within(PATIENCE, || 4).await, Some(4));
    }
}
