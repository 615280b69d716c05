//! Patterns of `like`.

/// The pattern of texts that contain `text`, for `… like $1 escape '\\'`. The wildcards of `like` mean themselves.
pub fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_mean_themselves() {
        assert_eq!(contains("100 %_\\"), "%100 \\%\\_\\\\%");
    }
}
