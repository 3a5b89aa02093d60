//! Why documents are refused. At fault, unless a variant says otherwise: whoever wrote them.

/// The documents are refused as a whole; the ones in force stay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntitleError {
    /// A document is longer than [`super::MAX_DOCUMENT_LEN`].
    #[error("the {document} are larger than {max} bytes")]
    TooLarge {
        /// Which of the documents.
        document: &'static str,
        /// The most bytes it may have.
        max: usize,
    },
    /// At fault: us; the schema is part of the program.
    #[error("the built-in schema: {0}")]
    Schema(String),
    /// At fault: the machine, which has no room for another thread.
    #[error("no thread to read the policies with: {0}")]
    NoThread(String),
    /// The text is not Cedar.
    #[error("the policies, {place}: {message}")]
    Syntax {
        /// Line and column, or what is known of the place.
        place: String,
        /// What Cedar's parser says.
        message: String,
    },
    /// More policies than [`super::MAX_POLICIES`], which the number names.
    #[error("more than {0} policies")]
    TooManyPolicies(usize),
    /// A template permits nothing and forbids nothing by itself: a sign that something was
    /// forgotten.
    #[error("the policies hold a template (?principal or ?resource); write it out for each")]
    Template,
    /// Events and verdicts cite a policy by its id, so it must have one.
    #[error("policy number {number} has no @id(\"...\")")]
    NoId {
        /// The policy's place in the file, from 1.
        number: usize,
    },
    /// `@id`, `@words` or `@cure` is too long, empty, not printable or not one of the annotations
    /// known here.
    #[error("policy {id:?}: {why}")]
    BadAnnotation {
        /// The policy's `@id`.
        id: String,
        /// What is wrong with which annotation.
        why: String,
    },
    /// Two policies have this `@id`.
    #[error("the id {0:?} is used twice")]
    IdTwice(String),
    /// Cedar's validator, strict mode.
    #[error("policy {id}: {why}")]
    Invalid {
        /// The policy's `@id`.
        id: String,
        /// What the validator says.
        why: String,
    },
    /// It can never apply, or Cedar's validator warns: a policy that forbids nothing was meant to
    /// forbid something.
    #[error("policy {id} is refused: {why}")]
    Warned {
        /// The policy's `@id`.
        id: String,
        /// Why it is refused.
        why: String,
    },
    /// A policy with a mistyped name would limit nobody.
    #[error("policy {id} names {kind} {name:?}, which is not known")]
    UnknownName {
        /// The policy's `@id`.
        id: String,
        /// The entity type, such as `Dealer` or `Group`.
        kind: String,
        /// The unknown name.
        name: String,
    },
    /// A policy compares with a text that equals no instrument's ISIN, so the comparison never
    /// holds.
    #[error(
        "policy {id} compares with the text {text:?}, which is not the ISIN of an instrument here"
    )]
    BadText {
        /// The policy's `@id`.
        id: String,
        /// The text as the policy writes it.
        text: String,
    },
    /// The facts file is not TOML, or not of the shape it must have.
    #[error("the facts: {0}")]
    Facts(String),
    /// The facts file has its shape, and a value in it is wrong.
    #[error("the facts, {key}: {why}")]
    Fact {
        /// The key in the file, such as `rates.USD`.
        key: String,
        /// What is wrong with its value.
        why: String,
    },
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
            Self::TooLarge { .. } | Self::TooManyPolicies(_) => {
                "Use groups, panels and lists instead of one policy for each."
            }
            Self::UnknownName { .. } | Self::BadText { .. } => {
                "Correct the name, or add it to the facts or to the gateway's configuration."
            }
            Self::NoId { .. } | Self::IdTwice(_) | Self::BadAnnotation { .. } => {
                "Give each policy an @id of its own and keep it stable."
            }
            Self::NoThread(_) => "Free memory or threads on the machine and try again.",
            Self::World(_) => "Correct the gateway's configuration.",
            _ => "Correct it and run `signet-gateway policy check`.",
        }
    }
}
