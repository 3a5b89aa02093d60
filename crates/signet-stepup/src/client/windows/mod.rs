//! Windows: the system's own dialog (`webauthn.dll`), which asks for the PIN and the touch itself.
//!
//! Windows keeps FIDO keys to itself and to administrators, so there is no other way. The dialog is
//! told our window, so that it opens above it, and a cancellation id, so that it closes with ours.
//! The library is loaded when it is needed: Windows before 1903 and some servers have none.
//!
//! Type-checked for Windows and never executed: no Windows machine and no such library was at hand
//! (wine has none). [`outcome`], which reads the results' numbers, is tested on every system.

mod outcome;

#[cfg(all(windows, feature = "hid"))]
mod dll;
#[cfg(all(windows, feature = "hid"))]
mod request;

#[cfg(all(windows, feature = "hid"))]
pub use ceremony::WebAuthnDll;

#[cfg(all(windows, feature = "hid"))]
mod ceremony {
    use super::{
        dll::{Dll, Key},
        outcome,
        request::Request,
    };
    use crate::client::{
        Ceremony, CeremonyError, Order, Stage, Status, Step, StepUp, Told, options::Asked,
    };
    use std::{
        sync::mpsc::{self, RecvTimeoutError},
        thread,
        time::{Duration, Instant},
    };

    const TICK: Duration = Duration::from_millis(20);
    const CEREMONY_MAX: Duration = Duration::from_secs(600);
    /// How long the dialog may take to close after it was told to.
    const CLOSING: Duration = Duration::from_secs(5);

    /// The system's dialog.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct WebAuthnDll;

    impl StepUp for WebAuthnDll {
        fn begin(&self, order: Order) -> Ceremony {
            let (ceremony, stage) = Ceremony::new();
            let last = stage.steps.clone();
            let started = thread::Builder::new().name("signet-webauthn".into()).spawn(move || {
                let end = run(&order, &stage);
                let _ = stage.steps.send(Step::Done(end));
            });
            if let Err(e) = started {
                let _ = last.send(Step::Done(Err(CeremonyError::Backend(format!(
                    "no thread for the ceremony: {e}"
                )))));
            }
            ceremony
        }
    }

    fn run(order: &Order, stage: &Stage) -> Result<String, CeremonyError> {
        let asked = Asked::of(order)?;
        let window = order
            .window
            .ok_or_else(|| CeremonyError::Backend("the desk did not name its window".into()))?;
        let timeout = order.timeout.min(CEREMONY_MAX);
        let deadline = Instant::now() + timeout;
        let client_data = asked.client_data(order);
        let dll = Dll::load()?;
        let cancel = dll.cancellation()?;
        let request = Request::new(&asked, &client_data, timeout, cancel.id())?;
        let _ = stage.steps.send(Step::Status(Status::Verifying));
        let (tell, result) = mpsc::channel();
        thread::Builder::new()
            .name("signet-webauthn-dialog".into())
            .spawn(move || {
                let _ = tell.send(dll.ask(window, request));
            })
            .map_err(|e| CeremonyError::Backend(format!("no thread for the dialog: {e}")))?;
        let answer = wait(stage, deadline, &result, || cancel.cancel())?;
        finish(answer, &client_data)
    }

    /// Waits for the dialog; closes it when the desk says so or time is up.
    fn wait(
        stage: &Stage,
        deadline: Instant,
        result: &mpsc::Receiver<Result<Key, CeremonyError>>,
        close: impl Fn(),
    ) -> Result<Key, CeremonyError> {
        let why = loop {
            match result.try_recv() {
                // It says "cancelled" as well when its own time was up.
                Ok(Err(CeremonyError::Cancelled)) if Instant::now() >= deadline => {
                    return Err(CeremonyError::TimedOut);
                }
                Ok(answer) => return answer,
                Err(mpsc::TryRecvError::Disconnected) => {
                    return Err(CeremonyError::Backend("the dialog's thread ended".into()));
                }
                Err(mpsc::TryRecvError::Empty) => {}
            }
            match stage.told.recv_timeout(TICK) {
                Ok(Told::Cancel) | Err(RecvTimeoutError::Disconnected) => {
                    break CeremonyError::Cancelled;
                }
                Ok(Told::Pin(_)) | Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= deadline {
                break CeremonyError::TimedOut;
            }
        };
        close();
        // A signature that was made in that moment is not used.
        let _ = result.recv_timeout(CLOSING);
        Err(why)
    }

    fn finish(answer: Key, client_data: &str) -> Result<String, CeremonyError> {
        use crate::client::answer as json;
        match answer {
            Key::Registered {
                credential,
                attestation_object,
                authenticator_data,
                protection,
                transport,
            } => {
                outcome::verified(&authenticator_data)?;
                outcome::protected(protection)?;
                Ok(json::registration(
                    &credential,
                    &attestation_object,
                    client_data,
                    &[outcome::transport(transport)],
                ))
            }
            Key::Signed { credential, authenticator_data, signature, user } => {
                outcome::verified(&authenticator_data)?;
                let user = (!user.is_empty()).then_some(user.as_slice());
                Ok(json::assertion(&credential, &authenticator_data, &signature, user, client_data))
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::client::KeyOperation;

        /// Without a window there is no dialog, so this may run in front of anybody.
        #[tokio::test]
        async fn it_asks_for_a_window_and_says_what_is_missing() {
            let json = r#"{"publicKey":{
                "rpId":"stepup.bank.example",
                "challenge":"AAECAwQFBgcICQoLDA0ODw",
                "userVerification":"required",
                "allowCredentials":[{"type":"public-key","id":"AQ"}]}}"#;
            let origin = "https://stepup.bank.example".to_owned();
            let order = Order {
                operation: KeyOperation::Sign(json.into()),
                origin,
                context: None,
                timeout: CLOSING,
                window: None,
            };
            let Step::Done(Err(CeremonyError::Backend(why))) =
                WebAuthnDll.begin(order).next().await
            else {
                panic!("it needs a window");
            };
            assert!(why.contains("window"), "{why}");
            if let Err(error) = Dll::load() {
                assert_eq!(error.code(), "key.unreachable");
            }
        }
    }
}
