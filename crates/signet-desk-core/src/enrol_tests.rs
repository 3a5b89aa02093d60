use super::*;

#[test]
fn what_is_no_invitation_is_refused_in_words() {
    for text in ["", "hello", "signet://enrol/%%%", "signet://other/x", "version = 9"] {
        let p = read(text).expect_err(text);
        assert!(p.code.starts_with("invitation.") && !p.cure.is_empty(), "{text:?}: {p:?}");
    }
}
