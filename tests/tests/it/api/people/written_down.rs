//! What people do to guests and runs is written down, and who only looks sees no guest's address.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Service};
use crate::{api::worker, ground::run_sql};

on_both_engines! {
    what_is_done_to_runs_and_templates_stands_in_the_log,
    every_endpoint_that_changes_something_is_written_down,
    who_only_looks_sees_no_addresses,
}

const RUNS: &str = "/api/v1/invitation-runs";
const LIST: &str = "name,table\nAna Example,1\nBo Example,2\n";

async fn what_is_done_to_runs_and_templates_stands_in_the_log(database: &TestDatabase) {
    let service = Service::start(database).await;
    let template = service.template().await;
    let first = service.run(LIST).await;
    // The same list again is the same run: nothing was started.
    assert_eq!(service.run(LIST).await, first);
    worker::import(&service, first, &["Ana Example", "Bo Example"]).await;
    worker::finish(&service, &[Ok(()), Err("broken")]).await;
    assert_eq!(service.post(&format!("{RUNS}/{first}/retry")).await.status, 202);
    worker::finish(&service, &[Ok(())]).await;
    worker::summarise(&service, first).await;
    assert_eq!(service.get(&format!("{RUNS}/{first}/results.csv")).await.status, 200);
    let second = service.run("name,table\nCy Example,1\n").await;
    assert_eq!(service.post(&format!("{RUNS}/{second}/cancel")).await.status, 200);
    // What is refused is not written down.
    service.post(&format!("{RUNS}/{second}/cancel")).await.problem(409, "wrong-state");
    let log = service.get("/api/v1/audit?limit=100").await.json();
    let acts: Vec<(String, String, Value)> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|row| {
            assert!(row["who"].as_str().unwrap().starts_with("key:") && row["request_id"].is_string(), "{row}");
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("action"), text("target"), row["affected"].clone())
        })
        .collect();
    let act = |action: &str, target: &dyn ToString, affected: Value| (action.to_owned(), target.to_string(), affected);
    assert_eq!(
        acts,
        [
            act("template.upload", &template, Value::Null),
            act("run.start", &first, Value::Null),
            act("run.retry", &first, json!(1)),
            act("run.export", &first, json!(2)),
            act("run.start", &second, Value::Null),
            act("run.cancel", &second, json!(0)),
        ]
    );
    assert!(!log.to_string().contains("Example"), "no names: {log}");
}

/// Endpoints that change something and are not written down, and why.
const UNWRITTEN: &[(&str, &str)] = &[
    ("post /api/v1/face-crops", "it changes nothing but its own job"),
    (
        "post /api/v1/invitation-runs/checks",
        "a look at a list that ends by itself; the run that it leads to is written",
    ),
    ("post /api/v1/me/views", "a filter that a person keeps for themselves"),
    ("delete /api/v1/me/views/{id}", "a filter that a person kept for themselves"),
    ("post /api/v1/notifications/read-all", "a person has read what they were told"),
    ("post /api/v1/notifications/{id}/read", "a person has read what they were told"),
    ("put /api/v1/notifications/settings", "whether a person wants mails themselves"),
    ("post /api/v1/templates/move-slot", "it changes the text that it was sent"),
    ("post /api/v1/templates/{id}/draft", "a drawing of a sample changes nothing"),
    ("post /api/v1/templates/{id}/preview", "a drawing of a sample changes nothing"),
    ("post /api/v1/connections/{name}/test", "it asks the provider, and notes what it said"),
    ("post /api/v1/probes", "it changes nothing but its own row"),
    ("post /api/v1/campaigns/audience", "it only counts whom an audience means"),
    ("post /api/v1/message-templates/preview", "a mail that is only looked at changes nothing"),
    ("post /api/v1/message-templates/{id}/preview", "a mail that is only looked at changes nothing"),
    ("post /api/v1/suppressions/look-up", "it only tells whether an address is suppressed"),
    ("post /api/v1/whatsapp-templates/{id}/preview", "a message that is only looked at changes nothing"),
    ("post /api/v1/segments/preview", "it only tells whom a rule means"),
    ("post /api/v1/suppressions/look-up", "it only tells whether an address is among them"),
];

/// The endpoints that change something, and what the log calls it.
const WRITTEN: &[(&str, &str)] = &[
    ("delete /api/v1/connections/{name}", "connection.remove"),
    ("delete /api/v1/example-data", "example.remove"),
    ("delete /api/v1/jobs/{id}", "job.delete"),
    ("delete /api/v1/keys/{id}", "key.revoke"),
    ("delete /api/v1/me/memberships/{name}", "member.remove"),
    ("delete /api/v1/me/sessions/{id}", "user.sign_out"),
    ("delete /api/v1/members/{id}", "member.remove"),
    ("delete /api/v1/schedules/{id}", "schedule.delete"),
    ("delete /api/v1/workspace-invitations/{id}", "invitation.revoke"),
    ("get /api/v1/audit/export.csv", "audit.export"),
    ("get /api/v1/invitation-runs/{id}/results.csv", "run.export"),
    ("patch /api/v1/me", "user.change_profile"),
    ("patch /api/v1/schedules/{id}", "schedule.change"),
    ("patch /api/v1/users/{id}", "user.deactivate"),
    ("post /api/v1/auth/logout", "user.sign_out"),
    ("post /api/v1/auth/logout-everywhere", "user.sign_out_everywhere"),
    ("post /api/v1/connections/{name}/authorize", "connection.authorize"),
    ("post /api/v1/crm/syncs", "crm.sync"),
    ("post /api/v1/invitation-runs", "run.start"),
    ("post /api/v1/example-data", "example.people"),
    ("post /api/v1/invitation-runs/checks/{id}/start", "run.start"),
    ("post /api/v1/invitation-runs/{id}/cancel", "run.cancel"),
    ("post /api/v1/invitation-runs/{id}/guests/{guest}/crop", "guest.crop"),
    ("post /api/v1/invitation-runs/{id}/guests/{guest}/picture", "guest.picture"),
    ("post /api/v1/invitation-runs/{id}/guests/{guest}/retry", "guest.retry"),
    ("post /api/v1/invitation-runs/{id}/retry", "run.retry"),
    ("post /api/v1/jobs", "job.enqueue"),
    ("post /api/v1/jobs/act/{act}", "jobs.retry.asked"),
    ("post /api/v1/jobs/bulk", "jobs.enqueue"),
    ("post /api/v1/jobs/{id}/cancel", "job.cancel"),
    ("post /api/v1/jobs/{id}/retry", "job.retry"),
    ("post /api/v1/keys", "key.make"),
    ("post /api/v1/me/email", "user.change_address"),
    ("post /api/v1/queues/{name}/pause", "queue.pause"),
    ("post /api/v1/queues/{name}/resume", "queue.resume"),
    ("post /api/v1/queues/{name}/unblock", "queue.unblock"),
    ("post /api/v1/schedules", "schedule.create"),
    ("post /api/v1/schedules/{id}/pause", "schedule.pause"),
    ("post /api/v1/schedules/{id}/resume", "schedule.resume"),
    ("post /api/v1/schedules/{id}/run", "schedule.run"),
    ("post /api/v1/templates", "template.upload"),
    ("post /api/v1/templates/{id}/restore", "template.restore"),
    ("post /api/v1/templates/{id}/versions", "template.upload"),
    ("post /api/v1/workers/{name}/quiet", "worker.quiet"),
    ("post /api/v1/workers/{name}/resume", "worker.resume"),
    ("post /api/v1/workspace-invitations", "invitation.make"),
    ("post /api/v1/workspaces", "workspace.make"),
    ("post /api/v1/workspaces/join", "member.join"),
    ("put /api/v1/connections/{name}", "connection.save"),
    ("put /api/v1/me/email", "user.change_address"),
    ("put /api/v1/me/password", "user.change_password"),
    ("put /api/v1/members/{id}", "member.set_role"),
    ("put /api/v1/queues/{name}/keys/{key}", "queue.key"),
    ("put /api/v1/queues/{name}/limits", "queue.limits"),
    ("delete /api/v1/contact-fields/{id}", "contact_field.delete"),
    ("patch /api/v1/contact-fields/{id}", "contact_field.change"),
    ("post /api/v1/contact-fields", "contact_field.create"),
    ("delete /api/v1/contacts/{id}", "contact.trash"),
    ("delete /api/v1/segments/{id}", "segment.delete"),
    ("delete /api/v1/tags/{id}", "tag.delete"),
    ("get /api/v1/imports/{id}/refused.csv", "import.export"),
    ("patch /api/v1/contacts/{id}", "contact.change"),
    ("patch /api/v1/imports/{id}", "import.change"),
    ("patch /api/v1/leads/{id}", "lead.change"),
    ("patch /api/v1/segments/{id}", "segment.change"),
    ("post /api/v1/contacts", "contact.create"),
    ("post /api/v1/contacts/chosen", "contacts.tag"),
    ("delete /api/v1/contacts/{id}/addresses/{address}", "address.removed"),
    ("patch /api/v1/contacts/{id}/addresses/{address}", "address.changed"),
    ("post /api/v1/contacts/{id}/addresses", "address.added"),
    ("post /api/v1/contacts/{id}/addresses/{address}/primary", "address.primary"),
    ("post /api/v1/contacts/{id}/addresses/{address}/verify", "address.verified"),
    ("post /api/v1/contacts/{id}/consents", "consent.given"),
    ("post /api/v1/contacts/{id}/erase", "contact.erase"),
    ("get /api/v1/contacts/{id}/export", "contact.export"),
    ("post /api/v1/contacts/{id}/merge", "contact.merge"),
    ("post /api/v1/contacts/{id}/merges/{merge}/undo", "contact.unmerge"),
    ("post /api/v1/contacts/{id}/tracking-consents", "tracking.allowed"),
    ("post /api/v1/contacts/{id}/notes", "contact.note"),
    ("post /api/v1/contacts/{id}/restore", "contact.restore"),
    ("post /api/v1/exports", "export.create"),
    ("post /api/v1/exports/{id}/cancel", "export.cancel"),
    ("post /api/v1/imports", "import.create"),
    ("post /api/v1/imports/{id}/cancel", "import.cancel"),
    ("post /api/v1/imports/{id}/start", "import.start"),
    ("post /api/v1/imports/{id}/undo", "import.undo"),
    ("post /api/v1/leads", "lead.create"),
    ("post /api/v1/leads/{id}/notes", "lead.note"),
    ("post /api/v1/segments", "segment.create"),
    ("patch /api/v1/campaigns/{id}", "campaign.change"),
    ("post /api/v1/campaigns", "campaign.create"),
    ("post /api/v1/campaigns/{id}/approve", "campaign.approve"),
    ("post /api/v1/campaigns/{id}/cancel", "campaign.cancel"),
    ("post /api/v1/campaigns/{id}/check", "campaign.check"),
    ("post /api/v1/campaigns/{id}/decide", "campaign.decide"),
    ("post /api/v1/campaigns/{id}/duplicate", "campaign.create"),
    ("post /api/v1/campaigns/{id}/pause", "campaign.pause"),
    ("post /api/v1/campaigns/{id}/reject", "campaign.reject"),
    ("post /api/v1/campaigns/{id}/resume", "campaign.resume"),
    ("post /api/v1/campaigns/{id}/retry", "campaign.decide"),
    ("post /api/v1/campaigns/{id}/schedule", "campaign.schedule"),
    ("post /api/v1/campaigns/{id}/send", "campaign.send"),
    ("post /api/v1/campaigns/{id}/submit", "campaign.submit"),
    ("post /api/v1/campaigns/{id}/test", "campaign.test"),
    ("delete /api/v1/message-blocks/{id}", "message_block.delete"),
    ("patch /api/v1/message-blocks/{id}", "message_block.change"),
    ("post /api/v1/message-blocks", "message_block.create"),
    ("delete /api/v1/message-templates/{id}", "message_template.delete"),
    ("patch /api/v1/message-templates/{id}", "message_template.change"),
    ("post /api/v1/message-templates", "message_template.create"),
    ("post /api/v1/message-templates/{id}/restore", "message_template.restore"),
    ("delete /api/v1/senders/{id}", "sender.delete"),
    ("post /api/v1/senders", "sender.create"),
    ("post /api/v1/whatsapp-templates/synchronise", "whatsapp_templates.synchronise"),
    ("put /api/v1/campaigns/{id}/whatsapp", "campaign.change"),
    ("get /api/v1/campaigns/{id}/check/contacts.csv", "campaign.export"),
    ("post /api/v1/senders/{id}/test", "sender.test"),
    ("put /api/v1/senders/{id}", "sender.change"),
    ("post /api/v1/suppressions", "suppression.add"),
    ("post /api/v1/suppressions/{id}/lift", "suppression.lift"),
    ("post /api/v1/suppressions/{id}/undo", "suppression.undo"),
    ("put /api/v1/leads/statuses", "lead_statuses.set"),
    ("delete /api/v1/reports/subscribers/{id}", "report.unsubscribe"),
    ("put /api/v1/reports/plan", "schedule.create"),
    ("put /api/v1/reports/subscribers/{id}", "report.subscribe"),
    ("post /compat/assistant/leads", "lead.create"),
    ("post /compat/assistant/leads/{id}", "lead.change"),
    ("post /compat/assistant/leads/reports/generate", "job.enqueue"),
    ("post /compat/marketing/api/campaigns", "campaign.create"),
    ("post /compat/marketing/api/campaigns/{id}/schedule", "campaign.schedule"),
    ("post /compat/marketing/api/campaigns/{id}/send", "campaign.send"),
    ("post /compat/marketing/api/customers", "contact.create"),
    ("post /compat/marketing/api/customers/upload", "import.create"),
    ("post /compat/marketing/api/segments", "segment.create"),
];

async fn every_endpoint_that_changes_something_is_written_down(database: &TestDatabase) {
    let service = Service::start(database).await;
    let mut unsaid = Vec::new();
    for (path, operations) in service.described["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let route = format!("{method} {path}");
            let is_open = operation["security"].as_array().unwrap().is_empty();
            let takes_out = path.ends_with(".csv");
            let is_said = UNWRITTEN.iter().chain(WRITTEN).any(|(said, _)| *said == route);
            if !is_open && (method != "get" || takes_out) && !is_said {
                unsaid.push(route);
            }
        }
    }
    let gone = |(said, _): &&(&str, &str)| {
        let (method, path) = said.split_once(' ').unwrap();
        service.described["paths"][path][method].is_null()
    };
    assert_eq!(UNWRITTEN.iter().chain(WRITTEN).filter(gone).collect::<Vec<_>>(), [] as [&(&str, &str); 0]);
    assert_eq!(unsaid, [] as [String; 0], "write it down in the transaction that does it, and say so here");
}

async fn who_only_looks_sees_no_addresses(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["invitation.render"]);
    service.template().await;
    let run = service.run(LIST).await;
    worker::import(&service, run, &["Ana Example", "Bo Example"]).await;
    run_sql(&service.db, "update contacts set email = 'ana@example.com', phone = '+34600000001'").await;
    let made = async |role: &str| {
        let made = service.post_json("/api/v1/keys", json!({ "name": role, "role": role })).await;
        made.json()["key"].as_str().unwrap().to_owned()
    };
    let (viewer, staff) = (made("viewer").await, made("staff").await);
    let ask = async |key: &str, path: &str| Answer::to(service.open(Method::GET, path).bearer_auth(key)).await;
    let guests = format!("{RUNS}/{run}/guests");
    let seen = ask(&staff, &guests).await.json();
    assert_eq!(seen["items"][0]["email"], "ana@example.com");
    let masked = ask(&viewer, &guests).await;
    assert_eq!(
        (&masked.json()["items"][0]["name"], &masked.json()["items"][0]["email"]),
        (&json!("Ana Example"), &Value::Null)
    );
    // Nothing that a viewer can look at has an address in it.
    let id = run.to_string();
    let batch = ask(&viewer, &format!("{RUNS}/{run}")).await.json()["batch_id"].as_str().unwrap().to_owned();
    let mut looked = 0;
    for (path, operations) in service.described["paths"].as_object().unwrap() {
        if operations["get"]["x-needs"] != "viewer" || path.ends_with("/events") {
            continue;
        }
        let path = path.replace("{id}", if path.contains("batches") { &batch } else { &id });
        let answer = ask(&viewer, &path).await;
        assert!(!answer.text().contains("ana@example.com") && !answer.text().contains("+34600000001"), "{path}");
        looked += usize::from(answer.status == 200);
    }
    assert!(looked >= 6, "{looked}");
    // Remarks quote the list.
    assert_eq!(ask(&staff, &format!("{RUNS}/{run}")).await.json()["problems"].as_array().unwrap().len(), 1);
    let run = ask(&viewer, &format!("{RUNS}/{run}")).await.json();
    assert_eq!((&run["problems"], &run["more_problems"]), (&json!([]), &json!(true)));
    ask(&viewer, &format!("{RUNS}/{id}/results.csv")).await.problem(403, "forbidden");
}
