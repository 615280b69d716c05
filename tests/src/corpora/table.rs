//! What is told of the cases: file, expected, got.

use std::fmt;

use super::known::{self, KNOWN};

/// The longest text of a column, in characters.
const WIDEST: usize = 60;

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    AsExpected,
    /// Otherwise.
    Differs,
    /// Otherwise, as is known.
    Known,
    /// Not looked at.
    Unread,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    file: String,
    expected: String,
    got: String,
    verdict: Verdict,
}

impl Line {
    /// What is expected must be what was got.
    #[must_use]
    pub fn compare(file: &str, expected: &str, got: &str) -> Self {
        let verdict = if expected == got { Verdict::AsExpected } else { Verdict::Differs };
        Self { file: file.to_owned(), expected: expected.to_owned(), got: got.to_owned(), verdict }
    }

    /// What was got is as the words of `expected` say, or not: for what cannot be compared letter by letter.
    #[must_use]
    pub fn judge(file: &str, expected: &str, got: impl Into<String>, holds: bool) -> Self {
        let verdict = if holds { Verdict::AsExpected } else { Verdict::Differs };
        Self { file: file.to_owned(), expected: expected.to_owned(), got: got.into(), verdict }
    }

    /// Nothing reads it, for this reason.
    #[must_use]
    pub fn unread(file: &str, why: &str) -> Self {
        let (expected, got) = ("-".to_owned(), why.to_owned());
        Self { file: file.to_owned(), expected, got, verdict: Verdict::Unread }
    }

    /// The same line of a file in a folder.
    #[must_use]
    pub fn within(self, folder: &str) -> Self {
        Self { file: format!("{folder}/{}", self.file), ..self }
    }

    /// The same line, not counted as a fault if it is a known one.
    fn or_known(self) -> Self {
        match known::reason(&self.file) {
            Some(why) if self.verdict == Verdict::Differs => {
                Self { got: format!("{} ({why})", self.got), verdict: Verdict::Known, ..self }
            }
            _ => self,
        }
    }

    /// How it came out.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub struct Table {
    lines: Vec<Line>,
}

impl Table {
    /// Adds the lines of a sub-folder.
    pub(super) fn extend(&mut self, folder: &str, lines: impl IntoIterator<Item = Line>) {
        let named = lines.into_iter().map(|line| if folder.is_empty() { line } else { line.within(folder) });
        self.lines.extend(named.map(Line::or_known));
    }

    /// Adds a line for each fault that is known and does not show any more, if its case was there.
    pub(super) fn say_what_is_mended(&mut self) {
        for (begins, _) in KNOWN {
            let lines: Vec<_> = self.lines.iter().filter(|line| line.file.starts_with(begins)).collect();
            if !lines.is_empty() && lines.iter().all(|line| line.verdict == Verdict::AsExpected) {
                let got = "comes out right: take it off the list of known faults";
                self.lines.push(Line::compare(begins, "a known fault", got));
            }
        }
    }

    /// Whether every case that was read came out as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.count(Verdict::Differs) == 0
    }

    /// In one line: how many came out how.
    #[must_use]
    pub fn summary(&self) -> String {
        let [good, differ, known, unread] =
            [Verdict::AsExpected, Verdict::Differs, Verdict::Known, Verdict::Unread].map(|v| self.count(v));
        let all = good + differ + known;
        format!("{all} checks: {good} as expected, {known} not as is known, {differ} not; {unread} not read")
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict == verdict).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["file", "expected", "got"].map(str::to_owned);
        let rows = self.lines.iter().map(|line| [shown(&line.file), shown(&line.expected), shown(&line.got)]);
        let rows: Vec<[String; 3]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let (file, expected) = (width(0), width(1));
        let marks = std::iter::once(' ').chain(self.lines.iter().map(|line| match line.verdict {
            Verdict::AsExpected | Verdict::Unread => ' ',
            Verdict::Differs => '!',
            Verdict::Known => '~',
        }));
        for (mark, [a, b, c]) in marks.zip(&rows) {
            writeln!(f, "{mark} {a:file$}  {b:expected$}  {c}")?;
        }
        Ok(())
    }
}

/// A text as the table has it: one line, without characters that move a terminal's cursor, and not too long.
fn shown(text: &str) -> String {
    let plain: String =
        text.chars().flat_map(|c| if is_plain(c) { vec![c] } else { c.escape_unicode().collect() }).collect();
    if plain.chars().count() <= WIDEST {
        return plain;
    }
    plain.chars().take(WIDEST - 1).chain(['…']).collect()
}

fn is_plain(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_difference_fails_the_whole_and_is_marked() {
        let mut table = Table::default();
        table.extend("lists", [Line::compare("a.csv", "x", "x"), Line::unread("b.csv", "needs a server")]);
        assert!(table.is_as_expected());
        table.extend("lists", [Line::compare("c.csv", "x", "y")]);
        assert!(!table.is_as_expected());
        assert_eq!(table.summary(), "2 checks: 1 as expected, 0 not as is known, 1 not; 1 not read");
        let marked: Vec<String> =
            table.to_string().lines().filter(|line| line.starts_with('!')).map(str::to_owned).collect();
        assert!(marked.len() == 1 && marked[0].contains("lists/c.csv"), "{table}");
    }

    #[test]
    fn a_known_fault_is_marked_and_told_when_it_is_mended() {
        let mut table = Table::default();
        table.extend("found", [Line::compare("html-entities/a.csv", "x", "y")]);
        table.say_what_is_mended();
        assert!(table.is_as_expected() && table.to_string().contains("~ found/html-entities/a.csv"), "{table}");
        let mut table = Table::default();
        table.extend("found", [Line::compare("html-entities/a.csv", "x", "x")]);
        table.say_what_is_mended();
        assert!(!table.is_as_expected() && table.to_string().contains("take it off"), "{table}");
    }

    #[test]
    fn a_judged_line_counts_as_its_words_say() {
        assert_eq!(Line::judge("a", "at least two", "3", true).verdict(), Verdict::AsExpected);
        assert_eq!(Line::judge("a", "at least two", "1", false).verdict(), Verdict::Differs);
    }

    #[test]
    fn what_is_shown_stays_on_its_line() {
        assert_eq!(shown("a\r\nb\u{200b}"), "a\\u{d}\\u{a}b\\u{200b}");
        let long = shown(&"é".repeat(WIDEST + 1));
        assert!(long.chars().count() == WIDEST && long.ends_with('…'), "{long}");
    }
}
