//! The parameters of a page's address: all state of a list stands there, so that it can be reloaded and shared.

use minijinja::{Error, ErrorKind, value::Kwargs};
use url::form_urlencoded;

/// Parameters of an address, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Those of a page's address.
    pub(crate) fn of(address: &str) -> Self {
        let text = address.split_once('?').map_or("", |(_, query)| query);
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of a parameter, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All values of a parameter: a form sends one for each box that is ticked.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| value.trim());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// Those of the names, as the query of a call of the API.
    pub(crate) fn only(&self, names: &[&str]) -> String {
        let kept = self.0.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.trim().is_empty());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept.map(|(name, value)| (name, value.trim())));
        query.finish()
    }
}

/// A text as one part of a path.
pub(crate) fn part(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A template's `with_query(address, name=value)`: the address with other parameters. `none` takes one away. A cursor
/// and how far a look goes back belong to one list, so every change but their own takes them away.
pub(crate) fn with(address: &str, changes: Kwargs) -> Result<String, Error> {
    let (path, _) = address.split_once('?').unwrap_or((address, ""));
    let mut kept = Query::of(address).0;
    kept.retain(|(name, _)| name != "cursor" && name != "within");
    for name in changes.args() {
        let value: Option<minijinja::Value> = changes.get(name)?;
        kept.retain(|(own, _)| own != name);
        let value = value.filter(|value| !value.is_none() && !value.is_undefined());
        if let Some(value) = value {
            kept.push((name.to_owned(), value.to_string()));
        }
    }
    changes.assert_all_used().map_err(|error| Error::new(ErrorKind::TooManyArguments, error.to_string()))?;
    if kept.is_empty() {
        return Ok(path.to_owned());
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept);
    Ok(format!("{path}?{}", query.finish()))
}

/// A template's `shows(address, column)`: whether a list has this column. The address names the columns that a person
/// chose; without any, all are shown.
pub(crate) fn shows(address: &str, column: &str) -> bool {
    let query = Query::of(address);
    let chosen = query.all(COLUMNS);
    chosen.is_empty() || chosen.contains(&column)
}

/// A template's `fields_of(address, columns)`: the parameters that a form on the page has to send along, as names with
/// values: those of the columns, or all others.
pub(crate) fn fields_of(address: &str, columns: bool) -> Vec<(String, String)> {
    let mut kept = Query::of(address).0;
    kept.retain(|(name, value)| {
        !value.trim().is_empty() && (name == COLUMNS) == columns && name != "cursor" && name != "within"
    });
    kept
}

/// The parameter with the name of a column that is shown.
const COLUMNS: &str = "columns";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_list_knows_goes_on() {
        let query = Query::of("/w/acme/jobs?state=dead&text=a%26b&other=1&cursor=");
        assert_eq!(query.only(&["state", "text", "cursor"]), "state=dead&text=a%26b");
        assert_eq!(query.get("text"), Some("a&b"));
        assert_eq!(query.get("cursor"), None);
    }

    #[test]
    fn without_a_choice_every_column_is_shown() {
        assert!(shows("/w/acme/jobs?state=dead&columns=", "queue"));
        let chosen = "/w/acme/jobs?state=dead&columns=made&columns=attempt&cursor=x";
        assert!(shows(chosen, "made") && shows(chosen, "attempt") && !shows(chosen, "queue"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(fields_of(chosen, false), [pair("state", "dead")]);
        assert_eq!(fields_of(chosen, true), [pair("columns", "made"), pair("columns", "attempt")]);
    }
}
