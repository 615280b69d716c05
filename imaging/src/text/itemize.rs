//! Splits a paragraph into items: stretches of one direction, one script and one face.

use std::ops::Range;
use std::sync::Arc;

use herald_template::expression::{ISOLATE, POP};
use unicode_bidi::{Direction, Level, ParagraphBidiInfo, get_base_direction};
use unicode_properties::{EmojiStatus, UnicodeEmoji};
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

use crate::fonts::{Face, FaceStack, HanStyle, Want, has_cluster};

use super::style::TextStyle;

/// A stretch of a paragraph that is shaped at once.
pub(super) struct Item {
    /// The range in the paragraph, in bytes.
    pub(super) range: Range<usize>,
    pub(super) level: Level,
    pub(super) script: Script,
    pub(super) face: Arc<Face>,
}

/// A paragraph that is ready for shaping.
pub(super) struct Itemized {
    pub(super) items: Vec<Item>,
    pub(super) base: Level,
    /// The clusters that no font has, in order and with duplicates.
    pub(super) missing: Vec<String>,
}

/// A grapheme cluster and its face, once it is chosen.
struct Cluster<'t> {
    start: usize,
    text: &'t str,
    kind: Kind,
    face: Option<Arc<Face>>,
    script: Script,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Letters of a script, which decide for the neutral clusters around them.
    Strong,
    /// Spaces, digits and punctuation, which take the face of adjacent letters.
    Neutral,
    Emoji,
}

/// Splits a paragraph (one line of text, no `\n`) into items in logical order.
pub(super) fn itemize(paragraph: &str, style: &TextStyle, stack: &FaceStack<'_>, han: HanStyle) -> Itemized {
    let bidi = ParagraphBidiInfo::new(paragraph, base(paragraph));
    let want =
        |script, emoji| Want { script, emoji, serif: stack.serif(), bold: style.bold, italic: style.italic, han };
    let mut clusters: Vec<Cluster<'_>> =
        paragraph.grapheme_indices(true).map(|(start, text)| classify(start, text)).collect();
    for cluster in &mut clusters {
        if cluster.kind != Kind::Neutral {
            cluster.face = stack.pick(cluster.text, want(cluster.script, cluster.kind == Kind::Emoji));
        }
    }
    inherit(&mut clusters, stack, want);

    let mut items: Vec<Item> = Vec::new();
    let mut missing = Vec::new();
    for Cluster { start, text, face, script, .. } in clusters {
        if is_isolate(text) {
            // This mark has ordered the letters and has no further effect.
            continue;
        }
        let Some(face) = face else {
            missing.push(text.to_owned());
            continue;
        };
        let end = start + text.len();
        let level = bidi.levels.get(start).copied().unwrap_or(bidi.paragraph_level);
        match items.last_mut() {
            Some(item)
                if item.range.end == start
                    && item.level == level
                    && item.script == script
                    && item.face.id() == face.id() =>
            {
                item.range.end = end;
            }
            _ => items.push(Item { range: start..end, level, script, face }),
        }
    }
    Itemized { items, base: bidi.paragraph_level, missing }
}

/// Returns the direction of a paragraph with inserted values. The first letter of the template's own text decides or,
/// if that text has no letter, the first letter of the values. `None` leaves the decision to the first letter, as
/// everywhere else.
fn base(paragraph: &str) -> Option<Level> {
    if !paragraph.contains(ISOLATE) || get_base_direction(paragraph) != Direction::Mixed {
        return None;
    }
    let values: String = paragraph.chars().filter(|c| !matches!(*c, ISOLATE | POP)).collect();
    (get_base_direction(values.as_str()) == Direction::Rtl).then(Level::rtl)
}

/// Whether a cluster is one of the marks around an inserted value.
fn is_isolate(cluster: &str) -> bool {
    !cluster.is_empty() && cluster.chars().all(|c| matches!(c, ISOLATE | POP))
}

fn classify(start: usize, text: &str) -> Cluster<'_> {
    let strong = |script: &Script| !matches!(script, Script::Common | Script::Inherited);
    let script = text.chars().map(|c| c.script()).find(strong).unwrap_or(Script::Common);
    let kind = match script {
        _ if is_emoji(text) => Kind::Emoji,
        Script::Common => Kind::Neutral,
        _ => Kind::Strong,
    };
    Cluster { start, text, kind, face: None, script }
}

/// Whether a cluster is a picture: by default, or because a selector asks for it.
fn is_emoji(cluster: &str) -> bool {
    if cluster.is_ascii() || cluster.contains('\u{FE0E}') {
        return false;
    }
    cluster.contains('\u{FE0F}')
        || cluster.chars().any(|c| {
            matches!(
                c.emoji_status(),
                EmojiStatus::EmojiPresentation
                    | EmojiStatus::EmojiPresentationAndModifierBase
                    | EmojiStatus::EmojiPresentationAndEmojiComponent
                    | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
            )
        })
}

/// Gives neutral clusters the script of the letters before them, or else after them, and also their face, if it has the
/// cluster.
fn inherit(clusters: &mut [Cluster<'_>], stack: &FaceStack<'_>, want: impl Fn(Script, bool) -> Want) {
    let strong = |cluster: &Cluster<'_>| {
        (cluster.kind == Kind::Strong).then(|| cluster.face.clone().map(|face| (face, cluster.script))).flatten()
    };
    let mut beside = clusters.iter().find_map(strong);
    for cluster in clusters {
        if let Some(found) = strong(cluster) {
            beside = Some(found);
        }
        if cluster.kind != Kind::Neutral || is_isolate(cluster.text) {
            continue;
        }
        // U+FFFD means that the text was already damaged. It is reported, not drawn.
        if cluster.text.contains(char::REPLACEMENT_CHARACTER) {
            continue;
        }
        if let Some((face, script)) = &beside {
            cluster.script = *script;
            if has_cluster(face, cluster.text) {
                cluster.face = Some(face.clone());
                continue;
            }
        }
        cluster.face = stack.pick(cluster.text, want(Script::Common, false));
        if cluster.face.is_none() && cluster.text.chars().all(char::is_whitespace) {
            // Shaping derives the rarer spaces from the plain one.
            cluster.face = stack.primary().cloned();
        }
    }
}
