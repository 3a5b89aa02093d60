//! The list of releases that the firm signs. Pure.

use crate::{digest::Digest, error::UpdateError};
use semver::Version;
use serde::Deserialize;
use signet_managed::PublicKey;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Longest list, bytes.
pub const LIST_BYTES_MAX: u64 = 256 * 1024;
/// Largest package, bytes.
pub(crate) const PACKAGE_BYTES_MAX: u64 = 512 * 1024 * 1024;
const FORMAT: u32 = 1;
const PRODUCT: &str = "signet-desk";
const CHANNELS_MAX: usize = 4;
const RELEASES_MAX: usize = 16;
const PACKAGES_MAX: usize = 16;
const RINGS_MAX: usize = 32;
const WITHDRAWN_MAX: usize = 64;
const VERSION_BYTES_MAX: usize = 40;
const NAME_BYTES_MAX: usize = 128;

/// The list of releases, after its signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseList {
    /// Goes up with each list; a computer never returns to a lower one.
    pub serial: u64,
    /// When it was signed.
    pub issued: OffsetDateTime,
    /// From then on it does not count: an old list that somebody keeps offering ends by itself.
    pub expires: OffsetDateTime,
    /// No computer installs anything new.
    pub halted: bool,
    /// The channels.
    pub channels: Vec<Channel>,
    /// SHA-256 of the file.
    pub digest: Digest,
}

/// The releases of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// `stable` or `beta`, as the policy names it.
    pub name: String,
    /// The version that its computers are to have.
    pub version: Version,
    /// Versions that must not stay installed.
    pub withdrawn: Vec<Version>,
    /// How many computers take the version, and when. Without rings all take it at once.
    pub rings: Vec<Ring>,
    /// The version, and those that computers still have.
    pub releases: Vec<Release>,
}

/// From a time on, this share of the computers takes the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Since when.
    pub from: OffsetDateTime,
    /// 0 to 100.
    pub percent: u8,
}

/// A version and its packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// One for each target.
    pub packages: Vec<Package>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// System, processor and form, such as `linux-x86_64-deb`.
    pub target: String,
    /// Its name beside the list.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    product: String,
    serial: u64,
    issued: String,
    expires: String,
    halted: bool,
    #[serde(default)]
    channel: Vec<ChannelFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelFile {
    name: String,
    version: String,
    #[serde(default)]
    withdrawn: Vec<String>,
    #[serde(default)]
    rings: Vec<RingFile>,
    release: Vec<ReleaseFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingFile {
    from: String,
    percent: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseFile {
    version: String,
    package: Vec<PackageFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageFile {
    target: String,
    file: String,
    size: u64,
    sha256: Digest,
}

impl ReleaseList {
    /// Reads a list that `key` signed. Nothing in it is read before the signature is verified.
    ///
    /// # Errors
    /// The signature does not count, or the list has something that a list cannot have. At fault:
    /// whoever made or changed it.
    pub fn read(bytes: &[u8], signature: &str, key: &PublicKey) -> Result<Self, UpdateError> {
        key.verify(bytes, signature).map_err(UpdateError::Signature)?;
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8 text"))?;
        Self::from_toml(text)
    }

    /// Reads a list without its signature, to check it before it is signed.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn from_toml(text: &str) -> Result<Self, UpdateError> {
        if text.len() as u64 > LIST_BYTES_MAX {
            return Err(damaged("it is too long"));
        }
        let file: File = toml::from_str(text).map_err(|e| damaged(&e.to_string()))?;
        if file.format != FORMAT || file.product != PRODUCT {
            return Err(damaged("it is of another format or product"));
        }
        if file.serial == 0 {
            return Err(damaged("serial begins with 1"));
        }
        let (issued, expires) = (time(&file.issued)?, time(&file.expires)?);
        if issued >= expires {
            return Err(damaged("expires is not after issued"));
        }
        at_most("channel", file.channel.len(), CHANNELS_MAX)?;
        let channels: Vec<Channel> = file.channel.iter().map(channel).collect::<Result<_, _>>()?;
        if repeats(channels.iter().map(|c| &c.name)) {
            return Err(damaged("two channels have the same name"));
        }
        let digest = Digest::of(text.as_bytes());
        Ok(Self { serial: file.serial, issued, expires, halted: file.halted, channels, digest })
    }

    /// The channel of this name.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|c| c.name == name)
    }
}

impl Channel {
    /// The package of a version for a target.
    #[must_use]
    pub fn package(&self, version: &Version, target: &str) -> Option<&Package> {
        let release = self.releases.iter().find(|r| r.version == *version)?;
        release.packages.iter().find(|p| p.target == target)
    }

    /// How many of a hundred computers take the version at this time.
    #[must_use]
    pub fn percent(&self, now: OffsetDateTime) -> u8 {
        if self.rings.is_empty() {
            return 100;
        }
        self.rings.iter().filter(|r| r.from <= now).map(|r| r.percent).max().unwrap_or(0)
    }
}

fn channel(file: &ChannelFile) -> Result<Channel, UpdateError> {
    at_most("withdrawn", file.withdrawn.len(), WITHDRAWN_MAX)?;
    at_most("rings", file.rings.len(), RINGS_MAX)?;
    at_most("release", file.release.len(), RELEASES_MAX)?;
    let read = Channel {
        name: name(&file.name)?,
        version: version(&file.version)?,
        withdrawn: file.withdrawn.iter().map(|v| version(v)).collect::<Result<_, _>>()?,
        rings: file.rings.iter().map(ring).collect::<Result<_, _>>()?,
        releases: file.release.iter().map(release).collect::<Result<_, _>>()?,
    };
    if read.withdrawn.contains(&read.version) {
        return Err(damaged("the version of a channel is withdrawn"));
    }
    if repeats(read.releases.iter().map(|r| &r.version)) {
        return Err(damaged("a version is there twice"));
    }
    if !read.releases.iter().any(|r| r.version == read.version) {
        return Err(damaged("the version of a channel has no release"));
    }
    Ok(read)
}

fn ring(file: &RingFile) -> Result<Ring, UpdateError> {
    if file.percent > 100 {
        return Err(damaged("percent is 0 to 100"));
    }
    Ok(Ring { from: time(&file.from)?, percent: file.percent })
}

fn release(file: &ReleaseFile) -> Result<Release, UpdateError> {
    at_most("package", file.package.len(), PACKAGES_MAX)?;
    let packages: Vec<Package> = file.package.iter().map(package).collect::<Result<_, _>>()?;
    if repeats(packages.iter().map(|p| &p.target)) {
        return Err(damaged("a version has two packages for one target"));
    }
    Ok(Release { version: version(&file.version)?, packages })
}

fn package(file: &PackageFile) -> Result<Package, UpdateError> {
    if file.size == 0 || file.size > PACKAGE_BYTES_MAX {
        return Err(damaged("a package is empty or too large"));
    }
    Ok(Package {
        target: name(&file.target)?,
        file: name(&file.file)?,
        size: file.size,
        sha256: file.sha256,
    })
}

/// A name of one file: no folder, nothing hidden, nothing that an address or a shell reads
/// otherwise.
fn name(text: &str) -> Result<String, UpdateError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if first && text.len() <= NAME_BYTES_MAX && text.bytes().all(good) {
        return Ok(text.to_owned());
    }
    Err(damaged("a name is not letters, digits and . _ + -"))
}

/// A version that can be compared: without build metadata, which has no order.
pub(crate) fn version(text: &str) -> Result<Version, UpdateError> {
    let read = Version::parse(text).ok().filter(|v| v.build.is_empty());
    read.filter(|_| text.len() <= VERSION_BYTES_MAX)
        .ok_or_else(|| damaged("a version is not major.minor.patch or major.minor.patch-suffix"))
}

fn time(text: &str) -> Result<OffsetDateTime, UpdateError> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| damaged("a time is not such as 2026-11-01T00:00:00Z"))
}

fn at_most(field: &str, count: usize, max: usize) -> Result<(), UpdateError> {
    if count > max {
        return Err(damaged(&format!("{field} has {count} entries, at most {max}")));
    }
    Ok(())
}

fn repeats<T: Ord>(values: impl Iterator<Item = T>) -> bool {
    let mut values: Vec<T> = values.collect();
    let all = values.len();
    values.sort_unstable();
    values.dedup();
    values.len() != all
}

fn damaged(why: &str) -> UpdateError {
    UpdateError::List(why.into())
}
