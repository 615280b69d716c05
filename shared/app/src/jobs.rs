//! The list of all kinds of job. A kind is two files of one name, its payload here and its handler in the worker, and one line of [`every_kind`].

mod probe_run;

pub use probe_run::ProbeRun;

pub use herald_accounts::ConnectionTest;
pub use herald_invitations::jobs::*;
pub use herald_ledger::JobsAct;
use herald_ledger::Kind;
pub use herald_people::jobs::*;
use herald_people::standing_of;

/// Calls the given macro with every kind: its payload, and the module its handler stands in. The worker makes its dispatch of it, so a kind
/// without a handler does not compile.
#[macro_export]
macro_rules! every_kind {
    ($with:ident) => {
        $with! {
            AccountMail account_mail,
            ConnectionTest connection_test,
            ContactsImport contacts_import,
            ContactsPull contacts_pull,
            CrmEvent crm_event,
            CrmSync crm_sync,
            FaceCrop face_crop,
            InvitationPublish invitation_publish,
            InvitationRender invitation_render,
            InvitationStart invitation_start,
            InvitationSummary invitation_summary,
            InvitationUpload invitation_upload,
            JobsAct jobs_act,
            PictureFetch picture_fetch,
            ProbeRun probe_run,
            TemplatePreview template_preview,
        }
    };
}

macro_rules! list {
    ($($payload:ident $module:ident,)*) => {
        /// Every kind of job.
        pub static KINDS: &[Kind] = &[$(Kind::of::<$payload>()),*];
    };
}
every_kind!(list);

/// Tells the ledger of the kinds. Every process does so before anything else; again changes nothing.
pub fn install() {
    herald_ledger::install(KINDS, standing_of);
}

#[cfg(test)]
mod tests;
