//! Why documents are refused. At fault, unless a variant says otherwise: whoever wrote them.

/// The documents are refused as a whole; what was in force stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntitleError {
    #[error("the {document} are larger than {max} bytes")]
    TooLarge { document: &'static str, max: usize },
    /// At fault: us; the schema is part of the program.
    #[error("the built-in schema: {0}")]
    Schema(String),
    /// At fault: the machine, which has no room for another thread.
    #[error("no thread to read the policies with: {0}")]
    NoThread(String),
    /// The text is not Cedar.
    #[error("the policies, {place}: {message}")]
    Syntax { place: String, message: String },
    #[error("more than {0} policies")]
    TooManyPolicies(usize),
    /// A template permits nothing and forbids nothing by itself: a sign that something was forgotten.
    #[error("the policies hold a template (?principal or ?resource); write it out for each")]
    Template,
    #[error("policy number {number} has no @id(\"...\")")]
    NoId { number: usize },
    #[error("policy {id:?}: {why}")]
    BadAnnotation { id: String, why: String },
    #[error("the id {0:?} is used twice")]
    IdTwice(String),
    /// Cedar's validator, strict mode.
    #[error("policy {id}: {why}")]
    Invalid { id: String, why: String },
    /// It can never apply, or Cedar's validator warns: what forbids nothing was meant to forbid something.
    #[error("policy {id} is refused: {why}")]
    Warned { id: String, why: String },
    /// A slip in a name would make a limit that holds for nobody.
    #[error("policy {id} names {kind} {name:?}, which is not known")]
    UnknownName { id: String, kind: String, name: String },
    #[error("policy {id} compares with the text {text:?}, which is no ISIN of an instrument here")]
    BadText { id: String, text: String },
    /// The facts file is not TOML, or not of the shape it must have.
    #[error("the facts: {0}")]
    Facts(String),
    #[error("the facts, {key}: {why}")]
    Fact { key: String, why: String },
    /// At fault: the operator's configuration of dealers and instruments.
    #[error("the configuration: {0}")]
    World(String),
    /// The file of expectations.
    #[error("the expectations: {0}")]
    Expectations(String),
}

impl EntitleError {
    /// Stable code for screens, SIEM and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "entitle.too_large",
            Self::Schema(_) => "entitle.schema",
            Self::NoThread(_) => "entitle.no_thread",
            Self::Syntax { .. } => "entitle.syntax",
            Self::TooManyPolicies(_) => "entitle.too_many",
            Self::Template => "entitle.template",
            Self::NoId { .. } => "entitle.no_id",
            Self::BadAnnotation { .. } => "entitle.bad_annotation",
            Self::IdTwice(_) => "entitle.id_twice",
            Self::Invalid { .. } => "entitle.invalid",
            Self::Warned { .. } => "entitle.never_applies",
            Self::UnknownName { .. } => "entitle.unknown_name",
            Self::BadText { .. } => "entitle.bad_text",
            Self::Facts(_) | Self::Fact { .. } => "entitle.facts",
            Self::World(_) => "entitle.world",
            Self::Expectations(_) => "entitle.expectations",
        }
    }

    /// What would help.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Schema(_) => "This is a fault of the program: report it.",
            Self::TooLarge { .. } | Self::TooManyPolicies(_) => "Use groups, panels and lists instead of one policy for each.",
            Self::UnknownName { .. } | Self::BadText { .. } => {
                "Correct the name, or add it to the facts or to the gateway's configuration."
            }
            Self::NoId { .. } | Self::IdTwice(_) | Self::BadAnnotation { .. } => "Give each policy an @id of its own and keep it stable.",
            Self::NoThread(_) => "Free memory or threads on the machine and try again.",
            Self::World(_) => "Correct the gateway's configuration.",
            _ => "Correct it and run `signet-gateway policy check`.",
        }
    }
}
