//! Makes a template ready to write mails: everything but the values is made once.

use std::collections::{BTreeMap, BTreeSet};

use herald_template::expression::Expression;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Block, Finding, GIVEN, LanguagePart, MessageContent, MessageFormat,
    check::{LARGE, LONG_SUBJECT, Problems, look_through},
    cut::{Cut, cut_plain, places},
    footer::{self, Footer},
    language,
    layout::{Around, FootMarks, page, text_foot},
    links::{Tracks, cut_page, links_in},
    markdown,
    marks::{Insertion, Marks},
    mjml, rules,
    scan::{depth, scan},
    source::{Marked, marked},
    text_part::text_of,
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
pub(super) struct Language {
    pub(super) insertions: Vec<Insertion>,
    pub(super) subject: Cut,
    pub(super) html: Cut,
    pub(super) text: Cut,
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
        self.render_with(language, values, None)
    }

    /// The same mail, with its links and signs for tracking, if there are any.
    ///
    /// # Errors
    /// As [`Compiled::render`].
    pub fn render_with(
        &self,
        language: &str,
        values: &BTreeMap<String, String>,
        tracks: Option<&Tracks<'_>>,
    ) -> Result<RenderedMail, RenderError> {
        let (language, own) = self.language(language)?;
        own.render(language, values, tracks)
    }

    /// The mail as everybody may see it: a missing value is left out, and a link that needs one leads to `here`.
    ///
    /// # Errors
    /// [`RenderError`] if there is no such language, or an expression fails without any value.
    pub fn render_for_all(
        &self,
        language: &str,
        values: &BTreeMap<String, String>,
        here: &str,
    ) -> Result<RenderedMail, RenderError> {
        let (language, own) = self.language(language)?;
        own.render_for_all(language, values, here)
    }

    fn language(&self, language: &str) -> Result<(&String, &Language), RenderError> {
        let known = self.languages.get_key_value(language);
        known.or_else(|| self.languages.get_key_value(&self.default_language)).ok_or_else(|| {
            let detail = format!("there is no such language: the languages are {}", rules::list(self.languages.keys()));
            RenderError { language: language.into(), place: "mail".into(), variable: None, detail }
        })
    }

    /// Where its links lead that can be tracked: pairs of a language and a target as it is written, each once, in their
    /// order.
    #[must_use]
    pub fn targets(&self) -> Vec<(&str, &str)> {
        let mut seen = BTreeSet::new();
        let all = self.languages.iter().flat_map(|(language, own)| {
            own.html.targets().chain(own.text.targets()).map(move |target| (language.as_str(), target))
        });
        all.filter(|pair| seen.insert(*pair)).collect()
    }

    /// Whether it reads a field in any language.
    #[must_use]
    pub fn reads(&self, field: &str) -> bool {
        self.insertions().any(|own| own.reads(field))
    }

    fn insertions(&self) -> impl Iterator<Item = &Insertion> {
        self.languages.values().flat_map(|language| &language.insertions)
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
        None => text_of(&html, &pieces, &placed, &links_in(&html, &pieces, &marks), &marks),
    };
    let footer = Footer::of(footer, &marks);
    if let Some(footer) = &footer {
        plain.join(footer::in_text(footer));
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
    let html = cut_page(&whole, &pieces, &placed, &marks);
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
                    "write a whole address, beginning with https://, mailto:, tel: or sms:",
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
