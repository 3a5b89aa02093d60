//! Compiles the shim against the headers inside the unmodified `quickfix-ffi` package.
//!
//! The package sets no `links` key, so cargo passes no include path on; its folder is asked of
//! `cargo metadata`, which works for registry, vendored and path sources alike.

use std::{env, fs, path::PathBuf, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_ENGINE").is_none() {
        return;
    }
    let include = quickfix_package().join("libquickfix/src/C++");
    assert!(include.join("Session.h").exists(), "quickfix-ffi has no Session.h where 0.2.2 has it");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    // CMake writes an empty Allocator.h when no allocator is chosen; the headers include it.
    fs::write(out.join("Allocator.h"), "").expect("OUT_DIR is writable");
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").include(&include).include(&out).warnings(false).file("cpp/shim.cpp");
    if env::var("TARGET").is_ok_and(|target| target.ends_with("windows-gnu")) {
        build.include("cpp/mingw").flag("-include").flag("cpp/mingw/as-msvc.h");
        // The C++ runtime has to follow quickfix-ffi on the linker's command line, which a build script
        // cannot say: scripts/cross/link-windows.sh does, and links it statically.
        build.cpp_link_stdlib(None);
    }
    build.compile("signetfixshim");
}

fn quickfix_package() -> PathBuf {
    let output = Command::new(env::var("CARGO").expect("cargo sets CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform"])
        .arg(env::var("TARGET").expect("cargo sets TARGET"))
        .current_dir(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    let package = packages.iter().find(|p| p["name"] == "quickfix-ffi").expect("quickfix-ffi is a dependency");
    let manifest = package["manifest_path"].as_str().expect("a package has a manifest");
    PathBuf::from(manifest).parent().expect("a manifest is in a folder").into()
}
