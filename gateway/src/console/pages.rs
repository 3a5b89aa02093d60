//! The pages, which are part of the program.

/// One file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Behind `/console/`.
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! page {
    ($name:literal, $file:literal, $kind:ident) => {
        Page { name: $name, kind: $kind, bytes: include_bytes!(concat!("../../console/", $file)) }
    };
}

const PAGES: &[Page] = &[
    page!("", "index.html", HTML),
    page!("app.js", "app.js", SCRIPT),
    page!("alerts.js", "alerts.js", SCRIPT),
    page!("api.js", "api.js", SCRIPT),
    page!("dealers.js", "dealers.js", SCRIPT),
    page!("dialog.js", "dialog.js", SCRIPT),
    page!("diff.js", "diff.js", SCRIPT),
    page!("difference.js", "difference.js", SCRIPT),
    page!("dom.js", "dom.js", SCRIPT),
    page!("evidence.js", "evidence.js", SCRIPT),
    page!("fleet.js", "fleet.js", SCRIPT),
    page!("format.js", "format.js", SCRIPT),
    page!("history.js", "history.js", SCRIPT),
    page!("keys.js", "keys.js", SCRIPT),
    page!("locks.js", "locks.js", SCRIPT),
    page!("login.js", "login.js", SCRIPT),
    page!("overview.js", "overview.js", SCRIPT),
    page!("parts.js", "parts.js", SCRIPT),
    page!("policies.js", "policies.js", SCRIPT),
    page!("policy_draft.js", "policy_draft.js", SCRIPT),
    page!("problems.js", "problems.js", SCRIPT),
    page!("rfqs.js", "rfqs.js", SCRIPT),
    page!("rows.js", "rows.js", SCRIPT),
    page!("sessions.js", "sessions.js", SCRIPT),
    page!("table.js", "table.js", SCRIPT),
    page!("waiting.js", "waiting.js", SCRIPT),
    page!("style.css", "style.css", STYLE),
    page!("icon.svg", "icon.svg", SVG),
];

/// The page of this name.
pub(super) fn page(name: &str) -> Option<&'static Page> {
    PAGES.iter().find(|p| p.name == name)
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|p| p.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs};

    #[test]
    fn every_file_of_the_folder_is_a_page_but_for_types() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/console");
        let name = |e: std::io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
        let files: BTreeSet<String> = fs::read_dir(folder).unwrap().map(name).collect();
        let pages = names().map(|n| if n.is_empty() { "index.html" } else { n }.to_owned());
        let pages: BTreeSet<String> = pages.chain(["contract.d.ts".to_owned()]).collect();
        assert_eq!(files, pages);
    }
}
