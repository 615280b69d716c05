//! The cure for characters that no font has: their scripts, and the packages to install.

use std::collections::BTreeMap;

use unicode_properties::UnicodeEmoji;
use unicode_script::{Script, UnicodeScript};

/// The largest number of characters in a message; a name seldom has more.
const SHOWN: usize = 12;

/// A kind of missing characters, and the cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lack {
    /// The script, such as `Devanagari`, or `emoji`.
    pub script: &'static str,
    /// The cure, such as `install fonts-noto-core`.
    pub cure: &'static str,
}

impl Lack {
    /// Returns the kind of a cluster of characters that no font has.
    #[must_use]
    pub fn of(cluster: &str) -> Self {
        if cluster.contains(char::REPLACEMENT_CHARACTER) {
            return Self { script: "damaged text", cure: "write it anew in the list" };
        }
        let strong = |script: &Script| !matches!(script, Script::Common | Script::Inherited);
        let script = cluster.chars().map(|c| c.script()).find(strong);
        match script {
            None if cluster.chars().any(|c| c.is_emoji_char()) => {
                Self { script: "emoji", cure: "install fonts-noto-color-emoji" }
            }
            None => Self { script: "symbols", cure: "install fonts-noto-core" },
            Some(Script::Unknown) => {
                Self { script: "characters of no script", cure: "install a font of your own that has them" }
            }
            Some(Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo) => {
                Self { script: script.map_or("", Script::full_name), cure: "install fonts-noto-cjk" }
            }
            Some(script) => Self { script: script.full_name(), cure: "install fonts-noto-core" },
        }
    }
}

/// Describes the missing characters and the cure: `क, ख (Devanagari: install fonts-noto-core)`.
#[must_use]
pub fn describe(clusters: &[String]) -> String {
    let mut lacks: BTreeMap<Lack, Vec<&str>> = BTreeMap::new();
    for cluster in clusters {
        lacks.entry(Lack::of(cluster)).or_default().push(cluster);
    }
    let described = lacks.into_iter().map(|(Lack { script, cure }, clusters)| {
        let more = if clusters.len() > SHOWN { ", …" } else { "" };
        let shown = clusters.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
        format!("{shown}{more} ({}: {cure})", script.replace('_', " "))
    });
    described.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_with_the_package_that_has_it() {
        let described = |clusters: &[&str]| describe(&clusters.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        assert_eq!(described(&["क", "ख"]), "क, ख (Devanagari: install fonts-noto-core)");
        assert_eq!(
            described(&["李", "🎉", "か"]),
            "李 (Han: install fonts-noto-cjk) and か (Hiragana: install fonts-noto-cjk) and 🎉 (emoji: \
             install fonts-noto-color-emoji)"
        );
        assert_eq!(described(&["\u{FFFD}"]), "\u{FFFD} (damaged text: write it anew in the list)");
        assert!(described(&["\u{E000}"]).contains("font of your own"));
    }
}
