//! The words by which a text is seen to be about a person.

use serde_json::Value;

use super::Whom;

/// Shorter words stand in many texts that are not about the person.
const SHORTEST: usize = 4;

/// The name and the addresses of a person.
#[derive(Clone, Debug)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of a person: those that are long enough to mean nobody else by chance.
    pub fn of(whom: &Whom) -> Self {
        let contact = &whom.contact;
        let all = [Some(&contact.name), contact.email.as_ref(), contact.phone.as_ref(), contact.external_id.as_ref()];
        let further = whom.addresses.iter().map(|(_, value)| value);
        let words = all.into_iter().flatten().chain(further).filter(|word| word.chars().count() >= SHORTEST);
        Self(words.map(|word| word.to_lowercase()).collect())
    }

    /// Whether a text is about the person.
    pub fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0.iter().any(|word| text.contains(word.as_str()))
    }

    /// Empties the texts of a JSON value that are about the person. Says whether there were any.
    pub fn take_out_of(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) if self.are_in(text) => {
                text.clear();
                true
            }
            // `fold`, not `any`: every one is looked at.
            Value::Array(all) => all.iter_mut().fold(false, |found, one| self.take_out_of(one) | found),
            Value::Object(all) => all.values_mut().fold(false, |found, one| self.take_out_of(one) | found),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_about_the_person_is_emptied_and_no_other() {
        let words = Words(vec!["amélie example".to_owned(), "amelie@example.com".to_owned()]);
        let mut value = json!({ "problems": [
            { "line": 2, "name": "AMÉLIE Example", "message": "\"Amélie Example\" has the same e-mail" },
            { "line": 3, "name": "Bo Example", "message": "amelie@example.com is taken" },
        ], "rows": 2 });
        assert!(words.take_out_of(&mut value));
        let left = json!({ "problems": [
            { "line": 2, "name": "", "message": "" },
            { "line": 3, "name": "Bo Example", "message": "" },
        ], "rows": 2 });
        assert_eq!(value, left);
        assert!(!words.take_out_of(&mut value));
    }
}
