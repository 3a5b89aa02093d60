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
    fs,
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
    let done = write_all(&all, paper, &mut files, written);
    let done = match done {
        Ok(()) => add_rows(config, &rows, now).await,
        Err(e) => Err(e),
    };
    if let Err(e) = done {
        for f in files {
            let _ = fs::remove_file(f);
        }
        return Err(e);
    }
    Ok(all.into_iter().map(|(i, _)| i).collect())
}

/// Whether a CompID is the gateway's own or a dealer's.
pub(super) fn is_of_another(config: &Config, comp_id: &str) -> bool {
    config.gateway.comp_id.as_str() == comp_id
        || config.dealer.iter().any(|d| d.comp_id.as_str() == comp_id)
}

async fn add_rows(
    config: &Config,
    rows: &[(NewUser, NewCode)],
    now: UtcMillis,
) -> Result<(), AdminError> {
    let registry = open(config).await?;
    registry.add_users(rows, &actor(), now).await?;
    registry.close().await;
    Ok(())
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
    Ok(())
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
