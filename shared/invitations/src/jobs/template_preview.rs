//! `template.preview`: draws one sample invitation, for a person who designs a template.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::TEMPLATE;
use herald_base::image_format::ImageFormat;
use herald_contacts::CONTACT;
use herald_ledger::{Described, Payload, Policy, Thing, staff};
use std::time::Duration;

/// Arguments of `template.preview`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TemplatePreview {
    /// The template.
    pub template_id: Uuid,
    /// The contact whose fields the preview shows.
    pub contact_id: Option<Uuid>,
    /// Fields of the guest, which override the contact's fields.
    pub fields: BTreeMap<String, String>,
    /// `png`, `jpeg` or `webp`.
    #[schema(value_type = String, pattern = "^(png|jpeg|webp)$")]
    pub format: ImageFormat,
    /// Whether the preview fails on characters that no font has, as a guest's invitation does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// The picture with the guest's portrait; without one, the preview shows the initials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<SamplePicture>,
}

/// The picture of a preview's guest.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SamplePicture {
    /// Where it lies in the file store.
    pub file: String,
    /// What messages call it.
    pub name: String,
    /// Whether the preview fails without a face in it, as a guest's invitation does.
    pub is_needed: bool,
}

impl Payload for TemplatePreview {
    const POLICY: Policy = Policy::new("template.preview", "cpu")
        .attempts(2)
        .backoff(Duration::from_millis(100), Duration::from_secs(1))
        .seconds(30)
        .by(staff("templates"));
    const NAMES: &'static [(&'static str, Thing)] = &[("template_id", TEMPLATE), ("contact_id", CONTACT)];

    fn described() -> Option<Described> {
        Some(Described::by::<Self>())
    }
}
