//! Moves a slot in the text of a manifest. Everything else in the text stays as its author wrote it: comments, order,
//! spaces.
//!
//! Only the numbers of the slot's `box` are exchanged, at the places where they stand. So this needs no writer of TOML,
//! which would have opinions about the rest.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::problem::{Position, Problem, Problems};
use super::table::as_whole;
use super::{MAX_MANIFEST, general};

/// A new place for a slot, in pixels. What is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The left edge.
    pub x: Option<i32>,
    /// The top edge.
    pub y: Option<i32>,
    /// The width.
    pub width: Option<u32>,
    /// The height.
    pub height: Option<u32>,
}

/// Returns the manifest with slot `number` (counted from 1) at another place. Whether the place lies inside of the
/// background is not checked here: [`crate::Template::read`] says so, with the position.
///
/// # Errors
/// [`Problems`], if the text is not valid TOML, or the slot has no box of four whole numbers.
pub fn move_slot(manifest: &str, number: usize, place: Place) -> Result<String, Problems> {
    let one = |problem: Problem| Problems(vec![problem]);
    if manifest.len() > MAX_MANIFEST {
        return Err(one(general(format!("the file has more than {} KB; shorten it", MAX_MANIFEST >> 10))));
    }
    let mark = manifest.len() - manifest.strip_prefix('\u{feff}').unwrap_or(manifest).len();
    let text = &manifest[mark..];
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(super::syntax(text, &errors));
    }
    let slots = document.get_ref().get("slot").and_then(|slots| slots.get_ref().as_array());
    let slot = slots.and_then(|slots| slots.get(number.checked_sub(1)?)).and_then(|slot| slot.get_ref().as_table());
    let Some(slot) = slot else {
        return Err(one(general(format!("there is no slot {number}; count the [[slot]] tables from 1"))));
    };
    let numbers = slot.get("box").and_then(|found| numbers(found.get_ref()));
    let Some(numbers) = numbers else {
        let position = slot.get("box").map(|found| Position::of(text, found.span().start));
        let message = "has no four whole numbers; write box = [x, y, width, height] once, then move it".to_owned();
        return Err(one(Problem {
            position,
            slot: Some(format!("slot {number}")),
            key: Some("box".to_owned()),
            message,
        }));
    };
    let wanted =
        [place.x.map(i64::from), place.y.map(i64::from), place.width.map(i64::from), place.height.map(i64::from)];
    let mut moved = manifest.to_owned();
    // From the last to the first, so that the places of the others stay valid.
    for ((now, span), wanted) in numbers.into_iter().zip(wanted).rev() {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != now) {
            moved.replace_range(span.start + mark..span.end + mark, &wanted.to_string());
        }
    }
    Ok(moved)
}

/// The four numbers of a box, each with its place in the text.
fn numbers(value: &DeValue<'_>) -> Option<[(i64, Range<usize>); 4]> {
    let found: Option<Vec<_>> =
        value.as_array()?.iter().map(|item| Some((as_whole(item.get_ref())?, item.span()))).collect();
    found?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# Ours.
name = "Gala"   # the name

[[slot]]
kind = "qr"
box = [1, 2, 300, 300]

[[slot]] # the guest
box = [
  10, # from the left
  -20,
  0x1F, 40,
]
kind = "text"
"#;

    fn to(x: i32, y: i32) -> Place {
        Place { x: Some(x), y: Some(y), ..Place::default() }
    }

    #[test]
    fn only_the_numbers_change() {
        let moved = move_slot(TEXT, 2, to(-5, 1_000)).unwrap();
        assert_eq!(moved, TEXT.replace("10, #", "-5, #").replace("-20", "1000"));
        let place = Place { width: Some(50), height: Some(60), ..Place::default() };
        let resized = move_slot(TEXT, 1, place).unwrap();
        assert_eq!(resized, TEXT.replace("[1, 2, 300, 300]", "[1, 2, 50, 60]"));
        let same = Place { width: Some(31), ..to(10, -20) };
        assert_eq!(move_slot(TEXT, 2, same).unwrap(), TEXT, "a number that is right stays as it was written");
    }

    #[test]
    fn a_mark_at_the_start_and_line_ends_of_another_system_stay() {
        let text = format!("\u{feff}{}", TEXT.replace('\n', "\r\n"));
        let moved = move_slot(&text, 1, to(7, 2)).unwrap();
        assert_eq!(moved, text.replace("[1, 2,", "[7, 2,"));
    }

    #[test]
    fn what_cannot_be_moved_is_named() {
        let refusal = |text: &str, number| move_slot(text, number, to(1, 1)).unwrap_err().to_string();
        assert!(refusal(TEXT, 3).contains("no slot 3"));
        assert!(refusal(TEXT, 0).contains("no slot 0"));
        assert!(refusal("slot = 7", 1).contains("no slot 1"));
        assert!(refusal("[[slot]]\nbox = [1, 2, 3]", 1).starts_with("template.toml:2:7: slot 1: box: has no four"));
        assert!(refusal("[[slot]]\nbox = [1, 2, 3.5, 4]", 1).contains("whole numbers"));
        assert!(refusal("[[slot]", 1).contains("valid TOML"));
        assert!(refusal(&"#".repeat(MAX_MANIFEST + 1), 1).contains("256 KB"));
    }
}
