//! What an address of a kind may be, and its one spelling.

use crate::{Channel, ContactError, rules};

const LONGEST_LABEL: usize = 50;
const LONGEST_HOW: usize = 200;
/// An id that WhatsApp gives to a person who hides the number has at most this number of letters and digits.
const LONGEST_ID: usize = 128;

/// An address in the one spelling of its kind.
///
/// # Errors
/// [`ContactError::Field`] of the field `value`.
pub(super) fn value(kind: Channel, text: &str) -> Result<String, ContactError> {
    let text = text.trim();
    let tidied = match kind {
        Channel::Email => rules::email(text),
        Channel::Phone => rules::phone(text),
        Channel::Whatsapp => match id_of_whatsapp(text) {
            Some(id) => Ok(id),
            None => rules::phone(text),
        },
    };
    tidied.map_err(|error| match error {
        ContactError::Field { detail, .. } => ContactError::field("value", detail),
        other => other,
    })
}

/// The id under which WhatsApp knows a person who hides the number: a country, a dot, letters and digits.
fn id_of_whatsapp(text: &str) -> Option<String> {
    let (country, id) = text.split_once('.')?;
    let own = id.strip_prefix("ENT.").unwrap_or(id);
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_id = (1..=LONGEST_ID).contains(&own.len()) && own.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_country && is_id).then(|| format!("{}.{id}", country.to_ascii_uppercase()))
}

/// What the workspace calls an address. An empty text removes the name.
pub(super) fn label(text: &str) -> Result<Option<String>, ContactError> {
    let label = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        let detail = format!("the label is too long: use at most {LONGEST_LABEL} characters");
        return Err(ContactError::field("label", detail));
    }
    Ok(Some(label).filter(|label| !label.is_empty()))
}

/// How somebody made sure that an address is the person's.
pub(super) fn how(field: &'static str, text: &str) -> Result<String, ContactError> {
    let text = text.trim();
    let long = text.chars().count();
    if text.is_empty() || long > LONGEST_HOW || text.contains('\0') {
        let detail = format!(
            "say in 1 to {LONGEST_HOW} characters how you made sure, such as: the person answered a mail (it has \
             {long})"
        );
        return Err(ContactError::field(field, detail));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_spelling() {
        for (kind, given, spelt) in [
            (Channel::Email, " Ana@Example.COM ", "ana@example.com"),
            (Channel::Phone, "+34 600 000 001", "+34600000001"),
            (Channel::Whatsapp, "0034 600 000 001", "+34600000001"),
            (Channel::Whatsapp, "us.13491208655302741918", "US.13491208655302741918"),
            (Channel::Whatsapp, "US.ENT.11815799212886844830", "US.ENT.11815799212886844830"),
        ] {
            assert_eq!(value(kind, given).unwrap(), spelt);
        }
        assert_eq!(label("  at   work ").unwrap().as_deref(), Some("at work"));
        assert_eq!(label(" ").unwrap(), None);
    }

    #[test]
    fn what_is_no_address_is_named_with_its_cure() {
        for (kind, given, part) in [
            (Channel::Email, "ana", "ann@example.com"),
            (Channel::Phone, "600 000 001", "country code"),
            (Channel::Phone, "US.13491208655302741918", "phone number"),
            (Channel::Whatsapp, "USA.1", "phone number"),
            (Channel::Whatsapp, "US.", "phone number"),
        ] {
            let refused = value(kind, given).unwrap_err();
            assert!(matches!(&refused, ContactError::Field { field: "value", .. }), "{refused:?}");
            assert!(refused.to_string().contains(part), "{refused}");
        }
        assert!(label(&"x".repeat(51)).unwrap_err().to_string().contains("at most 50"));
        assert!(how("how", " ").unwrap_err().to_string().contains("1 to 200"));
    }
}
