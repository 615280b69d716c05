//! What a template must be, whatever it says.

use super::{
    Finding, MessageContent,
    block::{self, Block},
    check::Problems,
    language::canonical,
};
use crate::{MessagingError, Result};

/// Languages of one template.
const MOST_LANGUAGES: usize = 40;
/// Bytes of a subject, and of a preheader.
const LONGEST_LINE: usize = 1_000;
/// Bytes of a body.
const LONGEST_BODY: usize = 300_000;
/// Bytes of all that a template says.
const LONGEST: usize = 800_000;

/// What is wrong before anything is read.
pub(super) fn check(content: &MessageContent) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, problem, cure) in of_languages(content.languages.keys(), &content.default_language) {
        Problems::new("", place, None, &mut findings).error(None, problem, &cure);
    }
    for (language, part) in &content.languages {
        let texts = [
            ("subject", Some(&part.subject), LONGEST_LINE),
            ("preheader", part.preheader.as_ref(), LONGEST_LINE),
            ("body", Some(&part.body), LONGEST_BODY),
            ("text", part.text.as_ref(), LONGEST_BODY),
        ];
        for (place, text, most) in texts {
            let mut problems = Problems::new(language, place, None, &mut findings);
            match text {
                Some(text) if text.len() > most => {
                    let problem = format!("the {place} has {} bytes; at most {most} are allowed", text.len());
                    problems.error(None, problem, "shorten it");
                }
                Some(text) if text.trim().is_empty() && matches!(place, "subject" | "body") => {
                    problems.error(None, format!("the {place} is empty"), "write one");
                }
                Some(text) if matches!(place, "subject" | "preheader") && text.contains(['\n', '\r']) => {
                    problems.error(None, format!("the {place} has more than one line"), "write it in one line");
                }
                _ => {}
            }
        }
    }
    findings
}

/// What is wrong with the languages themselves: where, what, and the cure.
fn of_languages<'l>(
    languages: impl Iterator<Item = &'l String> + Clone,
    default: &str,
) -> Vec<(&'static str, String, String)> {
    let mut wrong = Vec::new();
    if languages.clone().count() > MOST_LANGUAGES {
        let problem = format!("there are more than {MOST_LANGUAGES} languages");
        wrong.push(("languages", problem, "leave some out".to_owned()));
    }
    for language in languages.clone().take(MOST_LANGUAGES) {
        match canonical(language) {
            Some(canonical) if canonical == *language => {}
            Some(canonical) => {
                wrong.push((
                    "languages",
                    format!("{language:?} is not written as usual"),
                    format!("write {canonical}"),
                ));
            }
            None => wrong.push((
                "languages",
                format!("{language:?} is not a language"),
                "write a tag of BCP 47, such as de or pt-BR".to_owned(),
            )),
        }
    }
    if !languages.clone().any(|language| language == default) {
        let cure = match languages.clone().next() {
            Some(_) => format!("write it, or choose among {}", list(languages)),
            None => "write the subject and the body in one language at least".to_owned(),
        };
        wrong.push(("default_language", format!("nothing is written in the default language {default:?}"), cure));
    }
    wrong
}

/// Whether the content can be stored. What is wrong with its texts is told by its findings: a draft may have faults.
pub(super) fn storable(content: &MessageContent) -> Result<()> {
    if let Some((place, problem, cure)) = of_languages(content.languages.keys(), &content.default_language).pop() {
        return Err(MessagingError::field("content", format!("{place}: {problem}: {cure}")));
    }
    let parts = content.languages.values();
    let texts = parts.flat_map(|part| {
        [Some(&part.subject), part.preheader.as_ref(), Some(&part.body), part.text.as_ref()].into_iter().flatten()
    });
    let length: usize = texts.clone().map(String::len).sum();
    if length > LONGEST {
        let detail = format!("the texts have {length} bytes together; at most {LONGEST} are allowed: shorten them");
        return Err(MessagingError::field("content", detail));
    }
    if texts.clone().any(|text| text.contains('\0')) {
        return Err(MessagingError::field("content", "a text has a character that ends texts (NUL): remove it"));
    }
    Ok(())
}

/// Whether a block can be stored.
pub(super) fn storable_block(block: &Block) -> Result<()> {
    if let Some((place, problem, cure)) = of_languages(block.languages.keys(), &block.default_language).pop() {
        return Err(MessagingError::field("content", format!("{place}: {problem}: {cure}")));
    }
    for (language, text) in &block.languages {
        if text.len() > block::LONGEST {
            let detail = format!("the text in {language:?} is longer than {} bytes: shorten it", block::LONGEST);
            return Err(MessagingError::field("content", detail));
        }
        if text.contains('\0') {
            return Err(MessagingError::field("content", "a text has a character that ends texts (NUL): remove it"));
        }
    }
    Ok(())
}

/// Names in a sentence, at most ten.
pub(super) fn list<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    if names.len() > 10 {
        names.truncate(10);
        names.push("…");
    }
    names.join(", ")
}

/// The problem and the cure of a message that says both.
pub(super) fn halves(message: &str) -> (&str, &str) {
    message.rsplit_once("; ").or_else(|| message.rsplit_once(": ")).unwrap_or((message, "correct it"))
}
