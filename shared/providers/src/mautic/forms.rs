//! Forms and their submissions (<https://developer.mautic.org/#forms>).

use std::collections::BTreeMap;

use herald_base::boxed;
use serde_json::Value;

use super::{
    client::Mautic,
    contacts::{after_key, keyset},
    errors::About,
    lenient::{entries, flag, number, part, text, texts},
};
use crate::{Class, Meter, ProviderError, Result};

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The id of the form.
    pub id: u64,
    /// The name of the form.
    pub name: String,
    /// The fields of the form, in its order.
    pub fields: Vec<FormField>,
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    /// The name of the field in submissions.
    pub alias: String,
    /// The type of the field, such as `text`, `email`, `file`.
    pub kind: String,
    /// The label that people read.
    pub label: String,
    /// Whether everybody may fetch the uploads of this field; `None` when Mautic does not report it.
    pub public: Option<bool>,
}

/// A submission: a form that a person filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The id of the submission; later ones are larger.
    pub id: i64,
    /// The contact who filled in the form; `None` when the contact was deleted.
    pub contact_id: Option<i64>,
    /// The entered values, by the aliases of the fields. The value of an upload is the file's name.
    pub results: BTreeMap<String, String>,
}

impl Mautic {
    /// Returns a form.
    ///
    /// # Errors
    /// [`Class::Config`] when the form does not exist; else [`ProviderError`].
    #[boxed]
    pub async fn form(&self, id: u64, meter: &Meter) -> Result<Form> {
        let answer = self.get(self.api(["forms", id.to_string().as_str()], &[]), About::Form(id), meter).await?;
        Form::read(id, part(&answer, "form")?)
    }

    /// Returns the next submissions of a form after the id `after`, at most `limit`, by id. Fewer than `limit`
    /// submissions are the last ones.
    ///
    /// # Errors
    /// [`Class::Config`] when the form does not exist; else [`ProviderError`].
    #[boxed]
    pub async fn submissions(&self, form: u64, after: i64, limit: usize, meter: &Meter) -> Result<Vec<Submission>> {
        let (id, after_text, limit_text) = (form.to_string(), after.to_string(), limit.to_string());
        let url = self.api(["forms", id.as_str(), "submissions"], &keyset("s.id", &after_text, &limit_text));
        let answer = self.get(url, About::Form(form), meter).await?;
        let page = entries(part(&answer, "submissions")?).into_iter();
        after_key(page.filter_map(|(_, submission)| Submission::read(submission)).collect(), after, |each| each.id)
    }
}

impl Form {
    fn read(id: u64, form: &Value) -> Result<Self> {
        if form.get("id").and_then(number).is_none() {
            return Err(ProviderError::new(Class::Config, format!("Mautic's answer does not describe form {id}")));
        }
        let word = |value: &Value, key: &str| value.get(key).and_then(text).unwrap_or_default();
        let fields = form.get("fields").map(entries).unwrap_or_default().into_iter();
        let fields = fields.map(|(_, field)| FormField {
            alias: word(field, "alias"),
            kind: word(field, "type"),
            label: word(field, "label"),
            public: field.pointer("/properties/public").map(flag),
        });
        Ok(Self { id, name: word(form, "name"), fields: fields.filter(|field| !field.alias.is_empty()).collect() })
    }

    /// The fields that take a file.
    pub fn uploads(&self) -> impl Iterator<Item = &FormField> {
        self.fields.iter().filter(|field| field.kind == "file")
    }
}

impl Submission {
    fn read(submission: &Value) -> Option<Self> {
        let lead = submission.get("lead");
        Some(Self {
            id: submission.get("id").and_then(number)?,
            contact_id: lead.and_then(|lead| lead.get("id").and_then(number).or_else(|| number(lead))),
            results: submission.get("results").map(texts).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_submission_names_its_contact_if_there_still_is_one() {
        let read = |lead: Value| {
            let results = json!({"email": "ann@example.com", "photo": "face.jpg", "notes": null});
            Submission::read(&json!({"id": "7", "lead": lead, "results": results, "dateSubmitted": "x"})).unwrap()
        };
        for (lead, contact_id) in
            [(json!({"id": "47"}), Some(47)), (json!({"id": 47}), Some(47)), (json!(47), Some(47)), (json!(null), None)]
        {
            assert_eq!(read(lead).contact_id, contact_id);
        }
        let submission = read(json!(null));
        assert_eq!(submission.id, 7);
        assert_eq!(submission.results.len(), 2);
        assert_eq!(submission.results["photo"], "face.jpg");
        assert_eq!(Submission::read(&json!({"id": 1, "results": []})).unwrap().results, BTreeMap::new());
    }

    #[test]
    fn a_form_says_what_can_be_uploaded_and_whether_it_can_be_fetched() {
        let photo =
            json!({"id": 3, "alias": "photo", "type": "file", "label": "Your picture", "properties": {"public": "1"}});
        let scan = json!({"id": 4, "alias": "scan", "type": "file", "label": "Scan", "properties": []});
        let email = json!({"id": 5, "alias": "email", "type": "email", "label": "E-mail"});
        for fields in [json!([photo, scan, email]), json!({"3": photo, "4": scan, "5": email})] {
            let form = Form::read(1, &json!({"id": 1, "name": "Gala", "fields": fields})).unwrap();
            assert_eq!((form.name.as_str(), form.fields.len()), ("Gala", 3));
            let uploads: Vec<_> = form.uploads().map(|field| (field.alias.as_str(), field.public)).collect();
            assert_eq!(uploads, [("photo", Some(true)), ("scan", None)]);
        }
        assert_eq!(Form::read(1, &json!([])).unwrap_err().class, Class::Config);
    }
}
