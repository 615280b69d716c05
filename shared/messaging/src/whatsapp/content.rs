//! What a campaign over WhatsApp says: a template, and what is put into each of its variables.

use std::collections::{BTreeMap, BTreeSet};

use herald_base::boxed;
use herald_contacts::Contact;
use herald_providers::whatsapp::{ApprovalState, ProviderTemplate, header_kind};
use herald_template::expression::{Expression, insertions};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{WhatsappTemplate, find_whatsapp_template};
use crate::{
    MessagingError, Result, Sender,
    template::{GIVEN, LanguagePart, MessageContent, MessageFormat, canonical, contact_values},
};
use herald_db::Db;

/// The longest value that WhatsApp takes, in characters.
const LONGEST_VALUE: usize = 1_000;
/// The longest text that WhatsApp takes, in characters.
const LONGEST_BODY: usize = 1_024;
/// The language that is noted for a template whose own is none of BCP 47.
const SOME_LANGUAGE: &str = "en";

/// What a campaign over WhatsApp says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatsappContent {
    /// The template: the id of one of the workspace's templates of WhatsApp.
    pub template_id: Uuid,
    /// What is put into each variable of the template: a text, or values of the contact with what stands for them if
    /// they are missing.
    #[serde(default)]
    #[schema(example = json!({ "1": "{{ first_name | default(\"friend\") }}", "2": "3 November" }))]
    pub variables: BTreeMap<String, String>,
}

/// A template with what is put into its variables, as it was when the campaign was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatsappMessage {
    /// The account that has the template.
    pub connection_id: Uuid,
    /// The template.
    pub template: ProviderTemplate,
    /// What is put into its variables.
    pub variables: BTreeMap<String, String>,
}

/// A message as one contact would read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WhatsappPreview {
    /// What it says; `null`: there is none for this contact.
    pub text: Option<String>,
    /// What stands on its buttons.
    pub buttons: Vec<String>,
    /// Where the picture, video or document at its top is.
    pub header: Option<String>,
    /// Why there is no message, or what is wrong with it.
    pub problems: Vec<String>,
}

fn wrong<T>(detail: impl Into<String>) -> Result<T> {
    Err(MessagingError::field("settings", detail))
}

impl WhatsappContent {
    /// Whether what is put into variables can be read.
    ///
    /// # Errors
    /// [`MessagingError::Field`].
    pub(crate) fn check(&self) -> Result<()> {
        for (name, text) in &self.variables {
            expression(name, text)?;
        }
        Ok(())
    }
}

/// Reads what is put into a variable.
fn expression(name: &str, text: &str) -> Result<Expression> {
    let read = Expression::parse(text);
    let read = read.or_else(|error| wrong(format!("the value of the variable {name} cannot be used: {error}")))?;
    if let Some(given) = read.fields().iter().find(|field| GIVEN.contains(&field.as_str())) {
        return wrong(format!("the variable {name} names {given}, which only mails have: leave it out"));
    }
    Ok(read)
}

/// What WhatsApp takes as a value: one line, without long gaps.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl WhatsappMessage {
    /// The message of a template, if every variable has something to say, and no other has.
    ///
    /// # Errors
    /// [`MessagingError::Field`] names what is missing.
    pub(crate) fn of(template: &WhatsappTemplate, variables: &BTreeMap<String, String>) -> Result<Self> {
        let content = &template.content.0;
        let needed: BTreeSet<&str> = content.variables.iter().map(|one| one.name.as_str()).collect();
        if let Some(lacking) =
            needed.iter().find(|name| variables.get(**name).is_none_or(|text| text.trim().is_empty()))
        {
            return wrong(format!(
                "the variable {lacking} of the template {:?} has no value: write one, such as {{{{ first_name | \
                 default(\"friend\") }}}}",
                template.name
            ));
        }
        if let Some(other) = variables.keys().find(|name| !needed.contains(name.as_str())) {
            return wrong(format!("the template {:?} has no variable {other}: take its value away", template.name));
        }
        for (name, text) in variables {
            let read = expression(name, text)?;
            // Nobody gets "Hi ,": what may be empty needs something that stands for it.
            if read.evaluate_leniently(|_| None).is_ok_and(|value| value.trim().is_empty()) {
                return wrong(format!("the variable {name} may become empty: write a default that says something"));
            }
        }
        Ok(Self { connection_id: template.connection_id, template: content.clone(), variables: variables.clone() })
    }

    /// The values of the variables for somebody, in the order of the template.
    ///
    /// # Errors
    /// Why there is no message for them, in a word and in a sentence.
    pub fn values(
        &self,
        person: &BTreeMap<String, String>,
    ) -> std::result::Result<Vec<String>, (&'static str, String)> {
        let mut values = Vec::with_capacity(self.template.variables.len());
        for variable in &self.template.variables {
            let name = &variable.name;
            let text = self.variables.get(name).map_or("", String::as_str);
            let read = Expression::parse(text)
                .map_err(|error| ("template", format!("the value of the variable {name} cannot be used: {error}")))?;
            let field = |name: &str| person.get(name).map(String::as_str).filter(|value| !value.trim().is_empty());
            let value = read
                .evaluate_leniently(field)
                .map_err(|error| ("missing_field", format!("the variable {name} has no value: {error}")))?;
            let value = one_line(&value);
            let long = value.chars().count();
            if value.is_empty() {
                return Err(("missing_field", format!("the variable {name} has no value for this contact")));
            }
            if long > LONGEST_VALUE {
                let reason =
                    format!("the value of the variable {name} has {long} characters: WhatsApp takes {LONGEST_VALUE}");
                return Err(("content", reason));
            }
            if header_kind(name).is_some() && !Url::parse(&value).is_ok_and(|url| url.scheme() == "https") {
                let reason =
                    format!("the variable {name} is not the address of a file: write one that begins with https://");
                return Err(("content", reason));
            }
            values.push(value);
        }
        let whole = self.template.filled(&values).chars().count();
        if whole > LONGEST_BODY + 200 {
            return Err(("content", format!("the message has {whole} characters: WhatsApp takes {LONGEST_BODY}")));
        }
        Ok(values)
    }

    /// The fields that are read, as the content of a mail that reads the same ones: planning takes from it what a
    /// message needs of a person.
    pub(crate) fn as_content(&self) -> MessageContent {
        let language = canonical(&self.template.language).unwrap_or_else(|| SOME_LANGUAGE.to_owned());
        let mut body = String::from("WhatsApp");
        for text in self.variables.values() {
            for range in insertions(text).unwrap_or_default() {
                body.push_str("\n\n");
                body.push_str(text.get(range).unwrap_or_default());
            }
        }
        let part = LanguagePart { subject: "WhatsApp".to_owned(), preheader: None, body, text: None };
        let languages = BTreeMap::from([(language.clone(), part)]);
        MessageContent { format: MessageFormat::Markdown, default_language: language, languages }
    }

    /// The message as a contact would read it.
    pub fn preview(&self, contact: Option<&Contact>) -> WhatsappPreview {
        let person = match contact {
            Some(contact) => contact_values(contact),
            // Somebody who has a value in every field.
            None => self.fields().into_iter().map(|field| (field.clone(), field)).collect(),
        };
        let mut preview = WhatsappPreview {
            text: None,
            buttons: self.template.buttons.iter().map(|button| button.text.clone()).collect(),
            header: None,
            problems: Vec::new(),
        };
        match self.values(&person) {
            Ok(values) => {
                let header = self.template.variables.iter().position(|one| header_kind(&one.name).is_some());
                preview.header = header.and_then(|at| values.get(at).cloned());
                preview.text = Some(self.template.filled(&values));
            }
            Err((_, reason)) => preview.problems.push(reason),
        }
        if contact.is_some_and(|contact| contact.phone.is_none()) {
            preview.problems.push("the contact has no phone number, and gets no message".to_owned());
        }
        preview
    }

    fn fields(&self) -> BTreeSet<String> {
        let read = self.variables.values().filter_map(|text| Expression::parse(text).ok());
        read.flat_map(|read| read.fields().clone()).collect()
    }
}

/// What a campaign over WhatsApp says, as it is now.
///
/// # Errors
/// [`MessagingError::Field`] names what is missing.
pub(crate) async fn freeze(
    db: &Db,
    workspace_id: Uuid,
    sender: &Sender,
    content: Option<&WhatsappContent>,
) -> Result<WhatsappMessage> {
    let Some(content) = content else {
        return wrong("the campaign has no template of WhatsApp: choose one");
    };
    let Some(template) = find_whatsapp_template(db, workspace_id, content.template_id).await? else {
        return wrong("the template is not there any more: choose another one");
    };
    if template.state != ApprovalState::Approved {
        return wrong(format!(
            "the template {:?} is {}: only an approved one can be sent; synchronise the templates if that has changed",
            template.name, template.state
        ));
    }
    if let Some(why) = &template.content.0.unusable {
        return wrong(format!("Herald cannot send the template {:?}: {why}", template.name));
    }
    if sender.connection_id != Some(template.connection_id) {
        return wrong(format!(
            "the template {:?} belongs to another account than the sender {:?}: choose one of the same account",
            template.name, sender.name
        ));
    }
    WhatsappMessage::of(&template, &content.variables)
}

/// The message that a contact would read by a template, with these values for its variables. Without a contact:
/// somebody who has a value in every field. `None`: there is no such template.
///
/// # Errors
/// [`MessagingError::Field`] names what is missing.
#[boxed]
pub async fn preview_whatsapp(
    db: &Db,
    workspace_id: Uuid,
    content: &WhatsappContent,
    contact: Option<&Contact>,
) -> Result<Option<WhatsappPreview>> {
    let Some(template) = find_whatsapp_template(db, workspace_id, content.template_id).await? else { return Ok(None) };
    Ok(Some(WhatsappMessage::of(&template, &content.variables)?.preview(contact)))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use herald_db::Json;
    use herald_providers::whatsapp::TemplateVariable;

    use super::*;
    use crate::template::Compiled;

    fn template() -> WhatsappTemplate {
        let variable = |name: &str| TemplateVariable { name: name.to_owned(), example: None };
        let content = ProviderTemplate {
            provider_id: "HX1".to_owned(),
            name: "invite".to_owned(),
            language: "es_MX".to_owned(),
            category: None,
            state: ApprovalState::Approved,
            reason: None,
            header: None,
            body: "Hola {{1}}, te esperamos el {{2}}.".to_owned(),
            footer: None,
            buttons: Vec::new(),
            variables: vec![variable("1"), variable("2")],
            unusable: None,
        };
        WhatsappTemplate {
            id: Uuid::nil(),
            connection_id: Uuid::nil(),
            provider_id: "HX1".to_owned(),
            name: "invite".to_owned(),
            language: "es_MX".to_owned(),
            state: ApprovalState::Approved,
            content: Json(content),
            seen_at: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn every_variable_says_something_and_no_other_is_there() {
        let refused = |pairs: &[(&str, &str)]| WhatsappMessage::of(&template(), &texts(pairs)).unwrap_err().to_string();
        assert!(refused(&[("1", "Ana")]).contains("variable 2"));
        assert!(refused(&[("1", "Ana"), ("2", " ")]).contains("variable 2"));
        assert!(refused(&[("1", "Ana"), ("2", "x"), ("3", "y")]).contains("no variable 3"));
        assert!(refused(&[("1", "{{ first_name | default(\"\") }}"), ("2", "x")]).contains("may become empty"));
        assert!(refused(&[("1", "{{ first_name"), ("2", "x")]).contains("variable 1"));
        assert!(refused(&[("1", "{{ unsubscribe_url }}"), ("2", "x")]).contains("only mails have"));
    }

    #[test]
    fn a_person_gets_their_values_in_one_line_or_no_message() {
        let variables = texts(&[("1", "{{ first_name | default(\"amigo\") }}"), ("2", "{{ day }} de mayo")]);
        let message = WhatsappMessage::of(&template(), &variables).unwrap();
        let person = texts(&[("first_name", "Ana\n María\t "), ("day", "3")]);
        let values = message.values(&person).unwrap();
        assert_eq!(values, ["Ana María", "3 de mayo"]);
        assert_eq!(message.template.filled(&values), "Hola Ana María, te esperamos el 3 de mayo.");
        assert_eq!(message.values(&texts(&[("day", "3")])).unwrap()[0], "amigo");
        assert_eq!(message.values(&texts(&[("first_name", "Ana")])).unwrap_err().0, "missing_field");
        let long = texts(&[("day", &"x".repeat(2_000))]);
        assert_eq!(message.values(&long).unwrap_err().0, "content");
    }

    #[test]
    fn planning_finds_what_a_message_needs() {
        let variables = texts(&[("1", "{{ first_name | default(\"amigo\") }}"), ("2", "{{ day }} [x](y)")]);
        let content = WhatsappMessage::of(&template(), &variables).unwrap().as_content();
        let compiled = Compiled::compile(&content, &BTreeMap::new()).unwrap();
        assert_eq!(compiled.fields(), ["day", "first_name"].map(str::to_owned).into());
        assert_eq!(compiled.required(), ["day"].map(str::to_owned).into());
        assert_eq!(compiled.language_for(None), "es-MX");
    }
}
