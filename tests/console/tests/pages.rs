//! The pages with a stand-in for the gateway: what a person sees, and what a real gateway reaches
//! rarely.

#![cfg(target_os = "linux")]

use fantoccini::{
    Locator,
    actions::{InputSource as _, MouseActions, PointerAction},
};
use serde_json::json;
use signet_console_tests::{Browser, Fake, Start};
use std::time::Duration;

const VIEWS: [&str; 9] =
    ["overview", "sessions", "rfqs", "alerts", "fleet", "locks", "dealers", "policies", "evidence"];
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const DOWN: &str = "\u{e015}";

/// A browser on the console, logged in.
async fn opened(fake: &Fake) -> Option<Browser> {
    let b = Browser::open(Start::default()).await?;
    b.plug_in_key().await;
    b.goto(&fake.address()).await;
    b.find("nav a[aria-current]").await;
    Some(b)
}

/// What has the keyboard: its text, or its id.
async fn focus(b: &Browser) -> String {
    let active = "const a = document.activeElement; return a.innerText || a.id || a.tagName;";
    b.script(active).await.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_registered_by_a_code_and_logs_in() {
    let fake = Fake::start();
    fake.set(&json!({ "over": true }));
    let Some(b) = Browser::open(Start::default()).await else { return };
    b.goto(&fake.address()).await;
    b.find("#name").await;
    // The whole path by keyboard: the name has the focus already.
    b.until("the name has the keyboard", "document.activeElement?.id === 'name'").await;
    for scheme in ["light", "dark"] {
        b.scheme(scheme).await;
        b.accessible("login").await;
        b.shot(&format!("login-{scheme}")).await;
    }
    b.plug_in_key().await;
    b.keys("ada\u{e007}").await;
    b.says("No key answered").await;

    b.click("summary").await;
    b.write("#code", "WRONG").await;
    b.write("#label", "blue key").await;
    b.press("Register this key").await;
    b.says("The code is wrong, used or older than an hour").await;
    b.accessible("a refused code").await;
    b.shot("register").await;
    b.client().find(Locator::Css("#code")).await.unwrap().clear().await.unwrap();
    b.write("#code", "GOOD-CODE").await;
    fake.set(&json!({ "over": false }));
    b.press("Register this key").await;
    b.find("nav a[aria-current]").await;
    let made = fake.posted("register/finish");
    assert_eq!(made["label"], "blue key");
    assert!(made["credential"]["response"]["attestationObject"].is_string());

    b.click("#logout").await;
    b.find("#name").await;
    b.write("#name", "ada").await;
    b.press("Log in with your key").await;
    b.find("nav a[aria-current]").await;
    assert!(fake.posted("login/finish")["credential"]["response"]["signature"].is_string());
    b.unblemished().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_is_accessible_and_breaks_no_rule_of_its_policy() {
    let fake = Fake::start();
    let Some(b) = opened(&fake).await else { return };
    for scheme in ["light", "dark"] {
        b.scheme(scheme).await;
        for view in VIEWS {
            b.view(view).await;
            // Something was drawn.
            b.until(view, "document.querySelector('.verdict, tbody tr, form.search')").await;
            b.accessible(&format!("{view} {scheme}")).await;
            let selects = "document.querySelector('tbody button.name')?.click();";
            match view {
                "evidence" => {
                    b.press("Search").await;
                    b.find("tbody button.name").await;
                    b.script(selects).await;
                }
                "policies" => {
                    b.script("document.querySelector('#change-risk').click();").await;
                    b.script(selects).await;
                    b.until("a difference", "document.querySelector('.panel .diff')").await;
                }
                _ => drop(b.script(selects).await),
            }
            b.script(
                "document.activeElement.blur(); document.querySelector('main').scrollTo(0, 0);",
            )
            .await;
            b.accessible(&format!("{view} {scheme}, something selected")).await;
            b.shot(&format!("{view}-{scheme}")).await;
        }
    }
    b.size(3840, 2160).await;
    for view in ["overview", "sessions", "policies"] {
        b.view(view).await;
        b.until(view, "document.querySelector('.verdict, tbody tr')").await;
        b.shot(&format!("{view}-4k")).await;
    }
    for (width, height) in [(1280, 800), (1920, 1080), (3840, 2160)] {
        b.size(width, height).await;
        for view in VIEWS {
            b.view(view).await;
            let fits = "document.querySelector('main').scrollWidth <= \
                document.querySelector('main').clientWidth && \
                document.documentElement.scrollWidth <= innerWidth";
            b.until(&format!("{view} fits into {width}"), fits).await;
        }
    }
    b.unblemished().await;
    b.close().await;
}

const ROW: &str = "return document.querySelector(\"tr[data-key^='DESK4 ']\")\
    .getBoundingClientRect().top;";

/// Rests the pointer in the middle of an element.
async fn point(b: &Browser, css: &str) {
    let target = b.find(css).await;
    let to = PointerAction::MoveToElement {
        element: target,
        duration: Some(Duration::ZERO),
        x: 0.0,
        y: 0.0,
    };
    b.client().perform_actions(MouseActions::new("mouse".into()).then(to)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_under_the_pointer_or_beside_what_is_selected() {
    let fake = Fake::start();
    let Some(b) = opened(&fake).await else { return };
    b.view("sessions").await;
    let at = b.script(ROW).await;
    point(&b, "tr[data-key^='DESK4 '] td:nth-child(4)").await;
    b.script("window.was = document.querySelectorAll('tbody tr').length;").await;
    // Others came, with more risk, and one has ended.
    fake.make(3, 100);
    b.says("3 new").await;
    assert_eq!(b.script(ROW).await, at);
    b.until(
        "it has ended",
        "document.querySelector(\"tr[data-key^='DESK4 '] .tag\").checkVisibility()",
    )
    .await;
    b.until("no row moved", "document.querySelectorAll('tbody tr').length === window.was").await;
    b.accessible("rows wait").await;
    b.shot("rows-wait").await;
    // Away from the rows the list is what it is.
    point(&b, "nav").await;
    b.until("three rows", "document.querySelectorAll('tbody tr').length === 3").await;

    b.click("tr[data-key^='DESK101 '] button.name").await;
    point(&b, "nav").await;
    fake.make(5, 100);
    b.says("2 new").await;
    b.until("three rows", "document.querySelectorAll('tbody tr').length === 3").await;
    b.press("2 new").await;
    b.until("five rows", "document.querySelectorAll('tbody tr').length === 5").await;
    b.until("it stays selected", "document.querySelector('.panel h2').innerText === 'DESK101'")
        .await;
    b.unblemished().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_rows_are_found_by_a_filter() {
    let fake = Fake::start();
    fake.make(5000, 1);
    let Some(b) = opened(&fake).await else { return };
    b.view("sessions").await;
    b.says("5,000 sessions · the gateway left out more").await;
    b.until("a page of rows", "document.querySelectorAll('tbody tr').length === 250").await;
    b.shot("thousands").await;
    b.write(".filter", "DESK4711").await;
    b.says("1 match of 5,000 sessions").await;
    b.until("one row", "document.querySelectorAll('tbody tr').length === 1").await;
    b.write(".filter", " nobody").await;
    b.says("No session matches the filter.").await;
    b.accessible("nothing found").await;
    b.client().find(Locator::Css(".filter")).await.unwrap().clear().await.unwrap();
    b.script("document.querySelector('.filter').dispatchEvent(new Event('input'));").await;
    b.press("Show 250 more of 4750").await;
    b.until("two pages", "document.querySelectorAll('tbody tr').length === 500").await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_away_is_said_with_the_time_since() {
    let fake = Fake::start();
    let Some(b) = opened(&fake).await else { return };
    b.view("sessions").await;
    b.find("tbody tr").await;
    assert!(!b.is_saying("cannot be reached").await);
    fake.set(&json!({ "down": "cut" }));
    b.says("The gateway cannot be reached since").await;
    b.says("The connection failed. What you see is from then.").await;
    // What was known is still there.
    b.find("tbody tr").await;
    b.accessible("not reached").await;
    b.shot("not-reached").await;
    fake.set(&json!({ "down": "busy" }));
    b.says("It answered: The trading thread does not answer.").await;
    fake.set(&json!({ "down": null }));
    b.until("it is over", "document.querySelector('.banner').hidden").await;
    // A refusal of one view is said there, and is no silence of the gateway.
    fake.set(&json!({ "refuse": { "sessions": [403, {
        "code": "entitle.denied", "words": "Your policies do not permit admin-read.",
    }] } }));
    b.until("why", "document.querySelector('.view-fault').innerText.includes('admin-read')").await;
    b.until("no banner", "document.querySelector('.banner').hidden").await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_loses_no_draft() {
    let fake = Fake::start();
    fake.set(&json!({ "over": true }));
    let Some(b) = Browser::open(Start::default()).await else { return };
    b.plug_in_key().await;
    b.goto(&fake.address()).await;
    b.click("summary").await;
    b.write("#code", "GOOD-CODE").await;
    b.write("#label", "blue key").await;
    fake.set(&json!({ "over": false }));
    b.press("Register this key").await;

    b.view("policies").await;
    b.click("#change-risk").await;
    b.until("the editor has the keyboard", "document.activeElement.id === 'draft-settings'").await;
    b.keys("# a thought\n").await;
    fake.set(&json!({ "over": true }));
    b.says("Your session is over").await;
    b.accessible("session over").await;
    b.shot("session-over").await;
    // There is no way around it.
    b.keys(ESCAPE).await;
    b.says("Your session is over").await;
    let behind = "return document.elementFromPoint(80, 200)?.closest('nav') === null;";
    assert_eq!(b.script(behind).await, true);
    b.press("Log in with your key").await;
    b.until("the dialog is gone", "document.querySelector('dialog') === null").await;
    b.until("the keyboard is back", "document.activeElement.id === 'draft-settings'").await;
    let draft = "document.querySelector('#draft-settings').value.includes('# a thought')";
    b.until("the draft", draft).await;
    // Nor does another view.
    b.view("sessions").await;
    b.view("policies").await;
    b.until("the draft", draft).await;
    // A refusal is read where the button is, and the text can be corrected.
    let late = "This answer is late; begin again.";
    fake.set(&json!({ "refuse": { "policies/prepare/finish": [409, {
        "code": "console.not_open", "words": late,
    }] } }));
    b.press("Prepare with your key").await;
    b.says(late).await;
    let back = "document.activeElement.innerText === 'Prepare with your key'";
    b.until("the keyboard is back at the button", back).await;
    let open = "[...document.querySelectorAll('.draft textarea')].every((t) => !t.readOnly)";
    b.until("the text is open", open).await;
    b.accessible("a refused preparation").await;
    b.shot("refused-preparation").await;
    assert!(fake.posts().iter().all(|p| p["name"] != "policies/prepare/finish"));
    fake.set(&json!({ "refuse": {} }));
    // What is signed for is on the page before the key is touched; the key here answers at once.
    b.script(
        "window.shown = ''; new MutationObserver(() => { \
            window.shown ||= document.querySelector('.draft .diff')?.innerText ?? ''; \
        }).observe(document.body, { childList: true, subtree: true });",
    )
    .await;
    b.press("Prepare with your key").await;
    b.says("You prepared this. It waits for the key of another administrator.").await;
    b.until("the keyboard is at the top", "document.activeElement.tagName === 'H1'").await;
    assert_eq!(b.script("return window.shown.includes('step_up = 50');").await, true);
    let asked = fake.posted("policies/prepare/start");
    assert_eq!(asked["base"], "a".repeat(64), "what was edited");
    let sent = fake.posted("policies/prepare/finish");
    assert!(sent["credential"]["response"]["signature"].is_string());
    // What the key signed for is what is sent.
    assert_eq!((&sent["policy"], &sent["documents"]), (&asked["policy"], &asked["documents"]));
    assert!(sent["documents"]["settings"].as_str().unwrap().contains("# a thought"));
    // What was not changed is not sent.
    assert_eq!(sent["documents"].as_object().unwrap().len(), 1);
    b.unblemished().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_reaches_everything_and_comes_back() {
    let fake = Fake::start();
    let Some(b) = opened(&fake).await else { return };
    // Beyond the header: skip, log out, the views.
    b.script("document.querySelector('nav a').focus();").await;
    b.keys(DOWN).await;
    b.keys(ENTER).await;
    b.until("sessions", "document.querySelector('h1').innerText === 'Sessions'").await;
    assert_eq!(focus(&b).await, "Sessions");
    b.find("tbody tr").await;
    // Filter, list, first row.
    for _ in 0..3 {
        b.keys(TAB).await;
    }
    assert_eq!(focus(&b).await, "DESK2");
    b.keys(ENTER).await;
    b.until("its details", "document.querySelector('.panel h2').innerText === 'DESK2'").await;
    b.keys(DOWN).await;
    b.until("the next", "document.querySelector('.panel h2').innerText === 'DESK6'").await;
    b.keys(TAB).await;
    assert_eq!(focus(&b).await, "End session…");
    b.keys(ENTER).await;
    b.says("End the session of DESK6?").await;
    b.accessible("a dialog").await;
    b.shot("dialog").await;
    b.keys(ESCAPE).await;
    b.until("closed", "document.querySelector('dialog') === null").await;
    assert_eq!(focus(&b).await, "End session…");
    // A refusal is read where the question was asked; the reason is still there.
    fake.set(&json!({ "refuse": { "sessions/end": [403, {
        "code": "risk.no_step_up", "words": "The risk policy does not allow this from here.",
    }] } }));
    b.keys(ENTER).await;
    b.keys("fire drill\u{e007}").await;
    b.says("The risk policy does not allow this from here.").await;
    b.until("typed", "document.querySelector('dialog input').value === 'fire drill'").await;
    fake.set(&json!({ "refuse": {} }));
    b.keys(ENTER).await;
    b.says("The session of DESK6 was ended.").await;
    assert_eq!(fake.posted("sessions/end"), json!({ "desk": "DESK6", "reason": "fire drill" }));
    assert_eq!(fake.posts().last().unwrap()["csrf"], "token");
    b.until("closed", "document.querySelector('dialog') === null").await;
    let somewhere = "document.activeElement !== document.body";
    b.until("the keyboard is somewhere", somewhere).await;
    b.view("sessions").await;
    b.unblemished().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_approves_by_one_touch() {
    let fake = Fake::start();
    fake.set(&json!({ "over": true }));
    let Some(b) = Browser::open(Start::default()).await else { return };
    b.plug_in_key().await;
    b.goto(&fake.address()).await;
    b.click("summary").await;
    b.write("#code", "GOOD-CODE").await;
    b.write("#label", "blue key").await;
    fake.set(&json!({ "over": false }));
    b.press("Register this key").await;
    b.find("nav [href='#/policies'] .badge").await;
    b.until(
        "one waits",
        "document.querySelector(\"nav [href='#/policies'] .badge\").innerText === '1 waits'",
    )
    .await;
    b.view("policies").await;
    b.says("Change of the risk policy by bob").await;
    // What cannot be seen is shown: it could turn the text around.
    b.says("U+202E").await;
    b.says("characters that cannot be seen").await;
    let one = "document.querySelectorAll('.waiting button.main').length === 1";
    b.until("one obvious action", one).await;
    let seen = "const r = document.querySelector('.approve').getBoundingClientRect(); \
        return r.top >= 0 && r.bottom <= innerHeight;";
    assert_eq!(b.script(seen).await, true);
    b.press("Approve with your key").await;
    b.says("The risk policy that bob prepared is in force.").await;
    b.says("bob and ada").await;
    b.says("No change waits.").await;
    let sent = fake.posted("policies/approve/finish");
    assert_eq!(sent["digest"], "b".repeat(64));
    assert!(sent["credential"]["response"]["signature"].is_string());
    b.unblemished().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_sees_no_buttons() {
    let fake = Fake::start();
    let may = json!({ "read": true, "lock": false, "sessions": false, "policy": false });
    fake.set(&json!({ "may": may }));
    let Some(b) = opened(&fake).await else { return };
    let buttons = "[...document.querySelectorAll('main button')].some((x) => \
        x.checkVisibility() && /(end|lift|resume|change|approve|reject|withdraw)/i.test(x.innerText))";
    for view in VIEWS {
        b.view(view).await;
        b.until(view, "document.querySelector('.verdict, tbody tr, form.search')").await;
        b.script("document.querySelector('tbody button.name')?.click();").await;
        assert_eq!(b.script(&format!("return {buttons};")).await, false, "{view}");
    }
    b.view("policies").await;
    b.says("You may not approve changes").await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_peers_never_becomes_markup() {
    let fake = Fake::start();
    let evil = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    let found = json!([{ "at": "2026-11-28T10:00:00Z", "code": evil, "severity": evil,
        "user": evil, "desk": evil, "rfq": evil, "words": evil }]);
    let sessions = json!({ "sessions": [{ "desk": evil, "user": evil, "device": evil,
        "address": evil, "country": evil, "network": evil, "transport": evil,
        "since": "nonsense", "score": 1, "level": evil,
        "factors": [{ "name": evil, "points": 1_000_000, "words": evil }], "step_up": evil,
        "certificate": { "serial": evil, "until": evil }, "open_rfqs": 1 }], "more": false });
    let diff = format!("@@ -1 +1 @@\n-{evil}\n+{evil}\n");
    let policies = json!({ "in_force": [{ "policy": "risk", "digest": "d", "since": null,
        "by": [evil], "documents": { "settings": evil } }], "waiting": [{ "digest": "e",
        "policy": evil, "before": "d", "by": evil, "at": "", "diff": diff, "mine": false }],
        "two_people": true });
    let alerts = json!([{ "n": 1, "at": "", "severity": evil, "code": evil, "subject": evil,
        "words": evil, "technique": evil }]);
    fake.set(&json!({ "found": found, "sessions": sessions, "policies": policies,
        "alerts": alerts, "locks": { "locks": [{ "kind": evil, "subject": evil, "words": evil,
        "since": null, "until": null }] } }));
    let Some(b) = opened(&fake).await else { return };
    for view in ["sessions", "alerts", "locks", "policies", "evidence"] {
        b.view(view).await;
        if view == "evidence" {
            b.press("Search").await;
        }
        b.until(view, "document.querySelector('main').innerText.includes('onerror=alert')").await;
        b.script("document.querySelector('tbody button.name')?.click();").await;
        let made = "return document.querySelectorAll('main img, main script').length;";
        assert_eq!(b.script(made).await, 0, "{view}");
    }
    // And were it tried, the browser would refuse it.
    let refused = "try { document.body.innerHTML = '<b>x</b>'; return 'taken'; } \
        catch (e) { return e.name; }";
    assert_eq!(b.script(refused).await, "TypeError");
    b.close().await;
}
