//! The problems of a template, worded so that its designer can correct them.

use std::fmt;

use serde::Serialize;

/// A position in `template.toml`. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// Returns the position of a byte offset in a text.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
    }
}

/// One problem of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The position in `template.toml`, if it is known.
    pub position: Option<Position>,
    /// The slot, in words for people: `slot 2 "guest name" (text)`.
    pub slot: Option<String>,
    /// The key: `box`, `color`, ….
    pub key: Option<String>,
    /// The problem and the cure.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template.toml")?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        for part in [&self.slot, &self.key].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All problems of a template, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", self.to_text())]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    fn to_text(&self) -> String {
        self.0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// Returns `; did you mean "x"?` if one of the names is similar to `written`, else an empty text.
pub(super) fn did_you_mean<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let written = written.to_lowercase();
    let near = names.into_iter().map(|name| (distance(&written, &name.to_lowercase()), name)).min();
    match near {
        Some((distance, name)) if distance <= (written.chars().count() / 3).max(1) => {
            format!("; did you mean \"{name}\"?")
        }
        _ => String::new(),
    }
}

/// The edit distance (insert, delete, replace), counted in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        assert_eq!(Position::of("ab\nçde", 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of("ab\nçde", 5), Position { line: 2, column: 2 });
        assert_eq!(Position::of("ab", 99), Position { line: 1, column: 3 });
    }

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["first_name", "last_name", "company"];
        assert_eq!(did_you_mean("frist_name", names), "; did you mean \"first_name\"?");
        assert_eq!(did_you_mean("Company", names), "; did you mean \"company\"?");
        assert_eq!(did_you_mean("wine", names), "");
    }
}
