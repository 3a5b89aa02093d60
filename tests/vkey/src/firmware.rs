//! The firmware on its thread: `fido-authenticator` over `trussed`, with a flash, a finger and the
//! system's random numbers where the real key has hardware.

use crate::memory::Flash;
use apdu_app::App as _;
use ctaphid_app::Command;
use fido_authenticator::{Authenticator, Config, Conforming, FirmwareVersion};
use iso7816::{Interface, Status, command::CommandView};
use littlefs2_core::DynFilesystem;
use rand_core::{CryptoRng, RngCore};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};
use trussed::{
    ClientImplementation,
    backend::BackendId,
    pipe::{ServiceEndpoint, TrussedChannel},
    platform::{Platform, UserInterface},
    serde_extensions::{ExtensionDispatch, ExtensionId, ExtensionImpl},
    service::{Service, ServiceResources},
    store::Store,
    types::{Context, CoreContext, PathBuf, ui},
};
use trussed_core::{
    Error, InterruptFlag,
    api::{Reply, Request, reply, request},
    types::{consent::Level, reboot::To},
};
use trussed_staging::{StagingBackend, StagingContext};

/// What the firmware's USB stack would take (CTAP 2.1 §11.2.4).
pub(crate) const MESSAGE_BYTES_MAX: usize = 7609;
/// Messages of that size lie on the stack, several of them, unoptimised.
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// How often a key that waits for a touch looks at its finger.
const BLINK: Duration = Duration::from_millis(2);
/// How often a key with nothing to do looks whether it is still plugged in.
const IDLE: Duration = Duration::from_millis(50);

/// CTAP 2.1 §6: these commands discard a touch that no command has used.
const CMD_GET_INFO: u8 = 0x04;
const CMD_CLIENT_PIN: u8 = 0x06;

/// What the key is to do.
pub enum Work {
    /// A CTAP2 message.
    Ctap(Vec<u8>),
    /// Selects the applet, as a contactless reader does.
    Select,
    /// One whole command APDU; the answer ends with its status word.
    Apdu(Vec<u8>),
}

pub(crate) struct Job {
    pub number: u64,
    pub work: Work,
    pub answer: Sender<Vec<u8>>,
}

/// Which job is on, so that a cancelled one does not take the next with it.
#[derive(Debug)]
pub(crate) struct Turn {
    flag: &'static InterruptFlag,
    on: Mutex<Option<u64>>,
}

impl Turn {
    pub(crate) fn new() -> Self {
        // The firmware wants it for ever; a few bytes for each key that was ever made.
        Self { flag: Box::leak(Box::new(InterruptFlag::new())), on: Mutex::new(None) }
    }

    /// Stops job `number` if it is on, or any with `None`.
    pub(crate) fn interrupt(&self, number: Option<u64>) {
        let on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        if number.is_none() || *on == number {
            self.flag.interrupt();
        }
    }

    fn begin(&self, number: u64) {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        *on = Some(number);
        self.flag.set_working();
    }

    fn end(&self) {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        *on = None;
        self.flag.set_idle();
    }
}

/// The finger on the key.
#[derive(Debug, Default)]
pub(crate) struct Finger {
    pub held: AtomicBool,
    /// A touch nothing has used yet.
    pub touched: AtomicBool,
    pub waited_for: AtomicBool,
}

/// Switches the key on. The thread ends once `on` is false, or no sender of jobs is left.
pub(crate) fn start(
    flash: Flash,
    finger: Arc<Finger>,
    turn: Arc<Turn>,
    touch_timeout: Duration,
    jobs: Receiver<Job>,
    on: Arc<AtomicBool>,
) -> std::io::Result<thread::JoinHandle<()>> {
    let config = Config {
        nfc_transport: true,
        firmware_version: Some(FirmwareVersion::new(0)),
        fido2_up_timeout: Some(u32::try_from(touch_timeout.as_millis()).unwrap_or(u32::MAX)),
        ..Config::new(MESSAGE_BYTES_MAX)
    };
    thread::Builder::new().name("signet-vkey".into()).stack_size(STACK_BYTES).spawn(move || {
        let hardware = Hardware {
            random: Random,
            store: Flashes { kept: flash, other: Flash::default(), ram: Flash::default() },
            finger,
        };
        run(hardware, &turn, config, &jobs, &on);
    })
}

fn run(hardware: Hardware, turn: &Turn, config: Config, jobs: &Receiver<Job>, on: &AtomicBool) {
    const BACKENDS: &[BackendId<Staging>] = &[BackendId::Custom(Staging), BackendId::Core];
    let (finger, flag) = (hardware.finger.clone(), turn.flag);
    let channel = TrussedChannel::new();
    let (Some((requester, responder)), Ok(name)) = (channel.split(), PathBuf::try_from("fido"))
    else {
        return;
    };
    let (call, calls) = std::sync::mpsc::channel::<Sender<()>>();
    let mut service =
        Service::with_dispatch(Board { hardware, start: Instant::now() }, Dispatcher::default());
    thread::scope(|scope| {
        let serve = move || {
            let mut ends = [ServiceEndpoint::new(
                responder,
                CoreContext::with_interrupt(name, Some(flag)),
                BACKENDS,
            )];
            while let Ok(done) = calls.recv() {
                service.process(&mut ends);
                let _ = done.send(());
            }
        };
        if thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, serve).is_err() {
            return;
        }
        let client =
            ClientImplementation::<_, Dispatcher>::new(requester, Syscall(call), Some(flag));
        let mut app = Authenticator::new(client, Conforming {}, config);
        while on.load(Ordering::SeqCst) {
            let job = match jobs.recv_timeout(IDLE) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            turn.begin(job.number);
            let answer = match job.work {
                Work::Ctap(message) => {
                    // A touch is for the command after the PIN, not for one to come.
                    if matches!(message.first(), Some(&(CMD_GET_INFO | CMD_CLIENT_PIN))) {
                        finger.touched.store(false, Ordering::SeqCst);
                    }
                    let mut out = heapless_bytes::Bytes::<MESSAGE_BYTES_MAX>::new();
                    let _ = ctaphid_app::App::call(
                        &mut app,
                        Command::Cbor,
                        &message,
                        out.as_mut_view(),
                    );
                    out.as_slice().to_vec()
                }
                Work::Select => apdu(&[0, 0xa4, 4, 0], |view, out| {
                    app.select(Interface::Contactless, view, out)
                }),
                Work::Apdu(bytes) => apdu(&bytes, |view, out| {
                    apdu_app::App::call(&mut app, Interface::Contactless, view, out)
                }),
            };
            turn.end();
            finger.waited_for.store(false, Ordering::SeqCst);
            if on.load(Ordering::SeqCst) {
                let _ = job.answer.send(answer);
            }
        }
    });
}

fn apdu(
    bytes: &[u8],
    app: impl FnOnce(CommandView<'_>, &mut heapless::VecView<u8>) -> iso7816::Result<()>,
) -> Vec<u8> {
    let mut out = heapless::Vec::<u8, MESSAGE_BYTES_MAX>::new();
    let status = match CommandView::try_from(bytes) {
        Ok(view) => app(view, &mut out).err().unwrap_or(Status::Success),
        Err(_) => Status::WrongLength,
    };
    let word: [u8; 2] = status.into();
    [out.as_slice(), &word].concat()
}

/// Waits until the service has done what was asked, where the real key would take an interrupt.
struct Syscall(Sender<Sender<()>>);

impl trussed::platform::Syscall for Syscall {
    fn syscall(&mut self) {
        let (done, wait) = channel();
        if self.0.send(done).is_ok() {
            let _ = wait.recv();
        }
    }
}

struct Hardware {
    random: Random,
    store: Flashes,
    finger: Arc<Finger>,
}

struct Board {
    hardware: Hardware,
    start: Instant,
}

impl Platform for Board {
    type R = Random;
    type S = Flashes;
    type UI = Self;

    fn rng(&mut self) -> &mut Random {
        &mut self.hardware.random
    }

    fn store(&self) -> Flashes {
        self.hardware.store.clone()
    }

    fn user_interface(&mut self) -> &mut Self {
        self
    }
}

impl UserInterface for Board {
    fn check_user_presence(&mut self) -> Level {
        let finger = &self.hardware.finger;
        if finger.held.load(Ordering::SeqCst) || finger.touched.swap(false, Ordering::SeqCst) {
            Level::Normal
        } else {
            Level::None
        }
    }

    fn set_status(&mut self, status: ui::Status) {
        self.hardware
            .finger
            .waited_for
            .store(status == ui::Status::WaitingForUserPresence, Ordering::SeqCst);
    }

    fn refresh(&mut self) {
        thread::sleep(BLINK);
    }

    fn uptime(&mut self) -> Duration {
        self.start.elapsed()
    }

    /// Nothing the ceremonies use asks for it.
    fn reboot(&mut self, _: To) -> ! {
        loop {
            thread::park();
        }
    }
}

#[derive(Clone)]
struct Flashes {
    kept: Flash,
    other: Flash,
    ram: Flash,
}

impl Store for Flashes {
    fn ifs(&self) -> &dyn DynFilesystem {
        &self.kept
    }

    fn efs(&self) -> &dyn DynFilesystem {
        &self.other
    }

    fn vfs(&self) -> &dyn DynFilesystem {
        &self.ram
    }
}

struct Random;

impl CryptoRng for Random {}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        // The system's generator fails only where nothing else works either.
        aws_lc_rs::rand::fill(dest).expect("the system's random numbers");
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
struct Staging;

/// The extensions the firmware uses, by the numbers it knows them under.
#[derive(Debug, Clone, Copy)]
enum Extension {
    Chunked,
    Hkdf,
    FsInfo,
}

impl From<Extension> for u8 {
    fn from(extension: Extension) -> u8 {
        match extension {
            Extension::Chunked => 0,
            Extension::Hkdf => 1,
            Extension::FsInfo => 2,
        }
    }
}

impl TryFrom<u8> for Extension {
    type Error = Error;

    fn try_from(id: u8) -> Result<Self, Error> {
        match id {
            0 => Ok(Self::Chunked),
            1 => Ok(Self::Hkdf),
            2 => Ok(Self::FsInfo),
            _ => Err(Error::FunctionNotSupported),
        }
    }
}

#[derive(Default)]
struct Dispatcher {
    staging: StagingBackend,
}

impl ExtensionId<trussed_chunked::ChunkedExtension> for Dispatcher {
    type Id = Extension;
    const ID: Extension = Extension::Chunked;
}

impl ExtensionId<trussed_hkdf::HkdfExtension> for Dispatcher {
    type Id = Extension;
    const ID: Extension = Extension::Hkdf;
}

impl ExtensionId<trussed_fs_info::FsInfoExtension> for Dispatcher {
    type Id = Extension;
    const ID: Extension = Extension::FsInfo;
}

impl ExtensionDispatch for Dispatcher {
    type BackendId = Staging;
    type Context = StagingContext;
    type ExtensionId = Extension;

    fn core_request<P: Platform>(
        &mut self,
        _: &Staging,
        ctx: &mut Context<StagingContext>,
        request: &Request,
        resources: &mut ServiceResources<P>,
    ) -> Result<Reply, Error> {
        use trussed::backend::Backend as _;
        self.staging.request(&mut ctx.core, &mut ctx.backends, request, resources)
    }

    fn extension_request<P: Platform>(
        &mut self,
        _: &Staging,
        extension: &Extension,
        ctx: &mut Context<StagingContext>,
        request: &request::SerdeExtension,
        resources: &mut ServiceResources<P>,
    ) -> Result<reply::SerdeExtension, Error> {
        let (staging, core, own) = (&mut self.staging, &mut ctx.core, &mut ctx.backends);
        match extension {
            Extension::Chunked => {
                ExtensionImpl::<trussed_chunked::ChunkedExtension>::extension_request_serialized(
                    staging, core, own, request, resources,
                )
            }
            Extension::Hkdf => {
                ExtensionImpl::<trussed_hkdf::HkdfExtension>::extension_request_serialized(
                    staging, core, own, request, resources,
                )
            }
            Extension::FsInfo => {
                ExtensionImpl::<trussed_fs_info::FsInfoExtension>::extension_request_serialized(
                    staging, core, own, request, resources,
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_job_does_not_take_the_next_with_it() {
        let turn = Turn::new();
        turn.interrupt(Some(0));
        turn.begin(1);
        turn.interrupt(Some(0));
        assert!(!turn.flag.is_interrupted());
        turn.interrupt(Some(1));
        assert!(turn.flag.is_interrupted());
        turn.end();
        turn.begin(2);
        assert!(!turn.flag.is_interrupted());
        turn.interrupt(None);
        assert!(turn.flag.is_interrupted());
    }
}
