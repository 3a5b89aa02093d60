//! One key among several: the person touches it (CTAP 2.1 §6.9, authenticatorSelection).

use super::{Device, Link, Ready, TICK, show};
use crate::client::{CeremonyError, Stage, Status, Told};
use authenticator::{
    FidoDevice, FidoDeviceIO,
    ctap2::commands::{get_info::AuthenticatorVersion, selection::Selection},
    errors::HIDError,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, TryRecvError},
    },
    thread,
    time::Instant,
};

enum Touched {
    Yes,
    /// Its own wait for a touch ran out.
    No,
    Gone,
}

pub(super) fn one<L: Link>(
    mut found: Vec<Ready<L>>,
    stage: &Stage,
    deadline: Instant,
) -> Result<Ready<L>, CeremonyError> {
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(only),
        (_, Some(last)) => {
            found.push(last);
            show(stage, Status::ChooseByTouch);
            let over = Arc::new(AtomicBool::new(false));
            let chosen = race(found, &over, stage, deadline);
            over.store(true, Ordering::SeqCst);
            chosen
        }
        (_, None) => Err(CeremonyError::TimedOut),
    }
}

fn race<L: Link>(
    found: Vec<Ready<L>>,
    over: &Arc<AtomicBool>,
    stage: &Stage,
    deadline: Instant,
) -> Result<Ready<L>, CeremonyError> {
    let (tell, results) = mpsc::channel();
    for mut ready in found {
        let (tell, over) = (tell.clone(), over.clone());
        let blinks = move || {
            let touched = touch(&mut ready.key, &|| !over.load(Ordering::SeqCst));
            let _ = tell.send((touched, ready));
        };
        thread::Builder::new()
            .name("signet-key-blink".into())
            .spawn(blinks)
            .map_err(|e| CeremonyError::Backend(format!("no thread for the key: {e}")))?;
    }
    drop(tell);
    let mut untouched = false;
    loop {
        match stage.told.recv_timeout(TICK) {
            Ok(Told::Cancel) | Err(RecvTimeoutError::Disconnected) => {
                return Err(CeremonyError::Cancelled);
            }
            Ok(Told::Pin(_)) | Err(RecvTimeoutError::Timeout) => {}
        }
        match results.try_recv() {
            Ok((Touched::Yes, chosen)) => return Ok(chosen),
            Ok((Touched::No, _)) => untouched = true,
            Ok((Touched::Gone, _)) => {}
            Err(TryRecvError::Disconnected) => {
                return Err(if untouched {
                    CeremonyError::TimedOut
                } else {
                    CeremonyError::Removed
                });
            }
            Err(TryRecvError::Empty) => {}
        }
        if Instant::now() >= deadline {
            return Err(CeremonyError::TimedOut);
        }
    }
}

/// Lets the key blink until it is touched. CTAP 2.0 has no command for it; the crate then sends a
/// registration that cannot succeed.
fn touch<L: Link>(key: &mut Device<L>, alive: &dyn Fn() -> bool) -> Touched {
    if !key
        .get_authenticator_info()
        .is_some_and(|i| i.versions.contains(&AuthenticatorVersion::FIDO_2_1))
    {
        // The crate keeps the type of this result to itself; its name is all there is to see.
        return if format!("{:?}", key.block_and_blink(alive)) == "DeviceSelected" {
            Touched::Yes
        } else {
            Touched::No
        };
    }
    match key.send_cbor_cancellable(&Selection {}, alive) {
        Ok(()) => Touched::Yes,
        Err(HIDError::Command(_)) => Touched::No,
        Err(_) => Touched::Gone,
    }
}
