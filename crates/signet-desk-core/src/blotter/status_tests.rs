use super::*;

#[test]
fn every_word_is_of_one_state() {
    for s in RowStatus::ALL {
        assert_eq!(RowStatus::read(s.words()), Some(s));
    }
    assert_eq!(RowStatus::read("open"), None);
}
