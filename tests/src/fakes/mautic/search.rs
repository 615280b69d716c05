//! Which contacts a list shows: commands of `search`, and conditions of `where`.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{
    super::http::Asked,
    state::{Contact, State},
};

/// The contacts that fit, in the order of their ids; `None` when a condition cannot be read, which Mautic answers with
/// an error of the database.
pub(super) fn contacts<'a>(state: &'a State, asked: &Asked) -> Option<Vec<(u64, &'a Contact)>> {
    let conditions = conditions(asked);
    let mut found = Vec::new();
    for (id, contact) in &state.contacts {
        let mut fits =
            asked.word("search").split_whitespace().all(|command| command_fits(state, *id, contact, command));
        for (name, expression, value) in &conditions {
            fits &= expression_fits(&column(state, *id, contact, name)?, expression, value)?;
        }
        if fits {
            found.push((*id, contact));
        }
    }
    // Also when there is no contact to try them on.
    let readable = |(name, expression, value): &(String, String, String)| {
        is_column(state, name) && expression_fits("", expression, value).is_some()
    };
    conditions.iter().all(readable).then_some(found)
}

/// The `where[n]` of a request: column, expression, value.
pub(super) fn conditions(asked: &Asked) -> Vec<(String, String, String)> {
    let mut read: BTreeMap<&str, [String; 3]> = BTreeMap::new();
    for (key, value) in &asked.query {
        let Some((at, part)) = key.strip_prefix("where[").and_then(|rest| rest.split_once("][")) else { continue };
        let part = match part.trim_end_matches(']') {
            "col" | "column" => 0,
            "expr" => 1,
            "val" | "value" => 2,
            _ => continue,
        };
        read.entry(at).or_default()[part].clone_from(value);
    }
    read.into_values().map(|[column, expression, value]| (column, expression, value)).collect()
}

/// A contact's column as text, empty when it is null; `None` when there is no such column.
pub(super) fn column(state: &State, id: u64, contact: &Contact, name: &str) -> Option<String> {
    let name = name.strip_prefix("l.").unwrap_or(name);
    Some(match name {
        "id" => id.to_string(),
        "points" => "0".to_owned(),
        "is_published" => "1".to_owned(),
        "date_added" | "date_identified" => contact.added.format("%Y-%m-%d %H:%M:%S").to_string(),
        "date_modified" | "last_active" => contact.modified.format("%Y-%m-%d %H:%M:%S").to_string(),
        alias => {
            state.field(alias)?;
            contact.fields.get(alias).cloned().unwrap_or_default()
        }
    })
}

fn is_column(state: &State, name: &str) -> bool {
    let nobody =
        Contact { fields: BTreeMap::new(), tags: Vec::new(), added: state.clock.now(), modified: state.clock.now() };
    column(state, 0, &nobody, name).is_some()
}

/// Numbers by their size, other text as a database does that ignores case.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.total_cmp(&other),
        _ => one.to_lowercase().cmp(&other.to_lowercase()),
    }
}

/// Whether a value fits; `None` when there is no such expression.
pub(super) fn expression_fits(value: &str, expression: &str, with: &str) -> Option<bool> {
    let order = compare(value, with);
    // Null is neither equal nor different in SQL.
    let there = !value.is_empty();
    let is_in = || with.split(',').any(|one| compare(value, one.trim()).is_eq());
    Some(match expression {
        "eq" => there && order.is_eq(),
        "neq" => there && order.is_ne(),
        "gt" => there && order.is_gt(),
        "gte" => there && order.is_ge(),
        "lt" => there && order.is_lt(),
        "lte" => there && order.is_le(),
        "in" => there && is_in(),
        "notIn" => there && !is_in(),
        "like" => there && matches(value, &with.replace('%', "*")),
        "notLike" => there && !matches(value, &with.replace('%', "*")),
        "isEmpty" | "isNull" => !there,
        "isNotEmpty" | "isNotNull" => there,
        _ => return None,
    })
}

/// Whether a contact fits one word of `search`.
fn command_fits(state: &State, id: u64, contact: &Contact, command: &str) -> bool {
    if let Some(rest) = command.strip_prefix('!') {
        return !command_fits(state, id, contact, rest);
    }
    let field = |alias: &str| contact.fields.get(alias).map_or("", String::as_str);
    let Some((name, value)) = command.split_once(':') else {
        let anywhere = format!("*{command}*");
        return ["firstname", "lastname", "email", "company", "city"]
            .into_iter()
            .any(|of| matches(field(of), &anywhere));
    };
    let value = value.trim_matches('"');
    match name {
        "segment" | "list" => state.segments.get(value).is_some_and(|segment| segment.contacts.contains(&id)),
        "ids" => value.split(',').any(|one| one.trim() == id.to_string()),
        "tag" => contact.tags.iter().any(|tag| matches(tag, value)),
        "name" => matches(field("firstname"), value) || matches(field("lastname"), value),
        "is" => match value {
            "anonymous" => ["firstname", "lastname", "email"].into_iter().all(|of| field(of).is_empty()),
            "unowned" => true,
            _ => false,
        },
        alias => state.field(alias).is_some() && !field(alias).is_empty() && matches(field(alias), value),
    }
}

/// Whether text fits a pattern in which `*` stands for anything; case does not count.
fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_and_nothing() {
        for (text, pattern) in [("Ann", "ann"), ("Ann", "*"), ("Ann Example", "a*ex*e"), ("aa", "a*a"), ("", "*")] {
            assert!(matches(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("Ann", "an"), ("a", "a*a"), ("Ann", "*x*"), ("", "a*")] {
            assert!(!matches(text, pattern), "{text} {pattern}");
        }
    }
}
