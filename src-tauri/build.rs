//! Compiles the capabilities and permissions of the window into the program.

use tauri_build::{AppManifest, Attributes};

fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=src-tauri/permissions");
    println!("cargo:rerun-if-changed=tauri.conf.json");

    // A measuring build grants its extra commands in a capability of its own, so that the file a
    // shipped build is made from does not mention them.
    let capabilities = match std::env::var_os("CARGO_FEATURE_BENCH") {
        Some(_) => "./src-tauri/capabilities/**/*.json",
        None => "./src-tauri/capabilities/*.json",
    };
    let attributes = Attributes::new().capabilities_path_pattern(capabilities).app_manifest(
        AppManifest::new().permissions_path_pattern("./src-tauri/permissions/*.toml"),
    );
    if let Err(why) = tauri_build::try_build(attributes) {
        eprintln!("{why:#}");
        std::process::exit(1);
    }
}
