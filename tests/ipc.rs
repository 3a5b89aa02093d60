//! The real command table and the real capabilities on Tauri's mock runtime: no display needed.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use signet_desk::Shell;
use signet_desk_core::view::Problem;
use tauri::{
    Manager, WebviewWindow, WebviewWindowBuilder,
    ipc::{CallbackFn, InvokeBody},
    test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder},
    webview::InvokeRequest,
};

const OWN_PAGE: &str = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };

#[test]
fn a_granted_command_reaches_the_desk() {
    let answer = call(&window("main"), "info", json!({}), OWN_PAGE);
    assert_eq!(answer.expect_err("this desk did not start")["code"], "desk.none");
}

#[test]
fn a_command_of_the_contract_refuses_malformed_arguments() {
    let answer = call(&window("main"), "arm", json!({ "intent": { "rfqId": 7 } }), OWN_PAGE);
    assert!(answer.expect_err("a number is no id").to_string().contains("invalid args"));
}

#[test]
fn a_command_granted_to_nobody_is_refused() {
    let refused =
        call(&window("main"), "ungranted", json!({}), OWN_PAGE).expect_err("granted to no window");
    assert!(refused.to_string().contains("not allowed"), "{refused}");
}

#[test]
fn another_window_may_call_nothing() {
    let refused = call(&window("other"), "info", json!({}), OWN_PAGE)
        .expect_err("the capability names one window");
    assert!(refused.to_string().contains("not allowed"), "{refused}");
}

#[test]
fn a_remote_page_may_call_nothing() {
    let refused = call(&window("main"), "info", json!({}), "https://example.com")
        .expect_err("no remote origin");
    assert!(refused.to_string().contains("not allowed"), "{refused}");
}

#[test]
fn contract_capability_and_isolation_list_name_the_same_commands() {
    let contract = contract_commands();
    assert_eq!(capability_commands(), contract, "src-tauri/capabilities/main.json");
    let isolation: BTreeSet<String> = isolation_commands()
        .into_iter()
        .filter(|c| !c.contains('|') && !measuring_commands().contains(c))
        .collect();
    assert_eq!(isolation, contract, "ui/isolation/index.js");
}

/// The measuring page is stopped by the same two lists, and it tells nobody that it was.
#[test]
fn handler_permissions_and_isolation_list_name_the_same_measuring_commands() {
    let measuring = measuring_commands();
    let permissions = read("src-tauri/permissions/bench.toml");
    let allowed: BTreeSet<String> = permissions
        .lines()
        .filter_map(|line| line.strip_prefix("commands.allow = "))
        .flat_map(|list| list.split('"').skip(1).step_by(2).map(str::to_owned))
        .collect();
    assert_eq!(allowed, measuring, "src-tauri/permissions/bench.toml");
    let missing: Vec<_> = measuring.difference(&isolation_commands()).cloned().collect();
    assert!(missing.is_empty(), "ui/isolation/index.js lacks {missing:?}");
}

/// What the handler of a measuring build answers.
fn measuring_commands() -> BTreeSet<String> {
    let source = read("src-tauri/bench.rs");
    let (_, list) = source.split_once("generate_handler![").expect("the handler");
    let (list, _) = list.split_once(']').expect("its end");
    list.split(',').map(|c| c.trim().to_owned()).collect()
}

#[cfg(feature = "bench")]
#[test]
fn a_measuring_build_records_what_was_painted() {
    let window = window("main");
    call(&window, "first_paint", json!({ "atMs": 5.0 }), OWN_PAGE).expect("granted in this build");
    let frames = json!({ "marks": [{ "seq": 7.0, "changed": 3, "paintedAtMs": 9.0 }], "drawn": 2 });
    call(&window, "bench_frames", frames, OWN_PAGE).expect("granted in this build");
    assert_eq!(signet_desk::bench::first_paint_ms(), Some(5.0));
    assert_eq!(signet_desk::bench::take_marks()[0].painted_at_ms, 9.0);
}

#[cfg(not(feature = "bench"))]
#[test]
fn no_other_build_has_the_measuring_commands() {
    let refused = call(&window("main"), "first_paint", json!({ "atMs": 5.0 }), OWN_PAGE)
        .expect_err("not granted");
    assert!(refused.to_string().contains("not allowed"), "{refused}");
}

/// What the second window may do besides seeing: it trades on what it shows, and stops.
const PANEL: [&str; 18] = [
    "accept",
    "arm",
    "attend",
    "blotter_columns",
    "blotter_rows",
    "cancel_rfq",
    "disarm",
    "dismiss_rfq",
    "end_rfq",
    "info",
    "keep_blotter_columns",
    "leave_panel",
    "look",
    "park",
    "pull",
    "set_limit",
    "stop_all",
    "take_quantity",
];

#[test]
fn the_second_window_may_call_what_it_needs_and_nothing_else() {
    let granted = granted("src-tauri/capabilities/panel.json");
    assert_eq!(granted, PANEL.map(str::to_owned).into());
    let panel = window("panel");
    for command in contract_commands() {
        let answer = call(&panel, &command, json!({}), OWN_PAGE);
        let refused = answer.is_err_and(|why| why.to_string().contains("not allowed"));
        assert_eq!(refused, !granted.contains(&command), "{command}");
    }
}

fn window(label: &str) -> WebviewWindow<MockRuntime> {
    let app = signet_desk::configure(mock_builder())
        .build(tauri::generate_context!(test = true))
        .expect("the application builds on the mock runtime");
    let none = Problem::new("desk.none", "There is no desk.", "None.");
    app.manage(Shell::new(app.handle(), Err(none)));
    WebviewWindowBuilder::new(&app, label, Default::default()).build().expect("a mock window")
}

fn call(
    window: &WebviewWindow<MockRuntime>,
    command: &str,
    arguments: Value,
    page: &str,
) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: command.into(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: page.parse().expect("an address"),
        body: InvokeBody::Json(arguments),
        headers: Default::default(),
        invoke_key: INVOKE_KEY.to_string(),
    };
    get_ipc_response(window, request).map(|body| body.deserialize().expect("JSON"))
}

/// The names in `__TAURI_INVOKE("...")` of the generated bindings.
fn contract_commands() -> BTreeSet<String> {
    let bindings = read("ui/src/bindings.ts");
    bindings
        .split("__TAURI_INVOKE(\"")
        .skip(1)
        .filter_map(|s| s.split('"').next())
        .map(str::to_owned)
        .collect()
}

fn capability_commands() -> BTreeSet<String> {
    granted("src-tauri/capabilities/main.json")
}

fn granted(capability: &str) -> BTreeSet<String> {
    let capability: Value = serde_json::from_str(&read(capability)).expect("JSON");
    let permissions = capability["permissions"].as_array().expect("a list");
    permissions
        .iter()
        .filter_map(Value::as_str)
        .filter(|p| !p.starts_with("core:event:"))
        .map(|p| p.replace('-', "_"))
        .collect()
}

fn isolation_commands() -> BTreeSet<String> {
    let script = read("ui/isolation/index.js");
    let list =
        script.split("new Set([").nth(1).and_then(|s| s.split("])").next()).expect("the list");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}
