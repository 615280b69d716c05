//! A job of arguments that come from outside: checked to be those of its kind.

use thiserror::Error;
use uuid::Uuid;

use super::{
    ConnectionTest, ContactsImport, ContactsPull, CrmEvent, CrmSync, FaceCrop, InvitationPublish, InvitationRender,
    InvitationStart, InvitationSummary, InvitationUpload, JobKind, Payload, PictureFetch, ProbeRun, TemplatePreview,
};
use crate::ledger::{MAX_ARGS_BYTES, NewJob};

/// Why arguments do not fit a kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct ArgsError {
    /// The argument, as a path with dots; empty when all of them are meant.
    pub field: String,
    /// What is wrong with it and what to do.
    pub detail: String,
}

impl JobKind {
    /// The job to enqueue for arguments that a person gave, if they are arguments of this kind.
    pub fn job(self, workspace_id: Uuid, args: &serde_json::Value) -> Result<NewJob, ArgsError> {
        match self {
            Self::ContactsImport => job_of::<ContactsImport>(workspace_id, args),
            Self::ContactsPull => job_of::<ContactsPull>(workspace_id, args),
            Self::CrmEvent => job_of::<CrmEvent>(workspace_id, args),
            Self::CrmSync => job_of::<CrmSync>(workspace_id, args),
            Self::PictureFetch => job_of::<PictureFetch>(workspace_id, args),
            Self::FaceCrop => job_of::<FaceCrop>(workspace_id, args),
            Self::InvitationRender => job_of::<InvitationRender>(workspace_id, args),
            Self::InvitationUpload => job_of::<InvitationUpload>(workspace_id, args),
            Self::InvitationPublish => job_of::<InvitationPublish>(workspace_id, args),
            Self::InvitationSummary => job_of::<InvitationSummary>(workspace_id, args),
            Self::InvitationStart => job_of::<InvitationStart>(workspace_id, args),
            Self::ConnectionTest => job_of::<ConnectionTest>(workspace_id, args),
            Self::ProbeRun => job_of::<ProbeRun>(workspace_id, args),
            Self::TemplatePreview => job_of::<TemplatePreview>(workspace_id, args),
            // Its arguments say who asked for it, which is not for a person to say.
            Self::JobsAct => Err(not_by_hand("jobs.act is begun with POST /jobs/act, which notes who asked")),
            Self::AccountMail => {
                Err(not_by_hand("account.mail is begun by what the letter is about, such as a registration"))
            }
        }
    }
}

fn not_by_hand(why: &str) -> ArgsError {
    ArgsError { field: String::new(), detail: format!("{why}: it cannot be given by hand") }
}

fn job_of<P: Payload>(workspace_id: Uuid, args: &serde_json::Value) -> Result<NewJob, ArgsError> {
    let kind = P::KIND.policy().name;
    let Some(given) = args.as_object() else {
        return Err(ArgsError {
            field: String::new(),
            detail: format!("the arguments of {kind} are a JSON object, such as {{\"run_id\": \"…\"}}"),
        });
    };
    let payload: P = serde_path_to_error::deserialize(args).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        ArgsError { field, detail: format!("these are no arguments of {kind}: {}", error.into_inner()) }
    })?;
    let job = payload.job(workspace_id);
    // What the kind does not know would be lost without a word, and is most likely a slip of the pen.
    let lost = given.iter().find(|(name, value)| !value.is_null() && job.args.get(name).is_none());
    if let Some((field, _)) = lost {
        let known: Vec<&str> = job.args.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let detail = format!("{kind} has no argument {field}: it has {}", known.join(", "));
        return Err(ArgsError { field: field.clone(), detail });
    }
    let bytes = job.args.to_string().len();
    if bytes > MAX_ARGS_BYTES {
        let detail = format!("the arguments are {bytes} bytes of JSON, over the limit of {MAX_ARGS_BYTES}");
        return Err(ArgsError { field: String::new(), detail });
    }
    Ok(job)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jobs::POLICIES;

    #[test]
    fn arguments_from_outside_make_a_job_only_of_the_kind_they_fit() {
        let (workspace, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let by_itself = [JobKind::JobsAct, JobKind::AccountMail];
        for policy in POLICIES.iter().filter(|policy| !by_itself.contains(&policy.kind)) {
            let refused = policy.kind.job(workspace, &json!({})).unwrap_err();
            assert!(refused.detail.starts_with(&format!("these are no arguments of {}: missing", policy.name)));
        }
        for kind in by_itself {
            let by_hand = kind.job(workspace, &json!({ "act": "delete", "letter_id": id })).unwrap_err();
            assert!(by_hand.detail.contains("cannot be given by hand"));
        }
        let job = JobKind::InvitationSummary.job(workspace, &json!({ "run_id": id })).unwrap();
        let same = InvitationSummary { run_id: id }.job(workspace);
        assert_eq!(
            (job.kind, job.queue, job.args, job.unique_key),
            (same.kind, same.queue, same.args, same.unique_key)
        );
    }

    #[test]
    fn the_argument_that_is_wrong_is_named() {
        let refused = |args| JobKind::TemplatePreview.job(Uuid::nil(), &args).unwrap_err();
        let fine = json!({ "template_id": Uuid::nil(), "fields": { "name": "Ann Example" }, "format": "png" });
        assert!(JobKind::TemplatePreview.job(Uuid::nil(), &fine).is_ok());
        let mut wrong = fine.clone();
        wrong["template_id"] = json!("gala");
        assert_eq!(refused(wrong).field, "template_id");
        let mut wrong = fine.clone();
        wrong["fields"]["name"] = json!(1);
        assert_eq!(refused(wrong).field, "fields.name");
        let mut wrong = fine.clone();
        wrong["fromat"] = json!("jpeg");
        assert_eq!(
            refused(wrong).detail,
            "template.preview has no argument fromat: it has contact_id, fields, format, template_id"
        );
        let mut wrong = fine;
        wrong["fields"]["name"] = json!("x".repeat(MAX_ARGS_BYTES));
        assert!(refused(wrong).detail.contains("over the limit of 65536"));
        assert!(refused(json!([])).detail.contains("are a JSON object"));
    }
}
