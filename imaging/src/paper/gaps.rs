//! Characters that no font of the machine has. Each is named in the text that lacks it, so that nobody takes the rest
//! for the whole.

use std::collections::BTreeSet;

use super::{Paper, Part};
use crate::{
    fonts::FontLibrary,
    missing::{Lack, describe},
    text::{self, TextStyle},
};

/// Replaces the characters that no font has, and returns the note about them.
pub(super) fn fill(paper: &mut Paper, fonts: &FontLibrary) -> Option<String> {
    let mut gaps = Gaps { fonts, style: TextStyle::default(), found: BTreeSet::new(), texts: 0 };
    gaps.fill(&mut paper.title);
    gaps.fill(&mut paper.subtitle);
    gaps.fill(&mut paper.foot);
    for part in &mut paper.parts {
        match part {
            Part::Bars { heading, bars } => {
                gaps.fill(heading);
                for bar in bars {
                    gaps.fill(&mut bar.label);
                    gaps.fill(&mut bar.remark);
                }
            }
            Part::Table { heading, rows, .. } => {
                gaps.fill(heading);
                for cell in rows.iter_mut().flatten() {
                    gaps.fill(&mut cell.text);
                    gaps.fill(&mut cell.below);
                }
            }
        }
    }
    let texts = match gaps.texts {
        0 => return None,
        1 => "A text lacks".to_owned(),
        texts => format!("{texts} texts lack"),
    };
    let found: Vec<String> = gaps.found.into_iter().collect();
    Some(format!("{texts} characters that no font of this machine has: {}", describe(&found)))
}

struct Gaps<'f> {
    fonts: &'f FontLibrary,
    style: TextStyle,
    found: BTreeSet<String>,
    texts: usize,
}

impl Gaps<'_> {
    fn fill(&mut self, text: &mut String) {
        let missing = text::missing(text, &self.style, self.fonts);
        if missing.is_empty() {
            return;
        }
        self.texts += 1;
        let scripts: BTreeSet<&str> = missing.iter().map(|cluster| Lack::of(cluster).script).collect();
        for cluster in &missing {
            *text = text.replace(cluster.as_str(), "");
        }
        let scripts = scripts.into_iter().collect::<Vec<_>>().join(", ").replace('_', " ");
        *text = format!("{} [{scripts}: no font]", text.trim()).trim_start().to_owned();
        self.found.extend(missing);
    }
}
