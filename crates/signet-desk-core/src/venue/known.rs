//! The venues that this laptop knows: those of `desk.toml`, and those it was enrolled with, each
//! stored as its invitation.

use super::{
    entry::Venue,
    of_firm::{not_admitted, settings},
};
use crate::view::Problem;
use signet_identity::{INVITATION_BYTES_MAX, INVITATION_EXTENSION, Invitation};
use signet_managed::Managed;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

const FOLDER: &str = "venues";
/// How many invitations are read. No trader has so many.
const ENROLLED_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct Venues {
    /// Names of the venues in `desk.toml`.
    deployed: Vec<String>,
    folder: PathBuf,
    managed: Option<Arc<Managed>>,
    listed: RwLock<Vec<Venue>>,
}

impl Venues {
    /// The venues in `deployed` and those stored in `data_dir`. A stored invitation that cannot be
    /// used, or that the firm does not allow, is logged and left alone, so that the trader can use
    /// the others.
    pub(crate) fn open(deployed: &[Venue], data_dir: &Path, managed: Option<Arc<Managed>>) -> Self {
        let folder = data_dir.join(FOLDER);
        let mut listed = deployed.to_vec();
        let deployed: Vec<String> = deployed.iter().map(|v| v.name.clone()).collect();
        for path in invitations(&folder) {
            let admitted = remembered(&path).and_then(|venue| {
                admit(managed.as_deref(), &venue).map_err(|p| p.message)?;
                Ok(venue)
            });
            match admitted {
                Ok(venue) => merge(&deployed, &mut listed, venue),
                Err(why) => {
                    tracing::error!(file = %path.display(), "an invitation of this laptop cannot \
                        be used: {why}")
                }
            }
        }
        Self { deployed, folder, managed, listed: RwLock::new(listed) }
    }

    /// Whether the firm allows the venue of an invitation.
    pub(crate) fn admit(&self, venue: &Venue) -> Result<(), Problem> {
        admit(self.managed.as_deref(), venue)
    }

    pub(crate) fn all(&self) -> Vec<Venue> {
        self.listed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Venue> {
        self.all().into_iter().find(|v| v.name == name)
    }

    /// Stores the venue of an invitation, in place of an earlier invitation of that venue.
    pub(crate) fn enrolled(&self, invitation: &Invitation, venue: Venue) -> io::Result<()> {
        let text = invitation.to_toml().map_err(io::Error::other)?;
        signet_journal::private_folder(&self.folder)?;
        let path = self.folder.join(format!("{}.{INVITATION_EXTENSION}", slug(&venue.name)));
        signet_journal::replace_file(&path, text.as_bytes())?;
        merge(
            &self.deployed,
            &mut self.listed.write().unwrap_or_else(PoisonError::into_inner),
            venue,
        );
        Ok(())
    }
}

fn admit(managed: Option<&Managed>, venue: &Venue) -> Result<(), Problem> {
    let Some(managed) = managed else { return Ok(()) };
    signet_managed::admits_invitation(&managed.policy, &settings(venue))
        .map_err(|why| not_admitted(managed, &venue.name, why))
}

/// The venue in `desk.toml` takes precedence: an invitation of the same name adds only where to
/// renew, and the relying party if none is set.
fn merge(deployed: &[String], listed: &mut Vec<Venue>, venue: Venue) {
    match listed.iter_mut().find(|v| v.name == venue.name) {
        Some(known) if deployed.contains(&known.name) => {
            known.est = venue.est;
            known.rp_id = known.rp_id.take().or(venue.rp_id);
        }
        Some(known) => *known = venue,
        None => listed.push(venue),
    }
}

fn invitations(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let mut paths: Vec<PathBuf> = found
        .filter(|p| p.extension().is_some_and(|e| e == INVITATION_EXTENSION))
        .take(ENROLLED_MAX)
        .collect();
    paths.sort();
    paths
}

fn remembered(path: &Path) -> Result<Venue, String> {
    if fs::metadata(path).map_err(|e| e.to_string())?.len() > INVITATION_BYTES_MAX as u64 {
        return Err("the file is far too large".into());
    }
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    let invitation = Invitation::from_toml(&bytes).map_err(|e| e.to_string())?;
    Venue::of_invitation(&invitation).map_err(|e| e.to_string())
}

/// A venue's name as part of a file name. Characters other than letters and digits become `-`, so
/// that no name leads out of the folder; a checksum distinguishes names that become the same.
pub(crate) fn slug(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let check = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    let check: String = check.as_ref().iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("{plain}-{check}")
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
