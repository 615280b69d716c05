//! `template.preview`: draws one sample invitation, for a person who designs a template.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `template.preview`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TemplatePreview {
    /// The template.
    pub template_id: Uuid,
    /// The guest shown: a contact of the workspace …
    pub contact_id: Option<Uuid>,
    /// … or made-up fields, which win over the contact's.
    pub fields: BTreeMap<String, String>,
    /// `png`, `jpeg` or `webp`.
    pub format: String,
}

impl Payload for TemplatePreview {
    const KIND: JobKind = JobKind::TemplatePreview;
}
