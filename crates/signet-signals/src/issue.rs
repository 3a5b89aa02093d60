//! The claims of tokens that the gateway issues: events of CAEP 1.0 about its people.

use crate::{ID_CHARS_MAX, RISK_LEVEL_CHANGE, SESSION_REVOKED, VERIFICATION};
use serde_json::{Value, json};

/// How much the gateway trusts a person (CAEP 1.0, `risk-level-change`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskLevel {
    /// They come in.
    Low,
    /// They owe a touch of their security key.
    Medium,
    /// They are kept out.
    High,
}

impl RiskLevel {
    /// As it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    /// The level of a name that travels.
    pub fn read(name: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|l| l.as_str() == name)
    }
}

/// Who or what began it (CAEP 1.0, `initiating_entity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// An administrator.
    Admin,
    /// A policy of the firm.
    Policy,
}

impl Initiator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Policy => "policy",
        }
    }
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The gateway trusts a person more or less than before.
    RiskLevel {
        /// What was told before.
        previous: Option<RiskLevel>,
        /// What is so now.
        current: RiskLevel,
    },
    /// A session of a person was ended before its time.
    SessionRevoked {
        /// The gateway's name of it.
        session: String,
        /// The device, as the gateway names it.
        device: Option<String>,
    },
    /// The stream is tried out; it is about nobody (SSF 1.0).
    Verification,
}

/// A token before it has a time of issue and a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`.
    pub audience: &'a str,
    /// Names this notice, however often it is sent.
    pub jti: &'a str,
    /// The same for everything that has one cause.
    pub txn: &'a str,
    /// The person as a Subject Identifier (RFC 9493), or the stream of a verification.
    pub subject: Value,
    /// What is told.
    pub told: &'a Told,
    /// Who began it.
    pub initiator: Initiator,
    /// The reason, for administrators.
    pub reason: &'a str,
    /// When it happened, seconds since 1970.
    pub at_s: i64,
}

impl Told {
    /// The name of the event, last part of its URI.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RiskLevel { .. } => "risk-level-change",
            Self::SessionRevoked { .. } => "session-revoked",
            Self::Verification => "verification",
        }
    }
}

impl Notice<'_> {
    /// The claims but for `iat`, which is of the moment when the token is signed.
    pub fn claims(&self) -> Value {
        let reason: String =
            self.reason.chars().filter(|c| !c.is_control()).take(ID_CHARS_MAX).collect();
        let mut event = json!({
            "event_timestamp": self.at_s,
            "initiating_entity": self.initiator.as_str(),
            "reason_admin": { "en": reason },
        });
        let mut subject = self.subject.clone();
        let uri = match self.told {
            Told::RiskLevel { previous, current } => {
                event["principal"] = json!("USER");
                event["current_level"] = json!(current.as_str());
                if let Some(p) = previous {
                    event["previous_level"] = json!(p.as_str());
                }
                event["risk_reason"] = json!(reason);
                RISK_LEVEL_CHANGE
            }
            // A person alone would mean every session that they have anywhere.
            Told::SessionRevoked { session, device } => {
                let opaque = |id: &String| json!({ "format": "opaque", "id": id });
                subject = json!({
                    "format": "complex", "user": subject, "session": opaque(session),
                });
                if let Some(d) = device {
                    subject["device"] = opaque(d);
                }
                SESSION_REVOKED
            }
            Told::Verification => {
                event = json!({ "state": self.jti });
                VERIFICATION
            }
        };
        json!({
            "iss": self.issuer,
            "aud": self.audience,
            "jti": self.jti,
            "txn": self.txn,
            "sub_id": subject,
            "events": { uri: event },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expected, Identifier, Keys, Signal, Signer, Subject, judge};

    fn issued(told: &Told, subject: Value) -> Value {
        let notice = Notice {
            issuer: "https://gw",
            audience: "https://idp",
            jti: "j1",
            txn: "t1",
            subject,
            told,
            initiator: Initiator::Policy,
            reason: "score 60\nof 100",
            at_s: 900,
        };
        notice.claims()
    }

    fn person() -> Value {
        json!({ "format": "email", "email": "alice@bank.example" })
    }

    #[test]
    fn claims_are_those_of_caep() {
        let told = Told::RiskLevel { previous: Some(RiskLevel::Low), current: RiskLevel::High };
        assert_eq!(
            issued(&told, person()),
            json!({
                "iss": "https://gw", "aud": "https://idp", "jti": "j1", "txn": "t1",
                "sub_id": { "format": "email", "email": "alice@bank.example" },
                "events": { RISK_LEVEL_CHANGE: {
                    "event_timestamp": 900, "initiating_entity": "policy", "principal": "USER",
                    "previous_level": "LOW", "current_level": "HIGH",
                    "reason_admin": { "en": "score 60of 100" }, "risk_reason": "score 60of 100",
                } },
            })
        );
        let told = Told::RiskLevel { previous: None, current: RiskLevel::Medium };
        let event = &issued(&told, person())["events"][RISK_LEVEL_CHANGE];
        assert_eq!(
            (event.get("previous_level"), &event["current_level"]),
            (None, &json!("MEDIUM"))
        );
    }

    #[test]
    fn our_receiver_reads_what_is_issued() {
        let signer = Signer::from_pkcs8(&Signer::make_pkcs8().unwrap()).unwrap();
        let keys = Keys::read(&signer.key_set()).unwrap();
        let user = Identifier::Email("alice@bank.example".into());
        let device = Some(Identifier::Opaque("laptop".into()));
        let revoked = |device: Option<&str>| Told::SessionRevoked {
            session: "GW.ALICE1.7".into(),
            device: device.map(Into::into),
        };
        let levels = Told::RiskLevel { previous: None, current: RiskLevel::Low };
        let of = |device| Some(Subject { user: user.clone(), device });
        for (told, signal, subject) in [
            (revoked(Some("laptop")), Signal::SessionRevoked, of(device)),
            (revoked(None), Signal::SessionRevoked, of(None)),
            (levels, Signal::Other(RISK_LEVEL_CHANGE.into()), None),
            (Told::Verification, Signal::Verification, None),
        ] {
            let mut claims = issued(&told, person());
            claims["iat"] = json!(1_000);
            let token = signer.sign(&claims).unwrap();
            let expected = Expected {
                issuer: "https://gw",
                audience: "https://idp",
                age_max_s: 60,
                skew_s: 0,
            };
            let read = judge(&token, &keys, &expected, 1_010).unwrap();
            assert_eq!((read.jti.as_str(), &read.signal, &read.subject), ("j1", &signal, &subject));
        }
    }

    #[test]
    fn levels_are_read_as_they_travel() {
        for l in [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High] {
            assert_eq!(RiskLevel::read(l.as_str()), Some(l));
        }
        assert_eq!(RiskLevel::read("low"), None);
    }
}
