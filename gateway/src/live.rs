//! Sessions that are on, and the end of those that may not be on any more.

use crate::{
    budget::NoLogon, core::Core, enforce::Connection, registry_view::RegistryView, risk::Access,
};
use rustls_pki_types::CertificateDer;
use signet_fix::session::{Outbox, Session};
use signet_identity::Refusal;
use signet_registry::{
    NewEvent,
    admission::{AdmissionRefusal, Shown},
};
use signet_rfq::{CompId, UtcMillis};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::time::timeout;

/// Looked at when the registry changes, and at least this often: certificates expire by themselves.
const LOOK: Duration = Duration::from_millis(500);
/// Time for the Logout to leave before the connection is closed.
const GOODBYE: Duration = Duration::from_millis(200);
/// A peer that does not read loses its session all the same.
const FORCE: Duration = Duration::from_millis(300);

/// Set once a session was cut off.
#[derive(Debug, Clone, Default)]
pub struct Cut(Rc<Cell<bool>>);

impl Cut {
    pub fn done(&self) -> bool {
        self.0.get()
    }
}

/// Why a session ends.
#[derive(Debug, Clone)]
pub struct Reason {
    /// Stable.
    pub code: &'static str,
    pub words: String,
    /// Empty when there is nothing to say.
    pub cure: String,
}

impl From<AdmissionRefusal> for Reason {
    fn from(why: AdmissionRefusal) -> Self {
        Self { code: why.code(), words: why.to_string(), cure: why.cure().into() }
    }
}

impl From<NoLogon> for Reason {
    fn from(why: NoLogon) -> Self {
        Self { code: why.code(), words: why.to_string(), cure: why.cure().into() }
    }
}

impl From<&Refusal> for Reason {
    fn from(why: &Refusal) -> Self {
        Self { code: why.code(), words: why.message().to_string(), cure: why.cure().into() }
    }
}

/// One desk's connection.
pub struct Live {
    pub shown: Shown,
    pub connection: Connection,
    /// What its risk is judged by.
    pub access: Rc<Access>,
    pub session: Rc<Session>,
    pub outbox: Rc<Outbox>,
    /// When it was admitted.
    pub since: UtcMillis,
    pub cut: Cut,
    /// As shown in the handshake, leaf first, to be asked about when lists change.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Ends sessions whose user, device or certificate is not good any more.
pub async fn watch(core: Rc<Core>, roster: Rc<RegistryView>) {
    let mut snapshots = roster.snapshots();
    loop {
        // A registry thread that is gone shows as a view that grows old.
        if let Ok(Err(_)) = timeout(LOOK, snapshots.changed()).await {
            tokio::time::sleep(LOOK).await;
        }
        end(&core, Some(&roster), |l| roster.still_good(&l.shown).map_err(Reason::from));
    }
}

/// Cuts off every live session that `good` does not find good; it says why with a code and in
/// words.
pub fn end(
    core: &Rc<Core>,
    roster: Option<&RegistryView>,
    good: impl Fn(&Live) -> Result<(), Reason>,
) {
    let gone: Vec<_> = {
        let live = core.live.borrow();
        let on = live.iter().filter(|(_, l)| !l.cut.done());
        on.filter_map(|(d, l)| good(l).err().map(|why| (d.clone(), why))).collect()
    };
    for (desk, why) in gone {
        cut(core, roster, &desk, &why);
    }
}

/// Sessions asked about before others of the thread have their turn: a chain takes a signature
/// check for each link.
const AT_A_TIME: usize = 8;

/// The same where each question takes its time.
pub async fn end_few_at_a_time(
    core: &Rc<Core>,
    roster: Option<&RegistryView>,
    good: impl Fn(&Live) -> Result<(), Reason>,
) {
    let on: Vec<CompId> =
        core.live.borrow().iter().filter(|(_, l)| !l.cut.done()).map(|(d, _)| d.clone()).collect();
    for few in on.chunks(AT_A_TIME) {
        for desk in few {
            let why =
                core.live.borrow().get(desk).filter(|l| !l.cut.done()).and_then(|l| good(l).err());
            if let Some(why) = why {
                cut(core, roster, desk, &why);
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Cuts off one desk, if it is on and was not cut off already.
pub fn end_one(
    core: &Rc<Core>,
    roster: Option<&RegistryView>,
    desk: &CompId,
    code: &'static str,
    words: &str,
) {
    let on = core.live.borrow().get(desk).is_some_and(|l| !l.cut.done());
    if on {
        cut(core, roster, desk, &Reason { code, words: words.to_owned(), cure: String::new() });
    }
}

/// Ends one session; the desk reads why.
pub fn cut(core: &Rc<Core>, roster: Option<&RegistryView>, desk: &CompId, why: &Reason) {
    let Reason { code, words, cure } = why;
    let live = core.live.borrow();
    let Some(l) = live.get(desk) else { return };
    let (session, outbox, serial) = (l.session.clone(), l.outbox.clone(), l.shown.serial.clone());
    // From here on nothing the desk says is acted on, whatever it still sends.
    l.cut.0.set(true);
    drop(live);
    tracing::warn!(%desk, serial, code = *code, "session cut off: {words}");
    if let Some(roster) = roster {
        let detail = format!("session cut off, certificate {serial}: {words}");
        roster.note(NewEvent::new(crate::clock::now(), "gateway", code, desk.as_str(), detail));
    }
    session.logout_because(words, Some((code, cure)));
    let (core, desk) = (core.clone(), desk.clone());
    tokio::task::spawn_local(async move {
        tokio::time::sleep(GOODBYE).await;
        outbox.close();
        tokio::time::sleep(FORCE).await;
        if session.is_attached_to(&outbox) {
            session.detach();
            while let Some(e) = session.next_event() {
                core.desk_event(&desk, e);
            }
        }
    });
}
