//! Compiles the shim against the headers inside the unmodified `quickfix-ffi` package.
//!
//! The package sets no `links` key, so cargo passes no include path on; its folder is asked of
//! `cargo metadata`, which works for registry, vendored and path sources alike.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const PACKAGE: &str = "quickfix-ffi";

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
    build
        .cpp(true)
        .std("c++17")
        .include(&include)
        .include(&out)
        .warnings(false)
        .file("cpp/shim.cpp");
    if env::var("TARGET").is_ok_and(|target| target.ends_with("windows-gnu")) {
        build.include("cpp/mingw").flag("-include").flag("cpp/mingw/as-msvc.h");
        // The C++ runtime has to follow quickfix-ffi on the linker's command line, which a build
        // script cannot say: scripts/cross/link-windows.sh does, and links it statically.
        build.cpp_link_stdlib(None);
    }
    build.compile("signetfixshim");
}

/// The folder of the package, asked of `cargo metadata`.
///
/// The whole workspace cannot be asked: that needs every package of the lock file, and on a fresh
/// machine cargo has downloaded only those of the features being built. So a manifest that depends
/// on this one package is asked, with a copy of the workspace's lock file. Cargo itself then
/// applies source replacement (vendored or mirrored), found from the folder that the command runs
/// in.
fn quickfix_package() -> PathBuf {
    let workspace = workspace_root();
    let lock = workspace.join("Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock.display());
    let lock_text = fs::read_to_string(&lock).expect("the workspace has a Cargo.lock");
    let entry = lock_entry(&lock_text).expect("Cargo.lock lists quickfix-ffi");
    let (manifest, platform) = match entry.version_of_registry {
        // Beside itself it has build dependencies only, and those are downloaded for the host.
        Some(version) => (single_dependency(version, &lock_text), "HOST"),
        // A path or git source that replaces the registry's (`[patch]`): only the workspace names
        // it.
        None => (workspace.join("Cargo.toml"), "TARGET"),
    };
    let packages = metadata(&manifest, &env::var(platform).expect("cargo sets HOST and TARGET"));
    let packages = packages["packages"].as_array().expect("metadata lists packages");
    let package =
        packages.iter().find(|p| p["name"] == PACKAGE).expect("metadata lists quickfix-ffi");
    let manifest = package["manifest_path"].as_str().expect("a package has a manifest");
    PathBuf::from(manifest).parent().expect("a manifest is in a folder").into()
}

/// The nearest folder upwards that holds a Cargo.lock.
fn workspace_root() -> PathBuf {
    let here =
        PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let root = here.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    root.expect("Cargo.lock is here or in a folder above").into()
}

struct LockEntry<'a> {
    /// `None`: the package does not come from a registry.
    version_of_registry: Option<&'a str>,
}

fn lock_entry(lock: &str) -> Option<LockEntry<'_>> {
    let entry = lock.split("[[package]]").find(|e| value(e, "name") == Some(PACKAGE))?;
    let registry = |source: &str| source.starts_with("registry+") || source.starts_with("sparse+");
    let from_registry = value(entry, "source").is_some_and(registry);
    Some(LockEntry { version_of_registry: value(entry, "version").filter(|_| from_registry) })
}

/// The value of a line `key = "value"` of a lock file's entry.
fn value<'a>(entry: &'a str, key: &str) -> Option<&'a str> {
    let of = |line: &'a str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
    entry.lines().find_map(of)
}

/// Writes a package that depends on quickfix-ffi alone, locked as the workspace is.
fn single_dependency(version: &str, lock: &str) -> PathBuf {
    let folder =
        PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("find-headers");
    fs::create_dir_all(folder.join("src")).expect("OUT_DIR is writable");
    let manifest = folder.join("Cargo.toml");
    let text = format!(
        "[package]\nname = \"find-headers\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n[dependencies]\n{PACKAGE} = \"={version}\"\n"
    );
    fs::write(&manifest, text).expect("OUT_DIR is writable");
    fs::write(folder.join("Cargo.lock"), lock).expect("OUT_DIR is writable");
    fs::write(folder.join("src/lib.rs"), "").expect("OUT_DIR is writable");
    manifest
}

/// Offline: whatever the compilation of quickfix-ffi needed is on this machine already.
fn metadata(manifest: &Path, platform: &str) -> serde_json::Value {
    let output = Command::new(env::var("CARGO").expect("cargo sets CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform",
            platform,
            "--manifest-path",
        ])
        .arg(manifest)
        .current_dir(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}
