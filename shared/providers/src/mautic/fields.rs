//! The contact fields that an invitation is written to, and whether they can hold it.

use herald_base::boxed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    client::Mautic,
    errors::About,
    lenient::{entries, flag, number, text},
};
use crate::{Class, Meter, Result};

/// The smallest length for a link: a link of Google Drive has about 85 characters, one of a company's own server more.
const LINK_LENGTH: u32 = 120;
/// The smallest length for a number: a prefix and digits.
const NUMBER_LENGTH: u32 = 32;
/// The largest length that Mautic allows for a text field.
const LARGEST: u32 = 191;
/// The number of fields in a page.
const PAGE: usize = 200;
/// More fields than Mautic can have: its table of contacts reaches its limit long before.
const MOST: usize = 5_000;

/// The fields that every contact has, and names with another meaning in the API. Some of the fields identify a person:
/// Mautic looks for another contact with the same value and merges the two.
const BUILT_IN: [&str; 47] = [
    "id",
    "email",
    "title",
    "firstname",
    "lastname",
    "company",
    "position",
    "mobile",
    "phone",
    "fax",
    "points",
    "address1",
    "address2",
    "city",
    "state",
    "zipcode",
    "country",
    "timezone",
    "preferred_locale",
    "last_active",
    "lastactive",
    "attribution",
    "attribution_date",
    "website",
    "facebook",
    "foursquare",
    "googleplus",
    "instagram",
    "linkedin",
    "skype",
    "twitter",
    "owner",
    "owner_id",
    "stage",
    "stage_id",
    "tags",
    "companies",
    "ipaddress",
    "donotcontact",
    "frequencyrules",
    "overwritewithblank",
    "date_added",
    "date_modified",
    "date_identified",
    "created_by",
    "is_published",
    "ids",
];

/// A field of contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactField {
    /// The alias of the field in the API.
    pub alias: String,
    /// The type of the field, such as `text`, `url`, `number`.
    pub kind: String,
    /// The largest number of characters; `None` when Mautic reports none, or sets no limit.
    pub char_limit: Option<u32>,
    /// Whether Mautic treats two contacts with the same value as one person.
    pub unique: bool,
}

/// The fields that an invitation is written to. Neither of them identifies a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub struct Fields {
    link: String,
    number: Option<String>,
}

/// The same fields, unchecked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    link: String,
    #[serde(default)]
    number: Option<String>,
}

impl TryFrom<Named> for Fields {
    type Error = String;

    fn try_from(named: Named) -> std::result::Result<Self, String> {
        Self::new(named.link, named.number)
    }
}

impl From<Fields> for Named {
    fn from(fields: Fields) -> Self {
        Self { link: fields.link, number: fields.number }
    }
}

impl Fields {
    /// Creates the fields with these aliases, for the link and for the lucky number.
    ///
    /// # Errors
    /// The problem with one of them, and the cure.
    pub fn new(link: impl Into<String>, number: Option<String>) -> std::result::Result<Self, String> {
        let fields = Self { link: link.into(), number };
        for alias in fields.aliases() {
            let is_alias = !alias.is_empty() && alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_alias {
                return Err(format!(
                    "«{alias}» is not the alias of a contact field: aliases have letters, digits and _ only"
                ));
            }
            if BUILT_IN.contains(&alias.to_ascii_lowercase().as_str()) {
                return Err(format!(
                    "the contact field «{alias}» belongs to Mautic itself, and its content would be lost: create a \
                     field for invitations under Settings → Custom Fields"
                ));
            }
        }
        if fields.number.as_ref() == Some(&fields.link) {
            return Err(format!(
                "link and number cannot both be written to the contact field «{}»: choose two different fields",
                fields.link
            ));
        }
        Ok(fields)
    }

    /// Like [`Fields::new`], but also checks that Mautic has the fields and that they can hold the values.
    ///
    /// # Errors
    /// All problems with the fields, and the cures.
    pub fn checked(
        link: impl Into<String>,
        number: Option<String>,
        known: &[ContactField],
    ) -> std::result::Result<Self, Vec<String>> {
        let fields = Self::new(link, number).map_err(|problem| vec![problem])?;
        let problems = fields.problems(known);
        if problems.is_empty() { Ok(fields) } else { Err(problems) }
    }

    /// The reasons why Mautic's fields cannot hold the values.
    pub(super) fn problems(&self, known: &[ContactField]) -> Vec<String> {
        let link = problem(&self.link, known, &["text", "url", "textarea", "html"], LINK_LENGTH);
        // A field for numbers would lose leading zeros.
        let takes_numbers = &["text", "textarea", "html", "lookup", "tel"];
        let number = self.number.as_deref().and_then(|alias| problem(alias, known, takes_numbers, NUMBER_LENGTH));
        link.into_iter().chain(number).collect()
    }

    /// The field for the link.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// The field for the lucky number.
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// Whether Herald writes to this field.
    pub(super) fn has(&self, alias: &str) -> bool {
        self.aliases().any(|ours| ours == alias)
    }

    /// The message that Mautic refused the value of one of the fields `refused`.
    pub(super) fn refused(&self, refused: &[String]) -> String {
        match refused.contains(&self.link) {
            true => format!(
                "Mautic does not accept the link in the contact field «{}»: set the field's length to {LARGEST} (or \
                 make it a text area)",
                self.link
            ),
            false => format!(
                "Mautic does not accept the number in the contact field «{}»: make it a field of the type text",
                self.number.as_deref().unwrap_or_default()
            ),
        }
    }

    fn aliases(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.link.as_str()).chain(self.number.as_deref())
    }
}

/// The message that Mautic does not have this field.
pub(super) fn no_field(alias: &str) -> String {
    format!(
        "there is no contact field «{alias}» in Mautic: create it under Settings → Custom Fields (type text, \
         length {LARGEST}), or choose \
         another one"
    )
}

fn problem(alias: &str, known: &[ContactField], kinds: &[&str], length: u32) -> Option<String> {
    let Some(field) = known.iter().find(|field| field.alias == alias) else { return Some(no_field(alias)) };
    if field.unique {
        return Some(format!(
            "the contact field «{alias}» is a unique identifier, and writing to it could merge two people: \
             switch that off in the field's \
             settings, or choose another one"
        ));
    }
    if !kinds.contains(&field.kind.as_str()) {
        let kind = &field.kind;
        return Some(format!(
            "the contact field «{alias}» is of the type {kind}: choose one of the type {}",
            kinds.join(", ")
        ));
    }
    let limit = field.char_limit.filter(|limit| *limit < length)?;
    Some(format!(
        "the contact field «{alias}» accepts only {limit} characters: set its length to {LARGEST} (or make \
         it a text area)"
    ))
}

impl Mautic {
    /// Lists the fields of contacts.
    ///
    /// # Errors
    /// [`crate::ProviderError`].
    #[boxed]
    pub async fn contact_fields(&self, meter: &Meter) -> Result<Vec<ContactField>> {
        let mut fields = Vec::new();
        while fields.len() < MOST {
            let (start, limit) = (fields.len().to_string(), PAGE.to_string());
            let query = [("start", start.as_str()), ("limit", &limit), ("orderBy", "id"), ("orderByDir", "ASC")];
            let page = match self.get(self.api(["fields", "contact"], &query), About::Api, meter).await {
                Ok(answer) => ContactField::list(&answer),
                // The user's role may not see the settings of fields. This list is open to every user who may edit
                // contacts, but it has no lengths.
                Err(error) if error.class == Class::Config => {
                    let url = self.api(["contacts", "list", "fields"], &[]);
                    return Ok(ContactField::list(&self.get(url, About::Api, meter).await?));
                }
                Err(error) => return Err(error),
            };
            let is_last = page.len() < PAGE;
            fields.extend(page);
            if is_last {
                break;
            }
        }
        Ok(fields)
    }
}

impl ContactField {
    fn list(answer: &Value) -> Vec<Self> {
        let fields = answer.get("fields").unwrap_or(answer);
        entries(fields).into_iter().filter_map(|(_, field)| Self::read(field)).collect()
    }

    fn read(field: &Value) -> Option<Self> {
        let is_of_contacts = field.get("object").and_then(Value::as_str).is_none_or(|object| object == "lead");
        // Mautic does not write to an unpublished field.
        if !is_of_contacts || !field.get("isPublished").is_none_or(flag) {
            return None;
        }
        let kind = field.get("type").and_then(text).unwrap_or_default();
        let limit = field.get("charLengthLimit").and_then(number).and_then(|limit| u32::try_from(limit).ok());
        // Mautic stores a limit for long texts, too, but does not apply it.
        let has_limit = !matches!(kind.as_str(), "textarea" | "html");
        Some(Self {
            alias: field.get("alias").and_then(text)?,
            char_limit: limit.filter(|limit| *limit > 0 && has_limit),
            // The misspelt key is Mautic's, too.
            unique: ["isUniqueIdentifier", "isUniqueIdentifer"].iter().any(|key| field.get(key).is_some_and(flag)),
            kind,
        })
    }
}

#[cfg(test)]
mod tests;
