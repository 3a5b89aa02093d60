//! JSON whose objects have each member once, at every depth.
//!
//! A program that takes the first of two members and one that takes the last would read two
//! different tokens under one signature. RFC 7515 §4 and RFC 7519 §4 have names unique.

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::fmt;

/// `None`: it is not JSON, a member is there twice, or it is not what is wanted.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let Unique(value) = serde_json::from_slice(bytes).ok()?;
    serde_json::from_value(value).ok()
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Unique, E> {
        Ok(Unique(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Unique, A::Error> {
        let mut all = Vec::new();
        while let Some(Unique(value)) = from.next_element()? {
            all.push(value);
        }
        Ok(Unique(Value::Array(all)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Unique, A::Error> {
        let mut all = Map::new();
        while let Some((name, Unique(value))) = from.next_entry::<String, Unique>()? {
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(Unique(Value::Object(all)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_of_members() {
        for (text, good) in [
            ("{}", true),
            (r#"{"a":1,"b":[{"a":-2.5},{"a":null}],"c":{"a":true}}"#, true),
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"\u0061":2}"#, false),
            (r#"{"b":{"a":1,"a":2}}"#, false),
            (r#"[{"a":null,"a":1}]"#, false),
            (r#"{"a":1}x"#, false),
            ("", false),
        ] {
            let found = read::<Value>(text.as_bytes());
            let want = serde_json::from_str::<Value>(text).ok().filter(|_| good);
            assert_eq!((found.is_some(), found), (good, want), "{text}");
        }
        assert!(read::<Value>("[".repeat(10_000).as_bytes()).is_none(), "deep");
    }

    proptest! {
        /// What it takes is what everybody else reads.
        #[test]
        fn what_is_taken_is_read_as_by_everybody(text in r#"[\[\]{}":,ab01.e -]{0,24}"#) {
            if let Some(read) = read::<Value>(text.as_bytes()) {
                prop_assert_eq!(read, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
