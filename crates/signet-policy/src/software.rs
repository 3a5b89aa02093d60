//! Which versions of the desk may log on. What a desk says of itself is a claim that nothing
//! proves: this keeps old software of honest people out, and says nothing about a changed program.

use semver::{BuildMetadata, Version};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Versions that one policy may refuse by name.
pub const REFUSED_MAX: usize = 100;
/// Longest version, bytes.
pub const VERSION_LEN_MAX: usize = 64;

/// The section `[software]` as a file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SoftwareSettings {
    /// The least version that may log on, as `1.2.0`.
    pub least_version: Option<String>,
    /// Versions that may not be used at all, whatever the least one is.
    pub refused_versions: Vec<String>,
}

/// Why the settings cannot be used. At fault: whoever wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoftwareSettingsError {
    /// Not a version of Semantic Versioning 2.0.0, or one with build metadata.
    #[error("software.{key}: {text:?} is not a version such as 1.2.0")]
    NotAVersion {
        /// The key.
        key: &'static str,
        /// As written.
        text: String,
    },
    /// More than [`REFUSED_MAX`].
    #[error("software.refused_versions: at most {REFUSED_MAX}")]
    TooMany,
}

/// The settings, found good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoftwarePolicy {
    least: Option<Version>,
    refused: BTreeSet<Version>,
}

/// What a desk says about its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatedVersion {
    /// Nothing: a desk older than the field.
    Nothing,
    /// A text that is not a version, or too long.
    Unreadable,
    /// A version, without its build metadata.
    Version(Version),
}

/// When a desk is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It wants to log on.
    Logon,
    /// It is on already, and the policy may have changed.
    On,
}

/// Why a desk may not be used. At fault: the desk's software is out of date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoftwareRefusal {
    /// Below the least version.
    #[error("this is Signet Desk {version}; this gateway takes version {least} or later")]
    TooOld {
        /// What the desk says.
        version: Version,
        /// What is needed.
        least: Version,
    },
    /// A version that is refused by name.
    #[error("Signet Desk {version} may not be used: this version was withdrawn")]
    Withdrawn {
        /// What the desk says.
        version: Version,
        /// What is needed, if the policy says.
        least: Option<Version>,
    },
    /// No version, or one that cannot be read, and a least one is set.
    #[error("this desk does not say its version; this gateway takes version {least} or later")]
    Unknown {
        /// What is needed.
        least: Version,
    },
}

impl SoftwareRefusal {
    /// Never changes between releases.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooOld { .. } => "software.too_old",
            Self::Withdrawn { .. } => "software.withdrawn",
            Self::Unknown { .. } => "software.unknown_version",
        }
    }

    /// What the person at the desk does about it.
    pub fn cure(&self) -> String {
        match self {
            Self::TooOld { least, .. } | Self::Unknown { least } => {
                format!("Ask your administrator for Signet Desk {least} or later.")
            }
            Self::Withdrawn { version, least: Some(least) } if least > version => {
                format!("Ask your administrator for Signet Desk {least} or later.")
            }
            Self::Withdrawn { version, .. } => {
                format!("Ask your administrator for another version of Signet Desk than {version}.")
            }
        }
    }
}

impl StatedVersion {
    /// From what a Logon holds; `None`: nothing. Build metadata (`+...`) says nothing about the
    /// order of versions and is left out.
    pub fn read(text: Option<&str>) -> Self {
        match text {
            None | Some("") => Self::Nothing,
            Some(t) if t.len() > VERSION_LEN_MAX => Self::Unreadable,
            Some(t) => match Version::parse(t) {
                Ok(v) => Self::Version(Version { build: BuildMetadata::EMPTY, ..v }),
                Err(_) => Self::Unreadable,
            },
        }
    }
}

impl SoftwarePolicy {
    /// # Errors
    /// The first fault found.
    pub fn new(settings: &SoftwareSettings) -> Result<Self, SoftwareSettingsError> {
        let version = |key, text: &String| match StatedVersion::read(Some(text)) {
            StatedVersion::Version(v) if !text.contains('+') => Ok(v),
            _ => Err(SoftwareSettingsError::NotAVersion { key, text: text.clone() }),
        };
        if settings.refused_versions.len() > REFUSED_MAX {
            return Err(SoftwareSettingsError::TooMany);
        }
        let least = settings.least_version.as_ref().map(|v| version("least_version", v));
        let refused = settings.refused_versions.iter().map(|v| version("refused_versions", v));
        Ok(Self { least: least.transpose()?, refused: refused.collect::<Result<_, _>>()? })
    }

    /// Whether a desk may log on, or stay on.
    ///
    /// A version that was withdrawn ends sessions at once: it is withdrawn because something is
    /// wrong with it. A least version that was raised counts from the next Logon: it is a date for
    /// an update, and nobody is cut off in the midst of an RFQ for it.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, stated: &StatedVersion, when: When) -> Result<(), SoftwareRefusal> {
        let least = self.least.as_ref();
        match (stated, least) {
            (StatedVersion::Version(v), _) if self.refused.contains(v) => {
                Err(SoftwareRefusal::Withdrawn { version: v.clone(), least: least.cloned() })
            }
            _ if when == When::On => Ok(()),
            (StatedVersion::Version(v), Some(least)) if v < least => {
                Err(SoftwareRefusal::TooOld { version: v.clone(), least: least.clone() })
            }
            (StatedVersion::Version(_), _) | (_, None) => Ok(()),
            (StatedVersion::Nothing | StatedVersion::Unreadable, Some(least)) => {
                Err(SoftwareRefusal::Unknown { least: least.clone() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(least: Option<&str>, refused: &[&str]) -> SoftwarePolicy {
        SoftwarePolicy::new(&SoftwareSettings {
            least_version: least.map(str::to_owned),
            refused_versions: refused.iter().map(|v| (*v).to_owned()).collect(),
        })
        .unwrap()
    }

    /// Every policy with every claim, at a Logon and while a session is on.
    #[test]
    fn table_of_versions() {
        let long = "1".repeat(VERSION_LEN_MAX + 1);
        let (none, least, refused, both) = (
            policy(None, &[]),
            policy(Some("1.2.0"), &[]),
            policy(None, &["1.3.1"]),
            policy(Some("1.2.0"), &["1.1.0", "1.3.1"]),
        );
        let (old, unknown, gone) = (
            Some("software.too_old"),
            Some("software.unknown_version"),
            Some("software.withdrawn"),
        );
        // What is said, and what follows from each policy at a Logon.
        for (said, want) in [
            (None, [None, unknown, None, unknown]),
            (Some(""), [None, unknown, None, unknown]),
            (Some("newest"), [None, unknown, None, unknown]),
            (Some("1.2"), [None, unknown, None, unknown]),
            (Some("01.2.0"), [None, unknown, None, unknown]),
            (Some("-1.2.0"), [None, unknown, None, unknown]),
            (Some("99999999999999999999.0.0"), [None, unknown, None, unknown]),
            (Some(long.as_str()), [None, unknown, None, unknown]),
            (Some("1.1.9"), [None, old, None, old]),
            (Some("0.9.10"), [None, old, None, old]),
            (Some("1.2.0-rc.1"), [None, old, None, old]),
            (Some("1.2.0"), [None, None, None, None]),
            (Some("1.2.0+deb1"), [None, None, None, None]),
            (Some("1.10.0"), [None, None, None, None]),
            (Some("1.3.1"), [None, None, gone, gone]),
            (Some("1.3.1+win"), [None, None, gone, gone]),
            (Some("1.3.1-rc.1"), [None, None, None, None]),
            (Some("1.1.0"), [None, old, None, gone]),
        ] {
            let stated = StatedVersion::read(said);
            for (policy, want) in [&none, &least, &refused, &both].into_iter().zip(want) {
                let code = |when| policy.judge(&stated, when).err().map(|r| r.code());
                assert_eq!(code(When::Logon), want, "{said:?} {policy:?}");
                assert_eq!(
                    code(When::On),
                    want.filter(|_| want == gone),
                    "on: {said:?} {policy:?}"
                );
            }
        }
    }

    #[test]
    fn a_refusal_says_which_version_cures_it() {
        let p = policy(Some("1.2.0"), &["1.1.0", "1.3.1"]);
        for (said, cure) in [
            (Some("1.1.9"), "Ask your administrator for Signet Desk 1.2.0 or later."),
            (None, "Ask your administrator for Signet Desk 1.2.0 or later."),
            (Some("1.1.0"), "Ask your administrator for Signet Desk 1.2.0 or later."),
            (
                Some("1.3.1"),
                "Ask your administrator for another version of Signet Desk than 1.3.1.",
            ),
        ] {
            let refused = p.judge(&StatedVersion::read(said), When::Logon).unwrap_err();
            assert_eq!(refused.cure(), cure, "{said:?}");
        }
    }

    #[test]
    fn settings_with_a_mistake_are_refused() {
        let new = |least: &str, refused: Vec<String>| {
            let least_version = Some(least.to_owned());
            SoftwarePolicy::new(&SoftwareSettings { least_version, refused_versions: refused })
        };
        assert!(new("1.2.0", vec!["1.0.0".into(); REFUSED_MAX]).is_ok());
        assert_eq!(
            new("1.2.0", vec!["1.0.0".into(); REFUSED_MAX + 1]),
            Err(SoftwareSettingsError::TooMany)
        );
        for bad in ["", "1.2", ">=1.2.0", "1.2.0+deb1", " 1.2.0", "v1.2.0"] {
            assert!(new(bad, vec![]).is_err(), "{bad:?}");
            assert!(new("1.2.0", vec![bad.into()]).is_err(), "{bad:?}");
        }
    }
}
