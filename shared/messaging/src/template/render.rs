//! Writes the mail of one person, or the page that everybody may see: values between texts that are ready.

use std::collections::BTreeMap;

use herald_template::expression::EvaluateError;

use super::{
    compile::{Language, RenderError, RenderedMail},
    cut::NoUrl,
    escape::{one_line, tidy},
    links::Tracks,
    marks::Insertion,
};

impl Language {
    pub(super) fn render(
        &self,
        language: &str,
        values: &BTreeMap<String, String>,
        tracks: Option<&Tracks<'_>>,
    ) -> Result<RenderedMail, RenderError> {
        let field = |name: &str| values.get(name).map(String::as_str).filter(|value| !value.trim().is_empty());
        let mut made = Vec::with_capacity(self.insertions.len());
        for own in &self.insertions {
            let value = own.expression.evaluate_leniently(field);
            made.push(tidy(value.map_err(|error| missing(language, own, &error))?));
        }
        self.written(&made, tracks).map_err(|NoUrl(number)| no_url(language, self.insertions.get(number)))
    }

    fn written(&self, made: &[String], tracks: Option<&Tracks<'_>>) -> Result<RenderedMail, NoUrl> {
        Ok(RenderedMail {
            subject: one_line(&self.subject.plain(made, None)?),
            html: self.html.html(made, tracks)?,
            text: self.text.plain(made, tracks)?,
        })
    }

    pub(super) fn render_for_all(
        &self,
        language: &str,
        values: &BTreeMap<String, String>,
        here: &str,
    ) -> Result<RenderedMail, RenderError> {
        let field = |name: &str| values.get(name).map(String::as_str).filter(|value| !value.trim().is_empty());
        let mut made = Vec::with_capacity(self.insertions.len());
        for own in &self.insertions {
            made.push(own.expression.evaluate_leniently(field).map(tidy).unwrap_or_default());
        }
        loop {
            match self.written(&made, None) {
                Ok(mail) => return Ok(mail),
                Err(NoUrl(number)) => match made.get_mut(number) {
                    Some(value) if value != here => here.clone_into(value),
                    _ => return Err(no_url(language, self.insertions.get(number))),
                },
            }
        }
    }
}

fn missing(language: &str, own: &Insertion, error: &EvaluateError) -> RenderError {
    let (variable, detail) = match error {
        EvaluateError::MissingField(name) => (
            Some(name.clone()),
            format!("there is no value for {name:?}: add one, or write {{{{ {name} | default(\"…\") }}}}"),
        ),
        EvaluateError::TooLong => (None, format!("{} becomes too long: shorten it", own.expression.source())),
        EvaluateError::Failed(why) => (None, format!("{} fails: {why}", own.expression.source())),
    };
    let variable = variable.or_else(|| own.expression.fields().first().cloned());
    RenderError { language: language.into(), place: own.place.clone(), variable, detail }
}

fn no_url(language: &str, own: Option<&Insertion>) -> RenderError {
    let source = own.map_or("", |own| own.expression.source());
    RenderError {
        language: language.into(),
        place: own.map_or_else(|| "body".into(), |own| own.place.clone()),
        variable: own.and_then(|own| own.expression.fields().first().cloned()),
        detail: format!(
            "a link leads to {source}, whose value is not an address of the web, of mail or of a phone: correct the \
             value, or leave the link out"
        ),
    }
}
