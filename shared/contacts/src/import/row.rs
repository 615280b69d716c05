//! A row of a list as a person, with the fields that only contacts have.

use std::{collections::BTreeMap, sync::Arc};

use herald_sheets::{GuestRow, Place, ProblemKind, RowProblem, email_key};

use super::RowRefusal;
use crate::{Person, rules, tag};

/// Fields, and the words that mean them, in the form of field keys.
pub(super) type FieldWords = &'static [(&'static str, &'static [&'static str])];

/// Fields of contacts that have a column of their own, and the words that mean them, in the form of field keys.
const WORDS: FieldWords = &[
    (
        "locale",
        &[
            "locale",
            "language",
            "language_code",
            "lang",
            "preferred_language",
            "sprache",
            "langue",
            "idioma",
            "lingua",
            "taal",
            "jezyk",
            "язык",
            "语言",
            "言語",
            "언어",
            "भाषा",
            "اللغة",
        ],
    ),
    (
        "country",
        &["country", "country_code", "land", "pays", "pais", "paese", "kraj", "страна", "国家", "国", "국가", "देश"],
    ),
    ("time_zone", &["time_zone", "timezone", "tz", "zeitzone", "fuseau_horaire", "zona_horaria", "fuso_orario"]),
    ("tags", &["tags", "tag", "labels", "label", "groups", "etiquetas", "etiquettes", "schlagworte", "标签"]),
];

/// The fields of contacts by the words of a list that mean them. `has`: whether the list has the word.
pub(super) fn words_of_contacts(has: impl Fn(&str) -> bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    WORDS.iter().filter_map(move |(field, _)| Some((word_of(WORDS, field, &has)?, *field)))
}

/// The words of columns that become a field which every contact has.
pub(crate) fn all_words_of_contacts() -> impl Iterator<Item = &'static str> {
    WORDS.iter().flat_map(|(_, words)| *words).copied()
}

/// The first of the words for a field that a list has.
pub(super) fn word_of(words: FieldWords, field: &str, has: impl Fn(&str) -> bool) -> Option<&'static str> {
    let (_, words) = words.iter().find(|(known, _)| *known == field)?;
    words.iter().copied().find(|word| has(word))
}

/// The column of an export that says which contact a row is.
pub const CONTACT_ID: &str = "herald_id";

/// A person of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportRow {
    /// The line of the file, or the row of the sheet, from 1 on.
    pub line: u64,
    /// The person.
    pub person: Person,
    /// Their tags.
    pub tags: Vec<String>,
    /// What should be known of the row.
    pub notes: Vec<String>,
    /// What the columns of another domain hold, by their fields; without empty cells.
    pub more: BTreeMap<&'static str, String>,
    /// Where the columns of the list are, by what they are read as.
    pub places: Arc<BTreeMap<String, Place>>,
    /// Its cells as they are written, if they were asked for and the row may still be left out.
    pub cells: Vec<String>,
}

impl ImportRow {
    /// The row as one that is left out.
    pub fn refused(&self, why: String) -> RowProblem {
        let guest = self.person.name.clone();
        RowProblem { line: self.line, row: 0, guest, place: None, kind: ProblemKind::Refused { why } }
    }

    /// The same because of the cell of a column, which is named.
    pub fn refused_at(&self, refusal: RowRefusal) -> RowProblem {
        let place = refusal.field.and_then(|field| self.places.get(field).cloned());
        RowProblem { place, ..self.refused(refusal.why) }
    }
}

/// The person of a row. A value that its field cannot have is kept as a field of the workspace's own, with a remark:
/// it must not be lost, and it is no reason to leave the person out.
pub fn import_row(row: GuestRow) -> ImportRow {
    let GuestRow { line, mut custom, mut notes, .. } = row;
    let mut of = |field: &str| {
        let key = word_of(WORDS, field, |word| custom.contains_key(word))?;
        let text = custom.remove(key)?;
        Some((key.to_owned(), text)).filter(|(_, text)| !text.trim().is_empty())
    };
    let found = [of("locale"), of("country"), of("time_zone")];
    let tags = of("tags");
    let contact_id = custom.remove(CONTACT_ID);
    let mut person = Person {
        // Without an id or an address, a row is only known among the lists of contacts.
        row_key: format!("contacts:{}", row.row_key.unwrap_or_default()),
        row_key_before: row.row_key_before.map(|key| format!("contacts:{key}")),
        contact_id: contact_id.and_then(|id| id.parse().ok()),
        external_id: row.external_id,
        email: row.email.as_deref().map(email_key),
        phone: row.phone,
        name: row.name,
        ..Person::default()
    };
    let [locale, country, time_zone] = found;
    for (given, check, slot) in [
        (locale, rules::locale as fn(&str) -> _, &mut person.locale),
        (country, rules::country, &mut person.country),
        (time_zone, rules::time_zone, &mut person.time_zone),
    ] {
        let Some((key, text)) = given else { continue };
        match check(text.trim()) {
            Ok(value) => *slot = Some(value),
            Err(error) => {
                notes.push(format!("line {line}: {error}; it is kept as the field {key}"));
                custom.insert(key, text);
            }
        }
    }
    // A picture that is not on the web would have to come with the list.
    if let Some(picture) = row.picture {
        match picture.starts_with("https://") || picture.starts_with("http://") {
            true => person.picture = Some(picture),
            false => drop(custom.insert("picture".to_owned(), picture)),
        }
    }
    let tags = usable_tags(line, tags, &mut custom, &mut notes);
    let own = custom.into_iter().filter(|(_, value)| !value.is_empty());
    person.fields = own.chain(names(row.first_name, row.last_name)).collect();
    shorten(line, &mut person, &mut notes);
    ImportRow { line, person, tags, notes, ..ImportRow::default() }
}

/// First and last names stay, as for guests.
fn names(first: Option<String>, last: Option<String>) -> impl Iterator<Item = (String, String)> {
    [("first_name", first), ("last_name", last)].into_iter().filter_map(|(key, name)| Some((key.to_owned(), name?)))
}

fn usable_tags(
    line: u64,
    given: Option<(String, String)>,
    custom: &mut BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> Vec<String> {
    let Some((key, text)) = given else { return Vec::new() };
    let names: Vec<String> =
        text.split([',', ';', '|', '\n']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match tag::tidied(&names) {
        Ok(tags) => tags.into_values().collect(),
        Err(error) => {
            notes.push(format!("line {line}: {error}; they are kept as the field {key}"));
            custom.insert(key, text);
            Vec::new()
        }
    }
}

/// Cuts values that are longer than a contact's can be.
fn shorten(line: u64, person: &mut Person, notes: &mut Vec<String>) {
    for (name, value) in &mut person.fields {
        if let Some((end, _)) = value.char_indices().nth(rules::LONGEST_VALUE) {
            value.truncate(end);
            let most = rules::LONGEST_VALUE;
            notes.push(format!("line {line}: the field {name} has more than {most} characters, and is cut"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(custom: &[(&str, &str)]) -> ImportRow {
        let custom = custom.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        import_row(GuestRow { line: 3, name: "Ann Example".into(), custom, ..GuestRow::default() })
    }

    #[test]
    fn columns_of_contacts_become_their_fields() {
        let found = row(&[("sprache", "pt_BR"), ("land", "br"), ("tags", "VIP; press, vip"), ("table_no", "7")]);
        assert_eq!(found.person.locale.as_deref(), Some("pt-BR"));
        assert_eq!(found.person.country.as_deref(), Some("BR"));
        assert_eq!(found.tags, ["press", "VIP"]);
        assert_eq!(found.person.fields, BTreeMap::from([("table_no".into(), "7".into())]));
        assert!(found.notes.is_empty());
    }

    #[test]
    fn what_a_field_cannot_have_is_kept_with_a_remark() {
        let found = row(&[("country", "Spain"), ("time_zone", "Mars/Base"), ("tags", &"x".repeat(60))]);
        assert_eq!((found.person.country, found.person.time_zone), (None, None));
        assert_eq!(found.person.fields["country"], "Spain");
        assert_eq!(found.notes.len(), 3);
        assert!(found.notes[0].contains("two letters") && found.notes[0].contains("line 3"), "{:?}", found.notes);
    }
}
