//! The files of an identity at a venue.

use crate::{
    blotter::Blotter,
    direct::Direct,
    in_flight::InFlight,
    laptop_clock::laptop_now,
    list::ListStore,
    problem::{problem, sentence},
    ticket::TicketStore,
    venue::{Venue, slug},
    view::Problem,
};
use signet_fix::{
    session::{Role, Session, SessionConfig, SessionOptions},
    store::SealedStore,
};
use signet_identity::{CompId, Identity, file_stem};
use signet_journal::{StoreKey, private_folder};
use signet_keystore::IdentityName;
use std::path::{Path, PathBuf};

const HEARTBEAT_S: u32 = 5;

pub(super) struct Stores {
    pub blotter: Blotter,
    pub in_flight: InFlight,
    pub tickets: TicketStore,
    pub list: ListStore,
    pub session: Session,
    pub direct: Option<Direct>,
}

/// This desk's CompID at the venue, and the folder of its identity. A certificate without a Signet
/// identity is enough if the settings give the CompID.
pub(super) fn names(
    identity: &Identity,
    name: &IdentityName,
    venue: &Venue,
) -> Result<(CompId, String), Problem> {
    let given = venue.direct.as_ref().and_then(|d| d.sender_comp_id.clone());
    match (identity.peer(), given) {
        (Ok(peer), given) => {
            let own = peer.comp_id;
            let folder = own.to_string();
            Ok((given.unwrap_or(own), folder))
        }
        (Err(_), Some(given)) => Ok((given, format!("direct-{name}"))),
        (Err(e), None) => Err(problem(
            "identity.unsuitable",
            sentence(&e.to_string()),
            "Ask your administrator for a Signet desk certificate.",
        )),
    }
}

pub(super) fn open_stores(
    folder: &Path,
    comp_id: &CompId,
    venue: &Venue,
    key: &StoreKey,
) -> Result<Stores, Problem> {
    let cannot = |e: String| {
        problem(
            "store.unusable",
            format!("The desk's local store cannot be used: {e}"),
            "Close other Signet windows; if that does not help, ask support before deleting \
                anything.",
        )
    };
    private_folder(folder).map_err(|e| cannot(format!("{}: {e}", folder.display())))?;
    let path = session_store(folder, venue).map_err(|e| cannot(e.to_string()))?;
    let store =
        SealedStore::open(&path, key, laptop_now(), false).map_err(|e| cannot(e.to_string()))?;
    let settings = SessionConfig {
        role: Role::Initiator,
        sender: comp_id.clone(),
        target: venue.comp_id.clone(),
        heartbeat_s: HEARTBEAT_S,
        strict: venue.direct.is_none(),
    };
    // A plain venue does not negotiate sequence numbers at logon.
    let options = if venue.direct.is_some() {
        SessionOptions::default()
    } else {
        SessionOptions::between_desk_and_gateway()
    };
    let session = Session::open_with(&settings, options, Box::new(store))
        .map_err(|e| cannot(e.to_string()))?;
    let blotter =
        Blotter::open(&folder.join("blotter.log"), key).map_err(|e| cannot(e.to_string()))?;
    let party = file_stem(venue.comp_id.as_str());
    let in_flight = InFlight::open(&folder.join(format!("{party}.accepts")), key)
        .map_err(|e| cannot(e.to_string()))?;
    let tickets =
        TicketStore::open(&folder.join("tickets.log"), key).map_err(|e| cannot(e.to_string()))?;
    // A list was sent to one venue; at another its rows are other requests.
    let list = folder.join(format!("{party}.{}.list", slug(&venue.name)));
    let list = ListStore::open(&list, key).map_err(|e| cannot(e.to_string()))?;
    let direct =
        venue.direct.as_ref().map(|d| Direct::open(venue, d, comp_id, folder, key)).transpose();
    let direct = direct.map_err(|e| cannot(e.to_string()))?;
    Ok(Stores { blotter, in_flight, tickets, list, session, direct })
}

/// The file of a session's sequence numbers. Its name has the venue's name, because two venues may
/// have the same CompID. The file of an earlier version has only the CompID; the venue that is used
/// first takes it.
fn session_store(folder: &Path, venue: &Venue) -> std::io::Result<PathBuf> {
    let party = file_stem(venue.comp_id.as_str());
    let path = folder.join(format!("{party}.{}.fix", slug(&venue.name)));
    let earlier = folder.join(format!("{party}.fix"));
    if !path.exists() && earlier.exists() {
        std::fs::rename(&earlier, &path)?;
    }
    Ok(path)
}
