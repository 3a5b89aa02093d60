//! Every scene of the desk's page in a real browser: each text is whole in every size of window and
//! with large fonts, and axe-core finds nothing in any choice of colours. `SIGNET_SHOTS` names a
//! folder for the pictures, `SIGNET_SCENES` the only scenes to look at.

#![cfg(target_os = "linux")]

use serde_json::{Value, json};
use signet_console_tests::{Browser, Start, Vite};

/// What a person cannot read whole.
const CLIPPED: &str = include_str!("../clipped.js");
/// A laptop, a desk and an unscaled 4K screen.
const SIZES: [(u32, u32); 3] = [(1280, 800), (2560, 1440), (3840, 2160)];
/// As Ctrl and + set it.
const ZOOMS: [&str; 2] = ["1", "1.5"];
/// What the system asks for: the name of the picture, the scheme and the contrast.
const COLOURS: [(&str, &str, &str); 4] = [
    ("light", "light", "no-preference"),
    ("dark", "dark", "no-preference"),
    ("contrast", "light", "more"),
    ("contrast-dark", "dark", "more"),
];
/// Countdowns stand still, so that a slow machine sees the same as a fast one.
const FREEZE: &str = "const at = performance.now(); performance.now = () => at;";
const DRAWN: &str =
    "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));";

#[tokio::test(flavor = "multi_thread")]
async fn every_text_of_every_scene_is_whole_and_accessible() {
    let vite = Vite::start();
    // A browser for each half: one alone leaves a core idle for minutes.
    let (even, odd) = tokio::join!(looks(&vite, 0), looks(&vite, 1));
    let found: Vec<_> = even.into_iter().chain(odd).collect();
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

/// What is found in every second scene, from `first` on.
async fn looks(vite: &Vite, first: usize) -> Vec<String> {
    let Some(b) = Browser::open(Start::default()).await else { return Vec::new() };
    b.goto(&vite.scene("connect")).await;
    let scenes = b.script("return (await import('/dev/scenes/list.ts')).SCENES;").await;
    let scenes: Vec<&str> = scenes.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(scenes.len() > 20, "{scenes:?}");
    let only = std::env::var("SIGNET_SCENES").unwrap_or_default();
    let scenes = scenes.into_iter().filter(|s| only.is_empty() || only.split(',').any(|o| o == *s));
    let mut found = Vec::new();
    for scene in scenes.skip(first).step_by(2) {
        b.size(1280, 800).await;
        b.goto(&vite.scene(scene)).await;
        b.until(scene, "document.documentElement.dataset.scene === 'ready'").await;
        b.script(FREEZE).await;
        found.extend(sizes(&b, scene).await);
        found.extend(colours(&b, scene).await);
    }
    b.unblemished().await;
    b.close().await;
    found
}

/// Whether a look can show a cut that no other shows. Boxes do not depend on the scheme. Frames are
/// wider in high contrast, and push a text out first where there is least room. A desk's screen
/// is tighter with large fonts, and an unscaled one has the smallest.
fn decides((width, zoom): (u32, &str), (scheme, contrast): (&str, &str)) -> bool {
    let laptop = width == SIZES[0].0;
    let large = zoom == ZOOMS[1];
    let tight = laptop || (large == (width == SIZES[1].0));
    scheme == "light" && tight && (laptop || contrast == "no-preference")
}

/// What is cut, in each size of window and of fonts; with `SIGNET_SHOTS` in all of them.
async fn sizes(b: &Browser, scene: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (width, height) in SIZES {
        b.size(width, height).await;
        for zoom in ZOOMS {
            let zoomed = format!(
                "document.documentElement.style.setProperty('--zoom', {}); {DRAWN}",
                json!(zoom)
            );
            b.script(&zoomed).await;
            for (colours, scheme, contrast) in COLOURS {
                let shots = std::env::var_os("SIGNET_SHOTS").is_some();
                if shots || decides((width, zoom), (scheme, contrast)) {
                    b.prefers(scheme, contrast).await;
                    let here = format!("{scene}-{width}-{zoom}-{colours}");
                    found.extend(lines(&b.script(&format!("{DRAWN} {CLIPPED}")).await, &here));
                    b.shot(&here).await;
                }
            }
        }
    }
    found
}

/// What axe-core finds, in each choice of colours.
async fn colours(b: &Browser, scene: &str) -> Vec<String> {
    b.size(1280, 800).await;
    b.script(&format!("document.documentElement.style.setProperty('--zoom', '1'); {DRAWN}")).await;
    let mut found = Vec::new();
    for (colours, scheme, contrast) in COLOURS {
        b.prefers(scheme, contrast).await;
        b.script(DRAWN).await;
        found.extend(lines(&b.axe().await, &format!("{scene}-{colours}")));
    }
    found
}

fn lines(found: &Value, here: &str) -> Vec<String> {
    let found = found.as_array().expect("a list");
    found.iter().map(|line| format!("{here}: {}", line.as_str().unwrap_or("?"))).collect()
}
