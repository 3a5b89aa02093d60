//! The checked-in TypeScript contract is what the Rust types say.

use std::{fs, path::Path};

#[test]
fn the_typescript_bindings_are_current() {
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/bindings.ts");
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bindings.ts");
    signet_desk::contract::<tauri::Wry>()
        .export(specta_typescript::Typescript::default(), &fresh)
        .expect("the contract can be written as TypeScript");
    let fresh = fs::read_to_string(fresh).expect("it was just written");
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        fs::write(&checked_in, &fresh).expect("ui/src can be written");
    }
    let checked_in = fs::read_to_string(&checked_in).unwrap_or_default();
    assert!(
        checked_in == fresh,
        "ui/src/bindings.ts is stale: run `UPDATE_BINDINGS=1 cargo test -p signet-desk --test \
            bindings`"
    );
}
