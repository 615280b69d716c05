//! DejaVu, compiled in from its crate.

use super::slot::{Slot, Source};

/// The default family, for a style without a family or with an unknown one.
pub(super) const DEFAULT: &str = "dejavu sans";

/// Returns the compiled-in faces. Only the faces that are named here become part of the program.
pub(super) fn slots() -> Vec<Slot> {
    use dejavu::{sans, sans_mono, serif};
    [
        (DEFAULT, false, false, sans::regular()),
        (DEFAULT, true, false, sans::bold()),
        (DEFAULT, false, true, sans::oblique()),
        (DEFAULT, true, true, sans::bold_oblique()),
        ("dejavu serif", false, false, serif::regular()),
        ("dejavu serif", true, false, serif::bold()),
        ("dejavu serif", false, true, serif::italic()),
        ("dejavu serif", true, true, serif::bold_italic()),
        ("dejavu sans mono", false, false, sans_mono::regular()),
        ("dejavu sans mono", true, false, sans_mono::bold()),
    ]
    .into_iter()
    .map(|(family, bold, italic, bytes)| {
        let mut slot = Slot::new(vec![family.to_owned()], Source::Static(bytes), 0);
        slot.weight = if bold { 700 } else { 400 };
        slot.italic = italic;
        slot
    })
    .collect()
}

/// Returns the compiled-in family for a CSS generic name.
pub(super) fn generic(family: &str) -> Option<&'static str> {
    match family {
        "sans" | "sans-serif" => Some(DEFAULT),
        "serif" => Some("dejavu serif"),
        "mono" | "monospace" => Some("dejavu sans mono"),
        _ => None,
    }
}

/// Whether this is a CSS generic family name.
pub(super) fn is_generic(family: &str) -> bool {
    generic(family).is_some()
}
