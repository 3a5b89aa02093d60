//! Which version a start puts in force: that of the files, or the one that two people approved.
//! Pure.

/// What a start does with the files of one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtStart {
    /// They are what was in force.
    Go,
    /// They are taken, and written into the history.
    Record,
    /// They were changed by nobody who may: what was in force comes from the history.
    Restore,
}

/// `files`: digest of the files; `in_force`: of what the history says was in force last.
pub fn at_start(two_people: bool, files: &str, in_force: Option<&str>) -> AtStart {
    match in_force {
        Some(digest) if digest == files => AtStart::Go,
        Some(_) if two_people => AtStart::Restore,
        // The first start with a history takes the files for what the firm wants.
        _ => AtStart::Record,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_starts() {
        for (two_people, files, in_force, want) in [
            (false, "a", None, AtStart::Record),
            (true, "a", None, AtStart::Record),
            (false, "a", Some("a"), AtStart::Go),
            (true, "a", Some("a"), AtStart::Go),
            (false, "b", Some("a"), AtStart::Record),
            (true, "b", Some("a"), AtStart::Restore),
        ] {
            assert_eq!(at_start(two_people, files, in_force), want, "{two_people} {files}");
        }
    }
}
