//! Ranks the machine's fonts for a script.
//!
//! The ranking is only an order of attempts: the first face that covers the cluster is used. So a wrong guess costs a
//! look-up, never a glyph.

use unicode_script::Script;

use super::slot::Slot;

/// The regional form of Han characters: the same code point looks different in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HanStyle {
    /// Simplified Chinese, which is also the default.
    Simplified,
    /// Traditional Chinese as in Taiwan.
    Traditional,
    /// Traditional Chinese as in Hong Kong and Macau.
    HongKong,
    /// Japanese.
    Japanese,
    /// Korean.
    Korean,
}

impl HanStyle {
    /// Returns the style of a BCP 47 language tag, if the language uses Han characters.
    pub(crate) fn of_language(tag: &str) -> Option<Self> {
        let tag = tag.to_lowercase().replace('_', "-");
        let mut parts = tag.split('-');
        match parts.next()? {
            "ja" => Some(Self::Japanese),
            "ko" => Some(Self::Korean),
            "zh" | "yue" | "cmn" => Some(match parts.find(|part| *part != "hant").unwrap_or("") {
                "hk" | "mo" => Self::HongKong,
                "tw" => Self::Traditional,
                _ if tag.contains("hant") => Self::Traditional,
                _ if tag.starts_with("yue") => Self::HongKong,
                _ => Self::Simplified,
            }),
            _ => None,
        }
    }

    /// Returns the style that the text itself indicates: kana are Japanese, Hangul is Korean.
    pub(crate) fn of_text(text: &str) -> Self {
        text.chars()
            .find_map(|c| match c {
                '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9D}' => Some(Self::Japanese),
                '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7AF}' => Some(Self::Korean),
                '\u{3100}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' => Some(Self::Traditional),
                _ => None,
            })
            .unwrap_or(Self::Simplified)
    }

    /// Returns the OpenType language for shaping.
    pub(crate) fn language(self) -> &'static str {
        match self {
            Self::Simplified => "zh-hans",
            Self::Traditional => "zh-hant",
            Self::HongKong => "zh-hk",
            Self::Japanese => "ja",
            Self::Korean => "ko",
        }
    }

    /// The marks of the style in family names (lower case): first collections, then fonts of the major systems.
    fn family_marks(self) -> &'static [&'static str] {
        match self {
            Self::Simplified => {
                &["cjk sc", "sans sc", "serif sc", "pingfang sc", "yahei", "simsun", "songti sc", "wenquanyi"]
            }
            Self::Traditional => &["cjk tc", "sans tc", "serif tc", "pingfang tc", "jhenghei", "mingliu", "songti tc"],
            Self::HongKong => &["cjk hk", "sans hk", "serif hk", "pingfang hk", "mingliu_hkscs"],
            Self::Japanese => {
                &["cjk jp", "sans jp", "serif jp", "hiragino", "yu gothic", "yu mincho", "meiryo", "ipa", "takao"]
            }
            Self::Korean => &["cjk kr", "sans kr", "serif kr", "apple sd gothic", "malgun", "batang", "nanum"],
        }
    }
}

/// The properties that a cluster needs from a font.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Want {
    pub(crate) script: Script,
    pub(crate) emoji: bool,
    pub(crate) serif: bool,
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) han: HanStyle,
}

/// Returns when to try a face: a lower rank is earlier, `None` means never.
pub(super) fn rank(slot: &Slot, want: Want) -> Option<u32> {
    let family = slot.family()?;
    // Fonts that only show missing glyphs would turn every gap into a box.
    if ["last resort", "lastresort", "adobe blank", "notdef"].iter().any(|mark| family.contains(mark)) {
        return None;
    }
    let has = |mark: &str| family.contains(mark);
    let emoji_font = has("emoji");
    let mut rank = if emoji_font == want.emoji { 0 } else { 200 };
    rank += if emoji_font && !has("color") { 1 } else { 0 };
    rank += if for_script(family, want) { 0 } else { 100 };
    let serif_font = ["serif", "naskh", "mincho", "songti", "simsun", "mingliu", "batang", "nastaliq"]
        .iter()
        .any(|mark| has(mark) && !has("sans serif"));
    rank += if serif_font == want.serif { 0 } else { 24 };
    // Nastaliq needs twice the line height, so it is used only if its family name is given.
    rank += if has("nastaliq") || has("kufi") { 40 } else { 0 };
    rank += if slot.monospaced || has(" mono") { 20 } else { 0 };
    rank += if has(" ui") || has("looped") { 4 } else { 0 };
    // Noto is designed as one family across scripts, so names of mixed scripts look consistent.
    rank += if has("noto") { 0 } else { 2 };
    Some(rank + slot.style_distance(want.bold, want.italic))
}

/// Whether the family's name says that the font was made for the script.
fn for_script(family: &str, want: Want) -> bool {
    match want.script {
        Script::Han | Script::Bopomofo => want.han.family_marks().iter().any(|mark| family.contains(mark)),
        Script::Hiragana | Script::Katakana => {
            HanStyle::Japanese.family_marks().iter().any(|mark| family.contains(mark))
        }
        Script::Hangul => HanStyle::Korean.family_marks().iter().any(|mark| family.contains(mark)),
        Script::Common | Script::Inherited | Script::Unknown | Script::Latin | Script::Greek | Script::Cyrillic => {
            matches!(family, "noto sans" | "noto serif" | "dejavu sans" | "dejavu serif" | "liberation sans")
                || family.contains("symbol") && want.script == Script::Common
        }
        script => family.contains(&script.full_name().to_lowercase().replace('_', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_tag_says_how_han_is_drawn() {
        for (tag, style) in [
            ("zh", Some(HanStyle::Simplified)),
            ("zh-CN", Some(HanStyle::Simplified)),
            ("zh-Hant", Some(HanStyle::Traditional)),
            ("zh_TW", Some(HanStyle::Traditional)),
            ("zh-Hant-HK", Some(HanStyle::HongKong)),
            ("ja-JP", Some(HanStyle::Japanese)),
            ("ko", Some(HanStyle::Korean)),
            ("en", None),
            ("", None),
        ] {
            assert_eq!(HanStyle::of_language(tag), style, "{tag}");
        }
    }

    #[test]
    fn kana_and_hangul_in_a_name_decide_how_its_han_is_drawn() {
        assert_eq!(HanStyle::of_text("王小明"), HanStyle::Simplified);
        assert_eq!(HanStyle::of_text("田中 さくら"), HanStyle::Japanese);
        assert_eq!(HanStyle::of_text("金서연"), HanStyle::Korean);
    }
}
