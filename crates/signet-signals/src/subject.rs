//! The person a token is about: Subject Identifiers (RFC 9493), and complex subjects (SSF 1.0).

use crate::{ID_CHARS_MAX, SetRefusal};
use serde::Deserialize;
use serde_json::Value;

/// One identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    /// An address, its ASCII letters in lower case. Another letter is that letter: U+212A, whose
    /// lower case is a k, names somebody else.
    Email(String),
    /// An account of an issuer.
    IssuerSubject {
        /// Who named it.
        iss: String,
        /// The name.
        sub: String,
    },
    /// Something that both ends know.
    Opaque(String),
}

/// A person, perhaps with a device of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The person.
    pub user: Identifier,
    /// The device; `None`: the token names none.
    pub device: Option<Identifier>,
}

#[derive(Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
enum Format {
    Email { email: String },
    IssSub { iss: String, sub: String },
    Opaque { id: String },
    Complex { user: Value, device: Option<Value> },
}

impl Subject {
    /// Reads `sub_id`.
    pub(crate) fn read(value: Value) -> Result<Self, SetRefusal> {
        match format(value)? {
            Format::Complex { user, device } => {
                Ok(Self { user: simple(user)?, device: device.map(simple).transpose()? })
            }
            other => Ok(Self { user: identifier(other)?, device: None }),
        }
    }
}

fn format(value: Value) -> Result<Format, SetRefusal> {
    serde_json::from_value(value).map_err(|_| SetRefusal::Subject)
}

fn simple(value: Value) -> Result<Identifier, SetRefusal> {
    identifier(format(value)?)
}

fn identifier(format: Format) -> Result<Identifier, SetRefusal> {
    let good = |s: &String| {
        let length = s.chars().count();
        (1..=ID_CHARS_MAX).contains(&length) && !s.chars().any(char::is_control)
    };
    let (id, all) = match format {
        Format::Email { email } => {
            let all = good(&email)
                && email.split_once('@').is_some_and(|(l, d)| !l.is_empty() && !d.is_empty());
            (Identifier::Email(email.to_ascii_lowercase()), all)
        }
        Format::IssSub { iss, sub } => {
            let all = good(&iss) && good(&sub);
            (Identifier::IssuerSubject { iss, sub }, all)
        }
        Format::Opaque { id } => {
            let all = good(&id);
            (Identifier::Opaque(id), all)
        }
        Format::Complex { .. } => return Err(SetRefusal::Subject),
    };
    if all { Ok(id) } else { Err(SetRefusal::Subject) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn table_of_subjects() {
        let email = |e: &str| Identifier::Email(e.into());
        let person = |user| Ok(Subject { user, device: None });
        let long = "x".repeat(ID_CHARS_MAX + 1);
        let no = Err(SetRefusal::Subject);
        for (value, want) in [
            (
                json!({"format": "email", "email": "Alice@Bank.example"}),
                person(email("alice@bank.example")),
            ),
            (
                json!({"format": "email", "email": "Mar\u{212a}@Bank.example"}),
                person(email("mar\u{212a}@bank.example")),
            ),
            (json!({"format": "opaque", "id": "00u1"}), person(Identifier::Opaque("00u1".into()))),
            (
                json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "alice"}),
                person(Identifier::IssuerSubject {
                    iss: "https://idp.example".into(),
                    sub: "alice".into(),
                }),
            ),
            (
                json!({"format": "complex", "user": {"format": "email", "email": "a@b"}, "device": {"format": "opaque", "id": "d"}}),
                Ok(Subject { user: email("a@b"), device: Some(Identifier::Opaque("d".into())) }),
            ),
            (
                json!({"format": "complex", "user": {"format": "email", "email": "a@b"}}),
                person(email("a@b")),
            ),
            (json!({"format": "complex", "device": {"format": "opaque", "id": "d"}}), no.clone()),
            (
                json!({"format": "complex", "user": {"format": "complex", "user": {"format": "opaque", "id": "d"}}}),
                no.clone(),
            ),
            (json!({"format": "email", "email": "alice"}), no.clone()),
            (json!({"format": "email"}), no.clone()),
            (json!({"format": "opaque", "id": ""}), no.clone()),
            (json!({"format": "opaque", "id": long}), no.clone()),
            (json!({"format": "opaque", "id": "a\nb"}), no.clone()),
            (json!({"format": "phone_number", "phone_number": "+1"}), no.clone()),
            (json!({"email": "a@b"}), no.clone()),
            (json!("alice"), no.clone()),
        ] {
            assert_eq!(Subject::read(value.clone()), want, "{value}");
        }
    }
}
