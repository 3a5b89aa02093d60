//! What policies look at, and how: from this follows which questions they cannot tell apart.
//!
//! A decision is remembered by what the policies see of its question ([`super::memory`]), so
//! whatever is not understood here has to be taken as seen exactly.

use cedar_policy::Policy;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The numbers that every trade has, as policies name them. [`Sight::numbers`] has their order.
pub(super) const NUMBERS: [&str; 7] =
    ["quantity", "notional", "dayNotional", "outstanding", "openRfqs", "dealers", "idleSeconds"];
/// The number that some accepts have.
pub(super) const OFF_MARKET: &str = "offMarketBps";
/// What else a context has. It is part of every key, so it does not matter who looks at it.
const OTHERS: [&str; 9] = [
    "instrument",
    "side",
    "currency",
    "firstToday",
    "newDealer",
    "touched",
    "secondPerson",
    "privileged",
    "hardwareKey",
];

/// What some policies look at.
#[derive(Debug, Default)]
pub(super) struct Sight {
    numbers: [Look; NUMBERS.len()],
    off_market: Look,
    names: BTreeSet<(String, String)>,
    texts: BTreeSet<String>,
    patterns: bool,
    unknown: bool,
}

/// How policies look at a number.
#[derive(Debug, Default, PartialEq, Eq)]
enum Look {
    #[default]
    Never,
    /// They do nothing but compare it with these, ascending.
    Compared(Vec<i64>),
    /// In any other way: every two values may be told apart.
    Exactly,
}

impl Look {
    fn compared(&mut self, with: i64) {
        match self {
            Self::Never => *self = Self::Compared(vec![with]),
            Self::Compared(all) => all.push(with),
            Self::Exactly => {}
        }
    }

    fn sort(&mut self) {
        if let Self::Compared(all) = self {
            all.sort_unstable();
            all.dedup();
        }
    }

    /// One value for all that cannot be told apart: what is compared with for itself, and the
    /// largest that lies between two of those for all between them.
    fn seen(&self, value: i64) -> i64 {
        match self {
            Self::Never => 0,
            Self::Exactly => value,
            Self::Compared(all) => match all.binary_search(&value) {
                Ok(_) => value,
                // What is greater than another number has one before it.
                Err(next) => all.get(next).map_or(i64::MAX, |n| n.saturating_sub(1)),
            },
        }
    }
}

impl Sight {
    /// Recurses as deep as a policy is nested.
    pub(super) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut all = Self::default();
        for p in policies {
            let name = |u: &cedar_policy::EntityUid| {
                (u.type_name().to_string(), u.id().unescaped().to_owned())
            };
            all.names.extend(p.entity_literals().iter().map(name));
            match p.to_json().ok().as_ref().and_then(|json| json.get("conditions")?.as_array()) {
                Some(conditions) => {
                    conditions.iter().for_each(|c| all.parts(c, &["body"], &["kind"]))
                }
                None => all.unknown = true,
            }
        }
        all.numbers.iter_mut().chain([&mut all.off_market]).for_each(Look::sort);
        all
    }

    /// Whether everything in the policies is understood. If not, no two questions are known to be
    /// alike.
    pub(super) fn is_complete(&self) -> bool {
        !self.unknown
    }

    /// Entities by kind and name, wherever in a policy.
    pub(super) fn names(&self) -> &BTreeSet<(String, String)> {
        &self.names
    }

    /// The names of one kind.
    pub(super) fn named(&self, kind: &str) -> BTreeSet<&str> {
        self.names.iter().filter(|(k, _)| k == kind).map(|(_, name)| name.as_str()).collect()
    }

    /// Whether an ISIN can be told from another one.
    pub(super) fn knows_isin(&self, isin: &str) -> bool {
        // Without patterns an ISIN can only be compared with texts of the policies, and with those
        // of instruments that they name, which are known by their names.
        self.patterns || self.unknown || self.texts.contains(isin)
    }

    /// The same for values that cannot be told apart; in the order of [`NUMBERS`].
    pub(super) fn numbers(&self, values: [i64; NUMBERS.len()]) -> [i64; NUMBERS.len()] {
        let mut seen = values;
        for (value, look) in seen.iter_mut().zip(&self.numbers) {
            *value = look.seen(*value);
        }
        seen
    }

    /// The same for [`OFF_MARKET`].
    pub(super) fn off_market(&self, value: i64) -> i64 {
        self.off_market.seen(value)
    }

    fn look(&mut self, attribute: &str) -> Option<&mut Look> {
        if attribute == OFF_MARKET {
            return Some(&mut self.off_market);
        }
        NUMBERS.iter().zip(&mut self.numbers).find(|(n, _)| **n == attribute).map(|(_, look)| look)
    }

    /// One expression, as Cedar writes it in JSON: an object of one key.
    fn walk(&mut self, expression: &Value) {
        let Some((operator, of)) = single(expression) else {
            self.unknown = true;
            return;
        };
        match operator {
            "Value" => self.literal(of),
            "Var" => self.variable(of),
            "==" | "!=" | "<" | "<=" | ">" | ">=" => {
                if !self.comparison(of) {
                    self.parts(of, &["left", "right"], &[]);
                }
            }
            "&&" | "||" | "+" | "-" | "*" | "in" | "contains" | "containsAll" | "containsAny"
            | "getTag" | "hasTag" => self.parts(of, &["left", "right"], &[]),
            "!" | "neg" | "isEmpty" => self.parts(of, &["arg"], &[]),
            "if-then-else" => self.parts(of, &["if", "then", "else"], &[]),
            "is" if of.get("in").is_some() => self.parts(of, &["left", "in"], &["entity_type"]),
            "is" => self.parts(of, &["left"], &["entity_type"]),
            "." => self.attribute(of),
            // Which attributes there are follows from the action and from what keys have exactly.
            "has" if exactly(of, ["left", "attr"]).is_some_and(|[left, _]| is_context(left)) => {}
            "has" => self.parts(of, &["left"], &["attr"]),
            "like" => {
                self.patterns = true;
                self.parts(of, &["left"], &["pattern"]);
            }
            "Set" => match of {
                Value::Array(all) => all.iter().for_each(|e| self.walk(e)),
                _ => self.unknown = true,
            },
            "Record" => match of {
                Value::Object(all) => all.values().for_each(|e| self.walk(e)),
                _ => self.unknown = true,
            },
            // Functions of extensions, and what later versions of Cedar have.
            _ => self.unknown = true,
        }
    }

    /// Walks these parts of an expression, all of which it must have; the others it may have.
    fn parts(&mut self, of: &Value, walked: &[&str], others: &[&str]) {
        let empty = Map::new();
        let all = of.as_object().unwrap_or(&empty);
        let known = |key: &String| walked.iter().chain(others).any(|k| k == key);
        self.unknown |= !all.keys().all(known);
        for part in walked {
            match all.get(*part) {
                Some(part) => self.walk(part),
                None => self.unknown = true,
            }
        }
    }

    fn literal(&mut self, value: &Value) {
        match value {
            Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => drop(self.texts.insert(text.clone())),
            // Its name is among the names.
            Value::Object(_) if single(value).is_some_and(|(key, _)| key == "__entity") => {}
            _ => self.unknown = true,
        }
    }

    fn variable(&mut self, name: &Value) {
        match name.as_str() {
            Some("principal" | "action" | "resource") => {}
            // The context as a whole: compared, or put into a record or a set.
            Some("context") => {
                let all = self.numbers.iter_mut().chain([&mut self.off_market]);
                all.for_each(|look| *look = Look::Exactly);
            }
            _ => self.unknown = true,
        }
    }

    /// Takes note of the comparison of a number with a literal; `false` if it is any other one.
    fn comparison(&mut self, of: &Value) -> bool {
        let Some([left, right]) = exactly(of, ["left", "right"]) else { return false };
        let pair = |a, b| Some((attribute_of_context(a)?, integer(b)?));
        let Some((attribute, with)) = pair(left, right).or_else(|| pair(right, left)) else {
            return false;
        };
        self.look(attribute).map(|look| look.compared(with)).is_some()
    }

    /// An attribute where any value may stand.
    fn attribute(&mut self, of: &Value) {
        let read = exactly(of, ["left", "attr"]).filter(|[left, _]| is_context(left));
        let Some([_, name]) = read else { return self.parts(of, &["left"], &["attr"]) };
        let name = name.as_str().unwrap_or_default();
        match self.look(name) {
            Some(look) => *look = Look::Exactly,
            None => self.unknown |= !OTHERS.contains(&name),
        }
    }
}

/// The only key of an object, and its value.
fn single(value: &Value) -> Option<(&str, &Value)> {
    let all = value.as_object().filter(|all| all.len() == 1)?;
    all.iter().next().map(|(key, value)| (key.as_str(), value))
}

/// The values of two keys of an object that has no others.
fn exactly<'a>(value: &'a Value, keys: [&str; 2]) -> Option<[&'a Value; 2]> {
    let all = value.as_object().filter(|all| all.len() == 2)?;
    let [one, other] = keys;
    Some([all.get(one)?, all.get(other)?])
}

fn is_context(expression: &Value) -> bool {
    single(expression).is_some_and(|(key, of)| key == "Var" && of == "context")
}

/// `context.NAME`.
fn attribute_of_context(expression: &Value) -> Option<&str> {
    let (_, of) = single(expression).filter(|(key, _)| *key == ".")?;
    let [left, name] = exactly(of, ["left", "attr"])?;
    if is_context(left) { name.as_str() } else { None }
}

fn integer(expression: &Value) -> Option<i64> {
    let (_, of) = single(expression).filter(|(key, _)| *key == "Value")?;
    of.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(conditions: &str) -> Sight {
        let text = format!("permit (principal, action, resource) {conditions};");
        let policy = Policy::parse(None, text).unwrap();
        Sight::of([&policy].into_iter())
    }

    #[test]
    fn values_between_the_same_numbers_are_the_same() {
        let table = |numbers: &[i64], values: &[(i64, i64)]| {
            let look = Look::Compared(numbers.to_vec());
            for (value, seen) in values {
                assert_eq!(look.seen(*value), *seen, "{value} {numbers:?}");
            }
        };
        let (min, max) = (i64::MIN, i64::MAX);
        table(
            &[5, 10],
            &[(min, 4), (4, 4), (5, 5), (6, 9), (9, 9), (10, 10), (11, max), (max, max)],
        );
        table(&[5, 6], &[(4, 4), (5, 5), (6, 6), (7, max)]);
        table(&[min, max], &[(min, min), (min + 1, max - 1), (0, max - 1), (max, max)]);
        assert_eq!((Look::Never.seen(7), Look::Exactly.seen(7)), (0, 7));
    }

    #[test]
    fn table_of_looks_at_a_number() {
        let compared = |numbers: &[i64]| Look::Compared(numbers.to_vec());
        for (conditions, want) in [
            ("", Look::Never),
            ("when { context.notional > 5 }", Look::Never),
            ("when { context has quantity }", Look::Never),
            ("when { context.quantity > 5 }", compared(&[5])),
            ("when { 7 >= context.quantity }", compared(&[7])),
            ("when { context[\"quantity\"] == -3 }", compared(&[-3])),
            ("when { context.quantity < 9 } unless { context.quantity != 2 }", compared(&[2, 9])),
            (
                "when { if context.quantity > 1 then !(context.quantity <= 3) else \
                    [context.quantity >= 1].contains(true) }",
                compared(&[1, 3]),
            ),
            ("when { (context.quantity > 5) == (context.notional < 6) }", compared(&[5])),
            ("when { context.quantity > 5 && context.quantity + 1 > 7 }", Look::Exactly),
            ("when { context.quantity + 1 > 7 || context.quantity > 5 }", Look::Exactly),
            ("when { context.quantity == context.notional }", Look::Exactly),
            ("when { -context.quantity > 5 }", Look::Exactly),
            ("when { [1, context.quantity].contains(5) }", Look::Exactly),
            ("when { {a: context.quantity}.a > 5 }", Look::Exactly),
            ("when { {a: context}.a.quantity > 5 }", Look::Exactly),
            ("when { (if true then context else context).quantity > 5 }", Look::Exactly),
            ("when { context == context }", Look::Exactly),
        ] {
            let got = sight(conditions);
            assert_eq!(got.numbers[0], want, "{conditions}");
            assert!(got.is_complete(), "{conditions}");
            // Whatever is said of the first number is said of the one that some accepts have.
            let got = sight(&conditions.replace("quantity", OFF_MARKET));
            assert_eq!(got.off_market, want, "{conditions}");
        }
    }

    #[test]
    fn every_number_has_its_own_place() {
        for (place, name) in NUMBERS.iter().enumerate() {
            let got = sight(&format!("when {{ context.{name} > 5 }}"));
            for (n, look) in got.numbers.iter().enumerate() {
                let want = if n == place { Look::Compared(vec![5]) } else { Look::Never };
                assert_eq!(*look, want, "{name}");
            }
            assert_eq!(got.off_market, Look::Never, "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_understood() {
        for conditions in [
            "when { context.strange }",
            "when { decimal(\"1.0\").lessThan(decimal(\"2.0\")) }",
            "when { context.quantity > 5 } unless { context.strange > 5 }",
        ] {
            assert!(!sight(conditions).is_complete(), "{conditions}");
        }
        for other in OTHERS {
            assert!(sight(&format!("when {{ context.{other} == resource }}")).is_complete());
        }
        // What a later version of Cedar might write.
        let mut s = Sight::default();
        s.walk(&serde_json::json!({ "between": { "left": { "Value": 1 } } }));
        assert!(!s.is_complete());
        let mut s = Sight::default();
        s.walk(&serde_json::json!({ "!": { "arg": { "Value": 1 }, "more": { "Value": 1 } } }));
        assert!(!s.is_complete());
    }

    #[test]
    fn names_and_texts_are_found_wherever_they_stand() {
        let s = sight(
            "when { principal in Group::\"g\" || resource is Dealer in Panel::\"p\" } \
                unless { [\"one\"].contains(context.instrument.isin) }",
        );
        assert!(s.is_complete() && s.knows_isin("one") && !s.knows_isin("other"));
        assert_eq!(s.named("Group"), BTreeSet::from(["g"]));
        assert_eq!(s.named("Panel"), BTreeSet::from(["p"]));
        let pattern = sight("when { context.instrument.isin like \"DE*\" }");
        assert!(pattern.is_complete() && pattern.knows_isin("other"));
        let whether = sight("when { context.instrument has isin }");
        assert!(whether.is_complete() && !whether.knows_isin("other"));
    }
}
