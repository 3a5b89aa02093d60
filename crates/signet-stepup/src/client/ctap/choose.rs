//! One key among several: the person touches it (CTAP 2.1 §6.9, authenticatorSelection).

use super::{Found, TICK, show};
use crate::client::{CeremonyError, Stage, Status, Told};
use authenticator::{
    FidoDevice,
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

pub(super) struct Chosen<K> {
    pub key: K,
    pub present: Box<dyn Fn() -> bool + Send>,
    pub transport: &'static str,
}

enum Touched {
    Yes,
    /// Its own wait for a touch ran out.
    No,
    Gone,
}

pub(super) fn one<K: FidoDevice + Send + 'static>(
    mut found: Vec<Found<K>>,
    stage: &Stage,
    deadline: Instant,
) -> Result<Chosen<K>, CeremonyError> {
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(Chosen { key: only.key, present: only.present, transport: only.transport }),
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

fn race<K: FidoDevice + Send + 'static>(
    found: Vec<Found<K>>,
    over: &Arc<AtomicBool>,
    stage: &Stage,
    deadline: Instant,
) -> Result<Chosen<K>, CeremonyError> {
    let (tell, results) = mpsc::channel();
    for Found { mut key, present, transport } in found {
        let (tell, over) = (tell.clone(), over.clone());
        let blinks = move || {
            let touched = touch(&mut key, &|| !over.load(Ordering::SeqCst));
            let _ = tell.send((touched, Chosen { key, present, transport }));
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
            Ok(Told::Cancel) | Err(RecvTimeoutError::Disconnected) => return Err(CeremonyError::Cancelled),
            Ok(Told::Pin(_)) | Err(RecvTimeoutError::Timeout) => {}
        }
        match results.try_recv() {
            Ok((Touched::Yes, chosen)) => return Ok(chosen),
            Ok((Touched::No, _)) => untouched = true,
            Ok((Touched::Gone, _)) => {}
            Err(TryRecvError::Disconnected) => return Err(if untouched { CeremonyError::TimedOut } else { CeremonyError::Removed }),
            Err(TryRecvError::Empty) => {}
        }
        if Instant::now() >= deadline {
            return Err(CeremonyError::TimedOut);
        }
    }
}

/// Lets the key blink until it is touched. CTAP 2.0 has no command for it; the crate then sends a
/// registration that cannot succeed.
fn touch<K: FidoDevice>(key: &mut K, alive: &dyn Fn() -> bool) -> Touched {
    if !key.get_authenticator_info().is_some_and(|i| i.versions.contains(&AuthenticatorVersion::FIDO_2_1)) {
        // The crate keeps the type of this result to itself; its name is all there is to see.
        return if format!("{:?}", key.block_and_blink(alive)) == "DeviceSelected" { Touched::Yes } else { Touched::No };
    }
    match key.send_cbor_cancellable(&Selection {}, alive) {
        Ok(()) => Touched::Yes,
        Err(HIDError::Command(_)) => Touched::No,
        Err(_) => Touched::Gone,
    }
}
