//! The icons of the tray, drawn here: a disc whose shape tells the state without its colour, dark
//! lines on a light rim, so that it is seen on a light panel and on a dark one.

use crate::tray::Face;
use tauri::image::Image;

const SIZE: i32 = 32;
const RIM: [u8; 3] = [0xf5, 0xf5, 0xf5];
const LINE: [u8; 3] = [0x1d, 0x1f, 0x23];
/// Distances from the middle, in half pixels: the light rim, the dark line in it, the inside.
const RIM_FAR: i32 = 31;
const LINE_FAR: i32 = 27;
const INSIDE_FAR: i32 = 21;
const BAR: i32 = 5;

pub(crate) fn image(face: Face) -> Image<'static> {
    Image::new_owned(pixels(face), SIZE as u32, SIZE as u32)
}

fn pixels(face: Face) -> Vec<u8> {
    let all = (0..SIZE).flat_map(|y| (0..SIZE).map(move |x| (x, y)));
    all.flat_map(|(x, y)| pixel(face, 2 * x + 1 - SIZE, 2 * y + 1 - SIZE)).collect()
}

/// The pixel whose middle is so many half pixels right of and below the middle of the icon.
fn pixel(face: Face, x: i32, y: i32) -> [u8; 4] {
    let far = x * x + y * y;
    let within = |most: i32| far <= most * most;
    if !within(RIM_FAR) {
        return [0; 4];
    }
    let [r, g, b] = match within(INSIDE_FAR) {
        true => inside(face, x, y),
        false if within(LINE_FAR) => LINE,
        false => RIM,
    };
    [r, g, b, 0xff]
}

fn inside(face: Face, x: i32, y: i32) -> [u8; 3] {
    const GOOD: [u8; 3] = [0x1f, 0x9d, 0x55];
    const WARN: [u8; 3] = [0xd9, 0x8e, 0x04];
    const BAD: [u8; 3] = [0xc6, 0x28, 0x28];
    match face {
        Face::Off => RIM,
        Face::On => GOOD,
        Face::Working if x < 0 => WARN,
        Face::Working => RIM,
        Face::Trouble if (x - y).abs() <= BAR || (x + y).abs() <= BAR => RIM,
        Face::Trouble => BAD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Face; 4] = [Face::Off, Face::Working, Face::On, Face::Trouble];

    fn light(p: &[u8]) -> u32 {
        p[..3].iter().map(|c| u32::from(*c)).sum()
    }

    #[test]
    fn each_icon_has_light_and_dark_parts_so_that_it_is_seen_on_any_panel() {
        for face in ALL {
            let all = pixels(face);
            let seen: Vec<&[u8]> = all.chunks(4).filter(|p| p[3] > 0).collect();
            assert_eq!(all.len(), 32 * 32 * 4);
            assert!(seen.iter().filter(|p| light(p) > 700).count() > 80, "{face:?}: light");
            assert!(seen.iter().filter(|p| light(p) < 120).count() > 80, "{face:?}: dark");
        }
    }

    #[test]
    fn the_states_differ_in_shape_not_only_in_colour() {
        let shape = |face| -> Vec<bool> {
            pixels(face).chunks(4).map(|p| p[3] > 0 && light(p) > 700).collect()
        };
        for (n, one) in ALL.iter().enumerate() {
            for other in &ALL[n + 1..] {
                let (a, b) = (shape(*one), shape(*other));
                let differing = a.iter().zip(&b).filter(|(a, b)| a != b).count();
                assert!(differing > 60, "{one:?} and {other:?}: {differing} pixels");
            }
        }
    }
}
