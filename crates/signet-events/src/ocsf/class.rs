//! Class, activity and outcome.

use crate::{
    Class,
    catalogue::{Change, Stage},
};

/// `activity_id` of an activity that the class has no number for; its name says which.
pub(super) const OTHER: u32 = 99;

/// The classes that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    AccountChange,
    Authentication,
    AuthorizeSession,
    EntityManagement,
    ApiActivity,
    ApplicationLifecycle,
    DetectionFinding,
}

impl Category {
    pub(super) const fn class_uid(self) -> u32 {
        match self {
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::AuthorizeSession => 3003,
            Self::EntityManagement => 3004,
            Self::ApiActivity => 6003,
            Self::ApplicationLifecycle => 6002,
            Self::DetectionFinding => 2004,
        }
    }

    pub(super) const fn class_name(self) -> &'static str {
        match self {
            Self::AccountChange => "Account Change",
            Self::Authentication => "Authentication",
            Self::AuthorizeSession => "Authorize Session",
            Self::EntityManagement => "Entity Management",
            Self::ApiActivity => "API Activity",
            Self::ApplicationLifecycle => "Application Lifecycle",
            Self::DetectionFinding => "Detection Finding",
        }
    }

    pub(super) const fn uid(self) -> u32 {
        self.class_uid() / 1_000
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ApiActivity | Self::ApplicationLifecycle => "Application Activity",
            Self::DetectionFinding => "Findings",
            _ => "Identity & Access Management",
        }
    }

    /// Whether the class has `user`, which it then requires.
    pub(super) const fn has_user(self) -> bool {
        matches!(self, Self::AccountChange | Self::Authentication | Self::AuthorizeSession)
    }

    /// Whether the class has `actor` without the profile `host`.
    pub(super) const fn has_actor(self) -> bool {
        !matches!(self, Self::DetectionFinding | Self::ApplicationLifecycle)
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Refused,
    /// A finding: nobody has looked at it so far.
    New,
}

impl Outcome {
    pub(super) const fn status(self) -> (u8, &'static str) {
        match self {
            Self::Done => (1, "Success"),
            Self::Refused => (2, "Failure"),
            Self::New => (1, "New"),
        }
    }

    /// `action_id` and `action` of the profile `security_control`.
    pub(super) const fn action(self) -> (u8, &'static str) {
        match self {
            Self::Done => (1, "Allowed"),
            Self::Refused => (2, "Denied"),
            Self::New => (3, "Observed"),
        }
    }
}

/// What an entry is in OCSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) category: Category,
    pub(super) id: u32,
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
}

pub(super) fn activity(class: Class) -> Activity {
    let outcome = |done| if done { Outcome::Done } else { Outcome::Refused };
    let (category, (id, name), outcome) = match class {
        Class::AccountChange(c) => (Category::AccountChange, account(c), Outcome::Done),
        Class::Logon(ok) => (Category::Authentication, (1, "Logon"), outcome(ok)),
        Class::Logoff => (Category::Authentication, (2, "Logoff"), Outcome::Done),
        Class::Authorize(ok) => (Category::AuthorizeSession, (1, "Assign Privileges"), outcome(ok)),
        Class::Entity(c) => (Category::EntityManagement, entity(c), Outcome::Done),
        Class::Message(c, ok) => (Category::ApiActivity, api(c), outcome(ok)),
        Class::Lifecycle(s) => (Category::ApplicationLifecycle, stage(s), Outcome::Done),
        Class::Finding => (Category::DetectionFinding, (1, "Create"), Outcome::New),
    };
    Activity { category, id, name, outcome }
}

fn account(c: Change) -> (u32, &'static str) {
    match c {
        Change::Create => (1, "Create"),
        Change::Enable => (2, "Enable"),
        Change::Disable => (5, "Disable"),
        Change::Delete => (6, "Delete"),
        Change::Lock => (9, "Lock"),
        Change::Unlock => (12, "Unlock"),
        other => (OTHER, caption(other)),
    }
}

fn entity(c: Change) -> (u32, &'static str) {
    match c {
        Change::Create => (1, "Create"),
        Change::Read => (2, "Read"),
        Change::Update => (3, "Update"),
        Change::Delete => (4, "Delete"),
        Change::Enable => (8, "Enable"),
        Change::Disable => (9, "Disable"),
        other => (OTHER, caption(other)),
    }
}

fn api(c: Change) -> (u32, &'static str) {
    match c {
        Change::Create => (1, "Create"),
        Change::Read => (2, "Read"),
        Change::Update => (3, "Update"),
        Change::Delete => (4, "Delete"),
        other => (OTHER, caption(other)),
    }
}

fn stage(s: Stage) -> (u32, &'static str) {
    match s {
        Stage::Start => (3, "Start"),
        Stage::Stop => (4, "Stop"),
        Stage::Other => (OTHER, "Change"),
    }
}

fn caption(c: Change) -> &'static str {
    match c {
        Change::Create => "Create",
        Change::Read => "Read",
        Change::Update => "Update",
        Change::Delete => "Delete",
        Change::Enable => "Enable",
        Change::Disable => "Disable",
        Change::Lock => "Lock",
        Change::Unlock => "Unlock",
        Change::Reset => "Reset",
    }
}
