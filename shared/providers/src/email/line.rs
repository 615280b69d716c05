//! Text that fits on one line of an e-mail.

/// Puts a text on one line and cuts it to `longest` characters. White space of any kind, control characters and line
/// ends become one space. Characters that turn the direction of the surrounding text are removed. Joiners stay, because
/// Urdu, Hindi and emoji need them.
pub(super) fn one_line(text: &str, longest: usize) -> String {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let words = text.split(is_gap).map(|word| word.replace(turns_direction, "")).filter(|word| !word.is_empty());
    let mut line = words.collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(longest) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_ends_a_line_somewhere_becomes_a_space() {
        for end in ["\r\n", "\n", "\r", "\0", "\u{85}", "\u{2028}", "\u{2029}", "\u{b}", "\u{c}", "\u{1b}"] {
            assert_eq!(one_line(&format!(" Ann{end}Bcc: bo "), 100), "Ann Bcc: bo", "{end:?}");
        }
        assert_eq!(one_line("a\u{202e}b\u{202c}", 100), "ab");
        assert_eq!(one_line("👩\u{200d}🔬 می\u{200c}خواهم", 100), "👩\u{200d}🔬 می\u{200c}خواهم");
        assert_eq!(one_line("王小明王小明", 3), "王小明…");
        assert_eq!(one_line("\r\n", 3), "");
    }
}
