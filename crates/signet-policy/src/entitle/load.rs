//! Three documents into one set of policies, or a refusal that names what is wrong.

use super::{
    CedarEntitlements, EntitleError, Facts, MAX_DOCUMENT_LEN, MAX_POLICIES, MAX_WORDS_CHARS,
    facts::{by_member, is_currency, is_name},
    literals, shape,
};
use aws_lc_rs::digest::{Context, SHA256};
use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use miette::Diagnostic as _;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    str::FromStr,
};

/// The schema, as documented to those who write policies.
pub(crate) const SCHEMA: &str = include_str!("schema.cedarschema");

/// For the longest policy that [`shape`] lets through, with room to spare. Only what is used is
/// taken.
const STACK_LEN: usize = 64 * 1024 * 1024;

/// The firm's documents, as read.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    /// Cedar.
    pub policies: &'a str,
    /// TOML.
    pub facts: &'a str,
}

impl Documents<'_> {
    /// SHA-256 over schema, policies and facts, each with its length, lower-case hexadecimal.
    pub fn digest(&self) -> String {
        let mut sha = Context::new(&SHA256);
        for d in [SCHEMA, self.policies, self.facts] {
            sha.update(&(d.len() as u64).to_be_bytes());
            sha.update(d.as_bytes());
        }
        sha.finish().as_ref().iter().fold(String::new(), |mut text, b| {
            let _ = write!(text, "{b:02x}");
            text
        })
    }
}

/// What the gateway is configured with, and policies may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// The gateway's CompID.
    pub gateway: String,
    /// CompIDs.
    pub dealers: BTreeSet<String>,
    /// By ISIN or currency pair.
    pub instruments: BTreeMap<String, InstrumentFacts>,
}

/// What policies can see of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentFacts {
    /// What traders call it; need not be unique. [`World::instrument`] resolves one that is unique.
    pub symbol: String,
    /// `Government bond`, `Corporate bond` or `FX spot`.
    pub class: String,
    /// ISO 4217 code of the quantity's currency.
    pub currency: String,
    /// Whether its id is an ISIN; else it is a currency pair.
    pub has_isin: bool,
}

impl World {
    /// The id of an instrument by its id or symbol; in words why not.
    pub fn instrument(&self, name: &str) -> Result<String, String> {
        if self.instruments.contains_key(name) {
            return Ok(name.to_owned());
        }
        let mut named = self.instruments.iter().filter(|(_, i)| i.symbol == name);
        match (named.next(), named.next()) {
            (Some((id, _)), None) => Ok(id.clone()),
            (Some(_), Some(_)) => {
                Err(format!("{name:?} is the symbol of several instruments: name the ISIN"))
            }
            (None, _) => Err(format!("{name:?} is not a configured instrument")),
        }
    }
}

/// Names of entity types, parsed once.
#[derive(Debug, Clone)]
pub(super) struct Kinds(HashMap<&'static str, EntityTypeName>);

impl Kinds {
    fn new() -> Result<Self, EntitleError> {
        const ALL: [&str; 13] = [
            "Group",
            "Trader",
            "Panel",
            "Dealer",
            "List",
            "Currency",
            "Class",
            "Side",
            "Instrument",
            "AdminGroup",
            "Administrator",
            "Gateway",
            "Action",
        ];
        let parsed = ALL.iter().map(|k| {
            Ok((*k, EntityTypeName::from_str(k).map_err(|e| EntitleError::Schema(e.to_string()))?))
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// `None` for a kind that is not in the schema.
    pub(crate) fn uid(&self, kind: &str, id: &str) -> Option<EntityUid> {
        Some(EntityUid::from_type_name_and_id(self.0.get(kind)?.clone(), EntityId::new(id)))
    }

    pub(super) fn must(&self, kind: &str, id: &str) -> Result<EntityUid, EntitleError> {
        self.uid(kind, id).ok_or_else(|| EntitleError::Schema(format!("no entity type {kind}")))
    }
}

impl CedarEntitlements {
    /// Loads all three, or nothing. Waits for a thread of its own: Cedar's parser and validator
    /// recurse, and what is left of the caller's stack is not known.
    pub fn load(documents: &Documents<'_>, world: &World) -> Result<Self, EntitleError> {
        let read = || Self::read(documents, world);
        std::thread::scope(|s| {
            let thread =
                std::thread::Builder::new().name("entitlements".into()).stack_size(STACK_LEN);
            let thread =
                thread.spawn_scoped(s, read).map_err(|e| EntitleError::NoThread(e.to_string()))?;
            thread.join().unwrap_or_else(|_| Err(EntitleError::NoThread("it ended early".into())))
        })
    }

    fn read(documents: &Documents<'_>, world: &World) -> Result<Self, EntitleError> {
        for (document, text) in [("policies", documents.policies), ("facts", documents.facts)] {
            if text.len() > MAX_DOCUMENT_LEN {
                return Err(EntitleError::TooLarge { document, max: MAX_DOCUMENT_LEN });
            }
        }
        let kinds = Kinds::new()?;
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
            .map_err(|e| EntitleError::Schema(e.to_string()))?;
        let facts = Facts::from_toml(documents.facts, world)?;
        let entities = entities(&kinds, &facts, world, &schema)?;
        let policies = policies(documents.policies)?;
        let names = Names::of(&facts, world);
        for p in policies.policies() {
            names.check(p)?;
        }
        validate(&policies, &schema)?;
        Self::new(kinds, policies, entities, facts, world.clone(), documents)
    }
}

fn entities(
    kinds: &Kinds,
    facts: &Facts,
    world: &World,
    schema: &Schema,
) -> Result<Entities, EntitleError> {
    let mut all = Vec::new();
    for (member, group, groups) in [
        ("Trader", "Group", &facts.groups),
        ("Dealer", "Panel", &facts.panels),
        ("Administrator", "AdminGroup", &facts.admin_groups),
    ] {
        for name in groups.keys() {
            all.push(Entity::new_no_attrs(kinds.must(group, name)?, HashSet::new()));
        }
        for (name, of) in by_member(groups) {
            let parents = of.iter().map(|g| kinds.must(group, g)).collect::<Result<_, _>>()?;
            all.push(Entity::new_no_attrs(kinds.must(member, name)?, parents));
        }
    }
    for list in facts.lists.keys() {
        all.push(Entity::new_no_attrs(kinds.must("List", list)?, HashSet::new()));
    }
    let lists = by_member(&facts.lists);
    let none = BTreeSet::new();
    for (id, i) in &world.instruments {
        if !is_currency(&i.currency) {
            return Err(EntitleError::World(format!(
                "instrument {id}: {:?} is not a currency",
                i.currency
            )));
        }
        let entity =
            |kind, id: &str| Ok(RestrictedExpression::new_entity_uid(kinds.must(kind, id)?));
        let mut attributes = HashMap::from([
            ("class".to_owned(), entity("Class", &i.class)?),
            ("currency".to_owned(), entity("Currency", &i.currency)?),
        ]);
        if i.has_isin {
            attributes.insert("isin".into(), RestrictedExpression::new_string(id.clone()));
        }
        let parents = lists
            .get(id.as_str())
            .unwrap_or(&none)
            .iter()
            .map(|l| kinds.must("List", l))
            .collect::<Result<_, _>>()?;
        let made = Entity::new(kinds.must("Instrument", id)?, attributes, parents);
        all.push(made.map_err(|e| EntitleError::World(format!("instrument {id}: {e}")))?);
    }
    Entities::from_entities(all, Some(schema)).map_err(|e| EntitleError::World(e.to_string()))
}

/// Parses the policies and names each by its `@id`.
fn policies(text: &str) -> Result<PolicySet, EntitleError> {
    shape::check(text)?;
    let parsed = PolicySet::from_str(text).map_err(|e| syntax(text, &e))?;
    if parsed.num_of_templates() > 0 {
        return Err(EntitleError::Template);
    }
    if parsed.num_of_policies() > MAX_POLICIES {
        return Err(EntitleError::TooManyPolicies(MAX_POLICIES));
    }
    let mut named = PolicySet::new();
    let mut seen = BTreeSet::new();
    // In the order of the file, so that the first fault is the first one named.
    let mut all: Vec<(usize, &Policy)> = parsed.policies().map(|p| (number(p), p)).collect();
    all.sort_by_key(|(n, _)| *n);
    for (number, p) in all {
        let id = p.annotation("id").ok_or(EntitleError::NoId { number })?.to_owned();
        check_annotations(&id, p)?;
        if !seen.insert(id.clone()) {
            return Err(EntitleError::IdTwice(id));
        }
        let with_id = p.new_id(PolicyId::new(&id));
        named.add(with_id).map_err(|e| EntitleError::Invalid { id, why: e.to_string() })?;
    }
    Ok(named)
}

/// Cedar calls policies `policy0`, `policy1`, ... in the order of the text.
fn number(p: &Policy) -> usize {
    let id: &str = p.id().as_ref();
    id.trim_start_matches("policy").parse::<usize>().map_or(0, |n| n + 1)
}

fn check_annotations(id: &str, p: &Policy) -> Result<(), EntitleError> {
    let bad =
        |why: String| Err(EntitleError::BadAnnotation { id: id.chars().take(80).collect(), why });
    if !is_name(id) || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return bad("an id is 1 to 64 of the characters a-z A-Z 0-9 - _ .".into());
    }
    for (name, text) in p.annotations() {
        match name {
            "id" => {}
            "words" | "cure" => {
                let chars = text.chars().count();
                if !(1..=MAX_WORDS_CHARS).contains(&chars) || text.chars().any(char::is_control) {
                    return bad(format!("@{name} is 1 to {MAX_WORDS_CHARS} printable characters"));
                }
            }
            other => return bad(format!("@{other} is not known; there are @id, @words and @cure")),
        }
    }
    Ok(())
}

fn syntax(text: &str, e: &cedar_policy::ParseErrors) -> EntitleError {
    let offset =
        e.iter().next().and_then(|e| e.labels()).and_then(|mut l| l.next()).map(|l| l.offset());
    let place = offset.and_then(|o| text.get(..o)).map_or("somewhere".into(), |before| {
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        format!("line {}, column {column}", before.matches('\n').count() + 1)
    });
    EntitleError::Syntax { place, message: e.to_string() }
}

fn validate(policies: &PolicySet, schema: &Schema) -> Result<(), EntitleError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let strip = |id: &PolicyId, e: String| {
        let text = e.replace(&format!("for policy `{id}`, "), "");
        (id.to_string(), text)
    };
    let mut errors: Vec<_> =
        result.validation_errors().map(|e| strip(e.policy_id(), e.to_string())).collect();
    errors.sort();
    if let Some((id, why)) = errors.into_iter().next() {
        return Err(EntitleError::Invalid { id, why });
    }
    let mut warnings: Vec<_> =
        result.validation_warnings().map(|w| strip(w.policy_id(), w.to_string())).collect();
    warnings.sort();
    match warnings.into_iter().next() {
        Some((id, why)) => Err(EntitleError::Warned { id, why }),
        None => Ok(()),
    }
}

/// Every name a policy may use.
struct Names<'a> {
    world: &'a World,
    facts: &'a Facts,
    traders: BTreeSet<&'a str>,
    administrators: BTreeSet<&'a str>,
    currencies: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(facts: &'a Facts, world: &'a World) -> Self {
        let traded = world.instruments.values().map(|i| i.currency.as_str());
        Self {
            world,
            facts,
            traders: facts.traders(),
            administrators: facts.administrators(),
            currencies: facts.rates.keys().map(String::as_str).chain(traded).collect(),
        }
    }

    fn check(&self, p: &Policy) -> Result<(), EntitleError> {
        let id = || p.id().to_string();
        for uid in p.entity_literals() {
            let (kind, name) = (uid.type_name().to_string(), uid.id().unescaped());
            let known = match kind.as_str() {
                "Group" => self.facts.groups.contains_key(name),
                "Trader" => self.traders.contains(name),
                "Panel" => self.facts.panels.contains_key(name),
                "Dealer" => self.world.dealers.contains(name),
                "List" => self.facts.lists.contains_key(name),
                "Instrument" => self.world.instruments.contains_key(name),
                "Currency" => self.currencies.contains(name),
                "AdminGroup" => self.facts.admin_groups.contains_key(name),
                "Administrator" => self.administrators.contains(name),
                "Gateway" => self.world.gateway == name,
                // The validator knows these.
                "Action" | "Class" | "Side" => true,
                _ => false,
            };
            if !known {
                return Err(EntitleError::UnknownName { id: id(), kind, name: name.to_owned() });
            }
        }
        let texts = literals::texts(p).ok_or_else(|| EntitleError::Invalid {
            id: id(),
            why: "it cannot be analysed".into(),
        })?;
        let unknown =
            texts.into_iter().find(|t| !self.world.instruments.get(t).is_some_and(|i| i.has_isin));
        unknown.map_or(Ok(()), |text| Err(EntitleError::BadText { id: id(), text }))
    }
}
