//! One gateway whose checkpoints are taken: its name, its key, its budget and its files.

use super::{
    judge::{Contradiction, Head},
    silence::Silence,
    store::{Store, StoreError},
};
use crate::config::{ConfigError, RECEIVER_PATH, ReceivePeer};
use signet_events::Actor;
use signet_fix::bucket::Bucket;
use signet_tlog::{note::VerifierKey, witness::CALL};
use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Requests at once, and each second after that. A gateway looks ten times a second whether a
/// checkpoint is due, so an honest one never sends more.
const REQUESTS_BURST: u32 = 100;
const REQUESTS_PER_SECOND: u32 = 10;

/// One gateway of the configuration.
pub(super) struct Peer {
    /// Its CompID, which is the name of its folder too.
    pub(super) name: String,
    pub(super) trust_domain: String,
    /// What it signs with; its name is the log's origin.
    pub(super) key: VerifierKey,
    folder: PathBuf,
    /// `None`: its files are to be read before the next use.
    store: RefCell<Option<Store>>,
    requests: RefCell<Bucket>,
    /// The contradiction that was told last: whoever was refused tries again each minute.
    told: Cell<Option<(Contradiction, Head)>>,
    /// How long nothing was taken from it.
    pub(super) silence: RefCell<Silence>,
}

impl Peer {
    /// With its files below `folder`. `trust_domain` holds unless it has one of its own. Its
    /// silence begins at `now`.
    ///
    /// # Errors
    /// Its key cannot be read.
    pub(super) fn new(
        section: &ReceivePeer,
        trust_domain: &str,
        folder: &Path,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            name: section.comp_id.to_string(),
            trust_domain: section.trust_domain.as_deref().unwrap_or(trust_domain).into(),
            key: section.verifier()?,
            folder: folder.join(section.comp_id.as_str()),
            store: RefCell::default(),
            requests: RefCell::new(Bucket::per_second(REQUESTS_BURST, REQUESTS_PER_SECOND)),
            told: Cell::new(None),
            silence: RefCell::new(Silence::of(Duration::ZERO, now)),
        })
    }

    /// Who it is in an event: its certificate proved it.
    pub(super) fn actor(&self) -> Actor {
        Actor::Service(format!("gateway {}", self.name).into())
    }

    /// Counts a request, and says whether it is within the budget.
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        self.requests.borrow_mut().take(now, 1)
    }

    /// Whether an address is that of its log: `/checkpoints/NAME/add-checkpoint`, where the name is
    /// the CompID or the origin. Nothing of an address becomes the name of a file.
    pub(super) fn is_at(&self, path: &str) -> bool {
        let name = path.strip_prefix(RECEIVER_PATH).and_then(|below| below.strip_suffix(CALL));
        name.is_some_and(|name| name == self.name || name == self.key.name())
    }

    /// Does something with its files. They are read first when they were not, when somebody has
    /// moved them away since, and after a fault.
    ///
    /// # Errors
    /// They cannot be read, or what `act` says.
    pub(super) fn with_store<T>(
        &self,
        act: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut slot = self.store.borrow_mut();
        let mut store = match slot.take().filter(|s| !s.is_gone()) {
            Some(store) => store,
            None => Store::open(&self.folder, &self.key)?,
        };
        let done = act(&mut store)?;
        *slot = Some(store);
        Ok(done)
    }

    /// Whether this is another contradiction than the one that was told last.
    pub(super) fn is_news(&self, what: Contradiction, offered: Head) -> bool {
        self.told.replace(Some((what, offered))) != Some((what, offered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_tlog::note::SignerKey;
    use zeroize::Zeroizing;

    #[test]
    fn table_of_addresses() {
        let signer = SignerKey::new("bank/GW1/evidence", &Zeroizing::new([9; 32])).unwrap();
        let section = ReceivePeer {
            comp_id: "bank".parse().unwrap(),
            key: signer.verifier().to_string(),
            trust_domain: None,
        };
        let folder = Path::new("/nowhere");
        let peer = Peer::new(&section, "bank.example", folder, Instant::now()).unwrap();
        for (path, want) in [
            ("/checkpoints/bank/add-checkpoint", true),
            ("/checkpoints/bank/GW1/evidence/add-checkpoint", true),
            ("/checkpoints/bank", false),
            ("/checkpoints/bank/", false),
            ("/checkpoints/bank/add-checkpoint/", false),
            ("/checkpoints/bank//add-checkpoint", false),
            ("/checkpoints/bank/00000000000000000007.checkpoint", false),
            ("/checkpoints/bank/../GW2/add-checkpoint", false),
            ("/checkpoints/bank1/add-checkpoint", false),
            ("/checkpoints/BANK/add-checkpoint", false),
            ("/checkpoints/GW2/add-checkpoint", false),
            ("/checkpoints/%62ank/add-checkpoint", false),
            ("/checkpoints/add-checkpoint", false),
            ("/checkpoints//add-checkpoint", false),
            ("/checkpoints/", false),
            ("/bank/add-checkpoint", false),
            ("//checkpoints/bank/add-checkpoint", false),
            ("/add-checkpoint", false),
            ("", false),
        ] {
            assert_eq!(peer.is_at(path), want, "{path}");
        }
    }
}
