//! Whether a policy that was found is in force. Pure.

use crate::{
    error::ManagedError,
    minisign::{PublicKey, sha256},
    policy::Policy,
    record::Record,
    settings::Version,
    values::{self, Values},
};
use std::path::PathBuf;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What is at the place of a system's policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A signed file.
    Signed {
        /// The file.
        policy: Vec<u8>,
        /// The signature file.
        signature: String,
        /// The key file.
        key: String,
    },
    /// Values that only the system's administrator can write; they need no signature.
    Values(Values),
}

/// Where a policy comes from, and who answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The key that signed it, and the trusted comment.
    Signed {
        /// The key.
        key: PublicKey,
        /// What the signer wrote beside the signature.
        comment: String,
    },
    /// The system lets only its administrator write it.
    System,
}

/// A policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The policy.
    pub policy: Policy,
    /// Who answers for it.
    pub origin: Origin,
    /// Where it was found, for people.
    pub place: String,
    /// SHA-256 of the file, or of the values, lower-case hexadecimal.
    pub digest: String,
}

impl Managed {
    /// What the desk remembers of it.
    #[must_use]
    pub fn record(&self) -> Record {
        Record {
            firm: self.policy.firm.clone(),
            place: self.place.clone(),
            serial: self.policy.serial,
            digest: self.digest.clone(),
        }
    }

    /// Whether a desk of this version may be used.
    ///
    /// # Errors
    /// [`ManagedError::SoftwareTooOld`]; also when `have` cannot be read as a version.
    pub fn allows(&self, have: &str) -> Result<(), ManagedError> {
        match self.policy.least_version {
            Some(least) if have.parse::<Version>().map_or(true, |have| have < least) => {
                Err(ManagedError::SoftwareTooOld { least: least.to_string(), have: have.into() })
            }
            _ => Ok(()),
        }
    }
}

/// The policy in force; `None` on a computer that is not managed. The signature is verified before
/// anything in the file is read. `place` and `record_at` are for errors.
///
/// # Errors
/// [`ManagedError`]: the desk must not start.
pub fn judge(
    found: Found,
    place: &str,
    now: OffsetDateTime,
    seen: Option<&Record>,
    record_at: PathBuf,
) -> Result<Option<Managed>, ManagedError> {
    let managed = match found {
        Found::Nothing => {
            return match seen {
                None => Ok(None),
                Some(seen) => Err(ManagedError::Missing {
                    firm: seen.firm.clone(),
                    place: seen.place.clone(),
                    record: record_at,
                }),
            };
        }
        Found::Signed { policy, signature, key } => {
            let key = PublicKey::read(&key)?;
            let comment = key.verify(&policy, &signature)?;
            let digest = hex(&sha256(&policy));
            let text = String::from_utf8(policy)
                .map_err(|_| ManagedError::Damaged("it is not UTF-8 text".into()))?;
            let origin = Origin::Signed { key, comment };
            Managed { policy: Policy::from_toml(&text)?, origin, place: place.into(), digest }
        }
        Found::Values(values) => {
            let digest = hex(&sha256(format!("{values:?}").as_bytes()));
            let policy = values::policy(&values)?;
            Managed { policy, origin: Origin::System, place: place.into(), digest }
        }
    };
    in_time(&managed.policy, now)?;
    not_back(&managed, seen)?;
    Ok(Some(managed))
}

fn in_time(policy: &Policy, now: OffsetDateTime) -> Result<(), ManagedError> {
    if let Some(from) = policy.valid_from.filter(|from| now < *from) {
        return Err(ManagedError::NotYetValid(shown(from)));
    }
    if let Some(until) = policy.valid_until.filter(|until| now >= *until) {
        return Err(ManagedError::Expired(shown(until)));
    }
    Ok(())
}

/// A serial never goes down, and stands for one policy. Values of the system need none: the system
/// itself says which are the latest.
fn not_back(managed: &Managed, seen: Option<&Record>) -> Result<(), ManagedError> {
    let serial = managed.policy.serial;
    match seen {
        Some(seen) if serial < seen.serial => {
            Err(ManagedError::Older { serial, seen: seen.serial })
        }
        Some(seen) if serial != 0 && serial == seen.serial && managed.digest != seen.digest => {
            Err(ManagedError::SerialReused(serial))
        }
        _ => Ok(()),
    }
}

pub(crate) fn shown(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
