//! The Credential Manager. It belongs to the user running the tests, so they clean up behind them.

use signet_keystore::{Keychain as _, OsKeychain};

use crate::life::{life, name};

#[test]
fn store_list_load_delete() {
    let keychain = OsKeychain::default();
    for left_over in ["TRADER1", "TRADER2"] {
        // There is normally none.
        let _ = keychain.delete_identity(&name(left_over));
    }
    life(&keychain);
    keychain.delete_identity(&name("TRADER2")).unwrap();
}
