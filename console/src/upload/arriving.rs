//! A browser's form, field by field as it arrives.

use std::collections::BTreeMap;

use axum::{
    extract::multipart::{Field, Multipart, MultipartError},
    http::StatusCode,
};
use serde_json::{Map, Value};

use super::outgoing::{Ended, Outgoing};
use crate::{
    api::{Fault, Refusal},
    form::{BACK, Form, ONCE, TOKEN},
};

/// The largest text of one field, in bytes.
const LONGEST: usize = 64 << 10;
/// The largest text of a field that may be long. The API has a limit of its own.
const LONGEST_WHOLE: usize = 512 << 10;
/// The largest size of all texts together, in bytes.
const LONGEST_ALL: usize = 4 << 20;
/// The largest number of fields with texts.
const MOST: usize = 200;

/// What is special about the fields of a form.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// The parameters of the operation's path, which the form sends behind the console's own fields.
    pub(super) path: &'static [&'static str],
    /// The texts of which every space counts, and which may be long.
    pub(super) whole: &'static [&'static str],
    /// The fields that go on to the API; all, if it is empty. The others belong to the page.
    pub(super) only: &'static [&'static str],
}

impl Rules {
    pub(super) const NONE: Self = Self { path: &[], whole: &[], only: &[] };

    fn longest(&self, name: &str) -> usize {
        if self.whole.contains(&name) { LONGEST_WHOLE } else { LONGEST }
    }
}

/// A form, of which the console's own fields have been read.
pub(super) struct Arriving {
    /// The token, the mark of this page, the page to return to, and what the path of the operation names.
    pub(super) own: Form,
    form: Multipart,
    rules: Rules,
    texts: Vec<(String, String)>,
}

impl Arriving {
    /// Reads the console's own fields, and then those of the path. Our pages send them first, so that nothing is done
    /// for a form of another page.
    pub(super) async fn open(mut form: Multipart, rules: Rules) -> Result<Self, Refusal> {
        let mut own = Vec::new();
        for name in [TOKEN, ONCE, BACK].iter().chain(rules.path).copied() {
            let field = form.next_field().await.map_err(|error| broken(&error))?;
            let field = field.filter(|field| field.name() == Some(name) && !is_file(field));
            let detail = "the form was not made by a page of this Herald: open the page again, and send it from there";
            let field = field.ok_or_else(|| Refusal::of(StatusCode::FORBIDDEN, detail))?;
            own.push((name.to_owned(), text(field, name, LONGEST).await?));
        }
        Ok(Self { own: Form::of(own), form, rules, texts: Vec::new() })
    }

    /// The texts that have arrived, for a form that is shown again.
    pub(super) fn texts(&self) -> Form {
        Form::of(self.texts.clone())
    }

    /// Sends every field on.
    pub(super) async fn send(&mut self, outgoing: Outgoing, objects: &[&str]) -> Result<(), Ended> {
        let sent = self.send_all(&outgoing, objects).await;
        if matches!(sent, Err(Ended::Refused(_))) {
            outgoing.break_off().await;
        }
        sent
    }

    async fn send_all(&mut self, outgoing: &Outgoing, objects: &[&str]) -> Result<(), Ended> {
        let mut gathered: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        while let Some(mut field) = self.form.next_field().await.map_err(|error| broken(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            if is_file(&field) {
                // A browser sends an empty part for a field without a file.
                let Some(file) = field.file_name().filter(|file| !file.is_empty()).map(str::to_owned) else { continue };
                outgoing.begin(&name, Some(&file), field.content_type()).await?;
                while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
                    outgoing.piece(piece).await?;
                }
                outgoing.finish().await?;
                continue;
            }
            let value = text(field, &name, self.rules.longest(&name)).await?;
            self.remember(&name, &value)?;
            let value = if self.rules.whole.contains(&&*name) { &value } else { value.trim() };
            if value.is_empty() || !(self.rules.only.is_empty() || self.rules.only.contains(&&*name)) {
                continue;
            }
            match name.split_once('.') {
                Some((object, part)) if objects.contains(&object) => {
                    gathered.entry(object.to_owned()).or_default().entry(part).or_insert_with(|| value.into());
                }
                _ if objects.contains(&&*name) => {
                    let read: Result<Map<String, Value>, _> = serde_json::from_str(value);
                    let read = read.map_err(|error| wrong(&name, &format!("this is not a JSON object: {error}")))?;
                    gathered.entry(name).or_default().extend(read);
                }
                _ => outgoing.text(&name, value).await?,
            }
        }
        for (name, object) in gathered {
            // Without its kind an object was not chosen.
            if object.contains_key("kind") {
                outgoing.text(&name, &Value::Object(object).to_string()).await?;
            }
        }
        outgoing.end().await
    }

    /// Reads what is left, and keeps its texts.
    pub(super) async fn rest(&mut self) {
        while let Ok(Some(mut field)) = self.form.next_field().await {
            let name = field.name().unwrap_or_default().to_owned();
            if is_file(&field) {
                while let Ok(Some(_)) = field.chunk().await {}
                continue;
            }
            let Ok(value) = text(field, &name, self.rules.longest(&name)).await else { return };
            if self.remember(&name, &value).is_err() {
                return;
            }
        }
    }

    fn remember(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        if self.texts.len() == MOST {
            let detail = format!("the form has more than {MOST} fields");
            return Err(Refusal::of(StatusCode::PAYLOAD_TOO_LARGE, &detail));
        }
        if self.texts.iter().map(|(_, value)| value.len()).sum::<usize>() + value.len() > LONGEST_ALL {
            return Err(Refusal::of(StatusCode::PAYLOAD_TOO_LARGE, "the texts of the form are too long together"));
        }
        self.texts.push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}

fn is_file(field: &Field<'_>) -> bool {
    field.file_name().is_some()
}

async fn text(mut field: Field<'_>, name: &str, longest: usize) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + piece.len() > longest {
            let mut refusal = wrong(name, &format!("{name} is longer than {} KB: shorten it", longest >> 10));
            refusal.status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(refusal);
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| wrong(name, &format!("{name} is not UTF-8")))
}

fn wrong(name: &str, detail: &str) -> Refusal {
    let mut refusal = Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, detail);
    refusal.errors.push(Fault { pointer: format!("/{name}"), detail: detail.to_owned(), line: None });
    refusal
}

fn broken(error: &MultipartError) -> Refusal {
    Refusal::of(error.status(), &format!("the form cannot be read: {}", error.body_text()))
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, Bytes},
        extract::FromRequest,
        http::Request,
    };
    use tokio::sync::mpsc;

    use super::*;

    const OWN: &[(&str, Option<&str>, &str)] =
        &[("form_token", None, "t"), ("once", None, "o"), ("back", None, "/w/acme/runs/new")];

    async fn form(fields: &[(&str, Option<&str>, &str)]) -> Multipart {
        let mut body = String::new();
        for (name, file, value) in fields {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            body.push_str(&format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"));
        }
        body.push_str("--B--\r\n");
        let request = Request::post("/").header("content-type", "multipart/form-data; boundary=B");
        Multipart::from_request(request.body(Body::from(body)).unwrap(), &()).await.unwrap()
    }

    /// What the API gets of these fields.
    async fn sent(fields: &[(&str, Option<&str>, &str)]) -> (String, Form) {
        let mut form = Arriving::open(form(&[OWN, fields].concat()).await, Rules::NONE).await.unwrap();
        let (sender, mut receiver) = mpsc::channel::<std::io::Result<Bytes>>(100);
        form.send(Outgoing::new(sender, "X".to_owned()), &["destination"]).await.unwrap();
        let mut text = String::new();
        while let Some(piece) = receiver.recv().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        (text, form.texts())
    }

    #[tokio::test]
    async fn fields_and_files_go_on_and_an_empty_file_field_does_not() {
        let fields = [("event", None, " Gala "), ("guests", Some("g.csv"), "name\nAnn"), ("pictures", Some(""), "")];
        let (text, kept) = sent(&fields).await;
        let expected = "--X\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\nGala\r\n\
                        --X\r\nContent-Disposition: form-data; name=\"guests\"; filename=\"g.csv\"\r\n\r\nname\nAnn\r\n\
                        --X--\r\n";
        assert_eq!(text, expected);
        assert_eq!(kept.get("event"), Some("Gala"));
    }

    #[tokio::test]
    async fn an_object_is_put_together_when_it_was_chosen() {
        let folder = ("destination.folder", None, "abc");
        let (text, _) = sent(&[folder, ("destination", None, "{\"kind\":\"drive\"}")]).await;
        assert!(text.contains("{\"folder\":\"abc\",\"kind\":\"drive\"}"), "{text}");
        let (text, _) = sent(&[folder, ("destination", None, "")]).await;
        assert_eq!(text, "--X--\r\n");
    }

    #[tokio::test]
    async fn a_form_that_does_not_begin_with_its_token_is_refused() {
        let refusal = Arriving::open(form(&[("event", None, "Gala")]).await, Rules::NONE).await.err().unwrap();
        assert_eq!(refusal.status, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn a_text_of_which_every_space_counts_goes_on_as_it_is_and_the_pages_own_fields_do_not() {
        let rules = Rules { path: &["id"], whole: &["manifest"], only: &["manifest"] };
        let long = format!("\n{}\n", " ".repeat(LONGEST));
        let fields = [OWN, &[("id", None, "7"), ("zoom", None, "2"), ("manifest", None, &*long)]].concat();
        let mut form = Arriving::open(form(&fields).await, rules).await.unwrap();
        assert_eq!(form.own.get("id"), Some("7"));
        let (sender, mut receiver) = mpsc::channel::<std::io::Result<Bytes>>(100);
        form.send(Outgoing::new(sender, "X".to_owned()), &[]).await.unwrap_or_else(|_| panic!("it was refused"));
        let mut text = Vec::new();
        while let Some(piece) = receiver.recv().await {
            text.extend_from_slice(&piece.unwrap());
        }
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(&format!("name=\"manifest\"\r\n\r\n{long}\r\n--X--")) && !text.contains("zoom"));
        assert_eq!(form.texts().get("zoom"), Some("2"));
    }

    #[tokio::test]
    async fn a_text_that_is_too_long_is_refused_by_its_name() {
        let long = "x".repeat(LONGEST + 1);
        let mut form =
            Arriving::open(form(&[OWN, &[("event", None, &*long)]].concat()).await, Rules::NONE).await.unwrap();
        let (sender, mut receiver) = mpsc::channel(100);
        let Err(Ended::Refused(refusal)) = form.send(Outgoing::new(sender, "X".to_owned()), &[]).await else {
            panic!("it was sent");
        };
        assert_eq!(refusal.errors[0].pointer, "/event");
        // The API learns that the form ends too early.
        assert!(receiver.recv().await.unwrap().is_err());
    }
}
