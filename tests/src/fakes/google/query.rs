//! The parameter `q` of lists, as much of it as Herald may use.
//!
//! See <https://developers.google.com/workspace/drive/api/guides/search-files>.

use super::{items::Item, state::State};

/// One condition; all must hold.
#[derive(Debug, PartialEq)]
pub(super) enum Clause {
    /// `'…' in parents`.
    In(String),
    /// `name = '…'`, or `!=`.
    Name(String, bool),
    /// `name contains '…'`: a word begins with it.
    NameContains(String),
    /// `mimeType = '…'`, or `!=`.
    Kind(String, bool),
    /// `trashed = …`.
    Trashed(bool),
    /// `appProperties has { key='…' and value='…' }`.
    Property(String, String),
}

impl Clause {
    pub(super) fn fits(&self, state: &State, item: &Item) -> bool {
        match self {
            Self::In(folder) if folder == "root" => item
                .parent
                .as_ref()
                .and_then(|parent| state.items.get(parent))
                .is_some_and(|parent| parent.parent.is_none()),
            Self::In(folder) => item.parent.as_ref() == Some(folder),
            Self::Name(name, equal) => (item.name == *name) == *equal,
            Self::NameContains(begins) => {
                let mut words = item.name.split(|letter: char| !letter.is_alphanumeric());
                item.name.starts_with(begins.as_str()) || words.any(|word| word.starts_with(begins.as_str()))
            }
            Self::Kind(kind, equal) => (item.kind == *kind) == *equal,
            Self::Trashed(trashed) => state.is_trashed(item) == *trashed,
            Self::Property(key, value) => item.app_properties.get(key) == Some(value),
        }
    }
}

/// Reads it; `None` is what Drive calls an invalid value.
pub(super) fn read(text: &str) -> Option<Vec<Clause>> {
    let words = words(text)?;
    let mut rest = words.as_slice();
    let mut clauses = Vec::new();
    if rest.is_empty() {
        return Some(clauses);
    }
    loop {
        let (one, after) = clause(rest)?;
        clauses.push(one);
        rest = match after {
            [] => return Some(clauses),
            [Word::Name(and), after @ ..] if and == "and" => after,
            _ => return None,
        };
    }
}

#[derive(Debug)]
enum Word {
    Name(String),
    Text(String),
    Sign(&'static str),
}

fn clause(words: &[Word]) -> Option<(Clause, &[Word])> {
    use Word::{Name, Sign, Text};
    Some(match words {
        [Text(folder), Name(is_in), Name(parents), rest @ ..] if is_in == "in" && parents == "parents" => {
            (Clause::In(folder.clone()), rest)
        }
        [Name(name), Name(contains), Text(text), rest @ ..] if name == "name" && contains == "contains" => {
            (Clause::NameContains(text.clone()), rest)
        }
        [Name(name), Sign(sign @ ("=" | "!=")), Text(text), rest @ ..] => match name.as_str() {
            "name" => (Clause::Name(text.clone(), *sign == "="), rest),
            "mimeType" => (Clause::Kind(text.clone(), *sign == "="), rest),
            _ => return None,
        },
        [Name(name), Sign(sign @ ("=" | "!=")), Name(value), rest @ ..] if name == "trashed" => {
            let value = match value.as_str() {
                "true" => true,
                "false" => false,
                _ => return None,
            };
            (Clause::Trashed(value == (*sign == "=")), rest)
        }
        [
            Name(name),
            Name(has),
            Sign("{"),
            Name(key),
            Sign("="),
            Text(key_text),
            Name(and),
            Name(value),
            Sign("="),
            Text(value_text),
            Sign("}"),
            rest @ ..,
        ] if [name, has, key, and, value] == ["appProperties", "has", "key", "and", "value"] => {
            (Clause::Property(key_text.clone(), value_text.clone()), rest)
        }
        _ => return None,
    })
}

fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        words.push(match letter {
            letter if letter.is_whitespace() => continue,
            '\'' => {
                let mut read = String::new();
                loop {
                    match letters.next()? {
                        '\'' => break,
                        '\\' => match letters.next()? {
                            escaped @ ('\'' | '\\') => read.push(escaped),
                            _ => return None,
                        },
                        letter => read.push(letter),
                    }
                }
                Word::Text(read)
            }
            '=' => Word::Sign("="),
            '{' => Word::Sign("{"),
            '}' => Word::Sign("}"),
            '!' if letters.next_if_eq(&'=').is_some() => Word::Sign("!="),
            letter if letter.is_alphanumeric() => {
                let mut read = letter.to_string();
                while let Some(letter) = letters.next_if(|letter| letter.is_alphanumeric()) {
                    read.push(letter);
                }
                Word::Name(read)
            }
            _ => return None,
        });
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_with_their_escapes() {
        let read = read(
            r"'f' in parents and name='O\'Hara \\' and trashed = false and appProperties has { key='k' and value='v' }",
        );
        let property = Clause::Property("k".to_owned(), "v".to_owned());
        let name = Clause::Name(r"O'Hara \".to_owned(), true);
        assert_eq!(read, Some(vec![Clause::In("f".to_owned()), name, Clause::Trashed(false), property]));
    }

    #[test]
    fn what_drive_does_not_understand_is_invalid() {
        for wrong in
            ["name = 'a", "name = a", "name='O'Hara'", "color = 'red'", "trashed=false or name='a'", "name='a' and"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
