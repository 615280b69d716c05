//! The agency's CRM over HTTP: its people sign in with its password, its webhooks are done by a real handler, its list
//! is read.

mod list;
mod sign_in;
mod webhooks;

use herald_app::config::Settings;
use herald_db::query;
use herald_ledger as ledger;
use herald_ledger::Outcome;
use herald_people::User;
use herald_tests::{
    App, TestDatabase,
    fakes::{CrmWebhook, FakeCrm},
};
use herald_worker::runner::{Attempt, Failure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Answer, Service, people::tick, worker};

const PASSWORD: &str = "the agency's own password";

/// A service with a CRM.
struct CrmService {
    service: Service,
}

impl CrmService {
    async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    async fn start_with(database: &TestDatabase, set: impl FnOnce(&mut Settings)) -> Self {
        let set = |settings: &mut Settings| {
            settings.crm.roles.insert("manager".to_owned(), "agency".to_owned());
            set(settings);
        };
        Self { service: Service::start_on(App::on(database).crm(), set).await }
    }

    fn crm(&self) -> &FakeCrm {
        self.service.crm()
    }

    /// Sends a webhook as it is.
    async fn send(&self, webhook: &CrmWebhook) -> Answer {
        tick(&self.service);
        let mut request = self.service.open(Method::POST, "/webhooks/crm");
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        Answer::to(request.body(webhook.body.clone())).await
    }

    /// Sends a webhook that is taken, and does what it says; what that was.
    async fn tell(&self, webhook: &CrmWebhook) -> String {
        let taken = self.send(webhook).await;
        assert_eq!((taken.status.as_u16(), taken.json()), (202, json!({ "duplicate": false })));
        let mut done = self.work().await;
        assert_eq!(done.len(), 1, "{done:?}");
        done.remove(0).unwrap()["outcome"].as_str().unwrap().to_owned()
    }

    /// Reads the CRM's list, and returns what came of it.
    async fn sync(&self, body: Value) -> Result<Value, String> {
        tick(&self.service);
        let begun = self.service.post_json("/api/v1/crm/syncs", body).await;
        assert_eq!(begun.status, 202, "{}", begun.text());
        self.work().await.remove(0)
    }

    /// Runs every job that is due, as a worker does: results, and why those without one ended.
    async fn work(&self) -> Vec<Result<Value, String>> {
        let service = &self.service;
        let handler = service.handlers_with(service.api.accounts.clone());
        let mut done = Vec::new();
        for job in worker::lease(service, "sync").await {
            let attempt = Attempt { job: job.clone(), cancelled: CancellationToken::new() };
            let (outcome, result) = match handler(attempt).await {
                Ok(ended) => (worker::done(), Ok(ended.result.unwrap_or_default())),
                Err(Failure::Fail(error)) => (Outcome::Dead { error: error.clone() }, Err(error)),
                Err(other) => {
                    let (error, run_at) = (format!("{other:?}"), service.db.now());
                    (Outcome::Retry { error: error.clone(), run_at }, Err(error))
                }
            };
            worker::commit(service, job, outcome).await;
            done.push(result);
        }
        done
    }

    async fn user(&self, email: &str) -> Option<User> {
        self.service.people.user_by_address(email).await.ok()
    }

    /// `active` or `deactivated`, and the role in the workspace.
    async fn standing(&self, email: &str) -> (String, String) {
        let user = self.user(email).await.unwrap_or_else(|| panic!("{email} is nobody"));
        let found = query("select role from members where workspace_id = $1 and user_id = $2");
        let (role,): (String,) = found.bind(self.service.workspace).bind(user.id).one(&self.service.db).await.unwrap();
        (user.state.to_string(), role)
    }

    async fn reasons(&self) -> Vec<String> {
        let listed = self.service.get("/api/v1/crm/users?conflicts=true").await.json();
        let items = listed["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["reason"].as_str().unwrap().to_owned()).collect()
    }
}

fn standing(state: &str, role: &str) -> (String, String) {
    (state.to_owned(), role.to_owned())
}

/// How many jobs of a kind there are.
async fn jobs_of(agency: &CrmService, kind: &str) -> i64 {
    let (count,): (i64,) =
        query("select count(*) from jobs where kind = $1").bind(kind).one(&agency.service.db).await.unwrap();
    count
}

/// Makes somebody with a password of their own.
async fn add_own(agency: &CrmService, email: &str) -> uuid::Uuid {
    let actor = ledger::audit::Actor::cli(agency.service.workspace, "test");
    let password = super::people::PASSWORD.into();
    agency.service.people.add_user(email, &password, false, None, &actor).await.unwrap()
}
