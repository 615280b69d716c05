//! Templates of messages: what a mail says in each language, and how it becomes the mail of one person.
//!
//! A template is written in Markdown, HTML or MJML. Its variables are the house's own expressions
//! ([`herald_template::expression`]): `{{ first_name | default("friend") }}`. A template is compiled once; after that,
//! a mail is its values between texts that are ready.
//!
//! ```text
//! body ─▶ marks for {{ }} ─▶ Markdown, MJML ─▶ HTML ─▶ where does each mark stand? ─▶ frame, foot ─▶ cut at the marks
//!                                                └─▶ text ───────────────────────────────────────▶ cut at the marks
//! ```

mod block;
mod block_store;
mod check;
mod compile;
mod cut;
mod escape;
mod footer;
mod language;
mod layout;
mod links;
mod markdown;
mod marks;
mod mjml;
mod render;
mod rules;
mod scan;
mod source;
mod store;
mod text;
mod text_part;
mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use block::Block;
pub use block_store::{
    MessageBlock, change_message_block, create_message_block, find_message_block, list_message_blocks, message_blocks,
    remove_message_block,
};
pub use check::Finding;
pub(crate) use check::LARGE;
pub use compile::{Compiled, RenderError, RenderedMail, check};
pub(crate) use footer::bad_link;
pub use links::Tracks;
pub use store::{
    MessageTemplate, MessageTemplateVersion, change_message_template, create_message_template, find_message_template,
    list_message_templates, message_template_content, message_template_versions, remove_message_template,
    restore_message_template,
};
pub use values::{CONTACT_VALUES, contact_values, sample_value};

use check::Problems;
pub(crate) use language::canonical;

/// The values that the sender of a mail gives, besides those of the contact: links of this one mail, and who sends it.
pub const GIVEN: [&str; 6] =
    ["unsubscribe_url", "preferences_url", "view_url", "archive_url", "postal_address", "sender_name"];

herald_base::text_enum! {
    /// How a message is written.
    pub enum MessageFormat, "no message is written in {:?}" {
        /// Text with signs for headings, lists and links. Herald lays it out.
        Markdown "markdown",
        /// HTML, as mail programs read it.
        Html "html",
        /// MJML, from which HTML for all mail programs is made.
        Mjml "mjml",
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageContent {
    /// How its bodies are written.
    pub format: MessageFormat,
    /// The language of readers whose own one is missing.
    #[schema(example = "en")]
    pub default_language: String,
    /// What it says in each language, by its BCP 47 tag.
    pub languages: BTreeMap<String, LanguagePart>,
}

/// What a message says in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LanguagePart {
    /// The subject.
    #[schema(example = "{{ first_name | default(\"Dear friend\") }}, we are open again")]
    pub subject: String,
    /// What lists of mails show behind the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preheader: Option<String>,
    /// The body, in the format of the message.
    pub body: String,
    /// The plain text for readers without HTML. Missing: it is made from the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[cfg(test)]
mod tests;
