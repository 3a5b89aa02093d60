//! Many users at once, from a file.

use super::{
    AdminError, csv, open,
    users::{CodeTerms, Invited, Others, Paper, add_all, hold, is_of_another},
};
use crate::config::Config;
use signet_registry::{NewUser, UserRecord};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

const USERS_MAX: usize = 10_000;
const CSV_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files of codes in one folder, one for each run.
const LISTS_MAX: usize = 1_000;
/// Faults that are shown of one file.
const FAULTS_SHOWN: usize = 50;

/// A line of the file, counted from 1, and what is wrong with it.
type Fault = (usize, String);
/// A user, and the line that has them.
type Lined = (usize, NewUser);

/// How many users are to be invited, and what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Every line was found good: so many are added, and so many are registered already.
    Checked { new: usize, skipped: usize },
    /// So many invitations of so many are on disk.
    Written(usize, usize),
    /// All of them are, and the registry takes the users.
    Registering,
}

/// What an import did.
pub struct Imported {
    /// Those who were added.
    pub invited: Vec<Invited>,
    /// Users who were registered already.
    pub skipped: usize,
    /// Where the codes are, mode 0600; `None`: nobody was added.
    pub codes: Option<PathBuf>,
}

/// Adds all users of a CSV file (columns id, comp_id, name, protection, role, in any order), or
/// none: every line is checked before anything is changed, and all faults are told at once.
/// `skip_existing`: users who are registered already, with the same CompID, are left out, so that
/// a run that was interrupted is repeated, and a list that grew is given again.
pub async fn import(
    config: &Config,
    csv_file: &Path,
    terms: CodeTerms,
    out: &Path,
    skip_existing: bool,
    mut tell: impl FnMut(Progress),
) -> Result<Imported, AdminError> {
    let file = |source| AdminError::File { path: csv_file.into(), source };
    let csv = |line, why: String| AdminError::Csv { path: csv_file.into(), line, why };
    if fs::metadata(csv_file).map_err(file)?.len() > CSV_BYTES_MAX {
        return Err(csv(0, "the file is too large".into()));
    }
    let text = fs::read_to_string(csv_file).map_err(file)?;
    let _held = hold(out, Others::Nobody);
    let registry = open(config).await?;
    let there = registry.users().await;
    registry.close().await;
    let there = there?;
    let (lines, mut faults) = rows(&text).map_err(|(line, why)| csv(line, why))?;
    let (new, skipped) = against(config, lines, &there, skip_existing, &mut faults);
    faults.sort();
    if let Some((line, why)) = faults.first() {
        return Err(match faults.len() {
            1 => csv(*line, why.clone()),
            _ => AdminError::CsvLines { path: csv_file.into(), faults: shown(&faults) },
        });
    }
    let count = new.len();
    tell(Progress::Checked { new: count, skipped });
    if count == 0 {
        return Ok(Imported { invited: Vec::new(), skipped, codes: None });
    }
    let list = free_list(out, skip_existing);
    let paper = Paper { out, list: Some(list.clone()), replace: skip_existing };
    let written = |n| {
        tell(Progress::Written(n, count));
        if n == count {
            tell(Progress::Registering);
        }
    };
    let invited = add_all(config, new, terms, &paper, written).await?;
    Ok(Imported { invited, skipped, codes: Some(list) })
}

/// The file for the codes of this run: those of an earlier run stay.
fn free_list(out: &Path, beside: bool) -> PathBuf {
    let first = out.join("codes.csv");
    let others = (2..LISTS_MAX).map(|n| out.join(format!("codes-{n}.csv")));
    let free = others.take(if beside { LISTS_MAX } else { 0 }).find(|p| !p.exists());
    if first.exists() { free.unwrap_or(first) } else { first }
}

fn shown(faults: &[Fault]) -> String {
    let one = |(line, why): &Fault| format!("\n  line {line}: {why}");
    let mut text: String = faults.iter().take(FAULTS_SHOWN).map(one).collect();
    if faults.len() > FAULTS_SHOWN {
        text.push_str(&format!("\n  and {} more", faults.len() - FAULTS_SHOWN));
    }
    text
}

/// What the registry and the configuration say of the lines: those to be added, and how many are
/// there already.
fn against(
    config: &Config,
    lines: Vec<Lined>,
    there: &[UserRecord],
    skip_existing: bool,
    faults: &mut Vec<Fault>,
) -> (Vec<NewUser>, usize) {
    let by_id: BTreeMap<&str, &UserRecord> = there.iter().map(|u| (u.id.as_str(), u)).collect();
    let by_comp_id: HashMap<String, &str> =
        there.iter().map(|u| (u.comp_id.to_lowercase(), u.id.as_str())).collect();
    let (mut new, mut skipped) = (Vec::new(), 0);
    for (n, user) in lines {
        let owner = by_comp_id.get(&user.comp_id.to_lowercase());
        match (by_id.get(user.id.as_str()), owner) {
            (Some(u), _) if skip_existing && u.comp_id == user.comp_id => skipped += 1,
            (Some(u), _) if u.comp_id == user.comp_id => {
                let why = format!("{} is registered already (--skip-existing)", user.id);
                faults.push((n, why));
            }
            (Some(u), _) => {
                let why = format!("{} is registered already, with CompID {}", user.id, u.comp_id);
                faults.push((n, why));
            }
            (None, Some(owner)) => {
                faults.push((n, format!("CompID {} is of {owner} already", user.comp_id)));
            }
            (None, None) if is_of_another(config, &user.comp_id) => {
                let why = format!("CompID {} is the gateway's or a dealer's", user.comp_id);
                faults.push((n, why));
            }
            (None, None) => new.push(user),
        }
    }
    (new, skipped)
}

/// The users of the file with their lines, and the faults of all other lines; or what is wrong
/// with the file as a whole.
fn rows(text: &str) -> Result<(Vec<Lined>, Vec<Fault>), Fault> {
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
    let (mut seen, mut all, mut faults) = (HashMap::new(), vec![], vec![]);
    for (n, fields) in lines {
        if all.len() == USERS_MAX {
            return Err((n, format!("at most {USERS_MAX} users")));
        }
        if fields.len() != head.len() {
            faults.push((n, format!("{} fields are needed", head.len())));
            continue;
        }
        let word = |at: Option<usize>, known: [&str; 2]| match at.map(|i| fields[i].as_str()) {
            None | Some("") => Ok(known[0].to_owned()),
            Some(w) if known.contains(&w) => Ok(w.to_owned()),
            Some(w) => Err(format!("{w:?} is neither {} nor {}", known[0], known[1])),
        };
        let user = || {
            let user = NewUser {
                id: fields[id].clone(),
                comp_id: fields[comp_id].clone(),
                name: fields[name].clone(),
                role: word(role, ["standard", "privileged"])?,
                protection: word(protection, ["keychain", "token"])?,
            };
            user.check().map_err(|e| e.to_string())?;
            Ok::<_, String>(user)
        };
        match user() {
            Ok(user) => {
                let keys =
                    [format!("id {}", user.id), format!("CompID {}", user.comp_id.to_lowercase())];
                for key in keys {
                    if let Some(other) = seen.insert(key.clone(), n) {
                        faults.push((n, format!("{key} is in line {other} already")));
                    }
                }
                all.push((n, user));
            }
            Err(why) => faults.push((n, why)),
        }
    }
    Ok((all, faults))
}
