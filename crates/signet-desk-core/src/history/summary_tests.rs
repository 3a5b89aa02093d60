use super::*;
use crate::history::{Keys, files::Files};
use signet_history::{Moment, What};
use signet_journal::MAX_RECORD_LEN;

const DAY: i64 = 86_400_000;
const T0: i64 = 1_795_000_000_000;

fn keys(secret: u8) -> Keys {
    Keys::derive(&[secret; 32], "TRADER1").unwrap()
}

fn at(at_ms: i64) -> Moment {
    Moment { at_ms, run_us: 1, offset_ms: None }
}

/// A history whose files began at these moments, with one record each.
fn history(folder: &Path, secret: u8, began: &[i64]) -> Files {
    let mut files = Files::open(folder, keys(secret), began[0]).unwrap().files;
    for (n, at_ms) in began.iter().enumerate() {
        if n > 0 {
            files.roll(*at_ms).unwrap();
        }
        let what = What::Note { rfq: format!("R{n}"), text: "t".into() };
        files.append(at(*at_ms), what).unwrap();
    }
    files.sync().unwrap();
    files
}

/// The numbers of the records of a file, of one version of this program.
#[derive(Debug, PartialEq)]
struct Numbers<const VERSION: u8>(Vec<u8>);

impl<const VERSION: u8> Summary for Numbers<VERSION> {
    fn of(records: &[Record]) -> Self {
        Self(records.iter().map(|r| u8::try_from(r.n).unwrap()).collect())
    }

    fn to_bytes(&self) -> Vec<u8> {
        [&[VERSION][..], &self.0].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.strip_prefix(&[VERSION]).map(|rest| Self(rest.to_vec()))
    }
}

/// What does not fit.
struct Long;

impl Summary for Long {
    fn of(_: &[Record]) -> Self {
        Self
    }

    fn to_bytes(&self) -> Vec<u8> {
        vec![0; MAX_RECORD_LEN + 1]
    }

    fn read(_: &[u8]) -> Option<Self> {
        Some(Self)
    }
}

/// What each file says, and whether it was read for it.
fn told<const VERSION: u8>(reader: &Reader) -> Vec<(Vec<u8>, bool)> {
    let all = reader.since(i64::MIN).unwrap();
    all.iter()
        .map(|past| {
            let (said, was_read) = reader.summary::<Numbers<VERSION>>(past).unwrap();
            (said.0, was_read)
        })
        .collect()
}

fn summaries(folder: &Path) -> Vec<String> {
    let names =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<String> = names.filter(|n| n.contains(ENDING)).collect();
    all.sort_unstable();
    all
}

#[test]
fn each_closed_file_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    drop(history(dir.path(), 5, &[T0, T0 + DAY, T0 + 2 * DAY]));
    let reader = Reader::new(dir.path(), keys(5));
    let lacking = || reader.since(T0).unwrap().iter().filter(|p| reader.lacks(p)).count();
    assert_eq!(lacking(), 2);
    assert_eq!(told::<1>(&reader), [(vec![0], true), (vec![1], true), (vec![2], true)]);
    // The last one is still written.
    assert_eq!(told::<1>(&reader), [(vec![0], false), (vec![1], false), (vec![2], true)]);
    assert_eq!(
        (lacking(), summaries(dir.path())),
        (0, vec!["000001.dealers".into(), "000002.dealers".into()])
    );
    // It is closed now.
    let mut files = Files::open(dir.path(), keys(5), T0).unwrap().files;
    files.roll(T0 + 3 * DAY).unwrap();
    files.sync().unwrap();
    assert_eq!(lacking(), 1);
    assert_eq!(told::<1>(&reader)[2..], [(vec![2], true), (vec![], true)]);
    assert_eq!(told::<1>(&reader)[2..], [(vec![2], false), (vec![], true)]);
    // Another version does not read it, and makes its own.
    assert_eq!(told::<2>(&reader)[0], (vec![0], true));
    assert_eq!(told::<2>(&reader)[0], (vec![0], false));
}

#[test]
fn a_summary_that_was_altered_cut_or_is_of_another_file_is_made_again() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let began = [T0, T0 + DAY, T0 + 2 * DAY, T0 + 3 * DAY];
    drop(history(dir.path(), 5, &began));
    drop(history(other.path(), 6, &began));
    let reader = Reader::new(dir.path(), keys(5));
    let foreign = Reader::new(other.path(), keys(6));
    let first = told::<1>(&reader);
    told::<1>(&foreign);
    let path = of_file(dir.path(), 2);
    let whole = fs::read(&path).unwrap();
    let mut bad: Vec<Vec<u8>> = vec![
        fs::read(of_file(dir.path(), 1)).unwrap(),
        fs::read(of_file(other.path(), 2)).unwrap(),
        [&whole[..], b"x"].concat(),
    ];
    bad.extend((0..whole.len()).map(|end| whole[..end].to_vec()));
    bad.extend((0..whole.len()).map(|place| {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        altered
    }));
    for bytes in bad {
        fs::write(&path, &bytes).unwrap();
        let all = reader.since(i64::MIN).unwrap();
        let made = || reader.summary::<Numbers<1>>(&all[1]).unwrap();
        assert_eq!(made(), (Numbers(first[1].0.clone()), true), "{bytes:?}");
        assert_eq!(made(), (Numbers(first[1].0.clone()), false));
    }
}

/// Otherwise a file that was cut would go on saying what it said.
#[test]
fn a_file_of_another_length_is_read_and_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    drop(history(dir.path(), 5, &[T0, T0 + DAY, T0 + 2 * DAY]));
    let reader = Reader::new(dir.path(), keys(5));
    told::<1>(&reader);
    let log = file(dir.path(), 2);
    let whole = fs::read(&log).unwrap();
    let all = reader.since(i64::MIN).unwrap();
    fs::write(&log, &whole[..whole.len() - 1]).unwrap();
    // Its last record is a torn tail now, so that it does not end where the next one begins.
    let (said, was_read) = reader.summary::<Numbers<1>>(&all[1]).unwrap();
    assert_eq!((said.0, was_read), (vec![], true));
    assert!(reader.summary::<Numbers<1>>(&all[1]).unwrap().1, "it is not kept");
    fs::write(&log, whole).unwrap();
    assert_eq!(reader.summary::<Numbers<1>>(&all[1]).unwrap(), (Numbers(vec![1]), false));
}

#[test]
fn what_is_too_long_or_whose_file_is_gone_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    drop(history(dir.path(), 5, &[T0, T0 + DAY]));
    let reader = Reader::new(dir.path(), keys(5));
    let all = reader.since(i64::MIN).unwrap();
    for _ in 0..2 {
        assert!(reader.summary::<Long>(&all[0]).unwrap().1);
    }
    reader.keep(9, b"of a file that was removed meanwhile", b"");
    assert!(summaries(dir.path()).is_empty());
}

#[test]
fn summaries_go_with_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let began: Vec<i64> = (0..6).map(|day| T0 + day * DAY).collect();
    let mut files = history(dir.path(), 5, &began);
    let reader = Reader::new(dir.path(), keys(5));
    told::<1>(&reader);
    // What a desk that ended while it wrote one has left.
    fs::write(dir.path().join("000002.dealers.new"), "half").unwrap();
    assert!(files.remove_before(at(T0 + 6 * DAY), T0 + 3 * DAY, 3).unwrap() > 0);
    assert_eq!(summaries(dir.path()), ["000004.dealers", "000005.dealers"]);
    // One that came when its file was gone goes with the next look.
    fs::write(of_file(dir.path(), 1), "late").unwrap();
    told::<1>(&reader);
    assert_eq!(summaries(dir.path()), ["000004.dealers", "000005.dealers"]);
}

#[test]
fn a_look_back_begins_with_the_file_that_the_moment_is_in() {
    const FAR: i64 = 1_000 * DAY;
    for (began, from_ms, want) in [
        (vec![0, 1, 2, 3, 4], 2 * DAY + DAY / 2, vec![3, 4, 5]),
        (vec![0, 1, 2, 3, 4], -FAR, vec![1, 2, 3, 4, 5]),
        (vec![0, 1, 2, 3, 4], FAR, vec![5]),
        // A clock that was far ahead, or behind, for one file ends no look.
        (vec![0, 1, 999, 3, 4], DAY + DAY / 2, vec![2, 3, 4, 5]),
        (vec![0, 1, 2, -999, 4], DAY + DAY / 2, vec![2, 3, 4, 5]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let at_ms: Vec<i64> = began.iter().map(|day| T0 + day * DAY).collect();
        drop(history(dir.path(), 5, &at_ms));
        let reader = Reader::new(dir.path(), keys(5));
        let found = reader.since(T0 + from_ms).unwrap();
        let found: Vec<u64> = found.iter().map(|past| past.number).collect();
        assert_eq!(found, want, "{began:?} {from_ms}");
    }
}
