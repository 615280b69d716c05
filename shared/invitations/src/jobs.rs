//! The kinds of job that make invitations.

mod check_forget;
mod contacts_import;
mod contacts_pull;
mod face_crop;
mod invitation_publish;
mod invitation_render;
mod invitation_start;
mod invitation_summary;
mod invitation_upload;
mod picture_fetch;
mod portrait_crop;
mod template_preview;

pub use check_forget::CheckForget;
pub use contacts_import::ContactsImport;
pub use contacts_pull::ContactsPull;
pub use face_crop::FaceCrop;
pub use invitation_publish::InvitationPublish;
pub use invitation_render::InvitationRender;
pub use invitation_start::InvitationStart;
pub use invitation_summary::InvitationSummary;
pub use invitation_upload::InvitationUpload;
pub use picture_fetch::PictureFetch;
pub use portrait_crop::PortraitCrop;
pub use template_preview::{SamplePicture, TemplatePreview};
