//! `template.preview`: draws one sample invitation, for a person who designs a template.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{CONTACT, TEMPLATE};
use herald_base::image_format::ImageFormat;
use herald_ledger::{Payload, Policy, Thing, staff};
use std::time::Duration;

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
    pub format: ImageFormat,
}

impl Payload for TemplatePreview {
    const POLICY: Policy = Policy::new("template.preview", "cpu")
        .attempts(2)
        .backoff(Duration::from_millis(100), Duration::from_secs(1))
        .seconds(30)
        .by(staff("templates"));
    const NAMES: &'static [(&'static str, Thing)] = &[("template_id", TEMPLATE), ("contact_id", CONTACT)];
}
