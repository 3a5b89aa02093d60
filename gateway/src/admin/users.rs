//! New users, and new codes for old ones.

use super::{AdminError, actor, open};
use crate::{
    config::{Config, EnrolmentSection},
    enrol::ca::{CaError, write_new},
};
use signet_identity::{HolderRule, INVITATION_EXTENSION, Invitation};
use signet_registry::{CodePurpose, NewCode, NewUser, RegistryError, code::OneTimeCode};
use signet_rfq::UtcMillis;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// What the administrator hands on.
pub struct Invited {
    pub user: String,
    /// To be given to the trader by another way than the file.
    pub code: Zeroizing<String>,
    pub file: PathBuf,
    pub link: String,
    /// What the desk will show of the gateway's authority, to be read out.
    pub fingerprint: String,
    pub expires: OffsetDateTime,
}

/// What a code that is handed out is good for.
#[derive(Debug, Clone, Copy)]
pub struct CodeTerms {
    pub hours: u32,
    /// Whoever uses it sits at a device that the firm manages; its certificate will say so.
    pub managed: bool,
}

/// Adds one user.
pub async fn add(
    config: &Config,
    user: NewUser,
    terms: CodeTerms,
    out: &Path,
) -> Result<Invited, AdminError> {
    let paper = Paper { out, list: None, replace: false };
    let _held = hold(out, Others::Adding);
    let mut all = add_all(config, vec![user], terms, &paper, |_| {}).await?;
    all.pop().ok_or(AdminError::NoRandomness)
}

/// A new code for a user who is there already.
pub async fn code(
    config: &Config,
    user: &str,
    terms: CodeTerms,
    out: &Path,
) -> Result<Invited, AdminError> {
    let e = enrolment(config)?;
    let now = crate::clock::now();
    let (code, new) = make_code(terms.checked(e)?, now, CodePurpose::Enrol)?;
    let registry = open(config).await?;
    let record = registry.add_code(user, &new, &actor(), now).await?;
    registry.close().await;
    let invitation = invitation(config, e, user, &record.protection, new.expires)?;
    let file = out.join(format!("{user}.{INVITATION_EXTENSION}"));
    // A newer invitation of the same user takes the place of the old one.
    let _ = fs::remove_file(&file);
    put(&file, invitation.to_toml()?.as_bytes(), false)?;
    invited(user.into(), &code, file, &invitation)
}

impl CodeTerms {
    /// A mark that nobody can write into a certificate would be lost without a word.
    fn checked(self, e: &EnrolmentSection) -> Result<Self, AdminError> {
        if self.managed && e.managed_policy.is_none() {
            Err(AdminError::NoManagedPolicy)
        } else {
            Ok(self)
        }
    }
}

fn enrolment(config: &Config) -> Result<&EnrolmentSection, AdminError> {
    config.enrolment.as_ref().ok_or(AdminError::NoSection("enrolment"))
}

/// Where invitations are written.
pub(super) struct Paper<'a> {
    /// An existing directory.
    pub(super) out: &'a Path,
    /// A file for the codes of all of them; `None`: the code is printed.
    pub(super) list: Option<PathBuf>,
    /// Invitations that lie there for people who are not registered take no place: a run that was
    /// killed left them, and their codes are in no registry.
    pub(super) replace: bool,
}

/// Adds all of them, or none. `written` hears how many invitations are on disk.
pub(super) async fn add_all(
    config: &Config,
    users: Vec<NewUser>,
    terms: CodeTerms,
    paper: &Paper<'_>,
    written: impl FnMut(usize),
) -> Result<Vec<Invited>, AdminError> {
    let e = enrolment(config)?;
    let now = crate::clock::now();
    let (mut rows, mut all) = (vec![], vec![]);
    for user in users {
        user.check()?;
        if is_of_another(config, &user.comp_id) {
            return Err(AdminError::CompIdOfAnother(user.comp_id));
        }
        let (code, new) = make_code(terms.checked(e)?, now, CodePurpose::Enrol)?;
        let invitation = invitation(config, e, &user.id, &user.protection, new.expires)?;
        let file = paper.out.join(format!("{}.{INVITATION_EXTENSION}", user.id));
        all.push((invited(user.id.clone(), &code, file, &invitation)?, invitation.to_toml()?));
        rows.push((user, new));
    }
    // Files first: a code that is in the registry and nowhere else helps nobody.
    let mut files = vec![];
    let done = match write_all(&all, paper, &mut files, written) {
        Ok(()) => add_rows(config, &rows, now).await,
        Err(e) => Added::No(e),
    };
    match done {
        Added::Yes => Ok(all.into_iter().map(|(i, _)| i).collect()),
        Added::No(e) => {
            for f in files {
                let _ = fs::remove_file(f);
            }
            Err(e)
        }
        Added::Unknown(e) => {
            Err(AdminError::AddedOrNot { folder: paper.out.into(), why: e.to_string() })
        }
    }
}

/// What became of users that were to be added.
#[derive(Debug)]
enum Added {
    Yes,
    No(AdminError),
    /// The database took them or did not, and does not say.
    Unknown(AdminError),
}

/// Whether a CompID is the gateway's own or a dealer's.
pub(super) fn is_of_another(config: &Config, comp_id: &str) -> bool {
    config.gateway.comp_id.as_str() == comp_id
        || config.dealer.iter().any(|d| d.comp_id.as_str() == comp_id)
}

async fn add_rows(config: &Config, rows: &[(NewUser, NewCode)], now: UtcMillis) -> Added {
    let registry = match open(config).await {
        Ok(registry) => registry,
        Err(e) => return Added::No(e),
    };
    let done = registry.add_users(rows, &actor(), now).await;
    registry.close().await;
    match done {
        Ok(()) => Added::Yes,
        // Its answer may be lost and everything written all the same.
        Err(e @ RegistryError::Database(_)) => judged(e, is_there(config, rows, now).await),
        Err(e) => Added::No(e.into()),
    }
}

/// Whether these users were added by this very call: all of them are there, or none.
async fn is_there(
    config: &Config,
    rows: &[(NewUser, NewCode)],
    now: UtcMillis,
) -> Result<bool, AdminError> {
    let Some((first, _)) = rows.first() else { return Ok(false) };
    let registry = open(config).await?;
    let found = registry.user(&first.id).await;
    registry.close().await;
    match found {
        Ok(found) => Ok(found.user.comp_id == first.comp_id && found.user.created == now),
        Err(RegistryError::NoSuchUser(_)) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

fn judged(why: RegistryError, there: Result<bool, AdminError>) -> Added {
    match there {
        Ok(true) => Added::Yes,
        Ok(false) => Added::No(why.into()),
        Err(_) => Added::Unknown(why.into()),
    }
}

fn write_all(
    all: &[(Invited, String)],
    paper: &Paper<'_>,
    files: &mut Vec<PathBuf>,
    mut written: impl FnMut(usize),
) -> Result<(), AdminError> {
    for (n, (i, text)) in all.iter().enumerate() {
        if paper.replace {
            let _ = fs::remove_file(&i.file);
        }
        put(&i.file, text.as_bytes(), false)?;
        files.push(i.file.clone());
        written(n + 1);
    }
    if let Some(path) = &paper.list {
        let mut text = Zeroizing::new(String::from("id,code,expires\n"));
        for (i, _) in all {
            text.push_str(&format!("{},{},{}\n", i.user, *i.code, i.expires));
        }
        put(path, text.as_bytes(), true)?;
        files.push(path.clone());
    }
    kept(paper.out)
}

/// The names in a folder are on the disk, too, before the registry has the codes.
fn kept(folder: &Path) -> Result<(), AdminError> {
    // Not every file system does this for folders.
    let unable = |e: &io::Error| {
        matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
    };
    let sync = || fs::File::open(named(folder)).and_then(|f| f.sync_all());
    let done = if cfg!(unix) { sync() } else { Ok(()) };
    match done {
        Err(source) if !unable(&source) => Err(AdminError::File { path: folder.into(), source }),
        _ => Ok(()),
    }
}

fn named(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Who else may write invitations into a folder meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Those who replace and delete nothing.
    Adding,
    Nobody,
}

/// Holds a folder from the look at the registry until the registry has the users, and waits for
/// whoever holds it: of two imports of one list the second would take the first one's files for
/// those of a run that was killed. `None`: the folder cannot be held here, as on some file systems.
pub(super) fn hold(folder: &Path, others: Others) -> Option<fs::File> {
    if !cfg!(unix) {
        return None;
    }
    let file = fs::File::open(named(folder)).ok()?;
    let held = match others {
        Others::Adding => file.lock_shared(),
        Others::Nobody => file.lock(),
    };
    held.is_ok().then_some(file)
}

fn put(path: &Path, bytes: &[u8], private: bool) -> Result<(), AdminError> {
    write_new(path, bytes, private).map_err(|e| match e {
        CaError::File { path, source } => AdminError::File { path, source },
        other => other.into(),
    })
}

pub(super) fn make_code(
    terms: CodeTerms,
    now: UtcMillis,
    purpose: CodePurpose,
) -> Result<(OneTimeCode, NewCode), AdminError> {
    if !(1..=2_160).contains(&terms.hours) {
        return Err(AdminError::CodeHours);
    }
    let mut random = Zeroizing::new([0u8; 16]);
    aws_lc_rs::rand::fill(&mut random[..]).map_err(|_| AdminError::NoRandomness)?;
    let code = OneTimeCode::new(*random);
    let new = NewCode {
        digest: code.digest_for(purpose),
        expires: UtcMillis(now.0 + i64::from(terms.hours) * 3_600_000),
        managed: terms.managed,
    };
    Ok((code, new))
}

fn invitation(
    config: &Config,
    e: &EnrolmentSection,
    user: &str,
    protection: &str,
    expires: UtcMillis,
) -> Result<Invitation, AdminError> {
    let holder = match protection {
        "token" => HolderRule::Token,
        "keychain" => HolderRule::Keychain,
        other => return Err(RegistryError::Corrupt(format!("protection {other:?}")).into()),
    };
    Ok(Invitation {
        venue: config.gateway.name.clone(),
        user: user.into(),
        holder,
        code_expires: OffsetDateTime::from_unix_timestamp(expires.0.div_euclid(1_000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH + Duration::ZERO),
        est: e.est_address(),
        fix: config.fix_address(e)?,
        pins: e.pins()?,
        anchors: e.anchors()?,
        rp_id: config.step_up.as_ref().map(|s| s.rp_id.clone()),
    })
}

fn invited(
    user: String,
    code: &OneTimeCode,
    file: PathBuf,
    invitation: &Invitation,
) -> Result<Invited, AdminError> {
    Ok(Invited {
        user,
        code: code.shown(),
        file,
        link: invitation.to_link()?,
        fingerprint: invitation.fingerprint(),
        expires: invitation.code_expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn an_import_holds_its_folder_alone() {
        use std::fs::TryLockError::WouldBlock;
        let dir = tempfile::tempdir().unwrap();
        let other = || fs::File::open(dir.path()).unwrap();
        let import = hold(dir.path(), Others::Nobody);
        assert!(import.is_some());
        assert!(matches!(other().try_lock_shared(), Err(WouldBlock)));
        drop(import);
        let add = hold(dir.path(), Others::Adding);
        assert!(add.is_some() && other().try_lock_shared().is_ok());
        assert!(matches!(other().try_lock(), Err(WouldBlock)));
        drop(add);
        assert!(hold(dir.path(), Others::Nobody).is_some());
        assert!(hold(&dir.path().join("nowhere"), Others::Nobody).is_none());
    }

    #[test]
    fn files_with_codes_go_only_when_the_codes_are_nowhere() {
        let lost = || RegistryError::Database(sqlx::Error::WorkerCrashed);
        let away = AdminError::Registry(lost());
        assert!(matches!(judged(lost(), Ok(true)), Added::Yes));
        assert!(matches!(judged(lost(), Ok(false)), Added::No(_)));
        assert!(matches!(judged(lost(), Err(away)), Added::Unknown(_)));
    }
}
