//! New users, and new codes for old ones.

use super::{AdminError, actor, csv, open};
use crate::{
    config::{Config, EnrolmentSection},
    enrol::ca::{CaError, write_new},
};
use signet_identity::{HolderRule, INVITATION_EXTENSION, Invitation};
use signet_registry::{CodePurpose, NewCode, NewUser, RegistryError, code::OneTimeCode};
use signet_rfq::UtcMillis;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

const USERS_MAX: usize = 10_000;
const CSV_BYTES_MAX: u64 = 4 * 1024 * 1024;

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
    let mut all = add_all(config, vec![user], terms, out, false).await?;
    all.pop().ok_or(AdminError::NoRandomness)
}

/// Adds all users of a CSV file (columns id, comp_id, name, protection, in any order), or none. The
/// codes are in `codes.csv`.
pub async fn import(
    config: &Config,
    csv_file: &Path,
    terms: CodeTerms,
    out: &Path,
) -> Result<Vec<Invited>, AdminError> {
    let file = |source| AdminError::File { path: csv_file.into(), source };
    if fs::metadata(csv_file).map_err(file)?.len() > CSV_BYTES_MAX {
        return Err(AdminError::Csv {
            path: csv_file.into(),
            line: 0,
            why: "the file is too large".into(),
        });
    }
    let text = fs::read_to_string(csv_file).map_err(file)?;
    let users =
        users(&text).map_err(|(line, why)| AdminError::Csv { path: csv_file.into(), line, why })?;
    add_all(config, users, terms, out, true).await
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

fn users(text: &str) -> Result<Vec<NewUser>, (usize, String)> {
    let mut lines = csv::read(text)?.into_iter();
    let (_, head) = lines.next().ok_or((1, "the file is empty".to_owned()))?;
    let column = |name: &str| {
        head.iter()
            .position(|h| h.eq_ignore_ascii_case(name))
            .ok_or((1, format!("the column {name} is missing")))
    };
    let (id, comp_id, name) = (column("id")?, column("comp_id")?, column("name")?);
    let (protection, role) = (column("protection").ok(), column("role").ok());
    if let Some(h) = head.iter().find(|h| {
        !["id", "comp_id", "name", "protection", "role"].contains(&h.to_lowercase().as_str())
    }) {
        return Err((1, format!("nobody knows the column {h}")));
    }
    let mut seen = HashMap::new();
    let mut all = vec![];
    for (n, fields) in lines {
        if fields.len() != head.len() || all.len() == USERS_MAX {
            return Err((
                n,
                format!("{} fields are needed, and at most {USERS_MAX} lines", head.len()),
            ));
        }
        let word = |at: Option<usize>, known: [&str; 2]| match at.map(|i| fields[i].as_str()) {
            None | Some("") => Ok(known[0].to_owned()),
            Some(w) if known.contains(&w) => Ok(w.to_owned()),
            Some(w) => Err((n, format!("{w:?} is neither {} nor {}", known[0], known[1]))),
        };
        let user = NewUser {
            id: fields[id].clone(),
            comp_id: fields[comp_id].clone(),
            name: fields[name].clone(),
            role: word(role, ["standard", "privileged"])?,
            protection: word(protection, ["keychain", "token"])?,
        };
        user.check().map_err(|e| (n, e.to_string()))?;
        for key in [format!("id {}", user.id), format!("CompID {}", user.comp_id.to_lowercase())] {
            if let Some(other) = seen.insert(key.clone(), n) {
                return Err((n, format!("{key} is in line {other} already")));
            }
        }
        all.push(user);
    }
    Ok(all)
}

async fn add_all(
    config: &Config,
    users: Vec<NewUser>,
    terms: CodeTerms,
    out: &Path,
    list: bool,
) -> Result<Vec<Invited>, AdminError> {
    let e = enrolment(config)?;
    let now = crate::clock::now();
    let taken = |id: &str| {
        config.gateway.comp_id.as_str() == id
            || config.dealer.iter().any(|d| d.comp_id.as_str() == id)
    };
    let (mut rows, mut all) = (vec![], vec![]);
    for user in users {
        user.check()?;
        if taken(&user.comp_id) {
            return Err(AdminError::CompIdOfAnother(user.comp_id));
        }
        let (code, new) = make_code(terms.checked(e)?, now, CodePurpose::Enrol)?;
        let invitation = invitation(config, e, &user.id, &user.protection, new.expires)?;
        let file = out.join(format!("{}.{INVITATION_EXTENSION}", user.id));
        all.push((invited(user.id.clone(), &code, file, &invitation)?, invitation.to_toml()?));
        rows.push((user, new));
    }
    // Files first: a code that is in the registry and nowhere else helps nobody.
    let mut written = vec![];
    let done = write_all(&all, out, list, &mut written);
    let done = match done {
        Ok(()) => add_rows(config, &rows, now).await,
        Err(e) => Err(e),
    };
    if let Err(e) = done {
        for f in written {
            let _ = fs::remove_file(f);
        }
        return Err(e);
    }
    Ok(all.into_iter().map(|(i, _)| i).collect())
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
    out: &Path,
    list: bool,
    written: &mut Vec<PathBuf>,
) -> Result<(), AdminError> {
    for (i, text) in all {
        put(&i.file, text.as_bytes(), false)?;
        written.push(i.file.clone());
    }
    if list {
        let mut text = Zeroizing::new(String::from("id,code,expires\n"));
        for (i, _) in all {
            text.push_str(&format!("{},{},{}\n", i.user, *i.code, i.expires));
        }
        let path = out.join("codes.csv");
        put(&path, text.as_bytes(), true)?;
        written.push(path);
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
