//! How far a gateway trusts a laptop's state. Trust has levels: evidence for a lower level never
//! earns a higher one.
//!
//! A program's report about its own machine proves nothing by itself, since whoever controls the
//! machine controls the program. So a report may always lower the level, and raises it only when a
//! key that cannot leave hardware signed it for this connection.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Largest report, bytes.
pub const REPORT_LEN_MAX: usize = 4 * 1024;
const TEXT_LEN_MAX: usize = 200;
/// Prefix of the signed bytes, so that a signature for another purpose is not valid here.
pub const SIGNED_PREFIX: &str = "signet-posture 1\n";

/// Facts about a laptop that can be read without an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The disk that holds the system is encrypted.
    DiskEncryption,
    /// The firmware starts signed programs only.
    SecureBoot,
    /// A firewall of the system is on.
    Firewall,
    /// The screen locks by itself after some time.
    ScreenLock,
    /// The machine has a TPM; a Secure Enclave is not one, and reads as unknown.
    Tpm,
}

impl Fact {
    /// The fact's name in a sentence for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::DiskEncryption => "disk encryption",
            Self::SecureBoot => "secure boot",
            Self::Firewall => "firewall",
            Self::ScreenLock => "screen lock",
            Self::Tpm => "TPM",
        }
    }
}

/// Yes, no, or why it is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It was checked and holds.
    Yes,
    /// It was checked and does not hold.
    No,
    /// It could not be checked; the reason, at most 200 bytes.
    Unknown(String),
}

/// A desk's report about its laptop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// As the gateway asked; empty in a Logon, where the exporter alone makes it fresh.
    pub nonce: String,
    /// RFC 9266 exporter of the connection, base64.
    pub exporter: String,
    /// Operating system, at most 200 bytes.
    pub system: String,
    /// Its version, at most 200 bytes.
    pub system_version: String,
    /// The desk program and its version, at most 200 bytes.
    pub program: String,
    /// One reading for each fact that was checked.
    pub facts: BTreeMap<Fact, Reading>,
}

/// A report and the signature of the client key over [`SIGNED_PREFIX`] and the report's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// JSON of [`Report`], as signed.
    pub report: String,
    /// ECDSA P-256 with SHA-256, r and s of 32 bytes each, base64.
    pub signature: String,
}

/// Why a report does not count. At fault: the desk that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Above [`REPORT_LEN_MAX`], or an envelope above twice that.
    #[error("the posture report is longer than {REPORT_LEN_MAX} bytes")]
    TooLong,
    /// Not the JSON that is expected, or a text that is too long or not printable.
    #[error("the posture report cannot be read")]
    Unreadable,
    /// The exporter differs: replayed from another TLS connection, or a machine in the middle.
    #[error("the posture report is not for this connection")]
    OtherConnection,
    /// The nonce differs from the gateway's last question.
    #[error("the posture report answers another question")]
    OtherNonce,
}

impl Envelope {
    /// Reads an envelope; the caller verifies its signature.
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        if text.len() > 2 * REPORT_LEN_MAX {
            return Err(ReportError::TooLong);
        }
        serde_json::from_str(text).map_err(|_| ReportError::Unreadable)
    }

    /// What the signature covers.
    pub fn signed(&self) -> Vec<u8> {
        [SIGNED_PREFIX.as_bytes(), self.report.as_bytes()].concat()
    }

    /// The report, if it is for this connection and this question.
    pub fn report(&self, exporter: &str, nonce: &str) -> Result<Report, ReportError> {
        if self.report.len() > REPORT_LEN_MAX {
            return Err(ReportError::TooLong);
        }
        let r: Report = serde_json::from_str(&self.report).map_err(|_| ReportError::Unreadable)?;
        let texts = [&r.system, &r.system_version, &r.program];
        let reasons = r
            .facts
            .values()
            .filter_map(|f| if let Reading::Unknown(why) = f { Some(why) } else { None });
        if texts
            .into_iter()
            .chain(reasons)
            .any(|t| t.len() > TEXT_LEN_MAX || t.chars().any(char::is_control))
        {
            return Err(ReportError::Unreadable);
        }
        if r.exporter != exporter {
            return Err(ReportError::OtherConnection);
        }
        if r.nonce != nonce {
            return Err(ReportError::OtherNonce);
        }
        Ok(r)
    }
}

/// The evidence that a gateway has about the laptop at the other end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The client certificate was issued to a device that the firm manages.
    pub managed_certificate: bool,
    /// The client key cannot leave its hardware, by its certificate.
    pub hardware_key: bool,
    /// A report for this connection, not too old, whose signature by the client key is good.
    pub report: Option<&'a Report>,
}

/// The level of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// Nothing vouches for it.
    Nothing,
    /// Its own report, without a key in hardware that vouches for it.
    SelfReported,
    /// Its certificate says that the firm manages it.
    ManagedCertificate,
    /// A key that cannot leave hardware signed a report in which every required fact holds.
    SignedReport,
}

/// The gateway's judgement of the laptop at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it counts as managed and compliant in the score.
    pub managed: bool,
    /// On what that rests.
    pub rung: Rung,
    /// Why, for the event and the trader.
    pub words: String,
}

/// Whether the laptop counts as managed and compliant; `require` is what must hold. `known`: of
/// what is required, nothing may be left unknown; without it the certificate of a managed device
/// stands in for what its report cannot tell.
pub fn judge(evidence: Evidence<'_>, require: &BTreeSet<Fact>, known: bool) -> Judgement {
    let reading = |f: &Fact| evidence.report.and_then(|r| r.facts.get(f));
    let named = |which: &dyn Fn(&Fact) -> bool| {
        require.iter().filter(|f| which(f)).map(|f| f.words()).collect::<Vec<_>>().join(", ")
    };
    let no = named(&|f| reading(f) == Some(&Reading::No));
    let missing = named(&|f| reading(f) != Some(&Reading::Yes));
    let said = |managed, rung, words: String| Judgement { managed, rung, words };
    match evidence.report {
        // The worse reading always counts.
        Some(_) if !no.is_empty() => {
            said(false, Rung::SelfReported, format!("by its own word without {no}"))
        }
        Some(_) if evidence.hardware_key && missing.is_empty() => {
            said(true, Rung::SignedReport, "report signed by a hardware-bound key".into())
        }
        // A dishonest desk would send no report: a required fact without any report is not held.
        None if evidence.managed_certificate && !require.is_empty() => {
            let words = format!(
                "certificate of a managed device, but no posture report tells about {missing}"
            );
            said(false, Rung::Nothing, words)
        }
        Some(_) if evidence.managed_certificate && known && !missing.is_empty() => {
            let words = format!(
                "certificate of a managed device, but its report cannot tell about {missing}"
            );
            said(false, Rung::SelfReported, words)
        }
        _ if evidence.managed_certificate => {
            said(true, Rung::ManagedCertificate, "certificate of a managed device".into())
        }
        Some(_) if evidence.hardware_key => {
            said(false, Rung::SelfReported, format!("cannot tell about {missing}"))
        }
        Some(_) => said(false, Rung::SelfReported, "nothing but its own word".into()),
        None => said(false, Rung::Nothing, "nothing vouches for it".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(disk: Option<Reading>) -> Report {
        Report {
            nonce: "n".into(),
            exporter: "e".into(),
            system: "Debian".into(),
            system_version: "12".into(),
            program: "signet-desk 1".into(),
            facts: disk.map(|r| (Fact::DiskEncryption, r)).into_iter().collect(),
        }
    }

    #[test]
    fn the_ladder() {
        let require = BTreeSet::from([Fact::DiskEncryption]);
        let unknown = || Some(Reading::Unknown("no permission".into()));
        let (nothing, own_word, cannot) = (
            "nothing vouches for it",
            "nothing but its own word",
            "cannot tell about disk encryption",
        );
        let (without, managed) =
            ("by its own word without disk encryption", "certificate of a managed device");
        let silent =
            "certificate of a managed device, but no posture report tells about disk encryption";
        let signed = "report signed by a hardware-bound key";
        // managed certificate, hardware key, report's word on the disk (None: no report), managed,
        // rung, words
        type Row = (bool, bool, Option<Option<Reading>>, bool, Rung, &'static str);
        let table: &[Row] = &[
            (false, false, None, false, Rung::Nothing, nothing),
            (false, true, None, false, Rung::Nothing, nothing),
            (false, false, Some(Some(Reading::Yes)), false, Rung::SelfReported, own_word),
            (false, true, Some(Some(Reading::Yes)), true, Rung::SignedReport, signed),
            (false, true, Some(unknown()), false, Rung::SelfReported, cannot),
            (false, true, Some(None), false, Rung::SelfReported, cannot),
            (false, true, Some(Some(Reading::No)), false, Rung::SelfReported, without),
            // Silence about what is required earns nothing, whatever the certificate says.
            (true, false, None, false, Rung::Nothing, silent),
            (true, true, None, false, Rung::Nothing, silent),
            (true, false, Some(unknown()), true, Rung::ManagedCertificate, managed),
            (true, false, Some(Some(Reading::Yes)), true, Rung::ManagedCertificate, managed),
            // A laptop that says of itself that it is not encrypted is believed.
            (true, false, Some(Some(Reading::No)), false, Rung::SelfReported, without),
            (true, true, Some(Some(Reading::No)), false, Rung::SelfReported, without),
        ];
        for (managed_certificate, hardware_key, disk, managed, rung, words) in table {
            let r = disk.clone().map(report);
            let evidence = Evidence {
                managed_certificate: *managed_certificate,
                hardware_key: *hardware_key,
                report: r.as_ref(),
            };
            let j = judge(evidence, &require, false);
            assert_eq!(
                (j.managed, j.rung, j.words.as_str()),
                (*managed, *rung, *words),
                "{evidence:?}"
            );
        }
        // Where nothing is required, the certificate suffices.
        let silent = Evidence { managed_certificate: true, ..Evidence::default() };
        for known in [false, true] {
            let j = judge(silent, &BTreeSet::new(), known);
            assert_eq!(j.rung, Rung::ManagedCertificate);
            let words = judge(silent, &require, known).words;
            assert!(words.contains("no posture report tells about disk encryption"), "{words}");
        }
    }

    /// A dishonest desk can say that it cannot tell, or say nothing of it.
    #[test]
    fn what_a_managed_laptop_cannot_tell_counts_where_everything_must_be_known() {
        let require = BTreeSet::from([Fact::DiskEncryption]);
        let cannot = "certificate of a managed device, but its report cannot tell about disk \
            encryption";
        for (disk, hardware_key, lenient, strict) in [
            (Some(Reading::Yes), false, true, true),
            (Some(Reading::Yes), true, true, true),
            (Some(Reading::Unknown("x".into())), false, true, false),
            (Some(Reading::Unknown("x".into())), true, true, false),
            (None, false, true, false),
            (Some(Reading::No), false, false, false),
        ] {
            let r = report(disk.clone());
            let evidence = Evidence { managed_certificate: true, hardware_key, report: Some(&r) };
            assert_eq!(judge(evidence, &require, false).managed, lenient, "{disk:?}");
            let j = judge(evidence, &require, true);
            assert_eq!(j.managed, strict, "{disk:?}");
            assert_eq!(j.words == cannot, lenient && !strict, "{disk:?}");
        }
    }

    #[test]
    fn a_report_is_for_one_connection_and_one_question() {
        let json = serde_json::to_string(&report(Some(Reading::Yes))).unwrap();
        let e = Envelope { report: json.clone(), signature: String::new() };
        assert_eq!(e.report("e", "n"), Ok(report(Some(Reading::Yes))));
        assert_eq!(e.report("other", "n"), Err(ReportError::OtherConnection));
        assert_eq!(e.report("e", ""), Err(ReportError::OtherNonce));
        assert!(e.signed().starts_with(b"signet-posture 1\n{"));
        let broken = |from: &str, to: &str| {
            assert!(json.contains(from), "{json}");
            Envelope { report: json.replacen(from, to, 1), signature: String::new() }
                .report("e", "n")
                .unwrap_err()
        };
        assert_eq!(broken("Debian", "De\\u0001bian"), ReportError::Unreadable);
        assert_eq!(broken("\"system\"", "\"sistem\""), ReportError::Unreadable);
        assert_eq!(broken("disk_encryption", "disc_encryption"), ReportError::Unreadable);
        assert_eq!(broken("Debian", &"x".repeat(201)), ReportError::Unreadable);
        assert_eq!(broken("Debian", &"x".repeat(REPORT_LEN_MAX)), ReportError::TooLong);
        assert_eq!(Envelope::parse(&" ".repeat(9_000)), Err(ReportError::TooLong));
    }

    /// The limits are what the desk was built with: a shorter one here would refuse its reports.
    #[test]
    fn a_report_and_its_texts_may_be_just_so_long() {
        let json = serde_json::to_string(&report(None)).unwrap();
        let of_length = |n: usize| {
            Envelope { report: format!("{json:<n$}"), signature: String::new() }.report("e", "n")
        };
        assert_eq!(of_length(4_096), Ok(report(None)));
        assert_eq!(of_length(4_097), Err(ReportError::TooLong));
        // An envelope is read up to twice that: too short to be one, but not too long.
        assert_eq!(Envelope::parse(&" ".repeat(8_192)), Err(ReportError::Unreadable));
        assert_eq!(Envelope::parse(&" ".repeat(8_193)), Err(ReportError::TooLong));
        let named = |system: &str| {
            Envelope { report: json.replace("Debian", system), signature: String::new() }
                .report("e", "n")
        };
        assert!(named(&"x".repeat(200)).is_ok());
        assert_eq!(named(&"x".repeat(201)), Err(ReportError::Unreadable));
    }

    #[test]
    fn a_fact_is_named_in_words() {
        for (fact, words) in [
            (Fact::DiskEncryption, "disk encryption"),
            (Fact::SecureBoot, "secure boot"),
            (Fact::Firewall, "firewall"),
            (Fact::ScreenLock, "screen lock"),
            (Fact::Tpm, "TPM"),
        ] {
            assert_eq!(fact.words(), words);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,300}", inner in "[{}\":,a-z\\[\\]0-9]{0,200}") {
            let _ = Envelope::parse(&text);
            let _ = Envelope { report: inner, signature: String::new() }.report("e", "n");
        }
    }
}
