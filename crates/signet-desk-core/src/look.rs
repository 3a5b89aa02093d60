//! What is kept about the window: the look that the trader has chosen, and where the window was. A
//! file that cannot be read or makes no sense counts as none: it must never keep a desk from
//! opening.

use crate::view::Look;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

const FILE: &str = "look.toml";
const FILE_LEN_MAX: u64 = 16 * 1024;
const ZOOM: std::ops::RangeInclusive<u32> = 80..=200;
const SOUNDS_MAX: usize = 16;

/// Where a window was, in the system's own pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Of its left upper corner.
    pub x: i32,
    /// Of its left upper corner.
    pub y: i32,
    /// Of what is inside its frame.
    pub width: u32,
    /// Of what is inside its frame.
    pub height: u32,
    /// It filled its monitor.
    pub maximized: bool,
}

/// A window whose place is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// The desk's own.
    Main,
    /// The second one, with a request or the blotter.
    Panel,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Kept {
    look: Look,
    window: Option<Place>,
    panel: Option<Place>,
}

/// The file, and what is in it.
#[derive(Debug)]
pub(crate) struct Looks {
    file: PathBuf,
    kept: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    kept: Kept,
    /// The file has something else, because the disk refused it.
    unwritten: bool,
}

impl Looks {
    pub(crate) fn open(data_dir: &Path) -> Self {
        let file = data_dir.join(FILE);
        let kept = match read(&file) {
            Ok(kept) => kept,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(why) => {
                tracing::warn!(file = %file.display(), %why, "the look of the window is not known");
                Kept::default()
            }
        };
        Self { file, kept: Mutex::new(Held { kept, unwritten: false }) }
    }

    pub(crate) fn look(&self) -> Look {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).kept.look.clone()
    }

    pub(crate) fn place(&self, seat: Seat) -> Option<Place> {
        let held = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match seat {
            Seat::Main => held.kept.window,
            Seat::Panel => held.kept.panel,
        }
    }

    pub(crate) fn keep_look(&self, look: Look) -> io::Result<()> {
        self.change(|kept| kept.look = sound(look))
    }

    pub(crate) fn keep_place(&self, seat: Seat, place: Place) -> io::Result<()> {
        self.change(|kept| match seat {
            Seat::Main => kept.window = Some(place),
            Seat::Panel => kept.panel = Some(place),
        })
    }

    /// The lock is held while the file is written, so that the last change is what it holds.
    fn change(&self, change: impl FnOnce(&mut Kept)) -> io::Result<()> {
        let mut held = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held.kept.clone();
        change(&mut held.kept);
        if held.kept != before || held.unwritten {
            held.unwritten = true;
            write(&self.file, &held.kept)?;
            held.unwritten = false;
        }
        Ok(())
    }
}

/// The same within its bounds.
fn sound(mut look: Look) -> Look {
    look.zoom = look.zoom.clamp(*ZOOM.start(), *ZOOM.end());
    look.sounds.truncate(SOUNDS_MAX);
    look
}

fn read(file: &Path) -> io::Result<Kept> {
    let mut text = String::new();
    fs::File::open(file)?.take(FILE_LEN_MAX).read_to_string(&mut text)?;
    let mut found: toml::Table = toml::from_str(&text).map_err(io::Error::other)?;
    // What an older version did not keep yet has its first value.
    if let Some(toml::Value::Table(kept)) = found.get_mut("look") {
        let mut look = toml::Table::try_from(Look::default()).map_err(io::Error::other)?;
        look.extend(std::mem::take(kept));
        *kept = look;
    }
    let kept: Kept = found.try_into().map_err(io::Error::other)?;
    Ok(Kept { look: sound(kept.look), ..kept })
}

fn write(file: &Path, kept: &Kept) -> io::Result<()> {
    let text = toml::to_string(kept).map_err(io::Error::other)?;
    if let Some(folder) = file.parent() {
        signet_journal::private_folder(folder)?;
    }
    signet_journal::replace_file(file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Colours, Sound};

    const PLACE: Place = Place { x: -1920, y: 12, width: 1300, height: 900, maximized: true };

    #[test]
    fn what_was_chosen_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("desk");
        let looks = Looks::open(&folder);
        assert_eq!((looks.look(), looks.place(Seat::Main)), (Look::default(), None));
        let chosen = Look {
            colours: Colours::Contrast,
            zoom: 150,
            sounds: vec![Sound::Touch],
            alerts: false,
        };
        looks.keep_look(chosen.clone()).unwrap();
        looks.keep_place(Seat::Main, PLACE).unwrap();
        let again = Looks::open(&folder);
        assert_eq!((again.look(), again.place(Seat::Main)), (chosen, Some(PLACE)));
        assert_eq!(again.place(Seat::Panel), None);
        let beside = Place { x: 1920, maximized: false, ..PLACE };
        again.keep_place(Seat::Panel, beside).unwrap();
        let third = Looks::open(&folder);
        let places = (third.place(Seat::Main), third.place(Seat::Panel));
        assert_eq!(places, (Some(PLACE), Some(beside)), "each window has its own");
    }

    #[test]
    fn what_the_disk_refused_is_written_when_it_is_chosen_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("desk");
        let looks = Looks::open(&folder);
        let chosen = Look { zoom: 150, ..Look::default() };
        // A file where its folder should be.
        fs::write(&folder, "").unwrap();
        for _ in 0..2 {
            looks.keep_look(chosen.clone()).unwrap_err();
        }
        assert_eq!(looks.look(), chosen, "it holds until the desk ends");
        fs::remove_file(&folder).unwrap();
        looks.keep_look(chosen.clone()).unwrap();
        assert_eq!(Looks::open(&folder).look(), chosen);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let long = format!("[look]\nzoom = 110\n#{}", "x".repeat(FILE_LEN_MAX as usize));
        for text in ["", "look = 3", "[look]\ncolours = \"mauve\"", "[elsewhere]", "\u{0}", &long] {
            fs::write(dir.path().join(FILE), text).unwrap();
            let look = Looks::open(dir.path()).look();
            let expected = if text == long { 110 } else { 100 };
            assert_eq!(look.zoom, expected, "{}", &text[..text.len().min(40)]);
            assert_eq!(look.colours, Colours::System);
        }
        fs::write(dir.path().join(FILE), "[look]\nzoom = 4000000000").unwrap();
        assert_eq!(Looks::open(dir.path()).look().zoom, 200);
    }
}
