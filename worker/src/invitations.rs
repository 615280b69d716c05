//! Invitations: from the guest list, through portraits and drawings, to the links in the CRM.

pub(crate) mod check_forget;
pub(crate) mod contacts_import;
pub(crate) mod contacts_pull;
pub(crate) mod destination;
pub(crate) mod face_crop;
mod intake;
pub(crate) mod invitation_publish;
pub(crate) mod invitation_render;
pub(crate) mod invitation_start;
pub(crate) mod invitation_summary;
pub(crate) mod invitation_upload;
pub(crate) mod picture_fetch;
mod places;
pub(crate) mod portrait_crop;
pub(crate) mod template_preview;
pub mod write_back;
