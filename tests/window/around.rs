//! What is around the trading, by keyboard: colours that are kept, the security panel, the support
//! report, and one window for each folder.

use super::{PATIENCE, Stage, Window, read};
use std::{process::Command, time::Instant};

const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";

impl Window {
    /// Presses a button with the keyboard.
    async fn press_button(&self, test_id: &str) {
        self.id(test_id).await;
        let focus = format!("document.querySelector('[data-testid=\"{test_id}\"]').focus()");
        self.client.execute(&focus, vec![]).await.unwrap();
        self.type_here(ENTER).await;
    }

    /// Waits until an element says all of this somewhere.
    async fn tells(&self, test_id: &str, words: &[&str]) {
        let began = Instant::now();
        loop {
            let said = "const e = document.querySelector(arguments[0]); \
                return e ? (e.value ?? e.innerText) : ''";
            let css = format!("[data-testid='{test_id}']").into();
            let said = self.client.execute(said, vec![css]).await.unwrap();
            let said = said.as_str().unwrap_or_default().to_owned();
            if words.iter().all(|w| said.contains(w)) {
                return;
            }
            assert!(began.elapsed() < PATIENCE * 2, "{words:?}: {said}\n{}", read(&self.log));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_around_the_trading_works_by_keyboard_and_is_kept() {
    let stage = Stage::new();
    let w = stage.open(false).await;
    w.find("[data-testid='link-state'][data-state='online']").await;

    w.press_button("security-open").await;
    w.tells("security", &["PRACTICE1", "Carried by", "TLS 1.3", "days left", "Score"]).await;
    w.shot("security").await;
    w.type_here(ESCAPE).await;
    w.gone("security").await;

    w.press_button("settings-open").await;
    w.id("settings").await;
    let focus = "document.querySelector('[data-testid=\"colours-contrast\"]').focus()";
    w.client.execute(focus, vec![]).await.unwrap();
    w.type_here(SPACE).await;
    w.find("html[data-contrast='more']").await;
    w.press_button("support-open").await;
    w.tells(
        "support-report",
        &["version", "(practice venue)", "state     online", "== Examination of the connection"],
    )
    .await;
    w.tells("log-lines", &["signet"]).await;
    w.press_button("support-copy").await;
    w.tells("support-said", &["The report is on the clipboard."]).await;
    w.shot("support").await;
    w.type_here(ESCAPE).await;
    w.gone("support").await;

    // A second start on the same folder ends by itself; the first desk stays.
    let second = Command::new(env!("CARGO_BIN_EXE_signet-desk"))
        .env("DISPLAY", &stage.display)
        .env("SIGNET_PRACTICE_DIR", stage.dir.path().join("venue"))
        .envs(stage.keyring.env())
        .output()
        .unwrap();
    assert!(second.status.success(), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stdout).contains("is open on this folder already"));
    w.find("[data-testid='link-state'][data-state='online']").await;
    w.close(&stage).await;

    // What was chosen is there after a restart.
    let again = stage.open(false).await;
    again.find("html[data-contrast='more']").await;
    again.close(&stage).await;
}
