//! The key as a person handles it: plugged in, touched, pulled out.

use crate::{
    TestAuthority, VkeyError,
    firmware::{self, Finger, Job, Turn, Work},
    memory::Flash,
};
use littlefs2_core::{DynFilesystem, path};
use signet_stepup::client::{
    Pin,
    ctap::{Link, LinkError, set_first_pin},
};
use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

/// How often a command looks whether it is still wanted and the key still there.
const TICK: Duration = Duration::from_millis(2);
/// How `trussed` keeps a private key in a file: flags (sensitive), then the kind (P-256).
const KEY_FILE_HEAD: [u8; 4] = [0, 2, 0, 5];

/// By how much a signature moves the key's counter at most, the silent one before it included.
pub const COUNTER_STEP_MAX: u32 = 512;

/// What a key is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the person calls it.
    pub name: String,
    /// Set when the key is new.
    pub pin: Option<String>,
    /// Where its memory is kept; `None` for RAM only.
    pub file: Option<PathBuf>,
    /// How long the key waits for a touch before it gives up by itself.
    pub touch_timeout: Duration,
}

impl Settings {
    /// In RAM, without a PIN, waiting thirty seconds for a touch as real keys do.
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), pin: None, file: None, touch_timeout: Duration::from_secs(30) }
    }

    /// With this PIN, if the key is new.
    pub fn pin(self, pin: &str) -> Self {
        Self { pin: Some(pin.into()), ..self }
    }

    /// Waits for a touch only so long.
    pub fn touch_timeout(self, touch_timeout: Duration) -> Self {
        Self { touch_timeout, ..self }
    }

    /// With its memory in this file.
    pub fn kept_in(self, file: PathBuf) -> Self {
        Self { file: Some(file), ..self }
    }
}

/// A key; clones are handles to the same key. Pulled out when the last one is dropped.
#[derive(Clone)]
pub struct VirtualKey(Arc<Key>);

struct Key {
    name: String,
    flash: Flash,
    finger: Arc<Finger>,
    turn: Arc<Turn>,
    /// The number of the next job.
    jobs: AtomicU64,
    touch_timeout: Duration,
    power: Mutex<Option<Power>>,
}

struct Power {
    jobs: Sender<Job>,
    on: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl fmt::Debug for VirtualKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualKey({})", self.0.name)
    }
}

impl VirtualKey {
    /// Makes a key, or finds the one kept in the settings' file, and plugs it in.
    ///
    /// # Errors
    /// [`VkeyError`]
    pub fn plug_in(authority: &TestAuthority, settings: Settings) -> Result<Self, VkeyError> {
        let flash = match &settings.file {
            Some(file) => Flash::kept_in(file.clone()).map_err(VkeyError::Files)?,
            None => Flash::default(),
        };
        let new = flash.is_blank();
        if new {
            provision(&flash, authority)?;
        }
        let key = Self::with_flash(flash, settings.name, settings.touch_timeout);
        key.plug()?;
        if let (true, Some(pin)) = (new, &settings.pin) {
            key.set_pin(pin)?;
        }
        Ok(key)
    }

    /// A second key with the memory this one has now: the same credentials, PIN and counter.
    /// Counters advance at random: the clone is behind once the original is more than
    /// [`COUNTER_STEP_MAX`] ahead.
    ///
    /// # Errors
    /// [`VkeyError`]
    pub fn clone_of(original: &Self, name: &str) -> Result<Self, VkeyError> {
        let key = Self::with_flash(original.0.flash.copy(), name.into(), original.0.touch_timeout);
        key.plug()?;
        Ok(key)
    }

    fn with_flash(flash: Flash, name: String, touch_timeout: Duration) -> Self {
        let key = Key {
            name,
            flash,
            finger: Arc::default(),
            turn: Arc::new(Turn::new()),
            jobs: AtomicU64::new(0),
            touch_timeout,
            power: Mutex::new(None),
        };
        Self(Arc::new(key))
    }

    /// What the person calls it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Gives a key without a PIN its first one.
    ///
    /// # Errors
    /// [`VkeyError`]
    pub fn set_pin(&self, pin: &str) -> Result<(), VkeyError> {
        let line = self.line().ok_or(VkeyError::Unplugged)?;
        set_first_pin(line, &Pin::new(pin.into())).map_err(VkeyError::Refused)
    }

    /// A finger that stays on the key: whatever waits for a touch, now or later, gets it.
    pub fn hold_finger(&self, on: bool) {
        self.0.finger.held.store(on, Ordering::SeqCst);
    }

    /// One touch: for the wait that is on, or the next one if no PIN comes in between.
    pub fn touch_once(&self) {
        self.0.finger.touched.store(true, Ordering::SeqCst);
    }

    /// Whether the key blinks.
    pub fn waits_for_touch(&self) -> bool {
        self.0.finger.waited_for.load(Ordering::SeqCst)
    }

    /// Pulls the key out; a command that runs gets no answer.
    pub fn unplug(&self) {
        self.0.switch_off();
    }

    /// Plugs the key in again; it starts from the beginning, as real keys do.
    ///
    /// # Errors
    /// [`VkeyError::Files`] if the system gives it no thread.
    pub fn plug(&self) -> Result<(), VkeyError> {
        let mut power = self.0.power();
        if power.is_none() {
            let (jobs, work) = mpsc::channel();
            let on = Arc::new(AtomicBool::new(true));
            let key = &self.0;
            let thread = firmware::start(
                key.flash.clone(),
                key.finger.clone(),
                key.turn.clone(),
                key.touch_timeout,
                work,
                on.clone(),
            );
            *power = Some(Power { jobs, on, thread: thread.map_err(VkeyError::Files)? });
        }
        Ok(())
    }

    /// Whether the desk can see it.
    pub fn is_plugged(&self) -> bool {
        self.0.power().is_some()
    }

    /// A connection to the key, if it is plugged in.
    pub(crate) fn line(&self) -> Option<Line> {
        let power = self.0.power();
        let power = power.as_ref()?;
        Some(Line { key: Arc::downgrade(&self.0), jobs: power.jobs.clone(), on: power.on.clone() })
    }
}

impl Key {
    fn power(&self) -> MutexGuard<'_, Option<Power>> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn switch_off(&self) {
        let Some(Power { on, thread, .. }) = self.power().take() else { return };
        on.store(false, Ordering::SeqCst);
        while !thread.is_finished() {
            self.turn.interrupt(None);
            thread::sleep(TICK);
        }
        let _ = thread.join();
        self.finger.touched.store(false, Ordering::SeqCst);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.switch_off();
    }
}

/// What the maker puts into a key: its attestation certificate and that certificate's private key.
fn provision(flash: &Flash, authority: &TestAuthority) -> Result<(), VkeyError> {
    let key = [KEY_FILE_HEAD.as_slice(), &authority.scalar].concat();
    let full = |_| VkeyError::Firmware("its memory takes no files".into());
    flash.create_dir_all(path!("fido/x5c")).map_err(full)?;
    flash.write(path!("fido/x5c/00"), &authority.leaf).map_err(full)?;
    flash.create_dir_all(path!("fido/sec")).map_err(full)?;
    flash.write(path!("fido/sec/00"), &key).map_err(full)
}

/// A connection to a plugged-in key; of no more use once it was pulled out.
pub struct Line {
    /// Weak: a ceremony somebody forgot does not keep a key plugged in.
    key: Weak<Key>,
    jobs: Sender<Job>,
    on: Arc<AtomicBool>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Line({})",
            self.key.upgrade().map_or_else(|| "gone".into(), |key| key.name.clone())
        )
    }
}

impl Line {
    pub fn is_up(&self) -> bool {
        self.on.load(Ordering::SeqCst)
    }

    pub fn watch(&self) -> Box<dyn Fn() -> bool + Send> {
        let on = self.on.clone();
        Box::new(move || on.load(Ordering::SeqCst))
    }

    /// Has the key do some work; interrupts it once `alive` says no.
    pub fn ask(&self, work: Work, alive: &dyn Fn() -> bool) -> Result<Vec<u8>, LinkError> {
        let (turn, number) = {
            let key = self.key.upgrade().ok_or(LinkError::Gone)?;
            (key.turn.clone(), key.jobs.fetch_add(1, Ordering::SeqCst))
        };
        let (answer, result) = mpsc::channel();
        self.jobs.send(Job { number, work, answer }).map_err(|_| LinkError::Gone)?;
        loop {
            match self.wait(&result) {
                Some(result) => return result,
                // Again and again: the firmware may not have begun yet.
                None if !alive() => turn.interrupt(Some(number)),
                None => {}
            }
        }
    }

    fn wait(&self, answer: &Receiver<Vec<u8>>) -> Option<Result<Vec<u8>, LinkError>> {
        match answer.recv_timeout(TICK) {
            Ok(bytes) if self.is_up() => Some(Ok(bytes)),
            Ok(_) | Err(RecvTimeoutError::Disconnected) => Some(Err(LinkError::Gone)),
            Err(RecvTimeoutError::Timeout) if !self.is_up() => Some(Err(LinkError::Gone)),
            Err(RecvTimeoutError::Timeout) => None,
        }
    }
}

impl Link for Line {
    fn exchange(&mut self, request: &[u8], alive: &dyn Fn() -> bool) -> Result<Vec<u8>, LinkError> {
        self.ask(Work::Ctap(request.to_vec()), alive)
    }
}
