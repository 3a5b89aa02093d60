//! The headers of every answer, and the cookie.

use crate::listeners::https::Response;
use hyper::header::{self, HeaderName, HeaderValue};

/// `__Host-`: of this host only, over TLS only, for every path.
pub(super) const COOKIE: &str = "__Host-signet-console";

/// Nothing but the console's own files, and nothing that could put a page of it into another one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

const ALL: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("strict-transport-security", "max-age=31536000"),
];

/// Puts them on; what is about people is kept nowhere, pages are asked for again each time.
pub(super) fn on(mut r: Response, is_page: bool) -> Response {
    let headers = r.headers_mut();
    for (name, value) in ALL {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let kept = if is_page { "no-cache" } else { "no-store" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    r
}

/// Sets the cookie of a session; of none, takes it away.
pub(super) fn set_cookie(r: &mut Response, token: Option<&str>) {
    let text = match token {
        Some(t) => format!("{COOKIE}={t}; Path=/; Secure; HttpOnly; SameSite=Strict"),
        None => format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"),
    };
    // Base64url and fixed words: this does not fail.
    if let Ok(value) = HeaderValue::from_str(&text) {
        r.headers_mut().insert(header::SET_COOKIE, value);
    }
}
