//! A loaded face, with the functions that shaping and drawing need.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use harfrust::font::glyph::GlyphSourceOrder;
use harfrust::font::glyph::bitmap::BitmapSource;
use harfrust::font::{Blob, Font};
use harfrust::{Direction, Feature, GlyphId, Language, Script, ShapePlan, ShapePlanKey};
use unicode_normalization::char::decompose_canonical;

/// The number of kept plans per face. A face meets few combinations of script, direction and language.
const MAX_PLANS: usize = 32;

/// A face that is ready to shape and draw. Lengths are in em.
pub(crate) struct Face {
    font: Font,
    /// The file, and the number of the face in it.
    file: (Blob, u32),
    /// The id of the face in caches. It is never reused while the program runs.
    id: u32,
    em_per_unit: f32,
    ascent: f32,
    descent: f32,
    bitmaps: bool,
    plans: Mutex<Vec<Arc<ShapePlan>>>,
}

/// The properties that a shape plan depends on, besides the face.
#[derive(Clone, Copy)]
pub(crate) struct PlanKey<'a> {
    pub(crate) direction: Direction,
    pub(crate) script: Option<Script>,
    pub(crate) language: Option<&'a Language>,
    pub(crate) features: &'a [Feature],
}

impl Face {
    /// Parses face `index` of a font. Returns `None` if it cannot be drawn.
    pub(crate) fn new(bytes: Blob, index: u32) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let font = Font::new(bytes.clone(), index)?;
        if font.units_per_em() == 0 || !font.charmap().has_unicode() {
            return None;
        }
        let em_per_unit = 1.0 / f32::from(font.units_per_em());
        let line = font.metrics().h_line();
        let ascent = line.map_or(0.9, |line| line.ascender.to_f32() * em_per_unit);
        let descent = line.map_or(0.25, |line| line.descender.to_f32().abs() * em_per_unit);
        // EBDT strikes are hand-made pixels for old screens; such fonts also have outlines.
        let bitmaps = matches!(font.bitmap_strikes().source(), Some(BitmapSource::Sbix | BitmapSource::Cbdt));
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Some(Self { font, file: (bytes, index), id, em_per_unit, ascent, descent, bitmaps, plans: Mutex::default() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn font(&self) -> &Font {
        &self.font
    }

    /// The file that has the face, and the number of the face in it.
    pub(crate) fn file(&self) -> (Blob, u32) {
        self.file.clone()
    }

    /// The size of one font unit in em.
    pub(crate) fn em_per_unit(&self) -> f32 {
        self.em_per_unit
    }

    /// The height above the baseline that the designer reserves, in em.
    pub(crate) fn ascent(&self) -> f32 {
        self.ascent
    }

    /// The depth below the baseline that the designer reserves, in em, positive.
    pub(crate) fn descent(&self) -> f32 {
        self.descent
    }

    /// Whether the face draws pictures (emoji) rather than outlines.
    pub(crate) fn has_bitmaps(&self) -> bool {
        self.bitmaps
    }

    /// Whether the face has a glyph for the character.
    pub(crate) fn covers(&self, c: char) -> bool {
        self.font.charmap().map_unicode(c).is_some()
    }

    /// Returns the ink box of a glyph in em, y upwards: `[left, bottom, right, top]`; `None` if the glyph is blank.
    pub(crate) fn ink(&self, glyph: GlyphId) -> Option<[f32; 4]> {
        let order = if self.bitmaps { GlyphSourceOrder::DEFAULT } else { GlyphSourceOrder::OUTLINES };
        let extents = self.font.glyph_metrics().with_extents_source_order(order).extents(glyph)?;
        let scale = self.em_per_unit;
        let (left, top) = (extents.x_bearing * scale, extents.y_bearing * scale);
        let (right, bottom) = (left + extents.width * scale, top - extents.height.abs() * scale);
        (left < right && bottom < top).then_some([left, bottom, right, top])
    }

    /// Whether the cluster is visible when drawn. A font whose emoji are only colour layers (COLR) or SVG covers the
    /// characters, but has neither pictures nor outlines for them.
    pub(crate) fn draws(&self, cluster: &str) -> bool {
        self.bitmaps
            || self.font.color_glyphs().is_empty()
            || cluster
                .chars()
                .filter(|&c| !is_ignorable(c))
                .all(|c| self.font.charmap().map_unicode(c).is_some_and(|glyph| self.ink(glyph).is_some()))
    }

    /// Returns the plan for a kind of text. It is created once, because that costs more than shaping a name.
    pub(crate) fn plan(&self, key: PlanKey<'_>) -> Arc<ShapePlan> {
        let wanted =
            ShapePlanKey::new(&self.font, key.script, key.direction).language(key.language).features(key.features);
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.iter().find(|plan| wanted.matches(plan)) {
            return plan.clone();
        }
        if plans.len() == MAX_PLANS {
            plans.remove(0);
        }
        let plan = Arc::new(ShapePlan::new(&self.font, key.direction, key.script, key.language, key.features));
        plans.push(plan.clone());
        plan
    }
}

/// Whether every visible character of a cluster is covered, composed or decomposed: shaping recomposes the form that
/// the font prefers.
pub(super) fn covers_cluster(cluster: &str, covers: impl Fn(char) -> bool) -> bool {
    cluster.chars().filter(|&c| !is_ignorable(c)).all(|c| {
        covers(c) || {
            let (mut parts, mut all) = (0, true);
            decompose_canonical(c, |part| {
                parts += 1;
                all &= part != c && covers(part);
            });
            parts > 0 && all
        }
    })
}

/// Whether a character only steers shaping and has no ink of its own.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{034F}' | '\u{061C}' | '\u{2060}'..='\u{2064}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{180B}'..='\u{180F}' | '\u{E0000}'..='\u{E0FFF}')
}
