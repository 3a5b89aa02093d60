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
