use super::*;
use hyper::header::{HeaderName, HeaderValue};

const ORIGIN: &str = "https://console.bank.example:9447";
const HOST: &str = "console.bank.example:9447";

fn headers(all: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in all {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

#[test]
fn table_of_routes() {
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    for (method, path, want) in [
        (&get, "/console/", Ok("page")),
        (&get, "/console/app.js", Ok("page")),
        (&get, "/console/api/me", Ok("Me")),
        (&post, "/console/api/policies/prepare/start", Ok("PrepareStart")),
        (&post, "/console/api/policies/prepare/finish", Ok("PrepareFinish")),
        (&post, "/console/api/policies/prepare", Err("console.not_found")),
        (&post, "/console/api/policies/approve/finish", Ok("ApproveFinish")),
        (&get, "/", Err("console.not_found")),
        (&get, "/console", Err("console.not_found")),
        (&get, "/console/index.html", Err("console.not_found")),
        (&get, "/console/../console/app.js", Err("console.not_found")),
        (&get, "/console//app.js", Err("console.not_found")),
        (&get, "/console/api/", Err("console.not_found")),
        (&get, "/console/api/me/", Err("console.not_found")),
        (&get, "/console/api/ME", Err("console.not_found")),
        (&get, "/v1/users", Err("console.not_found")),
        (&post, "/console/", Err("console.method")),
        (&get, "/console/api/logout", Err("console.method")),
        (&post, "/console/api/me", Err("console.method")),
        (&put, "/console/api/me", Err("console.method")),
        (&Method::HEAD, "/console/", Err("console.method")),
        (&Method::OPTIONS, "/console/api/logout", Err("console.method")),
    ] {
        let found = route(method, path).map(|r| match r {
            Route::Page(_) => "page".to_owned(),
            r => format!("{r:?}"),
        });
        let found = found.as_deref().map_err(ConsoleRefusal::code);
        assert_eq!(found, want, "{method} {path}");
    }
}

#[test]
fn only_login_and_pages_are_for_everybody() {
    for (path, post, r) in API {
        let open = path.starts_with("login/") || path.starts_with("register/");
        assert_eq!(r.needs() == Needs::Nothing, open, "{path}");
        let own = matches!(*path, "me" | "logout");
        assert_eq!(r.needs() == Needs::Session, own, "{path}");
        // What changes something is never entitled by the right to look.
        let reads = r.needs() == Needs::Right(AdminAction::Read);
        assert!(!(*post && reads), "{path}");
        assert!(*post || reads || own, "{path}");
    }
    assert!(super::super::pages::names().all(|n| page(n).is_some()));
}

#[test]
fn table_of_where_a_request_comes_from() {
    let (host, origin) = (("host", HOST), ("origin", ORIGIN));
    let site = |s: &'static str| ("sec-fetch-site", s);
    for (name, all, post, is_page, want) in [
        ("a page", vec![host], false, true, None),
        ("a page, linked to from elsewhere", vec![host, site("cross-site")], false, true, None),
        ("a question", vec![host, site("same-origin")], false, false, None),
        ("a question, typed", vec![host, site("none")], false, false, None),
        ("a question of a program", vec![host], false, false, None),
        ("a change", vec![host, origin, site("same-origin")], true, false, None),
        ("a change of a program", vec![host, origin], true, false, None),
        ("capitals", vec![("host", "Console.Bank.Example:9447")], false, true, None),
        ("no host", vec![], false, true, Some("console.host")),
        ("two hosts", vec![host, host], false, true, Some("console.host")),
        ("another host", vec![("host", "localhost:9447")], false, true, Some("console.host")),
        ("another port", vec![("host", "console.bank.example")], false, true, Some("console.host")),
        ("no origin", vec![host], true, false, Some("console.cross_site")),
        ("two origins", vec![host, origin, origin], true, false, Some("console.cross_site")),
        ("null", vec![host, ("origin", "null")], true, false, Some("console.cross_site")),
        (
            "another origin",
            vec![host, ("origin", "https://evil.example")],
            true,
            false,
            Some("console.cross_site"),
        ),
        (
            "one that begins alike",
            vec![host, ("origin", "https://console.bank.example:94470")],
            true,
            false,
            Some("console.cross_site"),
        ),
        (
            "one that differs by a slash",
            vec![host, ("origin", "https://console.bank.example:9447/")],
            true,
            false,
            Some("console.cross_site"),
        ),
        (
            "plain http",
            vec![host, ("origin", "http://console.bank.example:9447")],
            true,
            false,
            Some("console.cross_site"),
        ),
        (
            "a question with another origin",
            vec![host, ("origin", "https://evil.example")],
            false,
            false,
            Some("console.cross_site"),
        ),
        ("another site", vec![host, site("cross-site")], false, false, Some("console.cross_site")),
        ("a sibling", vec![host, site("same-site")], false, false, Some("console.cross_site")),
        (
            "two answers",
            vec![host, site("same-origin"), site("none")],
            false,
            false,
            Some("console.cross_site"),
        ),
    ] {
        let found = from_here(&headers(&all), ORIGIN, post, is_page);
        assert_eq!(found.err().map(|e| e.code()), want, "{name}");
    }
}

#[test]
fn table_of_cookies() {
    let token = "A".repeat(43);
    let ours = format!("{COOKIE}={token}");
    let want = Some(digest_of(&token));
    for (cookies, want) in [
        (vec![ours.clone()], want),
        (vec![format!("a=b; {ours}; c=d")], want),
        (vec!["a=b".to_owned(), ours.clone()], want),
        (vec![], None),
        (vec![format!("{ours}; {ours}")], None),
        (vec![ours.clone(), ours.clone()], None),
        (vec![format!("signet-console={token}")], None),
        (vec![format!("{COOKIE}={token}A")], None),
        (vec![format!("{COOKIE}=")], None),
        (vec![format!("{COOKIE}={}", "é".repeat(43))], None),
        (vec![format!("{COOKIE}=\"{token}\"")], None),
    ] {
        let all: Vec<_> = cookies.iter().map(|c| ("cookie", c.as_str())).collect();
        let mut map = HeaderMap::new();
        for (name, value) in all {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        assert_eq!(super::token(&map), want, "{cookies:?}");
    }
}

#[test]
fn table_of_csrf_tokens() {
    for (all, want) in [
        (vec![("x-signet-csrf", "secret")], true),
        (vec![], false),
        (vec![("x-signet-csrf", "")], false),
        (vec![("x-signet-csrf", "secre")], false),
        (vec![("x-signet-csrf", "secrets")], false),
        (vec![("x-signet-csrf", "Secret")], false),
        (vec![("x-signet-csrf", "secret"), ("x-signet-csrf", "secret")], false),
        (vec![("x-csrf", "secret")], false),
    ] {
        assert_eq!(repeats(&headers(&all), "secret"), want, "{all:?}");
    }
    assert!(by_person(&headers(&[])) && !by_person(&headers(&[("x-signet-poll", "1")])));
}

#[test]
fn table_of_queries() {
    let long = format!("rfq={}", "x".repeat(201));
    for (route, query, want) in [
        (Route::Evidence, "", Some(vec![])),
        (Route::Evidence, "rfq=&user=", Some(vec![])),
        (Route::Evidence, "rfq=A.1&user=alice", Some(vec![("rfq", "A.1"), ("user", "alice")])),
        (
            Route::Evidence,
            "from=2026-01-31T08%3A00%3A00Z",
            Some(vec![("from", "2026-01-31T08:00:00Z")]),
        ),
        (Route::Evidence, "rfq=a+b%20c", Some(vec![("rfq", "a b c")])),
        (Route::Evidence, "rfq=1&rfq=2", None),
        (Route::Evidence, "other=1", None),
        (Route::Evidence, "rfq=%0a", None),
        (Route::Evidence, "rfq=%00", None),
        (Route::Evidence, "rfq=%ff", None),
        (Route::Evidence, "rfq=%4", None),
        (Route::Evidence, "rfq=%zz", None),
        (Route::Evidence, &long, None),
        (Route::Me, "rfq=1", None),
        (Route::Alerts, "after=1", Some(vec![("after", "1")])),
    ] {
        let found = parameters(route, Some(query)).ok();
        let want = want.map(|w| w.into_iter().map(|(k, v)| (k, v.to_owned())).collect());
        assert_eq!(found, want, "{query}");
    }
}

#[test]
fn a_body_is_one_json_object_of_the_form_that_is_wanted() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: String,
    }
    let read = |text: &str| from_json::<Body>(text.as_bytes()).ok().map(|b| b.name);
    assert_eq!(read(r#" {"name":"ada"}"#).as_deref(), Some("ada"));
    for bad in [
        "",
        "[\"ada\"]",
        "\"ada\"",
        "null",
        "{}",
        r#"{"name":7}"#,
        r#"{"name":"ada","x":1}"#,
        r#"{"name":"ada","name":"bob"}"#,
        r#"{"name":"ada"} {}"#,
        "{\"name\":\"\u{0}",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}
