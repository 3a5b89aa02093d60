//! `signet-gateway doctor`: what keeps this gateway, its desks or its dealers from working, in
//! plain words with a cure each.
//!
//! It looks and changes nothing that matters: no registry is made or migrated, no message is sent
//! to a dealer beyond the handshake. What it prints holds names, dates, serial numbers and
//! addresses of databases without their account; no key, code or password.

mod dealers;
mod own;

use crate::{admin::AdminError, config::Config, loaded::Loaded};
use signet_events::one_line;
use signet_rfq::DealerId;
use std::{fmt, path::Path};
use time::OffsetDateTime;

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Good(String),
    /// Not wrong yet, or not by itself.
    Watch {
        code: &'static str,
        sentence: String,
        cure: String,
    },
    Wrong {
        code: String,
        sentence: String,
        cure: String,
    },
    /// Could not be looked at, and why.
    Left(String),
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// "registry", "dealer NORTHBANK".
    pub about: String,
    pub verdict: Verdict,
}

/// All that was found, in the order in which it was looked at. `Display` is for people.
#[derive(Debug, Clone, Default)]
pub struct Examination {
    pub findings: Vec<Finding>,
    /// What was seen of the one dealer that was asked for, step by step.
    pub detail: Option<String>,
}

impl Examination {
    /// How many things are wrong.
    pub fn wrong(&self) -> usize {
        self.findings.iter().filter(|f| matches!(f.verdict, Verdict::Wrong { .. })).count()
    }

    fn add(&mut self, about: impl Into<String>, verdict: Verdict) {
        self.findings.push(Finding { about: about.into(), verdict });
    }
}

/// Looks at everything the configuration names; of the dealers only at `only`, if given.
pub async fn examine(path: &Path, only: Option<&str>) -> Examination {
    let mut all = Examination::default();
    let config = match Config::read(path) {
        Ok(c) => c,
        Err(e) => {
            all.add(
                "configuration",
                wrong(
                    "config.unusable",
                    &e,
                    "correct the file; signet-gateway.example.toml explains every key",
                ),
            );
            return all;
        }
    };
    let now = OffsetDateTime::now_utc();
    let loaded = match Loaded::of(config.clone()) {
        Ok(l) => {
            all.add("configuration", Verdict::Good(format!("{} is good", path.display())));
            Some(l)
        }
        Err(e) => {
            all.add(
                "configuration",
                wrong("config.unusable", &e, "correct it; a gateway does not start with it"),
            );
            None
        }
    };
    own::certificate(&mut all, &config, now);
    own::authorities(&mut all, &config, now);
    own::registry(&mut all, &config, now).await;
    for text in approvers(&config).await {
        all.add(
            "second persons",
            wrong("config.approver", &text, "correct the CompID, or add the user"),
        );
    }
    own::lists(&mut all, &config);
    own::state_dir(&mut all, &config);
    all_dealers(&mut all, loaded.as_ref(), only).await;
    all
}

/// What is wrong with the gateway's own certificate, names and authorities, and with whom step-up
/// needs, found without touching the network.
pub fn files(config: &Config) -> Vec<String> {
    let mut all = Examination::default();
    let now = OffsetDateTime::now_utc();
    own::certificate(&mut all, config, now);
    own::authorities(&mut all, config, now);
    let wrong = |f: Finding| match f.verdict {
        Verdict::Wrong { code, sentence, cure } => {
            Some(format!("{}: {} [{code}]; {}", f.about, line(&sentence), line(&cure)))
        }
        _ => None,
    };
    all.findings.into_iter().filter_map(wrong).collect()
}

/// Second persons whom the registry does not know. Nothing when there is no registry to ask yet.
pub async fn approvers(config: &Config) -> Vec<String> {
    if config.step_up.is_none() || !own::registry_exists(config) {
        return Vec::new();
    }
    match own::comp_ids(config).await {
        Ok(mut known) => {
            known.extend(config.desk.iter().map(|d| d.comp_id.clone()));
            config.unknown_approvers(&known)
        }
        Err(e) => vec![format!("registry: {e}; {}", e.cure())],
    }
}

async fn all_dealers(all: &mut Examination, loaded: Option<&Loaded>, only: Option<&str>) {
    let Some(loaded) = loaded else {
        return all.add(
            "dealers",
            Verdict::Left("not dialled: the configuration must be right first".into()),
        );
    };
    let wanted = match only.map(DealerId::new).transpose() {
        Ok(w)
            if w.as_ref().is_none_or(|w| loaded.config.dealer.iter().any(|d| &d.comp_id == w)) =>
        {
            w
        }
        _ => {
            let sentence = format!("no dealer {:?} is configured", only.unwrap_or_default());
            return all.add(
                "dealers",
                wrong("doctor.no_such_dealer", &sentence, "name one of the [[dealer]] entries"),
            );
        }
    };
    dealers::examine(all, loaded, wanted.as_ref()).await;
}

/// The configuration's errors carry no code of their own.
fn wrong(code: impl Into<String>, what: &impl fmt::Display, cure: &str) -> Verdict {
    Verdict::Wrong { code: code.into(), sentence: what.to_string(), cure: cure.into() }
}

fn watch(code: &'static str, sentence: String, cure: &str) -> Verdict {
    Verdict::Watch { code, sentence, cure: cure.into() }
}

fn admin(e: &AdminError) -> Verdict {
    wrong(e.code(), e, e.cure())
}

impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { about, verdict } in &self.findings {
            let (mark, sentence, code, cure) = match verdict {
                Verdict::Good(text) => ("ok", text, "", None),
                Verdict::Left(why) => ("-", why, "", None),
                Verdict::Watch { code, sentence, cure } => ("watch", sentence, *code, Some(cure)),
                Verdict::Wrong { code, sentence, cure } => {
                    ("FAILED", sentence, code.as_str(), Some(cure))
                }
            };
            write!(f, "{mark:<8} {about:<24} {}", line(sentence))?;
            writeln!(f, "{}", if code.is_empty() { String::new() } else { format!(" [{code}]") })?;
            if let Some(cure) = cure {
                writeln!(f, "         {:<24} {}", "what to do:", line(cure))?;
            }
        }
        if let Some(detail) = &self.detail {
            write!(f, "\n{detail}")?;
        }
        Ok(())
    }
}

/// Some texts come from files and certificates of others: kept to one line of a terminal, where
/// every character shows.
fn line(text: &str) -> String {
    one_line(text).chars().take(2_000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_neither_ends_a_line_nor_turns_it_round() {
        let mut all = Examination::default();
        all.add("dealer A", Verdict::Good("CN=a\u{1b}[2J\nok  b\u{202e}c\u{200b}".into()));
        let text = all.to_string();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(text.trim_end_matches('\n').chars().all(|c| (' '..='~').contains(&c)), "{text:?}");
    }
}
