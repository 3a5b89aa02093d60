//! The table of points as a file.

use super::{Attribute, Condition, Decision};
use aws_lc_rs::digest;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest table, bytes.
pub(crate) const TABLE_LEN_MAX: usize = 64 * 1024;
/// Largest number of points of a row.
pub(crate) const POINTS_MAX: u32 = 1_000;
const RATIONALE_LEN_MAX: usize = 500;

/// Why a table is refused. At fault: whoever wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// More bytes than a table may have.
    #[error("the table is longer than {TABLE_LEN_MAX} bytes")]
    TooLong,
    /// Not TOML, or not the shape of a table; the parser's words.
    #[error("{0}")]
    Syntax(String),
    /// No such attribute, or it has no such condition.
    #[error(
        "row {attribute:?}, {condition:?}: no such row; the rows are those of the built-in table"
    )]
    UnknownRow {
        /// The attribute as written.
        attribute: String,
        /// The condition as written.
        condition: String,
    },
    /// Two rows are about the same condition.
    #[error("row {attribute:?}, {condition:?} is there twice")]
    Twice {
        /// [`Attribute::words`].
        attribute: &'static str,
        /// [`Condition::words`].
        condition: &'static str,
    },
    /// Each of [`Condition::ALL`] needs a row.
    #[error("row {attribute:?}, {condition:?} is missing")]
    Missing {
        /// [`Attribute::words`].
        attribute: &'static str,
        /// [`Condition::words`].
        condition: &'static str,
    },
    /// Points of this condition are above 1,000.
    #[error("row {0:?}: points are 0 to {POINTS_MAX}")]
    Points(&'static str),
    /// Rationale of this condition is empty, longer than 500 bytes or not printable.
    #[error("row {0:?}: a rationale of 1 to {RATIONALE_LEN_MAX} printable characters is wanted")]
    Rationale(&'static str),
    /// Scores up to `allow_max` are allowed, up to `step_up_max` they owe a touch, above it they
    /// are denied.
    #[error("thresholds: allow_max must be less than step_up_max")]
    Thresholds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    thresholds: Thresholds,
    row: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    allow_max: u32,
    step_up_max: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    attribute: String,
    condition: String,
    points: u32,
    rationale: String,
}

/// A whole and sound table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreTable {
    rows: BTreeMap<Condition, (u32, String)>,
    thresholds: Thresholds,
    digest: String,
}

impl ScoreTable {
    /// Reads a TOML table: `[thresholds]` and one `[[row]]` for each condition.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        if text.len() > TABLE_LEN_MAX {
            return Err(TableError::TooLong);
        }
        let file: File = toml::from_str(text).map_err(|e| TableError::Syntax(e.to_string()))?;
        if file.thresholds.allow_max >= file.thresholds.step_up_max {
            return Err(TableError::Thresholds);
        }
        let mut rows = BTreeMap::new();
        for r in file.row {
            let named =
                |c: &Condition| c.words() == r.condition && c.attribute().words() == r.attribute;
            let found = Condition::ALL.into_iter().find(named);
            let unknown = || TableError::UnknownRow {
                attribute: r.attribute.clone(),
                condition: r.condition.clone(),
            };
            let c = found.ok_or_else(unknown)?;
            if r.points > POINTS_MAX {
                return Err(TableError::Points(c.words()));
            }
            if r.rationale.trim().is_empty()
                || r.rationale.len() > RATIONALE_LEN_MAX
                || r.rationale.chars().any(char::is_control)
            {
                return Err(TableError::Rationale(c.words()));
            }
            if rows.insert(c, (r.points, r.rationale)).is_some() {
                return Err(TableError::Twice {
                    attribute: c.attribute().words(),
                    condition: c.words(),
                });
            }
        }
        if let Some(c) = Condition::ALL.into_iter().find(|c| !rows.contains_key(c)) {
            return Err(TableError::Missing {
                attribute: c.attribute().words(),
                condition: c.words(),
            });
        }
        Ok(Self { rows, thresholds: file.thresholds, digest: sha256(text.as_bytes()) })
    }

    /// The same table as part of a larger policy: its digest then covers the other file too.
    pub fn with_settings(self, settings: &str) -> Self {
        let digest =
            sha256(format!("{}\n{}\n", self.digest, sha256(settings.as_bytes())).as_bytes());
        Self { digest, ..self }
    }

    /// SHA-256, lower-case hexadecimal: of the file, or with settings of the two files' digests, a
    /// line each.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Points of a condition; of the worst of its attribute when it is not known.
    pub fn points(&self, attribute: Attribute, condition: Option<Condition>) -> u32 {
        let known = condition.and_then(|c| self.rows.get(&c)).map(|(points, _)| *points);
        known.unwrap_or_else(|| self.of(attribute).max().unwrap_or(POINTS_MAX))
    }

    /// Points of the best condition of an attribute.
    pub fn least(&self, attribute: Attribute) -> u32 {
        self.of(attribute).min().unwrap_or(0)
    }

    fn of(&self, attribute: Attribute) -> impl Iterator<Item = u32> {
        self.rows
            .iter()
            .filter(move |(c, _)| c.attribute() == attribute)
            .map(|(_, (points, _))| *points)
    }

    /// Why a condition has its points, as the table says.
    pub fn rationale(&self, c: Condition) -> &str {
        self.rows.get(&c).map_or("", |(_, rationale)| rationale)
    }

    /// What follows from a score by the two thresholds.
    pub fn decision(&self, score: u32) -> Decision {
        match score {
            s if s <= self.thresholds.allow_max => Decision::Allow,
            s if s <= self.thresholds.step_up_max => Decision::StepUp,
            _ => Decision::Deny,
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}
