//! Tests that apply to every kind.

use serde_json::json;
use uuid::Uuid;

use super::*;
use herald_base::{role::Role, scope::Scope};
use herald_ledger::{MAX_ARGS_BYTES, Payload, STEP, Standing, Starter, Way, kind, may_start, policy};

#[test]
fn every_kind_has_a_name_of_its_own_of_an_area_and_a_verb() {
    install();
    for known in KINDS {
        assert_eq!(kind(known.policy.name).unwrap().policy, known.policy, "{}", known.policy.name);
        assert_eq!(known.policy.name.split('.').count(), 2, "{}", known.policy.name);
    }
}

#[test]
fn arguments_from_outside_make_a_job_only_of_the_kind_they_fit() {
    install();
    let (workspace, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let by_itself = [
        "jobs.act",
        "account.mail",
        "campaign.check",
        "campaign.test",
        "campaign.winner",
        "notification.mail",
        "portrait.crop",
        "sender.test",
        "whatsapp.templates",
    ];
    // A report says by itself of which day it is.
    let without_any = ["report.daily_leads"];
    let needs_some = |kind: &&Kind| !by_itself.contains(&kind.policy.name) && !without_any.contains(&kind.policy.name);
    for kind in KINDS.iter().filter(needs_some) {
        let refused = kind.job(workspace, &json!({})).unwrap_err();
        assert!(refused.detail.starts_with(&format!("the arguments do not fit {}: missing", kind.policy.name)));
    }
    for name in by_itself {
        let by_hand = kind(name).unwrap().job(workspace, &json!({ "act": "delete", "letter_id": id })).unwrap_err();
        assert!(by_hand.detail.contains("cannot be started by hand"));
    }
    let job = Kind::of::<InvitationSummary>().job(workspace, &json!({ "run_id": id })).unwrap();
    let same = InvitationSummary { run_id: id }.job(workspace);
    assert_eq!((job.kind, job.queue, job.args, job.unique_key), (same.kind, same.queue, same.args, same.unique_key));
}

#[test]
fn the_argument_that_is_wrong_is_named() {
    let preview = Kind::of::<TemplatePreview>();
    let refused = |args| preview.job(Uuid::nil(), &args).unwrap_err();
    let fine = json!({ "template_id": Uuid::nil(), "fields": { "name": "Ann Example" }, "format": "png" });
    assert!(preview.job(Uuid::nil(), &fine).is_ok());
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
        "template.preview has no argument fromat: its arguments are contact_id, fields, format, template_id"
    );
    let mut wrong = fine;
    wrong["fields"]["name"] = json!("x".repeat(MAX_ARGS_BYTES));
    assert!(refused(wrong).detail.contains("over the limit of 65536"));
    assert!(refused(json!([])).detail.contains("are not a JSON object"));
}

fn member(role: Role) -> Standing {
    Standing { role: Some(role), platform_admin: false, scopes: None }
}

#[test]
fn steps_are_nobodys_and_the_installations_are_for_its_administrators() {
    for policy in KINDS.iter().map(|kind| &kind.policy) {
        for way in [Way::Hand, Way::Schedule, Way::Api] {
            let owner = may_start(&member(Role::Owner), way, policy);
            let anybody = may_start(&Standing::operator(), way, policy);
            match policy.starts.schedule {
                Starter::Nobody => {
                    assert!(anybody.unwrap_err().contains("cannot be started directly"), "{}", policy.name)
                }
                Starter::Platform => assert!(owner.unwrap_err().contains("administrators") && anybody.is_ok()),
                Starter::Member(needed) => {
                    assert!(owner.is_ok() && anybody.is_ok());
                    assert_eq!(may_start(&member(Role::Viewer), way, policy).is_ok(), needed == Role::Viewer);
                }
            }
        }
    }
    let closed = ["contacts.import", "contacts.pull", "face.crop", "invitation.render", "invitation.upload"];
    let closed = closed.into_iter().chain(["invitation.publish", "jobs.act", "account.mail", "crm.event"]);
    for name in closed {
        assert_eq!(policy(name).unwrap().starts, STEP, "{name}");
    }
    for name in ["probe.run", "crm.sync"] {
        assert_eq!(policy(name).unwrap().starts.schedule, Starter::Platform, "{name}");
    }
}

#[test]
fn a_narrow_key_starts_only_what_its_scopes_hold() {
    let scopes = |text: &str| Some(vec![text.parse::<Scope>().unwrap()]);
    let key = |text| Standing { scopes: scopes(text), ..member(Role::Owner) };
    let start = |standing: &Standing| may_start(standing, Way::Schedule, &InvitationStart::POLICY);
    assert!(start(&key("invitation-runs:write")).is_ok());
    assert!(start(&key("schedules:write")).unwrap_err().contains("invitation-runs:write"));
    assert!(start(&key("invitation-runs:read")).is_err());
}
