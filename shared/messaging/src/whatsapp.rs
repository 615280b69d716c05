//! Messages over WhatsApp: templates that WhatsApp has approved, what a campaign puts into one, what providers report,
//! and what people answer.

mod content;
mod inbound;
mod reports;
mod templates;
mod unknown;
mod words;

pub(crate) use self::{
    content::freeze,
    inbound::{forget_inbound, inbound_of},
};
pub use self::{
    content::{WhatsappContent, WhatsappMessage, WhatsappPreview, preview_whatsapp},
    inbound::{InboundMessage, list_inbound, take_inbound, take_preference, whatsapp_window},
    reports::{NewReport, forget_old_reports, take_reports},
    templates::{
        Synchronised, WhatsappTemplate, WhatsappTemplateFilter, find_whatsapp_template, list_whatsapp_templates,
        stale_whatsapp_accounts, synchronise_whatsapp_templates,
    },
    unknown::{UnknownMessage, known_provider_ids, note_not_found, unknown_messages},
};
