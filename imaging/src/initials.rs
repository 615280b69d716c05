//! The initials of a person who has no picture.

use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

/// Returns one or two user-perceived characters, in capitals if the script has them. The text is empty if the name has
/// no letter or digit.
///
/// Most scripts get two (of the first and the last word), because their words are usually abbreviated so. Chinese,
/// Japanese and Korean get one, the character of the family name. Joined scripts such as Arabic get one, too, because
/// their letters change shape side by side.
pub fn initials(name: &str) -> String {
    let mut firsts = name.split_whitespace().filter_map(first_character);
    let Some(first) = firsts.next() else {
        return String::new();
    };
    if stands_alone(first) {
        return first.to_owned();
    }
    let last = firsts.next_back().filter(|last| !stands_alone(last));
    capital(first) + &last.map(capital).unwrap_or_default()
}

/// Returns the first grapheme cluster with a letter or digit; quotes and brackets are skipped.
fn first_character(word: &str) -> Option<&str> {
    word.graphemes(true).find(|cluster| cluster.chars().any(char::is_alphanumeric))
}

fn stands_alone(cluster: &str) -> bool {
    use Script::{Arabic, Bopomofo, Han, Hangul, Hiragana, Katakana, Mongolian, Nko, Syriac};
    let joined_or_wide =
        |script| matches!(script, Han | Hangul | Hiragana | Katakana | Bopomofo | Arabic | Syriac | Nko | Mongolian);
    cluster.chars().any(|c| joined_or_wide(c.script()))
}

fn capital(cluster: &str) -> String {
    let capital = cluster.to_uppercase();
    // "ß" becomes "SS".
    capital.graphemes(true).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn first_and_last_word_give_a_letter_each() {
        assert_eq!(initials("Amina Wanjiru Otieno"), "AO");
        assert_eq!(initials("  émile   zola-test "), "ÉZ");
        assert_eq!(initials("Nguyễn Thị Ánh"), "NÁ");
        assert_eq!(initials("Ольга Примерова"), "ОП");
    }

    #[test]
    fn a_single_word_gives_one_letter() {
        assert_eq!(initials("cher"), "C");
        assert_eq!(initials("ßtest"), "S");
    }

    #[test]
    fn a_decomposed_accent_stays_with_its_letter() {
        assert_eq!(initials("e\u{301}lodie Rue"), "E\u{301}R");
    }

    #[test]
    fn a_devanagari_letter_keeps_its_vowel_sign() {
        assert_eq!(initials("प्रिया शर्मा"), "प्रिश");
    }

    #[test]
    fn wide_and_joined_scripts_give_one_character() {
        assert_eq!(initials("王小明"), "王");
        assert_eq!(initials("김 예시"), "김");
        assert_eq!(initials("محمد مثال"), "م");
        assert_eq!(initials("やまだ たろう"), "や");
    }

    #[test]
    fn quotes_brackets_and_emoji_are_passed_over() {
        assert_eq!(initials("\"Bob\" (Example)"), "BE");
        assert_eq!(initials("🎉 Tess 🎉"), "T");
    }

    #[test]
    fn a_name_without_letters_has_none() {
        assert_eq!(initials(""), "");
        assert_eq!(initials("🎉 — !"), "");
    }
}
