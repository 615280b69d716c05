//! Reads `[[slot]]` tables.

use std::ops::Range;

use toml::de::DeTable;

use super::bundle::Bundle;
use super::color::Color;
use super::font_file::check_font;
use super::problem::{Problem, did_you_mean};
use super::slot::{
    Align, Area, Border, Content, Font, PictureSlot, QrSlot, Shadow, Shape, Slot, TextSlot, Typography, VerticalAlign,
};
use super::table::{Found, Table};
use crate::expression::Expression;

/// The smallest side of a QR code's box. A link of 120 bytes needs 45 modules. With the quiet zone of four modules on
/// each side, and two pixels per module, that is the smallest size.
const MIN_QR: u32 = 106;
const MIN_CONTRAST: f64 = 3.0;
const KINDS: [&str; 4] = ["text", "picture", "number", "qr"];
const BLACK: Color = Color::rgb(0, 0, 0);
const WHITE: Color = Color::rgb(255, 255, 255);

/// The context of a slot's table.
pub(super) struct Context<'c> {
    pub(super) text: &'c str,
    /// The files of the template; unknown if they were checked earlier.
    pub(super) bundle: Option<&'c Bundle>,
    /// The size of the background; unknown if the background itself has a problem.
    pub(super) size: Option<(u32, u32)>,
    pub(super) index: usize,
}

/// Reads one `[[slot]]`. Returns `None` if a problem leaves nothing to draw.
pub(super) fn read<'t>(
    context: &Context<'t>,
    table: &'t DeTable<'t>,
    span: Range<usize>,
    problems: &mut Vec<Problem>,
) -> Option<Slot> {
    let number = context.index + 1;
    let mut table = Table::new(context.text, table, span, Some(format!("slot {number}")), problems);
    let position = table.position();
    let name = table.text("name");
    let kind = table.required_text("kind", "write kind = \"text\", \"picture\", \"number\" or \"qr\"")?;
    let known_kind = KINDS.contains(&kind.value.as_str());
    let label = match (&name, known_kind) {
        (Some(name), true) => format!("slot {number} \"{}\" ({})", name.value, kind.value),
        (Some(name), false) => format!("slot {number} \"{}\"", name.value),
        (None, true) => format!("slot {number} ({})", kind.value),
        (None, false) => format!("slot {number}"),
    };
    table.set_slot(label.clone());
    if !known_kind {
        // The allowed keys depend on the kind, so no further check is possible.
        let hint = did_you_mean(&kind.value, KINDS);
        let message = format!("\"{}\" is not one of \"text\", \"picture\", \"number\", \"qr\"{hint}", kind.value);
        table.problem(Some("kind"), Some(kind.position), message);
        return None;
    }
    let is_text = matches!(kind.value.as_str(), "text" | "number");
    let rotation =
        if is_text { table.number("rotation", -360.0..=360.0).map_or(0.0, |found| found.value) } else { 0.0 };
    let found = area(&mut table, context.size, rotation);
    let mut text_position = None;
    let content = match kind.value.as_str() {
        "text" => {
            let value = value(&mut table);
            text_position = value.as_ref().map(|found| found.position);
            let typography = typography(&mut table, context.bundle);
            value.map(|value| Content::Text(TextSlot { value: value.value, typography }))
        }
        "number" => Some(Content::Number(typography(&mut table, context.bundle))),
        "picture" => Some(Content::Picture(picture(&mut table, found))),
        _ => Some(Content::Qr(qr(&mut table, found))),
    };
    table.finish();
    Some(Slot { label, area: found?, rotation, content: content?, position, text_position })
}

fn area(table: &mut Table<'_, '_>, size: Option<(u32, u32)>, rotation: f32) -> Option<Area> {
    if !table.has("box") {
        table.problem(Some("box"), None, "is missing; write box = [x, y, width, height] in pixels".into());
    }
    let found = table.four("box")?;
    let [x, y, width, height] = found.value;
    if width < 1 || height < 1 {
        let message = format!("is {width} × {height} px; give it a width and a height of at least 1");
        table.problem(Some("box"), Some(found.position), message);
        return None;
    }
    let (image_width, image_height) = size?;
    let over = overhang([x, y, width, height], (image_width, image_height), rotation);
    if !over.is_empty() {
        let turned = if rotation == 0.0 { "" } else { ", rotated," };
        let message = format!(
            "the box{turned} reaches {} outside the {image_width} × {image_height} px background; \
             move it or make it smaller",
            over.join(" and ")
        );
        table.problem(Some("box"), Some(found.position), message);
        return None;
    }
    let narrow = |value: i64| i32::try_from(value).ok();
    Some(Area { x: narrow(x)?, y: narrow(y)?, width: u32::try_from(width).ok()?, height: u32::try_from(height).ok()? })
}

/// Returns how far a box extends beyond the image, such as `12 px right`. A rotated box is measured after its rotation.
fn overhang([x, y, width, height]: [i64; 4], image: (u32, u32), rotation: f32) -> Vec<String> {
    let [x, y, width, height] = [x, y, width, height].map(|value| value as f64);
    let (sin, cos) = f64::from(rotation).to_radians().sin_cos();
    // This is half the extent of the rotated box. Half a pixel is tolerated, for the rounding of right angles.
    let half_width = (width * cos.abs() + height * sin.abs()) / 2.0;
    let half_height = (width * sin.abs() + height * cos.abs()) / 2.0;
    let (center_x, center_y) = (x + width / 2.0, y + height / 2.0);
    let sides = [
        (half_width - center_x, "left"),
        (half_height - center_y, "above"),
        (center_x + half_width - f64::from(image.0), "right"),
        (center_y + half_height - f64::from(image.1), "below"),
    ];
    let out = sides.into_iter().filter(|(pixels, _)| *pixels >= 0.5);
    out.map(|(pixels, side)| format!("{} px {side}", pixels.ceil())).collect()
}

fn value(table: &mut Table<'_, '_>) -> Option<Found<Expression>> {
    let (value, field) = (table.text("value"), table.text("field"));
    match (value, field) {
        (Some(_), Some(field)) => {
            let message = "value and field are both given; keep one of them";
            table.problem(Some("field"), Some(field.position), message.into());
            None
        }
        (None, Some(Found { value, position, inner })) => {
            if value.is_empty() {
                table.problem(Some("field"), Some(position), "is empty; name a column of the guest list".into());
                return None;
            }
            Some(Found { value: Expression::field(&value), position, inner })
        }
        (Some(Found { value, position, inner }), None) => match Expression::parse(&value) {
            Ok(expression) => Some(Found { value: expression, position, inner }),
            Err(error) => {
                let at = error.offset.zip(inner).map(|(offset, inner)| table.position_at(inner + offset));
                table.problem(Some("value"), Some(at.unwrap_or(position)), error.message);
                None
            }
        },
        (None, None) => {
            if !table.has("value") && !table.has("field") {
                let message = "is missing; write value = \"{{ first_name }}\" or field = \"first_name\"";
                table.problem(Some("value"), None, message.into());
            }
            None
        }
    }
}

fn typography(table: &mut Table<'_, '_>, bundle: Option<&Bundle>) -> Typography {
    let font = font(table, bundle);
    let (bold, italic) = (table.flag("bold"), table.flag("italic"));
    let size = table.number("size", 4.0..=2_000.0).map_or(48.0, |found| found.value);
    let min_size = table.number("min_size", 4.0..=2_000.0);
    if let Some(found) = min_size.as_ref().filter(|found| found.value > size) {
        let message = format!("{} is larger than size {size}; make it at most as large", found.value);
        table.problem(Some("min_size"), Some(found.position), message);
    }
    Typography {
        font,
        bold,
        italic,
        size,
        min_size: min_size.map_or((size * 0.4).max(4.0).min(size), |found| found.value),
        lines: table.whole("lines", 1..=50).map_or(1, |found| found.value),
        line_height: table.number("line_height", 0.5..=5.0).map_or(1.2, |found| found.value),
        color: table.parsed("color").map_or(BLACK, |found| found.value),
        align: table
            .choice(
                "align",
                &[
                    ("left", Align::Left),
                    ("center", Align::Center),
                    ("right", Align::Right),
                    ("start", Align::Start),
                    ("end", Align::End),
                ],
            )
            .unwrap_or(Align::Left),
        valign: table
            .choice(
                "valign",
                &[("top", VerticalAlign::Top), ("middle", VerticalAlign::Middle), ("bottom", VerticalAlign::Bottom)],
            )
            .unwrap_or(VerticalAlign::Middle),
        letter_spacing: table.number("letter_spacing", -0.5..=5.0).map_or(0.0, |found| found.value),
        language: table.text("language").map(|found| found.value),
        shadow: table.table("shadow").map(|(inner, span)| table.within(inner, span, shadow)),
    }
}

fn shadow(table: &mut Table<'_, '_>) -> Shadow {
    Shadow {
        dx: table.number("dx", -2.0..=2.0).map_or(0.0, |found| found.value),
        dy: table.number("dy", -2.0..=2.0).map_or(0.05, |found| found.value),
        blur: table.number("blur", 0.0..=2.0).map_or(0.1, |found| found.value),
        color: table.parsed("color").map_or(Color { alpha: 128, ..BLACK }, |found| found.value),
    }
}

fn font(table: &mut Table<'_, '_>, bundle: Option<&Bundle>) -> Font {
    let Some(found) = table.text("font") else { return Font::Family("DejaVu Sans".into()) };
    if !is_font(&found.value) {
        return Font::Family(found.value);
    }
    let Some(bundle) = bundle else { return Font::File(found.value) };
    let flaw = bundle.file(&found.value).map(|bytes| check_font(bytes));
    if let Some(Err(flaw)) = flaw {
        let message = format!("\"{}\" cannot be used: {flaw}", found.value);
        table.problem(Some("font"), Some(found.position), message);
    }
    if flaw.is_none() {
        let hint = did_you_mean(&found.value, bundle.files().map(|(name, _)| name).filter(|name| is_font(name)));
        let message = format!(
            "there is no file \"{}\" in the template's folder{hint}; add it or name an installed family",
            found.value
        );
        table.problem(Some("font"), Some(found.position), message);
    }
    Font::File(found.value)
}

fn is_font(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".ttf", ".otf", ".ttc", ".otc"].iter().any(|extension| name.ends_with(extension))
}

fn picture(table: &mut Table<'_, '_>, area: Option<Area>) -> PictureSlot {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Circle,
        Rounded,
        Rectangle,
    }
    let words = [("circle", Word::Circle), ("rounded", Word::Rounded), ("rectangle", Word::Rectangle)];
    let word = table.choice("shape", &words).unwrap_or(Word::Circle);
    let half = area.map_or(5_000.0, |area| area.width.min(area.height) as f32 / 2.0);
    let radius = table.number("radius", 0.0..=half);
    if let Some(found) = radius.as_ref().filter(|_| word != Word::Rounded) {
        table.problem(
            Some("radius"),
            Some(found.position),
            "only a picture with shape = \"rounded\" has a radius".into(),
        );
    }
    let shape = match word {
        Word::Circle => Shape::Circle,
        Word::Rounded => Shape::Rounded(radius.map_or(half / 5.0, |found| found.value)),
        Word::Rectangle => Shape::Rectangle,
    };
    let border = table.table("border").map(|(inner, span)| {
        table.within(inner, span, |border| Border {
            width: border.number("width", 0.0..=half).map_or(4.0, |found| found.value),
            color: opaque(border, "color", WHITE),
        })
    });
    PictureSlot { shape, border }
}

fn qr(table: &mut Table<'_, '_>, area: Option<Area>) -> QrSlot {
    let slot = QrSlot { color: opaque(table, "color", BLACK), background: opaque(table, "background", WHITE) };
    let (dark, light) = (slot.color.luminance() + 0.05, slot.background.luminance() + 0.05);
    if light / dark < MIN_CONTRAST {
        let message =
            format!("{} on {} cannot be scanned; use a dark colour on a light background", slot.color, slot.background);
        table.problem(Some("color"), None, message);
    }
    if let Some(area) = area.filter(|area| area.width.min(area.height) < MIN_QR) {
        let message = format!(
            "{} × {} px is too small for the QR code of a link; give it at least {MIN_QR} px a side",
            area.width, area.height
        );
        table.problem(Some("box"), None, message);
    }
    slot
}

/// Reads a colour that must be opaque.
fn opaque(table: &mut Table<'_, '_>, key: &'static str, default: Color) -> Color {
    let Some(found) = table.parsed::<Color>(key) else { return default };
    if found.value.alpha < 255 {
        let message =
            format!("\"{}\" is transparent, which is not possible here; write it as \"#rrggbb\"", found.value);
        table.problem(Some(key), Some(found.position), message);
    }
    found.value
}
