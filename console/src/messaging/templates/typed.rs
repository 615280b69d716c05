//! What a form says in each language: the fields `language_0`, `subject_0`, `body_0`, … of its rows.

use serde_json::{Map, Value, json};

use crate::form::Form;

/// The texts of a language.
const TEXTS: [&str; 4] = ["subject", "preheader", "body", "text"];
/// Languages of a form.
const MOST: usize = 40;

/// The content of a template, or of a block, as the API takes it. A row without a language and without text counts for
/// nothing.
pub(crate) fn content(form: &Form, is_template: bool) -> Value {
    let mut languages = Map::new();
    for row in parts_of(form).iter().filter(|row| !is_empty(row)) {
        let language = row["language"].as_str().unwrap_or_default().to_owned();
        let said = if is_template {
            let texts = TEXTS.iter().filter_map(|name| {
                let text = row[*name].as_str().unwrap_or_default();
                let is_needed = matches!(*name, "subject" | "body");
                (is_needed || !text.trim().is_empty()).then(|| ((*name).to_owned(), text.into()))
            });
            Value::Object(texts.collect())
        } else {
            row["body"].clone()
        };
        languages.insert(language, said);
    }
    json!({ "format": form.get("format").unwrap_or("markdown"),
        "default_language": form.get("default_language").unwrap_or("en"), "languages": languages })
}

/// The rows of a form as they were typed, with an empty one at the end.
pub(super) fn parts_of(form: &Form) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    for at in 0..MOST {
        if form.raw(&format!("language_{at}")).is_none() {
            break;
        }
        // Browsers send every line end as CR LF.
        let text = |name: &str| form.raw(&format!("{name}_{at}")).unwrap_or_default().replace("\r\n", "\n");
        rows.push(json!({ "language": text("language").trim(), "subject": text("subject").trim(),
            "preheader": text("preheader").trim(), "body": text("body"), "text": text("text") }));
    }
    with_empty(rows)
}

/// The rows of stored content, with an empty one at the end. The default language comes first.
pub(super) fn rows_of(content: &Value) -> Vec<Value> {
    let default = content["default_language"].as_str().unwrap_or_default();
    let languages = content["languages"].as_object().into_iter().flatten();
    let mut rows: Vec<Value> = languages
        .map(|(language, said)| {
            let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
            match said.as_str() {
                Some(body) => json!({ "language": language, "body": body }),
                None => json!({ "language": language, "subject": text("subject"), "preheader": text("preheader"),
                    "body": text("body"), "text": text("text") }),
            }
        })
        .collect();
    rows.sort_by_key(|row| row["language"] != default);
    with_empty(rows)
}

fn is_empty(row: &Value) -> bool {
    let texts = TEXTS.iter().chain(&["language"]);
    texts.copied().all(|name| row[name].as_str().unwrap_or_default().trim().is_empty())
}

fn with_empty(mut rows: Vec<Value>) -> Vec<Value> {
    if rows.len() < MOST && !rows.last().is_some_and(is_empty) {
        rows.push(json!({ "language": "", "subject": "", "preheader": "", "body": "", "text": "" }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_what_it_says_in_each_language() {
        let pairs = [
            ("format", "html"),
            ("default_language", "de"),
            ("language_0", " de "),
            ("subject_0", "S"),
            ("body_0", "a\r\nb "),
            ("text_0", " "),
            ("language_1", ""),
            ("subject_1", ""),
            ("body_1", ""),
        ];
        let form: Form = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let said = content(&form, true);
        let wanted = json!({ "format": "html", "default_language": "de",
            "languages": { "de": { "subject": "S", "body": "a\nb " } } });
        assert_eq!(said, wanted);
        assert_eq!(content(&form, false)["languages"], json!({ "de": "a\nb " }));
        assert_eq!(parts_of(&form).len(), 2, "an empty row is there already");
        assert_eq!(rows_of(&said).len(), 2);
        assert_eq!(rows_of(&content(&form, false))[0]["body"], "a\nb ");
    }
}
