//! The second window beside the desk's own, and a link that another program passes on, with the
//! keyboard where a keyboard can.

use super::{PATIENCE, Stage, TERMS_READ, Window, read};
use fantoccini::wd::WindowHandle;
use std::{
    process::Command,
    time::{Duration, Instant},
};

const ENTER: &str = "\u{e007}";

impl Window {
    /// The windows, as soon as there are so many.
    async fn windows(&self, many: usize) -> Vec<WindowHandle> {
        let began = Instant::now();
        loop {
            let all = self.client.windows().await.unwrap();
            if all.len() == many {
                return all;
            }
            assert!(began.elapsed() < PATIENCE, "{} windows\n{}", all.len(), read(&self.log));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Asks the window of that title to close, as the cross at its frame does; whether there is one.
fn close(stage: &Stage, title: &str) -> bool {
    let asked = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/window/close.py"))
        .arg(title)
        .env("DISPLAY", &stage.display)
        .stderr(std::process::Stdio::null())
        .status();
    asked.expect("python3 is installed").success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_traded_in_the_second_window_once_and_a_link_only_offers() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.find("[data-testid='dealer-NORTHBANK']:not([disabled])").await;
    w.click("ttl-600").await;
    let own = w.client.window().await.unwrap();
    let id = w.quoted().await;
    let panel = format!("[data-testid='rfq-panel-{id}']");

    w.held("o", true, false).await;
    let all = w.windows(2).await;
    let second = all.into_iter().find(|one| *one != own).expect("a second window");
    w.client.switch_to_window(second.clone()).await.unwrap();
    w.id("panel-window").await;
    w.id("practice-band").await;
    w.find(&format!("{panel}[data-state='open'] [data-best-offer='true']")).await;
    w.keyboard_is(&format!("rfq-panel-{id}")).await;
    w.shot("second-window").await;
    // Terms that are armed here are shown in both, and confirmed here.
    w.press(ENTER).await;
    w.keyboard_is("confirm-accept").await;
    w.client.switch_to_window(own.clone()).await.unwrap();
    w.find(&format!("{panel} [data-testid='accept-state'][data-state='armed']")).await;
    w.client.switch_to_window(second.clone()).await.unwrap();
    tokio::time::sleep(TERMS_READ).await;
    w.press(ENTER).await;
    w.find(&format!("{panel}[data-state='done']")).await;
    w.client.switch_to_window(own.clone()).await.unwrap();
    w.find(&format!("{panel}[data-state='done']")).await;
    w.click("blotter-tab-trades").await;
    w.find("[data-testid='blotter-row'][data-status='Filled']").await;
    assert_eq!(w.count("[data-testid='blotter-row']").await, 1, "it was traded once");

    // Its best-execution page is printed by the system's own dialog, which is dismissed here.
    w.run(&format!("document.querySelector(\"{panel}\").focus()")).await;
    w.held("p", true, false).await;
    w.id("best-close").await;
    w.find("[data-testid='best-quote']").await;
    w.held("p", true, false).await;
    let began = Instant::now();
    while !close(&stage, "Print") {
        assert!(began.elapsed() < PATIENCE, "no dialog prints\n{}", read(&w.log));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    w.click("best-close").await;
    w.gone("best-execution").await;

    // From the blotter, the same window shows the blotter; Ctrl+W closes it.
    w.run("document.getElementById('tab-trades').focus()").await;
    w.held("o", true, false).await;
    w.client.switch_to_window(second).await.unwrap();
    w.find("[data-testid='panel-window'] [data-testid='blotter-tab-trades']").await;
    w.windows(2).await;
    w.held("w", true, false).await;
    w.windows(1).await;
    w.client.switch_to_window(own).await.unwrap();
    w.keyboard_is("blotter-tab-trades").await;

    // A second start with a link: the desk that is open offers it, and fills nothing in.
    let linked = Command::new(env!("CARGO_BIN_EXE_signet-desk"))
        .arg("signet://rfq?symbol=EUR%2FUSD&side=sell&quantity=2m")
        .env("DISPLAY", &stage.display)
        .env("SIGNET_PRACTICE_DIR", stage.dir.path().join("venue"))
        .envs(stage.keyring.env())
        .status();
    assert!(linked.unwrap().success());
    w.id("offered").await;
    let typed = "return document.querySelector('[data-testid=ticket-instrument]').value";
    let before = w.client.execute(typed, vec![]).await.unwrap();
    assert_ne!(before, "EUR/USD");
    let requests = w.count("[data-testid^='rfq-panel-']").await;
    w.shot("offered").await;
    w.run("document.querySelector('[data-testid=offer-take]').focus()").await;
    w.press(ENTER).await;
    w.gone("offered").await;
    assert_eq!(w.client.execute(typed, vec![]).await.unwrap(), "EUR/USD");
    w.keyboard_is("ticket-quantity").await;
    assert_eq!(w.count("[data-testid^='rfq-panel-']").await, requests, "nothing was sent");

    // The second window closes with the desk's own, and where it was is kept.
    w.run("document.getElementById('tab-trades').focus()").await;
    w.held("o", true, false).await;
    w.windows(2).await;
    assert!(close(&stage, "Signet Desk — PRACTICE VENUE"));
    let began = Instant::now();
    while stage.desk_runs() {
        assert!(began.elapsed() < PATIENCE, "the desk does not end\n{}", read(&w.log));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let venue = stage.dir.path().join("venue");
    let found = std::fs::read_dir(&venue).unwrap().flatten().map(|e| e.path());
    let files: Vec<_> =
        found.map(|p| p.join("look.toml")).chain([venue.join("look.toml")]).collect();
    let kept = files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).collect::<String>();
    assert!(kept.contains("[panel]") && kept.contains("[window]"), "{kept}");
    let log = read(&w.log);
    assert!(!log.contains("panicked"), "{log}");
}
