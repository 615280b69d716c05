//! Reads one table of the manifest key by key. It collects problems instead of stopping at the first one.

use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Position, Problem, did_you_mean};

/// A table that is being read. Every requested key is a known key; [`Table::finish`] reports the others.
pub(super) struct Table<'t, 'p> {
    text: &'t str,
    table: &'t DeTable<'t>,
    span: Range<usize>,
    slot: Option<String>,
    asked: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

/// A value and its position.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) position: Position,
    /// The byte offset of the first character of the value's own text, if the text stands there without escapes.
    pub(super) inner: Option<usize>,
}

impl<'t, 'p> Table<'t, 'p> {
    pub(super) fn new(
        text: &'t str,
        table: &'t DeTable<'t>,
        span: Range<usize>,
        slot: Option<String>,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self { text, table, span, slot, asked: Vec::new(), problems }
    }

    pub(super) fn set_slot(&mut self, label: String) {
        self.slot = Some(label);
    }

    /// Returns the position of the table.
    pub(super) fn position(&self) -> Position {
        Position::of(self.text, self.span.start)
    }

    pub(super) fn position_at(&self, offset: usize) -> Position {
        Position::of(self.text, offset)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Adds a problem, at the beginning of the table if no better position is known.
    pub(super) fn problem(&mut self, key: Option<&str>, position: Option<Position>, message: String) {
        let position = position.or_else(|| Some(self.position()));
        self.problems.push(Problem { position, slot: self.slot.clone(), key: key.map(str::to_owned), message });
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Found<String>> {
        let (value, position) = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_kind(key, position, "a text in quotes");
            return None;
        };
        let span = value.span();
        let inner = self.text.get(span.clone()).and_then(|raw| raw.find(text)).map(|quote| span.start + quote);
        Some(Found { value: text.to_owned(), position, inner })
    }

    pub(super) fn required_text(&mut self, key: &'static str, hint: &str) -> Option<Found<String>> {
        if !self.has(key) {
            self.asked.push(key);
            self.problem(Some(key), None, format!("is missing; {hint}"));
            return None;
        }
        self.text(key)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        let Some((value, position)) = self.value(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_kind(key, position, "true or false");
            false
        })
    }

    /// Reads a number within a range, whole or not.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f32>) -> Option<Found<f32>> {
        let (value, position) = self.value(key)?;
        let Some(number) = as_number(value.get_ref()) else {
            self.wrong_kind(key, position, "a number");
            return None;
        };
        let number = number as f32;
        if !range.contains(&number) {
            let (low, high) = (range.start(), range.end());
            self.problem(Some(key), Some(position), format!("{number} is not between {low} and {high}"));
            return None;
        }
        Some(Found { value: number, position, inner: None })
    }

    /// Reads a whole number within a range.
    pub(super) fn whole(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<Found<u32>> {
        let (value, position) = self.value(key)?;
        let number = as_whole(value.get_ref()).and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(value) => Some(Found { value, position, inner: None }),
            None => {
                let message = format!("must be a whole number from {} to {}", range.start(), range.end());
                self.problem(Some(key), Some(position), message);
                None
            }
        }
    }

    /// Reads a text with its type's `FromStr`, whose error becomes the message.
    pub(super) fn parsed<T: FromStr<Err: ToString>>(&mut self, key: &'static str) -> Option<Found<T>> {
        let found = self.text(key)?;
        match found.value.parse() {
            Ok(value) => Some(Found { value, position: found.position, inner: found.inner }),
            Err(error) => {
                self.problem(Some(key), Some(found.position), error.to_string());
                None
            }
        }
    }

    /// Reads one of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let found = self.text(key)?;
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == found.value) {
            return Some(*choice);
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let message = format!("\"{}\" is not one of {}", found.value, words.join(", "));
        self.problem(Some(key), Some(found.position), message);
        None
    }

    /// Reads four whole numbers.
    pub(super) fn four(&mut self, key: &'static str) -> Option<Found<[i64; 4]>> {
        let (value, position) = self.value(key)?;
        let numbers: Option<Vec<i64>> =
            value.get_ref().as_array().and_then(|array| array.iter().map(|item| as_whole(item.get_ref())).collect());
        match numbers.and_then(|numbers| <[i64; 4]>::try_from(numbers).ok()) {
            Some(value) => Some(Found { value, position, inner: None }),
            None => {
                self.wrong_kind(key, position, "four whole numbers of pixels, [x, y, width, height]");
                None
            }
        }
    }

    /// Reads a table within this one.
    pub(super) fn table(&mut self, key: &'static str) -> Option<(&'t DeTable<'t>, Range<usize>)> {
        let (value, position) = self.value(key)?;
        let found = value.get_ref().as_table();
        if found.is_none() {
            self.wrong_kind(key, position, "a table in braces, { … }");
        }
        found.map(|table| (table, value.span()))
    }

    /// Reads an array of tables, `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(&'t DeTable<'t>, Range<usize>)> {
        let Some((value, position)) = self.value(key) else { return Vec::new() };
        let items = value.get_ref().as_array().map(|array| array.iter());
        let tables: Option<Vec<_>> = items.and_then(|mut items| {
            items.try_fold(Vec::new(), |mut tables, item: &'t Spanned<DeValue<'t>>| {
                tables.push((item.get_ref().as_table()?, item.span()));
                Some(tables)
            })
        });
        tables.unwrap_or_else(|| {
            self.problem(Some(key), Some(position), format!("must be written as [[{key}]], once for each {key}"));
            Vec::new()
        })
    }

    /// Reads a table within this one with the same slot and list of problems.
    pub(super) fn within<T>(
        &mut self,
        table: &'t DeTable<'t>,
        span: Range<usize>,
        read: impl FnOnce(&mut Table<'t, '_>) -> T,
    ) -> T {
        let mut inner = Table::new(self.text, table, span, self.slot.clone(), self.problems);
        let value = read(&mut inner);
        inner.finish();
        value
    }

    /// Reports the keys that were not requested.
    pub(super) fn finish(self) {
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let hint = match did_you_mean(name, self.asked.iter().copied()) {
                hint if !hint.is_empty() => hint,
                _ => format!("; the keys here are {}", self.asked.join(", ")),
            };
            self.problems.push(Problem {
                position: Some(Position::of(self.text, key.span().start)),
                slot: self.slot.clone(),
                key: Some(name.to_owned()),
                message: format!("unknown key{hint}"),
            });
        }
    }

    fn value(&mut self, key: &'static str) -> Option<(&'t Spanned<DeValue<'t>>, Position)> {
        self.asked.push(key);
        let value = self.table.get(key)?;
        Some((value, Position::of(self.text, value.span().start)))
    }

    fn wrong_kind(&mut self, key: &'static str, position: Position, wanted: &str) {
        self.problem(Some(key), Some(position), format!("must be {wanted}"));
    }
}

/// A whole number, in decimal or another notation.
pub(super) fn as_whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    let float = value.as_float().and_then(|float| float.as_str().parse().ok());
    float.or_else(|| as_whole(value).map(|whole| whole as f64))
}
