//! The list of all kinds of job. A kind consists of two files of the same name and one line of
//! [`every_kind`](crate::every_kind). One file is its payload in the crate of its domain, the other its handler in the
//! worker.

mod probe_run;

pub use probe_run::ProbeRun;

pub use herald_accounts::ConnectionTest;
pub use herald_contacts::jobs::*;
pub use herald_invitations::jobs::*;
pub use herald_leads::jobs::*;
pub use herald_ledger::JobsAct;
use herald_ledger::Kind;
pub use herald_messaging::jobs::*;
pub use herald_notifications::jobs::*;
pub use herald_people::jobs::*;
use herald_people::standing_of;

/// Calls the given macro with every kind: its payload, the domain, and the module of its handler. The worker generates
/// its dispatch from the list, so a kind without a handler does not compile.
#[macro_export]
macro_rules! every_kind {
    ($with:ident) => {
        $with! {
            AccountMail people account_mail,
            CampaignCheck messaging campaign_check,
            CampaignDispatch messaging campaign_dispatch,
            CampaignTest messaging campaign_test,
            CampaignWinner messaging campaign_winner,
            CheckForget invitations check_forget,
            ConnectionTest accounts connection_test,
            ContactErase contacts contact_erase,
            ContactsImport invitations contacts_import,
            ContactsPull invitations contacts_pull,
            CrmEvent people crm_event,
            CrmSync people crm_sync,
            ExportForget contacts export_forget,
            ExportRun contacts export_run,
            FaceCrop invitations face_crop,
            ImportCheck contacts import_check,
            ImportForget contacts import_forget,
            ImportRun contacts import_run,
            ImportUndo contacts import_undo,
            InvitationPublish invitations invitation_publish,
            InvitationRender invitations invitation_render,
            InvitationStart invitations invitation_start,
            InvitationSummary invitations invitation_summary,
            InvitationUpload invitations invitation_upload,
            JobsAct ops jobs_act,
            MessageEmail messaging message_email,
            MessageReconcile messaging message_reconcile,
            MessageWhatsapp messaging message_whatsapp,
            NotificationMail notifications notification_mail,
            PictureFetch invitations picture_fetch,
            PortraitCrop invitations portrait_crop,
            ProbeRun ops probe_run,
            ReportDailyLeads leads report_daily_leads,
            SenderTest messaging sender_test,
            TemplatePreview invitations template_preview,
            WhatsappTemplates messaging whatsapp_templates,
        }
    };
}

macro_rules! list {
    ($($payload:ident $domain:ident $module:ident,)*) => {
        /// Every kind of job.
        pub static KINDS: &[Kind] = &[$(Kind::of::<$payload>()),*];
    };
}
every_kind!(list);

/// Registers the kinds with the ledger. Every process does so before anything else; a second call changes nothing.
pub fn install() {
    herald_ledger::install(KINDS, standing_of);
}

#[cfg(test)]
mod described;
#[cfg(test)]
mod tests;
