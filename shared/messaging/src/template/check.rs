//! What is wrong with a template before anybody gets a mail of it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    escape::{SCHEMES, scheme},
    marks::Marks,
    scan::{Attribute, Piece},
};

/// Mail programs cut longer mails off, and with them the way out at their end.
pub(crate) const LARGE: usize = 100_000;
/// Lists of mails show no more of a subject.
pub(super) const LONG_SUBJECT: usize = 100;

/// Something that is wrong with a template, or may become so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The language of the part; empty: the template as a whole.
    pub language: String,
    /// Where: `subject`, `preheader`, `body`, `text`, `block NAME`, with the line where it is known: `body, line 3`.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub cure: String,
    /// Whether no mail can be made of the template as it is.
    pub is_error: bool,
}

/// Collects the findings of one place.
pub(super) struct Problems<'f> {
    language: &'f str,
    place: &'f str,
    /// The text whose lines are counted; none: its lines are not those that a person wrote.
    lines_of: Option<&'f str>,
    findings: &'f mut Vec<Finding>,
}

impl<'f> Problems<'f> {
    pub(super) fn new(
        language: &'f str,
        place: &'f str,
        lines_of: Option<&'f str>,
        findings: &'f mut Vec<Finding>,
    ) -> Self {
        Self { language, place, lines_of, findings }
    }

    fn add(&mut self, at: Option<usize>, problem: String, cure: &str, is_error: bool) {
        let before = at.and_then(|at| self.lines_of?.get(..at));
        let place = match before {
            Some(before) => format!("{}, line {}", self.place, before.matches('\n').count() + 1),
            None => self.place.to_owned(),
        };
        let finding = Finding { language: self.language.to_owned(), place, problem, cure: cure.to_owned(), is_error };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(super) fn error(&mut self, at: Option<usize>, problem: impl Into<String>, cure: &str) {
        self.add(at, problem.into(), cure, true);
    }

    pub(super) fn warning(&mut self, at: Option<usize>, problem: impl Into<String>, cure: &str) {
        self.add(at, problem.into(), cure, false);
    }
}

/// Looks through the elements of a body.
pub(super) fn look_through(body: &str, pieces: &[Piece], marks: &Marks, problems: &mut Problems<'_>) {
    for piece in pieces {
        let Piece::Open { name, at, attributes, .. } = piece else { continue };
        let here = Some(at.start);
        let value =
            |wanted: &str| attributes.iter().find(|own| own.name == wanted).map(|own| written(body, own, marks));
        match name.as_str() {
            "script" | "iframe" | "object" | "embed" | "applet" => {
                problems.error(here, format!("mail programs remove <{name}>"), "leave it out");
            }
            "form" | "input" | "button" | "select" | "textarea" => problems.warning(
                here,
                format!("most mail programs remove <{name}>"),
                "link to a page with the form instead",
            ),
            "base" => problems.error(here, "<base> changes where every link leads", "write whole links"),
            "link" => problems.warning(here, "mail programs load no stylesheet", "write the styles into <style>"),
            "a" | "area" => link(value("href").as_deref(), here, problems),
            "img" => {
                picture(value("src").as_deref(), here, problems);
                if !attributes.iter().any(|own| own.name == "alt") {
                    problems.warning(
                        here,
                        "a picture has no text for those who do not see it",
                        "add alt=\"…\", or alt=\"\" if it only decorates",
                    );
                }
            }
            _ => {}
        }
        for own in attributes.iter().filter(|own| own.name.starts_with("on")) {
            problems.warning(here, format!("mail programs remove the attribute {}", own.name), "leave it out");
        }
    }
}

/// The value of an attribute as the person wrote it.
fn written(body: &str, own: &Attribute, marks: &Marks) -> String {
    marks.written(body.get(own.value.clone()).unwrap_or_default()).trim().to_owned()
}

fn link(target: Option<&str>, here: Option<usize>, problems: &mut Problems<'_>) {
    let Some(target) = target else { return };
    if target.starts_with("{{") || (target.starts_with('#') && target.len() > 1) {
        return;
    }
    if target.is_empty() || target == "#" {
        return problems.error(here, "a link leads nowhere", "write its address, beginning with https://");
    }
    let shown = shown(target);
    match scheme(target) {
        None => problems.error(
            here,
            format!("the link {shown:?} does not say on which site it is"),
            "write its whole address, beginning with https://",
        ),
        Some(scheme) if !SCHEMES.contains(&scheme.as_str()) => problems.error(
            here,
            format!("the link {shown:?} cannot be followed from a mail"),
            "use http, https, mailto, tel or sms",
        ),
        Some(scheme) if scheme.starts_with("http") => {
            let host = target.get(scheme.len() + 1..).and_then(|rest| rest.strip_prefix("//")).unwrap_or_default();
            let host = host.split(['/', '?', '#']).next().unwrap_or_default();
            let has_host =
                host.contains("{{") || url::Url::parse(&format!("http://{host}/")).is_ok_and(|url| url.has_host());
            if host.is_empty() || !has_host {
                problems.error(
                    here,
                    format!("the link {shown:?} names no site"),
                    "write https://, the site and the page",
                );
            } else if target.contains(char::is_whitespace) && !target.contains("{{") {
                problems.error(here, format!("there is a blank in the link {shown:?}"), "write %20 for it");
            }
        }
        Some(_) => {}
    }
}

fn picture(source: Option<&str>, here: Option<usize>, problems: &mut Problems<'_>) {
    let Some(source) = source.filter(|source| !source.is_empty()) else {
        return problems.error(here, "a picture has no address", "write src=\"https://…\"");
    };
    if source.starts_with("{{") {
        return;
    }
    match scheme(source).as_deref() {
        Some("http" | "https" | "cid") => {}
        Some("data") => problems.warning(
            here,
            "many mail programs do not show a picture that is written into the mail",
            "put it on a site, and write its address",
        ),
        _ => problems.error(
            here,
            format!("the picture {:?} cannot be loaded from a mail", shown(source)),
            "write its whole address, beginning with https://",
        ),
    }
}

/// The beginning of a target, for a message.
fn shown(target: &str) -> String {
    let mut short: String = target.chars().take(80).collect();
    if short.len() < target.len() {
        short.push('…');
    }
    short
}
