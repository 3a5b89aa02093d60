//! The real keychain, used from a thread of its own.
//!
//! A keychain may show a prompt and wait for its owner without limit, and some back ends run an
//! event loop that must not meet an asynchronous runtime's. So one thread does all the talking
//! and callers wait for it with a deadline.

use std::sync::mpsc::{self, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::entries::{self, Entries};
use super::native::NativeEntries;
use super::{ANSWER_TIME_DEFAULT, IdentityName, Keychain, KeychainError, SECRET_BYTES, StoredIdentity};
use crate::identity::Identity;

/// The operating system's keychain: Secret Service (Linux), Credential Manager (Windows),
/// Keychain (macOS).
#[derive(Debug)]
pub struct OsKeychain {
    answer_time: Duration,
    tasks: Mutex<Option<Sender<Task>>>,
}

type Work = Box<dyn FnOnce(&mut dyn Entries) + Send>;

struct Task {
    /// After this the caller has given up; doing it later would surprise everybody.
    deadline: Instant,
    run: Work,
}

impl Default for OsKeychain {
    fn default() -> Self {
        Self::new(ANSWER_TIME_DEFAULT)
    }
}

impl OsKeychain {
    /// A keychain whose calls wait at most `answer_time`. Nothing is opened until the first call.
    #[must_use]
    pub const fn new(answer_time: Duration) -> Self {
        Self { answer_time, tasks: Mutex::new(None) }
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut dyn Entries) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let run = Box::new(move |entries: &mut dyn Entries| reply(&answer, question(entries)));
        self.send(Task { deadline: Instant::now() + self.answer_time, run })?;
        match answered.recv_timeout(self.answer_time) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(KeychainError::TimedOut(self.answer_time)),
            // The task was dropped: the thread skipped it as overdue, or it panicked in the store.
            Err(RecvTimeoutError::Disconnected) => Err(KeychainError::Other { detail: "it gave no answer".into() }),
        }
    }

    fn send(&self, task: Task) -> Result<(), KeychainError> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let task = match tasks.as_ref() {
            Some(sender) => match sender.send(task) {
                Ok(()) => return Ok(()),
                // The thread ended (a store panicked): start another.
                Err(unsent) => unsent.0,
            },
            None => task,
        };
        let failed = |detail: String| KeychainError::Other { detail };
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("keychain".into())
            .spawn(move || {
                let mut entries = NativeEntries::default();
                while let Ok(Task { deadline, run }) = receiver.recv() {
                    if Instant::now() < deadline {
                        run(&mut entries);
                    }
                }
            })
            .map_err(|e| failed(format!("its thread could not be started: {e}")))?;
        sender.send(task).map_err(|_| failed("its thread ended".into()))?;
        *tasks = Some(sender);
        Ok(())
    }
}

fn reply<T>(answer: &SyncSender<Result<T, KeychainError>>, result: Result<T, KeychainError>) {
    // A caller that stopped waiting is not an error.
    let _ = answer.send(result);
}

impl Keychain for OsKeychain {
    fn identities(&self) -> Result<Vec<StoredIdentity>, KeychainError> {
        self.ask(|entries| entries::identities(entries))
    }

    fn store_identity(&self, name: &IdentityName, key_pkcs8: &[u8], chain: &[CertificateDer<'static>]) -> Result<(), KeychainError> {
        let key = Zeroizing::new(key_pkcs8.to_vec());
        let (name, chain) = (name.clone(), chain.to_vec());
        self.ask(move |entries| entries::store_identity(entries, &name, &key, &chain))
    }

    fn load_identity(&self, name: &IdentityName) -> Result<Identity, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| entries::load_identity(entries, &name))
    }

    fn delete_identity(&self, name: &IdentityName) -> Result<(), KeychainError> {
        let name = name.clone();
        self.ask(move |entries| entries::delete_identity(entries, &name))
    }

    fn secret(&self, name: &IdentityName) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| entries::secret(entries, &name))
    }
}
