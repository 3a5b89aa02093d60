//! The country of an address, from a file that somebody keeps fresh.

use crate::stamp::{self, Stamp};
use maxminddb::{Reader, path};
use signet_policy::place::Country;
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Largest country file, bytes.
const FILE_LEN_MAX: u64 = 256 * 1024 * 1024;
const DAY_MS: i64 = 86_400_000;
/// A file from further in the future than this says that the clock is wrong, or the file.
const AHEAD_MAX_MS: i64 = DAY_MS;

/// Why a country cannot be told; then it scores as the worst of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeoFault {
    #[error("no country file is configured")]
    NotConfigured,
    #[error("the country file cannot be used: {0}")]
    Unusable(String),
    #[error("the country file is {days} days old; {max} are allowed")]
    Stale { days: i64, max: u32 },
    #[error("the country file is from the future, or the gateway's clock is wrong")]
    FromTheFuture,
    #[error("the country file does not list this address")]
    NotListed,
    #[error(
        "the country file lists this address, but names its country in no form that is known here"
    )]
    UnknownForm,
}

/// An opened file and when it was built.
type Opened = Result<(Arc<Reader<Vec<u8>>>, UtcMillis), String>;

/// A MaxMind DB file, read again when it changes.
pub struct Geo {
    file: PathBuf,
    max_age_days: u32,
    opened: RefCell<(Stamp, Opened)>,
    /// Whether it was said that the present file names countries in an unknown form.
    said: Cell<bool>,
}

impl Geo {
    pub fn open(file: &Path, max_age_days: u32) -> Self {
        let geo = Self {
            file: file.into(),
            max_age_days,
            opened: RefCell::new((None, Err("not read yet".into()))),
            said: Cell::new(false),
        };
        geo.refresh();
        geo
    }

    /// Reads the file again if it is another one; whether it is. A file that has gone is not
    /// remembered: what it said can no longer be checked.
    pub fn refresh(&self) -> bool {
        let stamp = stamp::of(&self.file);
        if stamp.is_some() && self.opened.borrow().0 == stamp {
            return false;
        }
        self.took(stamp, read(&self.file))
    }

    /// The same, but the file, which may be large, is read away from the calling thread.
    pub async fn refresh_aside(&self) -> bool {
        let (file, last) = (self.file.clone(), self.opened.borrow().0);
        let look = move || {
            let stamp = stamp::of(&file);
            if stamp.is_some() && stamp == last { None } else { Some((stamp, read(&file))) }
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Some((stamp, opened))) => self.took(stamp, opened),
            _ => false,
        }
    }

    fn took(&self, stamp: Stamp, opened: Opened) -> bool {
        let was_good = self.opened.borrow().1.is_ok();
        let changed = opened.is_ok() || was_good;
        drop(self.opened.replace((stamp, opened)));
        self.said.set(false);
        changed
    }

    pub fn country(&self, address: IpAddr, now: UtcMillis) -> Result<Country, GeoFault> {
        let reader = self.usable(now)?;
        let found =
            reader.lookup(address.to_canonical()).map_err(|e| GeoFault::Unusable(e.to_string()))?;
        // MaxMind's and DB-IP's form, then the flat ones of iptoasn, IPinfo and others.
        let forms = [
            &path!["country", "iso_code"][..],
            &path!["country_code"][..],
            &path!["country"][..],
            &path!["iso_code"][..],
        ];
        let mut codes = forms.iter().filter_map(|p| found.decode_path::<String>(p).ok().flatten());
        match codes.find_map(|c| c.to_ascii_uppercase().parse().ok()) {
            Some(country) => Ok(country),
            None if found.has_data() => {
                // A file that is read and helps nobody: said once for each file.
                if !self.said.replace(true) {
                    tracing::error!(
                        code = "risk.geo_form",
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

    /// What is wrong with the file, if anything is.
    pub fn fault(&self, now: UtcMillis) -> Option<GeoFault> {
        self.usable(now).err()
    }

    fn usable(&self, now: UtcMillis) -> Result<Arc<Reader<Vec<u8>>>, GeoFault> {
        let opened = self.opened.borrow();
        let (reader, built) = opened.1.as_ref().map_err(|e| GeoFault::Unusable(e.clone()))?;
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
