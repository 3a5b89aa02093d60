//! The property list that macOS makes of a configuration profile.

use super::{PART, Value, Values};
use crate::error::ManagedError;
use plist::{Dictionary, Value as Plist};

/// Keys that profiles and the system add beside those of the policy.
const PREFIX_OF_SYSTEM: &str = "Payload";

/// The values of a property list. Only one level of dictionaries has a meaning, and one more in a
/// part for later desks.
pub(crate) fn values(bytes: &[u8]) -> Result<Values, ManagedError> {
    let damaged = |why: String| ManagedError::Damaged(why);
    let list = Plist::from_reader(std::io::Cursor::new(bytes))
        .map_err(|e| damaged(format!("it is not a property list: {e}")))?;
    let top = list.as_dictionary().ok_or_else(|| damaged("it is not a dictionary".into()))?;
    of_dictionary(top)
}

/// The values of a payload.
pub(crate) fn of_dictionary(top: &Dictionary) -> Result<Values, ManagedError> {
    let mut values = Values::new();
    for (name, value) in top.iter().filter(|(name, _)| !name.starts_with(PREFIX_OF_SYSTEM)) {
        match value {
            Plist::Dictionary(inner) => {
                for (key, value) in inner {
                    let key = format!("{name}/{key}");
                    match value {
                        Plist::Dictionary(deeper) if name.starts_with(PART) => {
                            for (last, value) in deeper {
                                values.insert(format!("{key}/{last}"), one(last, value)?);
                            }
                        }
                        value => {
                            let value = one(&key, value)?;
                            values.insert(key, value);
                        }
                    }
                }
            }
            value => {
                values.insert(name.clone(), one(name, value)?);
            }
        }
    }
    Ok(values)
}

fn one(name: &str, value: &Plist) -> Result<Value, ManagedError> {
    let wrong = || ManagedError::invalid(name, "has a value of another kind");
    Ok(match value {
        Plist::String(text) => Value::Text(text.clone()),
        Plist::Boolean(yes) => Value::Yes(*yes),
        Plist::Integer(number) => Value::Number(number.as_signed().ok_or_else(wrong)?),
        Plist::Array(list) => {
            let texts = list.iter().map(|one| one.as_string().map(str::to_owned));
            Value::List(texts.collect::<Option<_>>().ok_or_else(wrong)?)
        }
        _ => return Err(wrong()),
    })
}
