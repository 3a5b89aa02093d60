//! What can be wrong with the registry, or with what an administrator asked of it.

use sqlx::error::ErrorKind;
use std::path::PathBuf;

/// Each has a stable code, says who is at fault, and what cures it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// At fault: the database, its network, or the URL.
    #[error("the registry's database does not answer as it should: {0}")]
    Database(#[source] sqlx::Error),
    /// A file or the database's file cannot be read or written. At fault: the path or its
    /// permissions.
    #[error("{path}: {source}")]
    File {
        /// The file as it was named.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// At fault: whoever changed the database other than through this program.
    #[error("the registry holds something this program never writes: {0}")]
    Corrupt(String),
    /// An older release made the database, and it was not migrated.
    #[error("the registry has schema {found}, this program needs a newer one")]
    SchemaOld {
        /// The schema's number in the database.
        found: i64,
    },
    /// A newer release made or migrated the database. At fault: whoever runs the older program.
    #[error("the registry has schema {found}, which a newer program made")]
    SchemaNew {
        /// The schema's number in the database.
        found: i64,
    },

    /// At fault, here and below: the administrator's order.
    #[error("{0:?} is not a user id: 1 to 32 characters of a-z 0-9 . _ -")]
    BadUserId(String),
    /// The CompID breaks the rules for a desk's.
    #[error("{0:?} is not a CompID for a desk: 1 to 24 characters of A-Z a-z 0-9 _ -")]
    BadCompId(String),
    /// The name is empty, too long or not printable.
    #[error("the name must be 1 to 80 printable characters")]
    BadName,
    /// A user with this id exists.
    #[error("there is a user {0} already")]
    UserExists(String),
    /// Another user has this CompID; case does not tell them apart.
    #[error("the CompID {0} is in use already")]
    CompIdTaken(String),
    /// No user has this id.
    #[error("there is no user {0:?}")]
    NoSuchUser(String),
    /// No device of this name, or of this user.
    #[error("there is no device {0:?}")]
    NoSuchDevice(String),
    /// Only the device's name was given, and more than one user has such a device.
    #[error("several users have a device {0:?}")]
    AmbiguousDevice(String),
    /// No certificate has this serial number.
    #[error("there is no certificate with the serial number {0:?}")]
    NoSuchCertificate(String),
    /// Every certificate of what was named is revoked or expired, and no code is open.
    #[error("{0} has no certificate that could still be revoked")]
    NothingToRevoke(String),
    /// The user's lock-out is over, or there was none.
    #[error("the user {0:?} is not locked out")]
    NotLockedOut(String),
    /// A locked user gets no code and no key.
    #[error("the user {0} is locked")]
    UserLocked(String),
    /// The user has no key of this id or name.
    #[error("there is no security key {0:?}")]
    NoSuchKey(String),
    /// No row of the evidence has this number.
    #[error("there is no evidence {0}")]
    NoSuchEvidence(i64),
    /// A code for a first key is refused to a user with an active key.
    #[error("the user {0} has a security key")]
    HasKey(String),
    /// The database holds no table of a registry. At fault: the URL, or the backup is still to be
    /// restored.
    #[error("the database is empty: there is no registry in it")]
    Empty,
    /// A restore would lose what the registry holds, and was not told to replace it.
    #[error("the registry is not empty")]
    NotEmpty,
    /// Not a backup of a registry, incomplete or changed; the text says which.
    #[error("the backup cannot be used: {0}")]
    BadBackup(String),
}

impl From<sqlx::Error> for RegistryError {
    fn from(e: sqlx::Error) -> Self {
        Self::Database(e)
    }
}

impl RegistryError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "registry.database",
            Self::File { .. } => "registry.file",
            Self::Corrupt(_) => "registry.corrupt",
            Self::SchemaOld { .. } => "registry.schema_old",
            Self::SchemaNew { .. } => "registry.schema_new",
            Self::BadUserId(_) => "registry.bad_user_id",
            Self::BadCompId(_) => "registry.bad_comp_id",
            Self::BadName => "registry.bad_name",
            Self::UserExists(_) => "registry.user_exists",
            Self::CompIdTaken(_) => "registry.comp_id_taken",
            Self::NoSuchUser(_) => "registry.no_user",
            Self::NoSuchDevice(_) => "registry.no_device",
            Self::AmbiguousDevice(_) => "registry.ambiguous_device",
            Self::NoSuchCertificate(_) => "registry.no_certificate",
            Self::NothingToRevoke(_) => "registry.nothing_to_revoke",
            Self::NotLockedOut(_) => "registry.not_locked_out",
            Self::UserLocked(_) => "registry.user_locked",
            Self::NoSuchKey(_) => "registry.no_key",
            Self::NoSuchEvidence(_) => "registry.no_evidence",
            Self::HasKey(_) => "registry.has_key",
            Self::Empty => "registry.missing",
            Self::NotEmpty => "registry.not_empty",
            Self::BadBackup(_) => "registry.bad_backup",
        }
    }

    /// Whether the database is well and would refuse the same again for what it says.
    pub fn is_of_content(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(e)) => {
                // Not a number that is there twice: then what is in the database is at fault.
                let constraint = matches!(
                    e.kind(),
                    ErrorKind::CheckViolation
                        | ErrorKind::ForeignKeyViolation
                        | ErrorKind::NotNullViolation
                );
                constraint || e.code().is_some_and(|code| is_code_of_content(&code))
            }
            Self::Database(sqlx::Error::Encode(_)) | Self::NoSuchUser(_) => true,
            _ => false,
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Database(_) => {
                "check [registry] url, that the server is up, and that its account may use the \
                    tables"
            }
            Self::File { .. } => "check the path and who may write there",
            Self::Corrupt(_) => "restore a backup: signet-gateway registry restore",
            Self::SchemaOld { .. } => {
                "stop every gateway, make a backup, then run: signet-gateway registry migrate"
            }
            Self::SchemaNew { .. } => "install the newer release on every gateway",
            Self::BadUserId(_) | Self::BadCompId(_) | Self::BadName => {
                "correct it and run the command again"
            }
            Self::UserExists(_) => {
                "a new laptop of the same person needs only a new code: signet-gateway user code ID"
            }
            Self::CompIdTaken(_) => {
                "every desk, dealer and gateway needs a CompID of its own; choose another"
            }
            Self::NoSuchUser(_) => "see: signet-gateway user list",
            Self::NoSuchDevice(_) | Self::AmbiguousDevice(_) => {
                "write USER/DEVICE; see: signet-gateway user show USER"
            }
            Self::NoSuchCertificate(_) | Self::NothingToRevoke(_) => {
                "see: signet-gateway user show USER"
            }
            Self::NotLockedOut(_) => "see: signet-gateway lockout list",
            Self::UserLocked(_) => "signet-gateway unlock user ID, if that is meant",
            Self::NoSuchKey(_) => "see: signet-gateway key list USER",
            Self::NoSuchEvidence(_) => "see: signet-gateway evidence list",
            Self::HasKey(_) => {
                "another key is registered with that one; if it is lost: signet-gateway key reset \
                    USER --reason ..."
            }
            Self::Empty => {
                "correct registry.url, or restore a backup; a new gateway makes it at `user add` \
                    or at its first start"
            }
            Self::NotEmpty => "use --replace to lose what it holds, or name another registry",
            Self::BadBackup(_) => "use a file that signet-gateway registry backup made",
        }
    }
}

/// SQLSTATE classes 22 (data exception: such as a character that the database's encoding lacks) and
/// 54 (a limit of the program), and SQLITE_TOOBIG.
fn is_code_of_content(code: &str) -> bool {
    code == "18" || (code.len() == 5 && (code.starts_with("22") || code.starts_with("54")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_who_is_at_fault() {
        for (code, of_content) in [
            ("22P05", true),
            ("22021", true),
            ("54000", true),
            ("18", true),
            // A disk that is full, a lock, a server that stops, a file that is read-only.
            ("53100", false),
            ("13", false),
            ("5", false),
            ("22", false),
            ("55P03", false),
            ("57P01", false),
            ("25006", false),
            ("1811", false),
        ] {
            assert_eq!(is_code_of_content(code), of_content, "{code}");
        }
        for (e, of_content) in [
            (RegistryError::Database(sqlx::Error::PoolTimedOut), false),
            (RegistryError::Database(sqlx::Error::Encode("odd".into())), true),
            (RegistryError::NoSuchUser("x".into()), true),
            (RegistryError::Corrupt("x".into()), false),
            (RegistryError::Empty, false),
        ] {
            assert_eq!(e.is_of_content(), of_content, "{e}");
        }
    }
}
