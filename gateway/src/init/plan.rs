//! What `init` does with each file, by what is there. Pure.

/// What a file holds, as far as overwriting is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Settings and policies: a person can write them again.
    Settings,
    /// A key with its certificate or its request: others rely on it.
    Identity,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Everybody: certificates.
    Public,
    /// The owner and the gateway's account.
    Settings,
    /// The gateway's account alone.
    Account,
    /// Whoever ran `init` alone: keys of authorities that the gateway does not need.
    Owner,
}

/// One file, relative to the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub name: String,
    pub kind: Kind,
    pub rights: Rights,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Write,
    /// What is there stays.
    Keep,
    /// Nothing at all is done, since this file is there.
    Stop,
}

/// What is done with a file; `there`: it exists; `force`: settings are written again.
pub fn plan(kind: Kind, there: bool, force: bool) -> Act {
    match (kind, there, force) {
        (_, false, _) | (Kind::Settings, true, true) => Act::Write,
        (Kind::Identity, true, true) => Act::Keep,
        (_, true, false) => Act::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_what_is_done_with_a_file() {
        for (kind, there, force, want) in [
            (Kind::Settings, false, false, Act::Write),
            (Kind::Settings, false, true, Act::Write),
            (Kind::Settings, true, false, Act::Stop),
            (Kind::Settings, true, true, Act::Write),
            (Kind::Identity, false, false, Act::Write),
            (Kind::Identity, false, true, Act::Write),
            (Kind::Identity, true, false, Act::Stop),
            (Kind::Identity, true, true, Act::Keep),
        ] {
            assert_eq!(plan(kind, there, force), want, "{kind:?} there {there} force {force}");
        }
    }
}
