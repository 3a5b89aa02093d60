//! What the documents tell administrators to type exists and works.

use crate::support::World;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every document and example that names commands.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec![root().join("README.md"), root().join("certs/README.md")];
    for (folder, end) in [("docs", "md"), ("gateway", "toml"), ("gateway", "cedar")] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        paths.extend(
            entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == end)),
        );
    }
    paths.into_iter().map(|p| (p.display().to_string(), fs::read_to_string(&p).unwrap())).collect()
}

/// Code spans, lines of code blocks, and comment lines of examples that begin with this program.
fn commands(program: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (document, text) in documents() {
        let lines = text.lines().map(|l| l.trim_start_matches(['#', '/', ' ']));
        let spans = text.split('`').skip(1).step_by(2);
        let typed = lines.chain(spans).map(|c| c.trim_start_matches("runuser -u signet -- "));
        for c in typed.filter(|c| c.starts_with(&format!("{program} "))) {
            found.insert((document.clone(), c.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found
}

/// As a shell splits it; the program's own name is left out.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('"').enumerate();
    let split = |(n, part): (usize, &str)| match n % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    parts.flat_map(split).skip(1).collect()
}

/// `--help` at the end answers for every command whose words and flags are known, and does nothing.
#[test]
fn every_command_of_the_gateway_in_the_documents_exists() {
    let commands = commands("signet-gateway");
    assert!(commands.len() > 25, "{commands:?}");
    for (document, command) in commands {
        let command = command.replace(['[', ']'], "").replace(" ...", "");
        let (first, others) = command.split_once(" / ").unwrap_or((&command, ""));
        // `policy check|test` and `policy check / test` stand for several.
        let all = others
            .split(" / ")
            .filter(|o| !o.is_empty())
            .map(|o| format!("{} {o}", first.rsplit_once(' ').unwrap().0));
        for one in all.chain([first.to_owned()]) {
            let words = words(&one);
            let alternatives = words.last().unwrap().split('|');
            for last in alternatives {
                let args = words[..words.len() - 1].iter().map(String::as_str).chain([last]);
                let out = Command::new(env!("CARGO_BIN_EXE_signet-gateway"))
                    .args(args)
                    .arg("--help")
                    .output()
                    .unwrap();
                assert!(
                    out.status.success(),
                    "{document}: {command}: {}",
                    String::from_utf8_lossy(&out.stderr)
                );
            }
        }
    }
}

#[test]
fn every_make_target_in_the_documents_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|l| l.split_once(':')).map(|(t, _)| t).collect();
    for (document, command) in commands("make") {
        // Prose begins a line with the verb as well.
        let target = command.split(' ').nth(1).unwrap();
        let prose =
            ["sure", "it", "up", "keys", "certificates", "the", "a", "its"].contains(&target);
        assert!(prose || targets.contains(target), "{document}: make {target}");
    }
}

/// The block of commands by which somebody enrols without a desk, as it stands in the document.
#[test]
fn enrolment_by_hand_works_as_documented() {
    let w = World::started();
    let code = w.user("alice", "ALICE");
    let document = fs::read_to_string(root().join("docs/admins.md")).unwrap();
    let block = document
        .split("```sh\n")
        .find(|b| b.starts_with("openssl req -new"))
        .and_then(|b| b.split("```").next())
        .unwrap();
    let here = block.replace("HOST:9444", &format!("localhost:{}", w.est())).replace("CODE", &code);
    let script = format!("set -eu\n{here}");
    let out = Command::new("bash")
        .args(["-o", "pipefail", "-c", &script])
        .current_dir(w.path(""))
        .env("no_proxy", "*")
        .output()
        .unwrap();
    assert!(out.status.success(), "{script}\n{}", String::from_utf8_lossy(&out.stderr));
    let text = w.openssl(&["x509", "-in", "laptop.pem", "-noout", "-text"]);
    assert!(
        text.contains(&format!(
            "spiffe://bank.example/desk/{}/alice/laptop/keychain",
            w.comp_id("ALICE")
        )),
        "{text}"
    );
}
