//! `[venue.direct]` of desk.toml: a venue that speaks plain FIXS, and the rules by which this desk
//! asks for a touch.

use serde::Deserialize;
use signet_fix::message::DealerState;
use signet_identity::CompId;
use signet_rfq::{Catalogue, DealerId, is_plain};
use signet_stepup::{
    approval::digest_of,
    rp::{AttestationList, RelyingParty, RpSettings},
    rules::{LogonRule, WhenSection},
};
use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const DEALERS_MAX: usize = 200;
const NAME_CHARS_MAX: usize = 60;
/// Largest list of instruments or of key models, bytes.
const FILE_LEN_MAX: u64 = 16 * 1024 * 1024;
const MINUTES_MAX: u32 = 24 * 60;

/// What this desk knows about a venue without a Signet gateway.
#[derive(Debug, Clone)]
pub struct DirectSettings {
    /// CompID of this desk at the venue; if left out, the one in its certificate.
    pub sender_comp_id: Option<CompId>,
    /// The instruments that may be asked for there.
    pub instruments: Catalogue,
    /// The dealers that may be asked there.
    pub dealers: Vec<DealerState>,
    /// The rules by which this desk asks for a touch, if it does.
    pub step_up: Option<DirectStepUp>,
    /// The desk signs its messages in tags 93/89, which many venues do not know.
    pub sign_messages: bool,
}

/// This desk as its own relying party.
#[derive(Debug, Clone)]
pub struct DirectStepUp {
    pub(crate) relying_party: Arc<RelyingParty>,
    pub(crate) rules: WhenSection,
    /// How long the desk waits for a touch, milliseconds.
    pub(crate) answer_ms: i64,
    /// SHA-256 of the section as written, lower-case hexadecimal.
    pub(crate) policy: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sender_comp_id: Option<CompId>,
    instruments: PathBuf,
    dealers: Vec<DealerEntry>,
    step_up: Option<toml::Table>,
    #[serde(default)]
    sign_messages: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DealerEntry {
    id: DealerId,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepUpEntry {
    rp_id: String,
    /// Some systems show it beside the key; if left out, the venue's name.
    name: Option<String>,
    attestation: PathBuf,
    answer_seconds: Option<u32>,
    #[serde(default)]
    when: toml::Table,
}

impl DirectSettings {
    /// Reads the table `direct` of a venue and the files it names, which are relative to `base`.
    /// The error begins with the key that is wrong.
    pub(crate) fn read(table: &toml::Table, venue: &str, base: &Path) -> Result<Self, String> {
        let e: Entry = table.clone().try_into().map_err(|e| format!("direct: {e}"))?;
        let path = base.join(&e.instruments);
        let wrong = |why: String| format!("direct.instruments: {}: {why}", path.display());
        let instruments =
            Catalogue::from_toml(&text(&path).map_err(wrong)?).map_err(|e| wrong(e.to_string()))?;
        if instruments.is_empty() {
            return Err(wrong("lists no instrument".into()));
        }
        Ok(Self {
            sender_comp_id: e.sender_comp_id,
            instruments,
            dealers: dealers(e.dealers)?,
            step_up: e.step_up.map(|t| DirectStepUp::read(&t, venue, base)).transpose()?,
            sign_messages: e.sign_messages,
        })
    }
}

fn dealers(entries: Vec<DealerEntry>) -> Result<Vec<DealerState>, String> {
    if entries.is_empty() || entries.len() > DEALERS_MAX {
        return Err(format!(
            "direct.dealers: names {}; 1 to {DEALERS_MAX} are allowed",
            entries.len()
        ));
    }
    let mut ids = BTreeSet::new();
    let check = |d: DealerEntry| {
        let name = d.name.trim();
        let named = name.chars().count() <= NAME_CHARS_MAX && is_plain(name);
        if !is_plain(d.id.as_str()) {
            return Err(format!("direct.dealers: \"{}\": it begins or ends with a blank", d.id));
        }
        if !named {
            return Err(format!(
                "direct.dealers: {}: the name has 1 to {NAME_CHARS_MAX} characters that all show",
                d.id
            ));
        }
        if !ids.insert(d.id.clone()) {
            return Err(format!("direct.dealers: {} is listed twice", d.id));
        }
        let name = name.to_owned();
        Ok(DealerState { id: d.id, name, online: true, counters: false, parts: false })
    };
    entries.into_iter().map(check).collect()
}

impl DirectStepUp {
    fn read(table: &toml::Table, venue: &str, base: &Path) -> Result<Self, String> {
        let e: StepUpEntry =
            table.clone().try_into().map_err(|e| format!("direct.step_up: {e}"))?;
        let rules = rules(e.when)?;
        let answer_s = e.answer_seconds.unwrap_or(60);
        if !(10..=300).contains(&answer_s) {
            return Err("direct.step_up.answer_seconds: 10 to 300".into());
        }
        let path = base.join(&e.attestation);
        let wrong = |why: String| format!("direct.step_up.attestation: {}: {why}", path.display());
        let folder = path.parent().unwrap_or(Path::new(""));
        let list = AttestationList::from_toml(&text(&path).map_err(wrong)?, folder)
            .map_err(|e| wrong(e.to_string()))?;
        let name = e.name.unwrap_or_else(|| venue.to_owned());
        let settings = RpSettings {
            rp_id: e.rp_id,
            origin: None,
            name,
            timeout: Duration::from_secs(answer_s.into()),
        };
        let relying_party =
            RelyingParty::new(&settings, list).map_err(|e| format!("direct.step_up.rp_id: {e}"))?;
        let policy = format!("{:?}", digest_of(&table.to_string()));
        Ok(Self {
            relying_party: Arc::new(relying_party),
            rules,
            answer_ms: i64::from(answer_s) * 1_000,
            policy,
        })
    }
}

/// The rules of a gateway, without those that only a gateway can apply.
fn rules(mut when: toml::Table) -> Result<WhenSection, String> {
    let needs = |key: &str, why: &str| {
        Err(format!("direct.step_up.when.{key}: needs a Signet gateway: {why}"))
    };
    if when.contains_key("second_person") {
        return needs("second_person", "no other desk is told");
    }
    if !when.contains_key("logon") {
        when.insert("logon".into(), "never".into());
    }
    let rules: WhenSection =
        when.try_into().map_err(|e: toml::de::Error| format!("direct.step_up.when: {e}"))?;
    if rules.logon == LogonRule::Risk {
        return needs(
            "logon = \"risk\"",
            "a desk does not see where it connects from; say \"always\" or \"never\"",
        );
    }
    if rules.lease_minutes > MINUTES_MAX || rules.idle_minutes > MINUTES_MAX {
        return Err(format!(
            "direct.step_up.when: lease_minutes and idle_minutes: at most {MINUTES_MAX}"
        ));
    }
    Ok(rules)
}

fn text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(FILE_LEN_MAX + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if text.len() as u64 > FILE_LEN_MAX {
        Err(format!("larger than {FILE_LEN_MAX} bytes"))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
#[path = "direct_settings_tests.rs"]
mod tests;
