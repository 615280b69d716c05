//! What a contact may be: each field checked and brought into one spelling, with errors that name the cure.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use herald_base::address::Address;
use herald_sheets::{Phone, email_key, normalise_phone};
use icu_locale_core::Locale;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::{Channel, Contact, ContactError};

const LONGEST_NAME: usize = 200;
const LONGEST_ID: usize = 200;
const LONGEST_FIELD: usize = 100;
pub(super) const LONGEST_VALUE: usize = 2_000;
const MOST_FIELDS: usize = 100;

/// What is known of a person. Missing values stay as they are; empty ones are removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The full name, in any script: at most 200 characters.
    #[schema(example = "Amélie Example")]
    pub name: Option<String>,
    /// The primary e-mail address.
    #[schema(example = "amelie@example.com")]
    pub email: Option<String>,
    /// The primary phone number, with `+` and the country code.
    #[schema(example = "+447911123456")]
    pub phone: Option<String>,
    /// The person's id in the system they come from.
    pub external_id: Option<String>,
    /// The language, as a BCP 47 tag.
    #[schema(example = "pt-BR")]
    pub locale: Option<String>,
    /// The time zone, as an IANA name.
    #[schema(example = "Europe/Madrid")]
    pub time_zone: Option<String>,
    /// The country, as two letters of ISO 3166-1.
    #[schema(example = "ES")]
    pub country: Option<String>,
    /// The channel over which the person wants to be reached.
    pub preferred_channel: Option<Channel>,
    /// Every other field, by its name. An empty value removes the field.
    pub fields: BTreeMap<String, String>,
    /// The tags: these and no others. Tags that are not there are made.
    pub tags: Option<Vec<String>>,
}

impl Profile {
    /// Brings every field but the tags into its one spelling.
    ///
    /// # Errors
    /// [`ContactError::Field`]: the first field that cannot have its value.
    pub(super) fn tidied(self) -> Result<Self, ContactError> {
        Ok(Self {
            name: self.name.as_deref().map(name).transpose()?,
            email: given(self.email, email)?,
            phone: given(self.phone, phone)?,
            external_id: given(self.external_id, external_id)?,
            locale: given(self.locale, locale)?,
            time_zone: given(self.time_zone, time_zone)?,
            country: given(self.country, country)?,
            preferred_channel: self.preferred_channel,
            fields: fields(self.fields)?,
            tags: self.tags,
        })
    }
}

impl Profile {
    /// Only what a contact lacks. The tags are left out.
    pub(super) fn only_missing(&self, contact: &Contact) -> Self {
        let lacks = |own: &Option<String>, value: &Option<String>| value.clone().filter(|_| own.is_none());
        let preferred_channel = self.preferred_channel.filter(|_| contact.preferred_channel.is_none());
        let fields =
            self.fields.iter().filter(|(name, value)| !value.is_empty() && !contact.fields.0.contains_key(*name));
        Self {
            name: None,
            email: lacks(&contact.email, &self.email),
            phone: lacks(&contact.phone, &self.phone),
            external_id: lacks(&contact.external_id, &self.external_id),
            locale: lacks(&contact.locale, &self.locale),
            time_zone: lacks(&contact.time_zone, &self.time_zone),
            country: lacks(&contact.country, &self.country),
            preferred_channel,
            fields: fields.map(|(name, value)| (name.clone(), value.clone())).collect(),
            tags: None,
        }
    }
}

/// A value that is there is checked; an empty one stays empty.
fn given(
    value: Option<String>,
    check: impl Fn(&str) -> Result<String, ContactError>,
) -> Result<Option<String>, ContactError> {
    match value.as_deref().map(str::trim) {
        None => Ok(None),
        Some("") => Ok(Some(String::new())),
        Some(text) => check(text).map(Some),
    }
}

fn name(text: &str) -> Result<String, ContactError> {
    let name: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    let long = name.chars().count();
    if name.is_empty() || long > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ContactError::field("name", format!("the name has {long} characters: use 1 to {LONGEST_NAME}")));
    }
    Ok(name)
}

pub(super) fn email(text: &str) -> Result<String, ContactError> {
    Address::parse(text).map_err(|_| {
        ContactError::field("email", format!("{text:?} is not an e-mail address: write it like ann@example.com"))
    })?;
    Ok(email_key(text))
}

pub(super) fn phone(text: &str) -> Result<String, ContactError> {
    match normalise_phone(text, None) {
        Phone::International(number) => Ok(number),
        Phone::AsGiven(why) => Err(ContactError::field("phone", format!("{text:?} is not a phone number: {why}"))),
    }
}

fn external_id(text: &str) -> Result<String, ContactError> {
    if text.chars().count() > LONGEST_ID || text.chars().any(char::is_control) {
        return Err(ContactError::field(
            "external_id",
            format!("the id is too long: use at most {LONGEST_ID} characters"),
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn locale(text: &str) -> Result<String, ContactError> {
    let known = Locale::try_from_str(&text.replace('_', "-"));
    known.map(|locale| locale.to_string()).map_err(|_| {
        ContactError::field("locale", format!("{text:?} is not a language: write a BCP 47 tag such as en or pt-BR"))
    })
}

pub(super) fn time_zone(text: &str) -> Result<String, ContactError> {
    text.parse::<Tz>().map(|zone| zone.name().to_owned()).map_err(|_| {
        ContactError::field(
            "time_zone",
            format!("{text:?} is not a time zone: write an IANA name such as Europe/Madrid"),
        )
    })
}

pub(super) fn country(text: &str) -> Result<String, ContactError> {
    let letters = text.to_ascii_uppercase();
    if letters.len() == 2 && letters.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(letters);
    }
    Err(ContactError::field("country", format!("{text:?} is not a country: write two letters such as ES")))
}

fn fields(given: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ContactError> {
    if given.len() > MOST_FIELDS {
        return Err(ContactError::field("fields", format!("there are too many fields: use at most {MOST_FIELDS}")));
    }
    for (name, value) in &given {
        if name.trim().is_empty() || name.chars().count() > LONGEST_FIELD || name.chars().any(char::is_control) {
            let detail = format!("the field {name:?} has no usable name: use 1 to {LONGEST_FIELD} characters");
            return Err(ContactError::field("fields", detail));
        }
        if value.chars().count() > LONGEST_VALUE {
            let detail = format!("the field {name:?} is too long: use at most {LONGEST_VALUE} characters");
            return Err(ContactError::field("fields", detail));
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(profile: Profile) -> Result<Profile, String> {
        profile.tidied().map_err(|error| error.to_string())
    }

    #[test]
    fn every_field_gets_its_one_spelling() {
        let one = |profile| tidied(profile).unwrap();
        assert_eq!(one(Profile { name: Some(" A \u{a0} B ".into()), ..Profile::default() }).name.unwrap(), "A B");
        let email = one(Profile { email: Some(" Amelie@Example.COM ".into()), ..Profile::default() }).email;
        assert_eq!(email.as_deref(), Some("amelie@example.com"));
        let phone = one(Profile { phone: Some("+34 600 00 00 01".into()), ..Profile::default() }).phone;
        assert_eq!(phone.as_deref(), Some("+34600000001"));
        assert_eq!(one(Profile { locale: Some("PT_br".into()), ..Profile::default() }).locale.unwrap(), "pt-BR");
        assert_eq!(one(Profile { country: Some("es".into()), ..Profile::default() }).country.unwrap(), "ES");
        assert_eq!(one(Profile { phone: Some(" ".into()), ..Profile::default() }).phone.unwrap(), "");
    }

    #[test]
    fn what_cannot_be_is_named_with_its_cure() {
        let refused = |profile: Profile| profile.tidied().unwrap_err().to_string();
        for (profile, part) in [
            (Profile { name: Some("  ".into()), ..Profile::default() }, "use 1 to 200"),
            (Profile { email: Some("amelie".into()), ..Profile::default() }, "ann@example.com"),
            (Profile { phone: Some("600 00 00 01".into()), ..Profile::default() }, "country code"),
            (Profile { phone: Some("4.47911E+11".into()), ..Profile::default() }, "rounded"),
            (Profile { locale: Some("???".into()), ..Profile::default() }, "BCP 47"),
            (Profile { time_zone: Some("Mars/Base".into()), ..Profile::default() }, "IANA"),
            (Profile { country: Some("ESP".into()), ..Profile::default() }, "two letters"),
            (Profile { fields: [(String::new(), "x".into())].into(), ..Profile::default() }, "no usable name"),
        ] {
            let said = refused(profile);
            assert!(said.contains(part), "{said}");
        }
    }
}
