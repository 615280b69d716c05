//! Twilio's templates, with the state of their approval by WhatsApp.

use herald_base::boxed;
use serde_json::Value;
use url::Url;

use super::client::{Twilio, WHO, below};
use crate::{
    Class, ProviderError, Result,
    whatsapp::{ApprovalState, ProviderTemplate, TemplateButton, TemplateVariable, placeholders},
};

/// Templates of one page.
const PAGE: &str = "100";
/// Pages that are read, at most.
const MOST_PAGES: usize = 50;

impl Twilio {
    /// The templates of the account.
    ///
    /// # Errors
    /// [`ProviderError`].
    #[boxed]
    pub async fn templates(&self) -> Result<Vec<ProviderTemplate>> {
        let mut url = below(&self.places().content, ["ContentAndApprovals"]);
        url.query_pairs_mut().append_pair("PageSize", PAGE);
        let (mut all, mut next) = (Vec::new(), Some(url));
        for _ in 0..MOST_PAGES {
            let Some(url) = next else { break };
            let answer = self.get(url).await?;
            let Some(contents) = answer.get("contents").and_then(Value::as_array) else {
                let said = format!("{WHO} sent a list of templates that is none: check [whatsapp]");
                return Err(ProviderError::new(Class::Config, said));
            };
            all.extend(contents.iter().filter_map(template));
            next = self.following(&answer);
        }
        Ok(all)
    }

    /// The next page. Its address comes from outside, so only its query is used.
    fn following(&self, answer: &Value) -> Option<Url> {
        let next = answer.get("meta")?.get("next_page_url")?.as_str()?;
        let query = Url::parse(next).ok()?.query()?.to_owned();
        let mut url = below(&self.places().content, ["ContentAndApprovals"]);
        url.set_query(Some(&query));
        Some(url)
    }
}

/// A template out of an entry of the list. None: the entry has no SID.
fn template(entry: &Value) -> Option<ProviderTemplate> {
    let word = |from: &Value, name: &str| from.get(name).and_then(Value::as_str).map(str::to_owned);
    let provider_id = word(entry, "sid")?;
    let approval = entry.get("approval_requests").cloned().unwrap_or_default();
    let types = entry.get("types").and_then(Value::as_object);
    // A template has one type for each channel that it is made for; the one that WhatsApp sends comes first.
    let (kind, content) = types.and_then(|types| {
        types.iter().max_by_key(|(kind, _)| (kind.starts_with("whatsapp/"), *kind != "twilio/text"))
    })?;
    let body = word(content, "body").or_else(|| word(content, "title")).unwrap_or_default();
    let actions = content.get("actions").and_then(Value::as_array).into_iter().flatten();
    let buttons: Vec<TemplateButton> = actions
        .filter_map(|action| Some(TemplateButton { text: word(action, "title")?, url: word(action, "url") }))
        .collect();
    let examples = entry.get("variables").and_then(Value::as_object);
    let mut names: Vec<String> = examples.into_iter().flat_map(|all| all.keys().cloned()).collect();
    let shown = std::iter::once(body.clone()).chain(buttons.iter().filter_map(|button| button.url.clone()));
    for name in shown.flat_map(|text| placeholders(&text)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // 10 comes behind 9, and not behind 1.
    names.sort_by_key(|name| (name.parse::<u32>().unwrap_or(u32::MAX), name.clone()));
    let variables = names
        .into_iter()
        .map(|name| TemplateVariable { example: examples.and_then(|all| word_of(all.get(&name)?)), name })
        .collect();
    let unusable = body.is_empty().then(|| format!("it is a template of the type {kind}, which has no text"));
    Some(ProviderTemplate {
        name: word(&approval, "name").or_else(|| word(entry, "friendly_name")).unwrap_or_else(|| provider_id.clone()),
        language: word(entry, "language").unwrap_or_else(|| "en".to_owned()),
        category: word(&approval, "category").map(|text| text.to_ascii_lowercase()),
        state: word(&approval, "status").map_or(ApprovalState::Unsubmitted, |text| ApprovalState::of(&text)),
        reason: word(&approval, "rejection_reason").filter(|text| !text.is_empty()),
        header: None,
        footer: word(content, "footer"),
        provider_id,
        body,
        buttons,
        variables,
        unusable,
    })
}

fn word_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_read_with_its_approval() {
        let read = template(&json!({
            "sid": "HX1", "friendly_name": "Invite", "language": "es",
            "variables": {"10": "x", "2": "3 nov", "1": "Ana"},
            "types": {"twilio/call-to-action": {"body": "Hola {{1}}, {{2}} {{10}}",
                "actions": [{"type": "URL", "title": "Ver", "url": "https://example.com/{{3}}"}]},
                "twilio/text": {"body": "old"}},
            "approval_requests": {"name": "event_invite", "category": "MARKETING", "status": "approved"},
        }))
        .unwrap();
        let names: Vec<&str> = read.variables.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["1", "2", "3", "10"]);
        assert_eq!((read.name.as_str(), read.state), ("event_invite", ApprovalState::Approved));
        assert_eq!((read.category.as_deref(), read.body.as_str()), (Some("marketing"), "Hola {{1}}, {{2}} {{10}}"));
        assert_eq!(read.unusable, None);
        let bare = template(&json!({"sid": "HX2", "friendly_name": "A", "types": {"twilio/media": {"media": []}}}));
        let bare = bare.unwrap();
        assert_eq!((bare.state, bare.unusable.is_some()), (ApprovalState::Unsubmitted, true));
        assert_eq!(template(&json!({"friendly_name": "A"})), None);
    }
}
