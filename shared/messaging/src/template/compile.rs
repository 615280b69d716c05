//! Makes a template ready to write mails: everything but the values is made once.

use std::collections::{BTreeMap, BTreeSet};

use herald_template::expression::{EvaluateError, Expression};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Block, Finding, GIVEN, LanguagePart, MessageContent, MessageFormat,
    check::{LARGE, LONG_SUBJECT, Problems, look_through},
    cut::{Cut, NoUrl, Place, cut, cut_plain, places},
    escape::{one_line, tidy},
    footer::{self, Footer},
    language,
    layout::{Around, FootMarks, page, text_foot},
    markdown,
    marks::{Insertion, Marks},
    mjml, rules,
    scan::{Piece, depth, scan},
    source::{Marked, marked},
    text,
};

/// Elements that stand in each other, at most.
const DEEPEST: usize = 250;

/// A template that is ready to write mails.
#[derive(Clone, Debug)]
pub struct Compiled {
    default_language: String,
    languages: BTreeMap<String, Language>,
}

#[derive(Clone, Debug)]
struct Language {
    insertions: Vec<Insertion>,
    subject: Cut,
    html: Cut,
    text: Cut,
}

/// A mail as it is sent to one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RenderedMail {
    /// The subject, in one line.
    pub subject: String,
    /// The page.
    pub html: String,
    /// The same as plain text.
    pub text: String,
}

/// Why there is no mail for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {place} in \"{language}\" cannot be written: {detail}")]
pub struct RenderError {
    /// The language.
    pub language: String,
    /// Where: `subject`, `body`, ….
    pub place: String,
    /// The variable, if it is about one.
    pub variable: Option<String>,
    /// What is wrong and what to do.
    pub detail: String,
}

/// Looks a template through.
#[must_use]
pub fn check(content: &MessageContent, blocks: &BTreeMap<String, Block>) -> Vec<Finding> {
    compile(content, blocks, "").1
}

impl Compiled {
    /// Makes a template ready.
    ///
    /// # Errors
    /// All findings, at least one of which is an error.
    pub fn compile(content: &MessageContent, blocks: &BTreeMap<String, Block>) -> Result<Self, Vec<Finding>> {
        let (compiled, findings) = compile(content, blocks, "");
        compiled.ok_or(findings)
    }

    /// Makes a template whose blocks are written out ready, with the footer of a sender between what it says and the
    /// sender's address. The footer is Markdown without variables: it is the same for every recipient.
    ///
    /// # Errors
    /// All findings, at least one of which is an error.
    pub fn with_footer(content: &MessageContent, footer: &str) -> Result<Self, Vec<Finding>> {
        let (compiled, findings) = compile(content, &BTreeMap::new(), footer);
        compiled.ok_or(findings)
    }

    /// Makes a template ready, and tells everything that [`check`] would.
    pub fn with_findings(content: &MessageContent, blocks: &BTreeMap<String, Block>) -> (Option<Self>, Vec<Finding>) {
        compile(content, blocks, "")
    }

    /// The fields that are read, without those that the sender of a mail gives ([`GIVEN`]).
    #[must_use]
    pub fn fields(&self) -> BTreeSet<String> {
        let read = self.insertions().flat_map(|own| own.expression.fields());
        read.filter(|name| !GIVEN.contains(&name.as_str())).cloned().collect()
    }

    /// The fields without which a person gets no mail, in at least one language.
    #[must_use]
    pub fn required(&self) -> BTreeSet<String> {
        let needed = self.insertions().flat_map(|own| &own.required);
        needed.filter(|name| !GIVEN.contains(&name.as_str())).cloned().collect()
    }

    /// The languages that there are.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// The language in which a person with this locale gets the mail.
    #[must_use]
    pub fn language_for(&self, locale: Option<&str>) -> &str {
        language::choose(self.languages.keys().map(String::as_str), &self.default_language, locale)
    }

    /// The mail with these values. A value that is blank counts as missing. [`GIVEN`] must be among the values, as far
    /// as the template reads them: `unsubscribe_url` always.
    ///
    /// # Errors
    /// [`RenderError`] names the variable that is missing or cannot stand where it does.
    pub fn render(&self, language: &str, values: &BTreeMap<String, String>) -> Result<RenderedMail, RenderError> {
        let known = self.languages.get_key_value(language);
        let Some((language, own)) = known.or_else(|| self.languages.get_key_value(&self.default_language)) else {
            let detail = format!("there is no such language: the languages are {}", rules::list(self.languages.keys()));
            return Err(RenderError { language: language.into(), place: "mail".into(), variable: None, detail });
        };
        own.render(language, values)
    }

    fn insertions(&self) -> impl Iterator<Item = &Insertion> {
        self.languages.values().flat_map(|language| &language.insertions)
    }
}

impl Language {
    fn render(&self, language: &str, values: &BTreeMap<String, String>) -> Result<RenderedMail, RenderError> {
        let field = |name: &str| values.get(name).map(String::as_str).filter(|value| !value.trim().is_empty());
        let mut made = Vec::with_capacity(self.insertions.len());
        for own in &self.insertions {
            let value = own.expression.evaluate_leniently(field);
            made.push(tidy(value.map_err(|error| missing(language, own, &error))?));
        }
        let no_url = |NoUrl(number): NoUrl| no_url(language, self.insertions.get(number));
        Ok(RenderedMail {
            subject: one_line(&self.subject.plain(&made).map_err(no_url)?),
            html: self.html.html(&made).map_err(no_url)?,
            text: self.text.plain(&made).map_err(no_url)?,
        })
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

fn compile(
    content: &MessageContent,
    blocks: &BTreeMap<String, Block>,
    footer: &str,
) -> (Option<Compiled>, Vec<Finding>) {
    let mut findings = rules::check(content);
    let mut languages = BTreeMap::new();
    if !findings.iter().any(|finding| finding.is_error) {
        for (language, part) in &content.languages {
            if let Some(made) = compile_language(content.format, (language, part), blocks, footer, &mut findings) {
                languages.insert(language.clone(), made);
            }
        }
    }
    let is_whole = !findings.iter().any(|finding| finding.is_error);
    let compiled = Compiled { default_language: content.default_language.clone(), languages };
    (is_whole.then_some(compiled), findings)
}

/// One language. Its errors are among the findings.
fn compile_language(
    format: MessageFormat,
    (language, part): (&str, &LanguagePart),
    blocks: &BTreeMap<String, Block>,
    footer: &str,
    findings: &mut Vec<Finding>,
) -> Option<Language> {
    let Marked { mut marks, subject, preheader, body, text } =
        marked(format, (language, part), blocks, footer, findings)?;
    let html = body_html(format, language, &body, &marks, findings)?;
    let pieces = scan(&html);
    // Lines of the page are the person's own lines only here.
    let lines_of = (format == MessageFormat::Html).then_some(html.as_str());
    let mut problems = Problems::new(language, "body", lines_of, findings);
    if depth(&pieces) > DEEPEST {
        problems.error(None, format!("more than {DEEPEST} elements stand in each other"), "use fewer");
        return None;
    }
    look_through(&html, &pieces, &marks, &mut problems);
    let placed = places(&html, &pieces, &marks, &mut problems);
    let reads = |marks: &Marks, field: &str| {
        placed
            .iter()
            .any(|(_, number, place)| place.is_some() && marks.insertion(*number).is_some_and(|own| own.reads(field)))
    };
    let has_way_out = reads(&marks, "unsubscribe_url");
    if has_way_out && !reads(&marks, "postal_address") {
        problems.warning(None, "the mail does not say where its sender is, as laws ask", "insert {{ postal_address }}");
    }
    let text_has_way_out = match &text {
        None => has_way_out,
        Some(text) => marks
            .find(text)
            .iter()
            .any(|(_, number)| marks.insertion(*number).is_some_and(|own| own.reads("unsubscribe_url"))),
    };
    warn_of_required(language, &marks, findings);
    let mut plain = match &text {
        Some(text) => cut_plain(text, &marks),
        None => text_of(&html, &pieces, &placed, &marks),
    };
    let footer = Footer::of(footer, &marks);
    if let Some(footer) = &footer {
        plain.join(cut_plain(&footer::in_text(footer), &marks));
    }
    let foot = foot(&mut marks);
    if !text_has_way_out {
        plain.join(cut_plain(&text_foot(language, &foot), &marks));
    }
    let around = Around {
        format,
        language,
        subject: &subject,
        preheader: preheader.as_deref(),
        footer: footer.as_ref(),
        foot: (!has_way_out).then_some(&foot),
    };
    let whole = page(&html, &around);
    let pieces = scan(&whole);
    let mut twice = Vec::new();
    let placed = places(&whole, &pieces, &marks, &mut Problems::new(language, "body", None, &mut twice));
    let html = cut(&whole, &placed);
    if html.own > LARGE {
        Problems::new(language, "body", None, findings).warning(
            None,
            format!(
                "the mail has {} kB, and mail programs cut off what is behind {} kB",
                html.own / 1_000,
                LARGE / 1_000
            ),
            "shorten it: the way to unsubscribe stands at its end",
        );
    }
    let subject_cut = cut_plain(&subject, &marks);
    if subject_cut.own > LONG_SUBJECT {
        Problems::new(language, "subject", None, findings).warning(
            None,
            format!("the subject has more than {LONG_SUBJECT} characters"),
            "shorten it: lists of mails show its beginning only",
        );
    }
    Some(Language { insertions: marks.insertions, subject: subject_cut, html, text: plain })
}

/// The body as HTML, with marks.
fn body_html(
    format: MessageFormat,
    language: &str,
    body: &str,
    marks: &Marks,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    let mut problems = Problems::new(language, "body", Some(body), findings);
    match format {
        MessageFormat::Html => Some(body.to_owned()),
        MessageFormat::Markdown => {
            let (html, refused) = markdown::to_html(body, marks);
            for target in refused {
                let target = marks.written(&target);
                problems.error(
                    body.find(&target),
                    format!("the link {target:?} cannot be followed from a mail"),
                    "write a whole address, beginning with https://, mailto: or tel:",
                );
            }
            Some(html)
        }
        MessageFormat::Mjml => match mjml::to_html(body) {
            Ok(html) => Some(html),
            Err(refused) => {
                let (problem, cure) = rules::halves(&refused.message);
                problems.error(refused.at, problem, cure);
                None
            }
        },
    }
}

/// The text part of a body, with values in the places of its marks.
fn text_of(
    html: &str,
    pieces: &[Piece],
    placed: &[(std::ops::Range<usize>, usize, Option<Place>)],
    marks: &Marks,
) -> Cut {
    // Each place gets a mark of its own: in the text, a link and a word look the same.
    let first = marks.insertions.len();
    let mut own: Vec<(usize, Place)> = Vec::new();
    let mut page = String::with_capacity(html.len());
    for range in text::visible(html, pieces) {
        let mut at = range.start;
        for (mark, number, place) in
            placed.iter().filter(|(mark, ..)| range.start <= mark.start && mark.end <= range.end)
        {
            page.push_str(html.get(at..mark.start).unwrap_or_default());
            if let Some(place) = place {
                page.push_str(&marks.word(first + own.len()));
                own.push((*number, *place));
            }
            at = mark.end;
        }
        page.push_str(html.get(at..range.end).unwrap_or_default());
    }
    let same = |text: &str| {
        let mut out = text.to_owned();
        for (at, number) in marks.find(text).into_iter().rev() {
            let (insertion, _) = own.get(number.wrapping_sub(first)).copied().unwrap_or((number, Place::Text));
            out.replace_range(at, &marks.word(insertion));
        }
        out
    };
    let text = text::of_html(&page, same).unwrap_or_default();
    let found: Vec<_> = marks
        .find(&text)
        .into_iter()
        .filter_map(|(at, number)| {
            let (insertion, place) = own.get(number.wrapping_sub(first)).copied()?;
            Some((at, insertion, Some(place)))
        })
        .collect();
    cut(&text, &found)
}

fn foot(marks: &mut Marks) -> FootMarks {
    let optional = |name: &str| {
        Expression::parse(&format!("{{{{ {name} | default(\"\") }}}}")).expect("it is a field with a default")
    };
    FootMarks {
        unsubscribe_url: marks.mark(Expression::field("unsubscribe_url"), "foot"),
        preferences_url: marks.mark(Expression::field("preferences_url"), "foot"),
        sender_name: marks.mark(optional("sender_name"), "foot"),
        postal_address: marks.mark(optional("postal_address"), "foot"),
    }
}

/// Names what each person must have.
fn warn_of_required(language: &str, marks: &Marks, findings: &mut Vec<Finding>) {
    for own in &marks.insertions {
        for name in own.required.iter().filter(|name| !GIVEN.contains(&name.as_str())) {
            Problems::new(language, &own.place, None, findings).warning(
                None,
                format!("a contact without {name:?} gets no mail"),
                &format!("write {{{{ {name} | default(\"…\") }}}} if there is something else to say"),
            );
        }
    }
}
