//! Meta's templates: reading them, and putting values into them.

use herald_base::boxed;
use serde_json::{Value, json};

use super::client::{Meta, WHO};
use crate::{
    Class, ProviderError, Result,
    whatsapp::{ApprovalState, ProviderTemplate, TemplateButton, TemplateVariable, header_kind, placeholders},
};

/// Templates of one page.
const PAGE: &str = "100";
/// Pages that are read, at most.
const MOST_PAGES: usize = 50;
const FIELDS: &str = "id,name,language,status,category,components,rejected_reason";

impl Meta {
    /// The templates of the business account.
    ///
    /// # Errors
    /// [`ProviderError`].
    #[boxed]
    pub async fn templates(&self) -> Result<Vec<ProviderTemplate>> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut url = self.address(&[&self.settings().business_account_id, "message_templates"]);
            url.query_pairs_mut().append_pair("fields", FIELDS).append_pair("limit", PAGE);
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let answer = self.get(url).await?;
            let Some(templates) = answer.get("data").and_then(Value::as_array) else {
                let said = format!("{WHO} sent a list of templates that is none: check [whatsapp]");
                return Err(ProviderError::new(Class::Config, said));
            };
            all.extend(templates.iter().filter_map(template));
            let paging = answer.get("paging").filter(|paging| paging.get("next").is_some());
            let next = paging.and_then(|paging| paging.get("cursors")?.get("after")?.as_str()).map(str::to_owned);
            if next.is_none() || next == after {
                break;
            }
            after = next;
        }
        Ok(all)
    }
}

fn word(from: &Value, name: &str) -> Option<String> {
    from.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A template out of an entry of the list. None: the entry has no id or no name.
pub fn template(entry: &Value) -> Option<ProviderTemplate> {
    let mut read = ProviderTemplate {
        provider_id: word(entry, "id")?,
        name: word(entry, "name")?,
        language: word(entry, "language").unwrap_or_else(|| "en".to_owned()),
        category: word(entry, "category").map(|text| text.to_ascii_lowercase()),
        state: word(entry, "status").map_or(ApprovalState::Other, |text| ApprovalState::of(&text)),
        reason: word(entry, "rejected_reason").filter(|text| !text.is_empty() && text != "NONE"),
        header: None,
        body: String::new(),
        footer: None,
        buttons: Vec::new(),
        variables: Vec::new(),
        unusable: None,
    };
    for part in entry.get("components").and_then(Value::as_array).into_iter().flatten() {
        component(&mut read, part);
    }
    if read.body.is_empty() && read.unusable.is_none() {
        read.unusable = Some("it has no text".to_owned());
    }
    Some(read)
}

fn component(read: &mut ProviderTemplate, part: &Value) {
    let text = word(part, "text").unwrap_or_default();
    match word(part, "type").unwrap_or_default().to_ascii_uppercase().as_str() {
        "BODY" => {
            read.variables.extend(
                placeholders(&text)
                    .into_iter()
                    .enumerate()
                    .map(|(at, name)| TemplateVariable { example: example(part, "body_text", at), name }),
            );
            read.body = text;
        }
        "HEADER" => match word(part, "format").unwrap_or_default().to_ascii_uppercase().as_str() {
            "TEXT" => {
                let names = placeholders(&text).into_iter().map(|name| format!("header.{name}"));
                // The header stands above the body, wherever it stands in the list.
                read.variables.splice(0..0, names.map(|name| TemplateVariable { name, example: None }));
                read.header = Some(text);
            }
            format @ ("IMAGE" | "VIDEO" | "DOCUMENT") => {
                let name = format!("header.{}", format.to_ascii_lowercase());
                read.variables.insert(0, TemplateVariable { name, example: None });
            }
            other => read.unusable = Some(format!("its header is a {}", other.to_ascii_lowercase())),
        },
        "FOOTER" => read.footer = Some(text),
        "BUTTONS" => {
            for (at, button) in part.get("buttons").and_then(Value::as_array).into_iter().flatten().enumerate() {
                let url = word(button, "url");
                if url.as_deref().is_some_and(|url| !placeholders(url).is_empty()) {
                    read.variables.push(TemplateVariable { name: format!("button.{at}"), example: None });
                }
                match word(button, "type").unwrap_or_default().to_ascii_uppercase().as_str() {
                    "URL" | "PHONE_NUMBER" | "QUICK_REPLY" => {}
                    other => {
                        read.unusable = Some(format!("it has a button of the type {}", other.to_ascii_lowercase()))
                    }
                }
                read.buttons.push(TemplateButton { text: word(button, "text").unwrap_or_default(), url });
            }
        }
        other => read.unusable = Some(format!("it has a part of the type {}", other.to_ascii_lowercase())),
    }
}

/// The example for the variable at a position: Meta has lists of lists.
fn example(part: &Value, name: &str, at: usize) -> Option<String> {
    let row = part.get("example")?.get(name)?.get(0)?;
    row.get(at)?.as_str().map(str::to_owned)
}

/// The parts of a message with the values in them.
pub(super) fn components(template: &ProviderTemplate, values: &[String]) -> Vec<Value> {
    let (mut header, mut body, mut buttons) = (Vec::new(), Vec::new(), Vec::new());
    for (variable, value) in template.variables.iter().zip(values) {
        let name = variable.name.as_str();
        if let Some(kind) = header_kind(name) {
            header.push(json!({ "type": kind, kind: { "link": value } }));
        } else if let Some(name) = name.strip_prefix("header.") {
            header.push(text(name, value));
        } else if let Some(index) = name.strip_prefix("button.") {
            buttons.push(json!({
                "type": "button", "sub_type": "url", "index": index,
                "parameters": [{ "type": "text", "text": value }],
            }));
        } else {
            body.push(text(name, value));
        }
    }
    let part = |kind: &str, parameters: Vec<Value>| json!({ "type": kind, "parameters": parameters });
    let mut all = Vec::new();
    if !header.is_empty() {
        all.push(part("header", header));
    }
    if !body.is_empty() {
        all.push(part("body", body));
    }
    all.extend(buttons);
    all
}

/// A text, with the variable's name if it has one and not a number.
fn text(name: &str, value: &str) -> Value {
    match name.parse::<u32>() {
        Ok(_) => json!({ "type": "text", "text": value }),
        Err(_) => json!({ "type": "text", "parameter_name": name, "text": value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_and_filled() {
        let read = template(&json!({
            "id": "594425479261596", "name": "event_invite", "language": "es", "status": "APPROVED",
            "category": "MARKETING", "rejected_reason": "NONE",
            "components": [
                {"type": "BODY", "text": "Hola {{1}}, el {{2}}", "example": {"body_text": [["Ana", "3 nov"]]}},
                {"type": "HEADER", "format": "IMAGE"},
                {"type": "FOOTER", "text": "Example"},
                {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "No"},
                    {"type": "URL", "text": "Ver", "url": "https://example.com/{{1}}"}]},
            ],
        }))
        .unwrap();
        let names: Vec<&str> = read.variables.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["header.image", "1", "2", "button.1"]);
        assert_eq!(read.variables[2].example.as_deref(), Some("3 nov"));
        assert_eq!((read.reason.as_deref(), read.unusable.as_deref()), (None, None));
        let values = ["https://example.com/a.png", "Ana", "3 nov", "x7"].map(str::to_owned);
        let expected = json!([
            {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://example.com/a.png"}}]},
            {"type": "body", "parameters": [{"type": "text", "text": "Ana"}, {"type": "text", "text": "3 nov"}]},
            {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "x7"}]},
        ]);
        assert_eq!(Value::from(components(&read, &values)), expected);
    }

    #[test]
    fn named_values_keep_their_names_and_what_herald_cannot_send_says_so() {
        let read = template(&json!({
            "id": "1", "name": "a", "language": "en_US", "status": "PAUSED",
            "components": [{"type": "BODY", "text": "Hi {{first_name}}"}, {"type": "CAROUSEL", "cards": []}],
        }))
        .unwrap();
        assert_eq!(read.state, ApprovalState::Paused);
        assert_eq!(read.unusable.as_deref(), Some("it has a part of the type carousel"));
        let body = json!([{"type": "body",
            "parameters": [{"type": "text", "parameter_name": "first_name", "text": "Ana"}]}]);
        assert_eq!(Value::from(components(&read, &["Ana".to_owned()])), body);
        assert_eq!(template(&json!({"id": "1"})), None);
    }
}
