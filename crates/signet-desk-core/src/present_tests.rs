use super::*;

#[test]
fn dates_as_people_write_them() {
    assert_eq!(iso("20261124"), "2026-11-24");
}
