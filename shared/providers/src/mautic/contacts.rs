//! Reads contacts: a segment or a search page by page, or known contacts by their ids
//! (<https://developer.mautic.org/#contacts>).

use herald_base::boxed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    client::Mautic,
    contact::MauticContact,
    errors::About,
    lenient::{entries, part, text},
};
use crate::{Class, Meter, ProviderError, Result};

/// The number of ids in one address. They stand in the query, and web servers limit its length.
const IDS_AT_ONCE: usize = 200;

/// A selection of contacts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// The people who filled in a form, by its id.
    Form(u64),
    /// The contacts of a segment, by its alias.
    Segment(String),
    /// The contacts that a search finds, written as in Mautic's own search field.
    Search(String),
}

impl Selection {
    /// The name of the selection, such as `form:3` or `segment:vip`. Different selections have different names.
    pub fn name(&self) -> String {
        match self {
            Self::Form(id) => format!("form:{id}"),
            Self::Segment(alias) => format!("segment:{alias}"),
            Self::Search(search) => format!("search:{search}"),
        }
    }

    /// The selection as a search in Mautic; `None` for a form, whose submissions are read instead.
    fn search(&self) -> Option<String> {
        match self {
            Self::Form(_) => None,
            Self::Segment(alias) => Some(format!("segment:{alias}")),
            Self::Search(search) => Some(search.clone()),
        }
    }
}

impl Mautic {
    /// Returns the next contacts of a segment or search after the id `after`, at most `limit`, by id. With
    /// `only_without`, it returns only contacts whose field of that alias is empty. Fewer than `limit` contacts are the
    /// last ones.
    ///
    /// # Errors
    /// [`ProviderError`]; [`Class::Config`] for a form, whose contacts [`Mautic::submissions`] names.
    #[boxed]
    pub async fn contacts_after(
        &self,
        selection: &Selection,
        after: i64,
        limit: usize,
        only_without: Option<&str>,
        meter: &Meter,
    ) -> Result<Vec<MauticContact>> {
        let search = selection.search().ok_or_else(|| {
            ProviderError::new(Class::Config, "Herald finds the contacts of a form by its submissions, not by a search")
        })?;
        let (after_text, limit_text) = (after.to_string(), limit.to_string());
        let mut query = vec![("search", search.as_str())];
        query.extend(keyset("id", &after_text, &limit_text));
        // This makes the answer as short as possible: fields, but no tags, owners, addresses.
        query.push(("minimal", "1"));
        if let Some(field) = only_without {
            query.extend([("where[1][col]", field), ("where[1][expr]", "isEmpty")]);
        }
        let answer = self.get(self.api(["contacts"], &query), About::Api, meter).await?;
        after_key(contacts(&answer)?, after, |contact| contact.id)
    }

    /// Returns the contacts with these ids that still exist, by id.
    ///
    /// # Errors
    /// [`ProviderError`].
    #[boxed]
    pub async fn contacts_by_ids(&self, ids: &[i64], meter: &Meter) -> Result<Vec<MauticContact>> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_AT_ONCE) {
            let limit = ids.len().to_string();
            let list = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
            let query = [
                ("where[0][col]", "id"),
                ("where[0][expr]", "in"),
                ("where[0][val]", list.as_str()),
                ("start", "0"),
                ("limit", limit.as_str()),
                ("orderBy", "id"),
                ("orderByDir", "ASC"),
                ("minimal", "1"),
            ];
            let answer = self.get(self.api(["contacts"], &query), About::Api, meter).await?;
            found.extend(contacts(&answer)?.into_iter().filter(|contact| ids.contains(&contact.id)));
        }
        found.sort_by_key(|contact| contact.id);
        found.dedup_by_key(|contact| contact.id);
        Ok(found)
    }
}

/// The query for a page of a list by keyset. A page is cheap wherever it is in the list, and no entry is skipped when
/// an earlier one disappears.
pub(super) fn keyset<'a>(column: &'a str, after: &'a str, limit: &'a str) -> [(&'a str, &'a str); 7] {
    [
        ("where[0][col]", column),
        ("where[0][expr]", "gt"),
        ("where[0][val]", after),
        ("start", "0"),
        ("limit", limit),
        ("orderBy", column),
        ("orderByDir", "ASC"),
    ]
}

/// Sorts a page, in whatever order JSON left it.
///
/// # Errors
/// [`Class::Config`] when it holds only entries from before: reading would never end.
pub(super) fn after_key<T>(mut page: Vec<T>, after: i64, key: impl Fn(&T) -> i64) -> Result<Vec<T>> {
    let was_empty = page.is_empty();
    page.retain(|item| key(item) > after);
    if page.is_empty() && !was_empty {
        let message = "Mautic repeats the same page: check that it is version 4 or later, and that no proxy in front \
                       of it caches answers";
        return Err(ProviderError::new(Class::Config, message));
    }
    page.sort_by_key(&key);
    Ok(page)
}

fn contacts(answer: &Value) -> Result<Vec<MauticContact>> {
    Ok(entries(part(answer, "contacts")?).into_iter().filter_map(|(_, contact)| MauticContact::read(contact)).collect())
}

/// The number of entries in a list, as Mautic reports it.
pub(super) fn total(answer: &Value) -> Option<String> {
    answer.get("total").and_then(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_an_object_by_id_or_an_array_or_empty() {
        let ann = json!({"id": "12", "fields": {"all": {"firstname": "Ann"}}});
        let bob = json!({"id": 9, "fields": {"all": {"firstname": "Bob"}}});
        for list in [json!({"12": ann, "9": bob}), json!([ann, bob])] {
            let page = after_key(contacts(&json!({"total": "2", "contacts": list})).unwrap(), 0, |contact| contact.id);
            assert_eq!(page.unwrap().iter().map(|contact| contact.id).collect::<Vec<_>>(), [9, 12]);
        }
        for list in [json!([]), json!({})] {
            assert_eq!(contacts(&json!({"total": 0, "contacts": list})), Ok(vec![]));
        }
        assert_eq!(contacts(&json!({"hello": "world"})).unwrap_err().class, Class::Config);
        assert_eq!(total(&json!({"total": "1234"})).as_deref(), Some("1234"));
        assert_eq!(total(&json!({"total": 1234})).as_deref(), Some("1234"));
    }

    #[test]
    fn a_page_that_does_not_go_on_is_an_error_and_not_the_end() {
        assert_eq!(after_key(vec![5, 3, 4], 3, |id| *id), Ok(vec![4, 5]));
        assert_eq!(after_key(Vec::<i64>::new(), 3, |id| *id), Ok(vec![]));
        assert_eq!(after_key(vec![1, 2], 3, |id| *id).unwrap_err().class, Class::Config);
    }

    #[test]
    fn a_selection_is_kept_as_data_and_known_by_a_name() {
        for (selection, data, name) in [
            (Selection::Form(3), json!({"form": 3}), "form:3"),
            (Selection::Segment("vip".to_owned()), json!({"segment": "vip"}), "segment:vip"),
            (Selection::Search("tag:gala".to_owned()), json!({"search": "tag:gala"}), "search:tag:gala"),
        ] {
            assert_eq!(serde_json::to_value(&selection).unwrap(), data);
            assert_eq!(serde_json::from_value::<Selection>(data).unwrap(), selection);
            assert_eq!(selection.name(), name);
        }
    }
}
