//! What a person wrote, with its blocks put in and marks in the places of its insertions.

use std::collections::BTreeMap;

use super::{
    Block, Finding, LanguagePart, MessageContent, MessageFormat,
    check::Problems,
    marks::{Marks, Unreadable},
    rules,
};

/// The texts of a language, with marks.
pub(super) struct Marked {
    pub(super) marks: Marks,
    pub(super) subject: String,
    pub(super) preheader: Option<String>,
    pub(super) body: String,
    pub(super) text: Option<String>,
}

/// Reads the insertions of a language. Errors are among the findings. No mark stands in the footer by chance.
pub(super) fn marked(
    format: MessageFormat,
    (language, part): (&str, &LanguagePart),
    blocks: &BTreeMap<String, Block>,
    footer: &str,
    findings: &mut Vec<Finding>,
) -> Option<Marked> {
    let own = [Some(&part.subject), part.preheader.as_ref(), Some(&part.body), part.text.as_ref()];
    let own = own.into_iter().flatten().map(String::as_str);
    let texts: Vec<&str> = own.chain(blocks.values().map(|block| block.text(language))).chain([footer]).collect();
    let mut marks = Marks::for_texts(texts.into_iter());
    let mut put = |text: &str, place: &str, into: Option<MessageFormat>| {
        let mut block = |marks: &mut Marks, name: &str| block(marks, name, language, into, blocks);
        marks.put(text, place, &mut block).map_err(|Unreadable { message, at }| {
            let (problem, cure) = rules::halves(&message);
            Problems::new(language, place, Some(text), findings).error(Some(at), problem, cure);
        })
    };
    let subject = put(&part.subject, "subject", None);
    let preheader = part.preheader.as_deref().filter(|text| !text.trim().is_empty());
    let preheader = preheader.map(|text| put(text, "preheader", None)).transpose();
    let body = put(&part.body, "body", Some(format));
    let text = part.text.as_deref().filter(|text| !text.trim().is_empty());
    let text = text.map(|text| put(text, "text", Some(MessageFormat::Markdown))).transpose();
    Some(Marked { subject: subject.ok()?, preheader: preheader.ok()?, body: body.ok()?, text: text.ok()?, marks })
}

/// What stands for a block.
fn block(
    marks: &mut Marks,
    name: &str,
    language: &str,
    into: Option<MessageFormat>,
    blocks: &BTreeMap<String, Block>,
) -> Result<String, String> {
    let Some(into) = into else {
        return Err(format!("the block {name:?} cannot stand here; blocks stand in bodies and texts"));
    };
    let Some(block) = blocks.get(name) else {
        return Err(match blocks.is_empty() {
            true => format!("there is no block {name:?}; make one first"),
            false => format!("there is no block {name:?}; the blocks are {}", rules::list(blocks.keys())),
        });
    };
    let place = format!("block {name}");
    let mut nested = |_: &mut Marks, other: &str| {
        Err(format!("the block {name:?} names the block {other:?}; a block cannot contain another one"))
    };
    let marked = marks
        .put(block.text(language), &place, &mut nested)
        .map_err(|error| format!("in the block {name:?}: {}", error.message))?;
    block
        .put_into(into, &marked, marks)
        .map_err(|why| format!("the block {name:?} cannot stand here: {why}; write it in Markdown"))
}

impl MessageContent {
    /// The same content with its blocks written out, so that a later change of a block does not reach it.
    ///
    /// # Errors
    /// All findings, at least one of which is an error.
    pub fn with_blocks(&self, blocks: &BTreeMap<String, Block>) -> Result<Self, Vec<Finding>> {
        let mut findings = rules::check(self);
        let mut content = self.clone();
        for (language, part) in &mut content.languages {
            if let Some(made) = marked(self.format, (language, part), blocks, "", &mut findings) {
                part.body = made.marks.written(&made.body);
                part.text = made.text.map(|text| made.marks.written(&text));
            }
        }
        if findings.iter().any(|finding| finding.is_error) { Err(findings) } else { Ok(content) }
    }

    /// The names of the blocks that it uses.
    #[must_use]
    pub fn block_names(&self) -> std::collections::BTreeSet<String> {
        let texts = self.languages.values().flat_map(|part| [Some(&part.body), part.text.as_ref()]).flatten();
        let found = texts.filter_map(|text| Some((text, herald_template::expression::insertions(text).ok()?)));
        found
            .flat_map(|(text, ranges)| ranges.into_iter().filter_map(|range| super::block::named(text.get(range)?)))
            .map(str::to_owned)
            .collect()
    }
}
