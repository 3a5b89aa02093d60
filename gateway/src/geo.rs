//! The country and the autonomous system of an address, from files that somebody keeps fresh.

use crate::{
    config::GeoSettings,
    last_good::{LastGood, Taken},
    stamp::{self, Stamp},
};
use maxminddb::{LookupResult, PathElement, Reader, path};
use signet_policy::place::Country;
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// Largest file, bytes.
const FILE_LEN_MAX: u64 = 256 * 1024 * 1024;
const DAY_MS: i64 = 86_400_000;
/// A file from further in the future than this says that the clock is wrong, or the file.
const AHEAD_MAX_MS: i64 = DAY_MS;
/// Characters of the name of an autonomous system.
const NAME_CHARS_MAX: usize = 80;

/// Why a file does not say what it is asked. A country that cannot be told scores as the worst of
/// its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeoFault {
    #[error("none is configured")]
    NotConfigured,
    #[error("it cannot be used: {0}")]
    Unusable(String),
    #[error("it is {days} days old; {max} are allowed")]
    Stale { days: i64, max: u32 },
    #[error("it is from the future, or the gateway's clock is wrong")]
    FromTheFuture,
    #[error("it does not list this address")]
    NotListed,
    #[error("it lists this address, but in no form that is known here")]
    UnknownForm,
}

/// Whose network an address is in (RFC 4271, RFC 6793).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutonomousSystem {
    /// 1 and more; 0 is reserved (RFC 7607).
    pub number: u32,
    /// The organisation, in the words of the file; at most 80 characters.
    pub name: Option<String>,
}

/// An opened file and when it was built.
type Built = (Arc<Reader<Vec<u8>>>, UtcMillis);
type Opened = Result<Built, String>;

/// The files of `[geo]`, read again when they change.
pub struct Geo {
    countries: Database,
    systems: Option<Database>,
}

impl Geo {
    pub fn open(settings: &GeoSettings) -> Self {
        let open = |file: &PathBuf| Database::open(file, settings.max_age_days);
        Self { countries: open(&settings.file), systems: settings.asn_file.as_ref().map(open) }
    }

    /// Reads the files again that are others, away from the calling thread because they may be
    /// large; whether countries may differ now. Autonomous systems decide nothing.
    pub async fn refresh_aside(&self, at: Instant) -> bool {
        if let Some(f) = &self.systems {
            f.refresh_aside(at).await;
        }
        self.countries.refresh_aside(at).await
    }

    pub fn country(&self, address: IpAddr, now: UtcMillis) -> Result<Country, GeoFault> {
        self.countries.ask(address, now, "risk.geo_form", country)
    }

    /// Whose network it is.
    ///
    /// # Errors
    /// The file is missing, cannot be used, or does not name one.
    pub fn system(&self, address: IpAddr, now: UtcMillis) -> Result<AutonomousSystem, GeoFault> {
        let systems = self.systems.as_ref().ok_or(GeoFault::NotConfigured)?;
        systems.ask(address, now, "risk.asn_form", system)
    }

    /// What is wrong with the country file, if anything is.
    pub fn fault(&self, now: UtcMillis) -> Option<GeoFault> {
        self.countries.usable(now).err()
    }

    /// The same of the file of autonomous systems, if one is configured.
    pub fn system_fault(&self, now: UtcMillis) -> Option<GeoFault> {
        self.systems.as_ref().and_then(|f| f.usable(now).err())
    }
}

type Found<'a> = LookupResult<'a, Vec<u8>>;

/// MaxMind's and DB-IP's form, then the flat ones of iptoasn, IPinfo and others.
fn country(found: &Found<'_>) -> Option<Country> {
    let forms = [
        &path!["country", "iso_code"][..],
        &path!["country_code"][..],
        &path!["country"][..],
        &path!["iso_code"][..],
    ];
    texts(found, &forms).find_map(|c| c.to_ascii_uppercase().parse().ok())
}

/// MaxMind's, DB-IP's and iptoasn's form (a number), then those of IPinfo and others, which write
/// `AS3320`.
fn system(found: &Found<'_>) -> Option<AutonomousSystem> {
    let forms = [
        &path!["autonomous_system_number"][..],
        &path!["asn"][..],
        &path!["as_number"][..],
        &path!["traits", "autonomous_system_number"][..],
    ];
    let numbers = forms.iter().filter_map(|p| found.decode_path::<u32>(p).ok().flatten());
    let spelt = texts(found, &forms).filter_map(|t| {
        let digits = t.strip_prefix("AS").or_else(|| t.strip_prefix("as")).unwrap_or(&t);
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    });
    let number = numbers.chain(spelt).find(|n| *n != 0)?;
    let names = [
        &path!["autonomous_system_organization"][..],
        &path!["as_name"][..],
        &path!["as_description"][..],
        &path!["organization"][..],
        &path!["name"][..],
        &path!["traits", "autonomous_system_organization"][..],
    ];
    let short = |n: String| n.trim().chars().take(NAME_CHARS_MAX).collect::<String>();
    let name = texts(found, &names).map(short).find(|n| !n.is_empty());
    Some(AutonomousSystem { number, name })
}

fn texts<'a>(
    found: &'a Found<'_>,
    forms: &'a [&[PathElement<'a>]],
) -> impl Iterator<Item = String> + 'a {
    forms.iter().filter_map(move |p| found.decode_path::<String>(p).ok().flatten())
}

/// A MaxMind DB file, read again when it changes.
struct Database {
    file: PathBuf,
    max_age_days: u32,
    opened: RefCell<LastGood<Built>>,
    /// Whether it was said that the present file has an unknown form.
    said: Cell<bool>,
}

impl Database {
    fn open(file: &Path, max_age_days: u32) -> Self {
        Self {
            file: file.into(),
            max_age_days,
            opened: RefCell::new(LastGood::new(stamp::of(file), read(file))),
            said: Cell::new(false),
        }
    }

    /// Reads the file again if it is another one; whether what counts may be another now.
    async fn refresh_aside(&self, at: Instant) -> bool {
        let (file, last) = (self.file.clone(), self.opened.borrow().stamp());
        let look = move || {
            let stamp = stamp::of(&file);
            if stamp.is_some() && stamp == last { None } else { Some((stamp, read(&file))) }
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Some((stamp, opened))) => self.took(at, stamp, opened),
            _ => self.opened.borrow_mut().passed(at),
        }
    }

    fn took(&self, at: Instant, stamp: Stamp, opened: Opened) -> bool {
        let mut last = self.opened.borrow_mut();
        match last.took(at, stamp, opened) {
            Taken::Changed => {
                self.said.set(false);
                true
            }
            Taken::Kept => {
                let why = last.failing().unwrap_or_default();
                tracing::warn!("the last good file counts for a minute at most: {why}");
                false
            }
            Taken::Same => false,
        }
    }

    /// What the file says of an address, as `read` finds it in the entry.
    fn ask<T>(
        &self,
        address: IpAddr,
        now: UtcMillis,
        form_code: &'static str,
        read: fn(&Found<'_>) -> Option<T>,
    ) -> Result<T, GeoFault> {
        let reader = self.usable(now)?;
        let found =
            reader.lookup(address.to_canonical()).map_err(|e| GeoFault::Unusable(e.to_string()))?;
        match read(&found) {
            Some(answer) => Ok(answer),
            None if found.has_data() => {
                // A file that is read and helps nobody: said once for each file.
                if !self.said.replace(true) {
                    tracing::error!(
                        code = form_code,
                        file = %self.file.display(),
                        "{}",
                        GeoFault::UnknownForm
                    );
                }
                Err(GeoFault::UnknownForm)
            }
            None => Err(GeoFault::NotListed),
        }
    }

    fn usable(&self, now: UtcMillis) -> Result<Arc<Reader<Vec<u8>>>, GeoFault> {
        let opened = self.opened.borrow();
        let (reader, built) = opened.content().map_err(|e| GeoFault::Unusable(e.to_owned()))?;
        let age_ms = now.since(*built);
        if age_ms < -AHEAD_MAX_MS {
            return Err(GeoFault::FromTheFuture);
        }
        match age_ms / DAY_MS {
            days if days > i64::from(self.max_age_days) => {
                Err(GeoFault::Stale { days, max: self.max_age_days })
            }
            _ => Ok(reader.clone()),
        }
    }
}

fn read(file: &Path) -> Opened {
    let words = |e: std::io::Error| format!("{}: {e}", file.display());
    if fs::metadata(file).map_err(words)?.len() > FILE_LEN_MAX {
        return Err(format!("{}: larger than {FILE_LEN_MAX} bytes", file.display()));
    }
    let reader = Reader::from_source(fs::read(file).map_err(words)?)
        .map_err(|e| format!("{}: {e}", file.display()))?;
    let built =
        i64::try_from(reader.metadata().build_epoch).unwrap_or(i64::MAX).saturating_mul(1_000);
    Ok((Arc::new(reader), UtcMillis(built)))
}
