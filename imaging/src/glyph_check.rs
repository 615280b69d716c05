//! Checks a whole list, before anything is drawn, for guests with characters that no font has.

use std::collections::BTreeMap;

use herald_template::expression::Expression;
use herald_template::{Bundle, Content, Template};

use super::fonts::{FontError, FontLibrary};
use super::missing::Lack;
use super::template::style;
use super::text::{self, TextStyle};

/// The lines of a template that show values of the guest.
pub struct GlyphCheck {
    lines: Vec<(Expression, TextStyle)>,
    fonts: FontLibrary,
    found: BTreeMap<Lack, u64>,
}

impl GlyphCheck {
    /// Reads a template and its own fonts, without decoding its background.
    ///
    /// # Errors
    /// [`FontError`] if a font of the template does not load.
    pub fn new(template: &Template, bundle: &Bundle, fonts: &FontLibrary) -> Result<Self, FontError> {
        let mut fonts = fonts.clone();
        fonts.add_fonts_of(template, bundle).map_err(|(_, error)| error)?;
        let lines = template.slots.iter().filter_map(|slot| match &slot.content {
            Content::Text(text) if !text.value.is_constant() => {
                Some((text.value.clone(), style(&text.typography, slot.rotation)))
            }
            _ => None,
        });
        Ok(Self { lines: lines.collect(), fonts, found: BTreeMap::new() })
    }

    /// Counts a guest, once for each script that needs a font.
    pub fn add(&mut self, fields: &BTreeMap<String, String>) {
        let mut lacks: Vec<Lack> = Vec::new();
        for (value, style) in &self.lines {
            // Number and link come from Herald; a missing field is reported elsewhere.
            let field = |name: &str| fields.get(name).map(String::as_str).or(Some("0"));
            let Ok(line) = value.evaluate_isolated(field) else { continue };
            lacks.extend(text::missing(&line, style, &self.fonts).iter().map(|cluster| Lack::of(cluster)));
        }
        lacks.sort_unstable();
        lacks.dedup();
        for lack in lacks {
            *self.found.entry(lack).or_default() += 1;
        }
    }

    /// Returns the remarks about the list, a line for each script: `23 guests need a font for Devanagari: install
    /// fonts-noto-core`.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let remark = |(Lack { script, cure }, guests): (&Lack, &u64)| {
            let script = script.replace('_', " ");
            let need = if *guests == 1 { "1 guest needs".to_owned() } else { format!("{guests} guests need") };
            format!("{need} a font for {script}: {cure}")
        };
        self.found.iter().map(remark).collect()
    }
}
