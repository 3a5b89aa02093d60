use super::*;
use std::net::Ipv4Addr;

const NOW: UtcMillis = UtcMillis(1_800_000_000_000);
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn network(n: u32) -> NetworkName {
    (Some(Ipv4Addr::from(n).into()), None)
}

fn memory() -> Networks {
    Networks { file: None, secret: [7; KEY_BYTES], held_up: HashMap::new(), silent: None }
}

fn open(folder: &Path, now: UtcMillis) -> Networks {
    Networks::open(folder, [9; KEY_BYTES], now)
}

#[test]
fn a_network_that_blocks_quic_is_remembered_for_a_while() {
    let mut networks = memory();
    assert!(!networks.is_tcp_only(&network(1), NOW));
    networks.came_through(&network(1), false, NOW);
    assert!(networks.is_tcp_only(&network(1), NOW + 10 * MINUTE - 1));
    assert!(!networks.is_tcp_only(&network(1), NOW + 10 * MINUTE));
    assert!(!networks.is_tcp_only(&network(1), NOW - 1));
    assert!(!networks.is_tcp_only(&network(2), NOW));
    assert!(!networks.is_tcp_only(&(network(1).0, Some("Hotel".into())), NOW));
    networks.came_through(&network(1), true, NOW);
    assert!(!networks.is_tcp_only(&network(1), NOW));
}

#[test]
fn a_network_is_blamed_for_two_seconds_of_silence_and_for_nothing_else() {
    let silent = |ms| Heard::Nothing(Duration::from_millis(ms));
    let (some, through) = (Heard::Something, Heard::Through);
    for (heard, blamed) in [
        (&[(1, silent(2_000))][..], true),
        (&[(1, silent(1_999))], false),
        (&[(1, silent(400)), (1, silent(1_600))], true),
        (&[(1, silent(750)), (1, silent(750))], false),
        (&[(1, silent(750)), (1, silent(750)), (1, silent(750))], true),
        // A gateway that is busy, or answers after all.
        (&[(1, some), (1, some), (1, some)], false),
        (&[(1, silent(1_500)), (1, some), (1, silent(1_500))], false),
        (&[(1, silent(1_500)), (1, through), (1, silent(1_500))], false),
        (&[(1, silent(2_000)), (1, through)], false),
        // Another network has its own silence.
        (&[(1, silent(1_500)), (2, silent(1_500))], false),
        (&[(2, silent(2_000))], false),
    ] {
        let mut networks = memory();
        heard.iter().for_each(|(n, heard)| networks.heard(&network(*n), *heard, NOW));
        assert_eq!(networks.is_tcp_only(&network(1), NOW), blamed, "{heard:?}");
    }
}

#[test]
fn each_further_time_doubles_the_while_up_to_four_hours() {
    let (mut networks, mut now) = (memory(), NOW);
    for minutes in [10, 20, 40, 80, 160, 240, 240, 240, 240, 240] {
        networks.came_through(&network(1), false, now);
        // One that began at the same time counts once.
        networks.came_through(&network(1), false, now + 1);
        assert!(networks.is_tcp_only(&network(1), now + minutes * MINUTE - 1), "{minutes}");
        assert!(!networks.is_tcp_only(&network(1), now + minutes * MINUTE), "{minutes}");
        now = now + minutes * MINUTE;
    }
    networks.came_through(&network(1), true, now);
    networks.came_through(&network(1), false, now);
    assert!(!networks.is_tcp_only(&network(1), now + 10 * MINUTE));
    // Once upon a time does not count either.
    for _ in 0..2 {
        now = now + 7 * DAY;
        networks.came_through(&network(1), false, now);
        assert!(!networks.is_tcp_only(&network(1), now + 10 * MINUTE));
    }
}

#[test]
fn networks_without_end_take_no_more_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut networks = open(folder.path(), NOW);
    for n in 0..1_000 {
        networks.came_through(&network(n), false, NOW + i64::from(n));
    }
    let now = NOW + 1_000;
    for networks in [networks, open(folder.path(), now)] {
        assert_eq!(networks.held_up.len(), NETWORKS_MAX);
        assert!(networks.is_tcp_only(&network(999), now));
        assert!(!networks.is_tcp_only(&network(0), now));
    }
    assert!(fs::metadata(folder.path().join(FILE)).unwrap().len() < BYTES_MAX);
}

#[test]
fn what_was_learnt_outlives_the_desk_for_seven_days_and_names_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let hotel = (Some("192.0.2.77".parse().unwrap()), Some("Hotel".to_owned()));
    open(folder.path(), NOW).came_through(&hotel, false, NOW);
    assert!(open(folder.path(), NOW + MINUTE).is_tcp_only(&hotel, NOW + MINUTE));

    let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(!text.contains("192.0.2") && !text.contains("Hotel"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    // How often is remembered as well: after a day the second time lasts longer.
    let day = NOW + DAY;
    let mut again = open(folder.path(), day);
    assert!(!again.is_tcp_only(&hotel, day));
    again.came_through(&hotel, false, day);
    assert!(open(folder.path(), day).is_tcp_only(&hotel, day + 20 * MINUTE - 1));
    assert_eq!(open(folder.path(), day + 7 * DAY - 1).held_up.len(), 1);
    assert_eq!(open(folder.path(), day + 7 * DAY).held_up.len(), 0);
    // The clock was set back.
    assert_eq!(open(folder.path(), day - 1).held_up.len(), 0);

    open(folder.path(), day).came_through(&hotel, true, day);
    assert_eq!(open(folder.path(), day).held_up.len(), 0);
}

#[test]
fn a_damaged_file_is_forgotten_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    open(folder.path(), NOW).came_through(&network(1), false, NOW);
    let good = fs::read(&file).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let mut bad: Vec<Vec<u8>> = (0..good.len()).map(|n| good[..n].to_vec()).collect();
    bad.extend([
        b"null".to_vec(),
        vec![0xff; 100],
        [good.clone(), vec![b' '; BYTES_MAX as usize]].concat(),
        text.replace("\"version\":1", "\"version\":2").into_bytes(),
        text.replace("\"times\":1", "\"times\":-1").into_bytes(),
        text.replace("\"secret\":\"", "\"secret\":\"A").into_bytes(),
        text.replace("\"network\":\"", "\"network\":\"A").into_bytes(),
        text.replace("\"at\":", "\"more\":0,\"at\":").into_bytes(),
    ]);
    for damaged in bad {
        assert_ne!(damaged, good);
        fs::write(&file, &damaged).unwrap();
        let mut networks = open(folder.path(), NOW);
        let shown = String::from_utf8_lossy(&damaged);
        assert!(networks.held_up.is_empty(), "{shown}");
        networks.came_through(&network(2), false, NOW);
        assert!(open(folder.path(), NOW).is_tcp_only(&network(2), NOW), "{shown}");
    }
    // Numbers that no desk writes are brought within bounds.
    fs::write(&file, text.replace("\"times\":1", "\"times\":4294967295")).unwrap();
    assert!(open(folder.path(), NOW).is_tcp_only(&network(1), NOW + 4 * HOUR - 1));
    for at in [i64::MIN, i64::MAX] {
        fs::write(&file, text.replace(&NOW.0.to_string(), &at.to_string())).unwrap();
        assert!(open(folder.path(), NOW).held_up.is_empty(), "{at}");
    }
}

#[test]
fn a_file_that_cannot_be_written_costs_nothing_but_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_folder = folder.path().join("file");
    fs::write(&not_a_folder, "").unwrap();
    let mut networks = open(&not_a_folder, NOW);
    networks.came_through(&network(1), false, NOW);
    assert!(networks.is_tcp_only(&network(1), NOW));
}
