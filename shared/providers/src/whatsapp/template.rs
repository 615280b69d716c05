//! Templates that WhatsApp approves.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

herald_base::text_enum! {
    /// How far the approval of a template is. Only an approved one is sent.
    pub enum ApprovalState, "a template is not {:?}" {
        /// It can be sent.
        Approved "approved",
        /// WhatsApp looks at it.
        Pending "pending",
        /// WhatsApp refused it.
        Rejected "rejected",
        /// WhatsApp holds it back, for people did not like it.
        Paused "paused",
        /// WhatsApp took it away.
        Disabled "disabled",
        /// Nobody asked for its approval.
        Unsubmitted "unsubmitted",
        /// It is not there any more.
        Deleted "deleted",
        /// The provider has another word for it.
        Other "other",
    }
}

impl ApprovalState {
    /// Reads a provider's word.
    pub fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "approved" => Self::Approved,
            "pending" | "received" | "in_appeal" | "submitted" => Self::Pending,
            "rejected" => Self::Rejected,
            "paused" | "limit_exceeded" => Self::Paused,
            "disabled" | "archived" => Self::Disabled,
            "unsubmitted" => Self::Unsubmitted,
            "deleted" | "pending_deletion" => Self::Deleted,
            _ => Self::Other,
        }
    }
}

/// A place in a template that gets a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateVariable {
    /// Its name: `1` or `first_name` in the body, `header.1`, `header.image`, `button.0`.
    pub name: String,
    /// The example that was given for the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateButton {
    /// What stands on it.
    pub text: String,
    /// Where it leads, if it leads somewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A template, as the provider has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderTemplate {
    /// The provider's id.
    pub provider_id: String,
    /// Its name.
    pub name: String,
    /// Its language, in the provider's spelling.
    pub language: String,
    /// What it is for: `marketing`, `utility` or `authentication`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How far its approval is.
    pub state: ApprovalState,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The text above the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// What it says, with variables as `{{1}}`.
    pub body: String,
    /// The text below the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// Its buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<TemplateButton>,
    /// Its variables, in the order in which they stand in it.
    pub variables: Vec<TemplateVariable>,
    /// Why Herald cannot send it, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}

impl ProviderTemplate {
    /// What the recipient reads, with these values for the variables.
    pub fn filled(&self, values: &[String]) -> String {
        let value = |name: &str| {
            let at = self.variables.iter().position(|variable| variable.name == name);
            at.and_then(|at| values.get(at)).map(String::as_str)
        };
        let mut text = String::new();
        if let Some(header) = &self.header {
            let _ = writeln!(text, "{}\n", put(header, |name| value(&format!("header.{name}"))));
        }
        text.push_str(&put(&self.body, value));
        if let Some(footer) = &self.footer {
            let _ = write!(text, "\n\n{footer}");
        }
        text
    }
}

/// The kind of file that a variable of the header takes, such as `image`.
pub fn header_kind(name: &str) -> Option<&'static str> {
    match name.strip_prefix("header.")? {
        "image" => Some("image"),
        "video" => Some("video"),
        "document" => Some("document"),
        _ => None,
    }
}

/// The names in a text's `{{…}}`, each once, in their order.
pub fn placeholders(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in pieces(text) {
        if let Piece::Name(name, _) = piece
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

enum Piece<'a> {
    Text(&'a str),
    /// A name, and how it is written.
    Name(&'a str, &'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut all, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else { break };
        let trimmed = name.trim();
        let is_name = !trimmed.is_empty() && trimmed.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_name {
            all.push(Piece::Text(before));
            let written = rest.get(before.len()..rest.len() - after.len()).unwrap_or_default();
            all.push(Piece::Name(trimmed, written));
            rest = after;
        } else {
            // An opening that is none is text.
            let to = before.len() + 2;
            all.push(Piece::Text(rest.get(..to).unwrap_or_default()));
            rest = behind;
        }
    }
    all.push(Piece::Text(rest));
    all
}

fn put<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name(name, written) => value(name).unwrap_or(written).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_once_each_and_what_is_none_stays_text() {
        assert_eq!(
            placeholders("Hi {{1}}, {{ 2 }} and {{1}} {{not this}} {{ {{first_name}} {{"),
            ["1", "2", "first_name"]
        );
        let template = ProviderTemplate {
            provider_id: "HX1".to_owned(),
            name: "invite".to_owned(),
            language: "en".to_owned(),
            category: None,
            state: ApprovalState::Approved,
            reason: None,
            header: Some("For {{1}}".to_owned()),
            body: "Hi {{1}}, see {{2}} {{3}}".to_owned(),
            footer: Some("Example".to_owned()),
            buttons: Vec::new(),
            variables: ["header.1", "1", "2"]
                .map(|name| TemplateVariable { name: name.to_owned(), example: None })
                .to_vec(),
            unusable: None,
        };
        let values = ["Ana".to_owned(), "{{2}}".to_owned(), "3 Nov".to_owned()];
        // A value that looks like a place is none.
        assert_eq!(template.filled(&values), "For Ana\n\nHi {{2}}, see 3 Nov {{3}}\n\nExample");
    }

    #[test]
    fn a_word_that_nobody_knows_is_not_approved() {
        for (word, state) in [
            ("APPROVED", ApprovalState::Approved),
            ("in_appeal", ApprovalState::Pending),
            ("PENDING_DELETION", ApprovalState::Deleted),
            ("FLYING", ApprovalState::Other),
        ] {
            assert_eq!(ApprovalState::of(word), state, "{word}");
        }
    }
}
