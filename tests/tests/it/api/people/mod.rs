//! People over HTTP: what signs them up and in, what they may do where, and what nobody learns.

mod addresses;
mod brute_force;
mod codes;
mod handing_on;
mod invitations;
mod keys;
mod log;
mod members;
mod profile;
mod sessions;
mod sign_up;
mod strangers;
mod streams;
mod views;
mod walk;
mod written_down;

use std::time::Duration;

use herald_db::{Db, query};
use herald_people::Letter;
use herald_providers::email::AccountMail;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Service};

pub(super) const PASSWORD: &str = "tricky lamp on the ocean";

/// The letters written to an address, oldest first.
pub(super) async fn letters(service: &Service, to: &str) -> Vec<Option<AccountMail>> {
    let ids: Vec<(Uuid,)> =
        query("select id from letters where sent_at is null order by id").all(&service.db).await.unwrap();
    let mut found = Vec::new();
    for (id,) in ids {
        let letter: Letter = service.people.unsent_letter(id).await.unwrap().unwrap();
        if letter.to == to {
            found.push(letter.mail);
        }
    }
    found
}

/// The newest code that was sent to an address.
pub(super) async fn code(service: &Service, to: &str) -> String {
    let mut codes = letters(service, to).await.into_iter().flatten().filter_map(|mail| match mail {
        AccountMail::VerifyAddress { code, .. }
        | AccountMail::ResetPassword { code, .. }
        | AccountMail::ChangeAddress { code, .. } => Some(code),
        _ => None,
    });
    codes.next_back().expect("a letter with a code")
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) id: Uuid,
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Person {
    pub(super) fn of(email: &str, tokens: &Value) -> Self {
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        Self {
            email: email.to_owned(),
            id: tokens["user_id"].as_str().unwrap().parse().unwrap(),
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    /// Registers, reads the code, and is signed in.
    pub(super) async fn new(service: &Service, email: &str) -> Self {
        let asked = open(service, "/api/v1/auth/register", json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        let verify = json!({ "verification_id": asked.json()["verification_id"], "code": code(service, email).await });
        let tokens = open(service, "/api/v1/auth/verify", verify).await;
        assert_eq!(tokens.status, 201, "{}", tokens.text());
        Self::of(email, &tokens.json())
    }

    /// Signs in.
    pub(super) async fn sign_in(service: &Service, email: &str) -> Self {
        let tokens = login(service, email, PASSWORD).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text());
        Self::of(email, &tokens.json())
    }

    pub(super) fn request(&self, service: &Service, method: Method, path: &str) -> RequestBuilder {
        service.open(method, path).bearer_auth(&self.access)
    }

    pub(super) async fn get(&self, service: &Service, path: &str) -> Answer {
        tick(service);
        Answer::to(self.request(service, Method::GET, path)).await
    }

    pub(super) async fn send(&self, service: &Service, method: Method, path: &str, body: Value) -> Answer {
        tick(service);
        Answer::to(self.request(service, method, path).json(&body)).await
    }

    /// Makes a workspace, and returns its id.
    pub(super) async fn workspace(&self, service: &Service, slug: &str) -> Uuid {
        let made = self.send(service, Method::POST, "/api/v1/workspaces", json!({ "slug": slug, "name": slug })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["workspace_id"].as_str().unwrap().parse().unwrap()
    }

    /// Makes an invitation with these fields, and returns its token.
    pub(super) async fn invitation(&self, service: &Service, fields: Value) -> String {
        let made = self.send(service, Method::POST, "/api/v1/workspace-invitations", fields).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["link"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned()
    }

    /// Joins with a token.
    pub(super) async fn join(&self, service: &Service, token: &str) -> Answer {
        self.send(service, Method::POST, "/api/v1/workspaces/join", json!({ "token": token })).await
    }
}

/// The clock stands still but for this: each request comes a millisecond after the one before, so that what they make
/// sorts by its ids.
pub(super) fn tick(service: &Service) {
    service.db.clock().advance(Duration::from_millis(1));
}

/// A request without a token.
pub(super) async fn open(service: &Service, path: &str, body: Value) -> Answer {
    tick(service);
    Answer::to(service.open(Method::POST, path).json(&body)).await
}

pub(super) async fn login(service: &Service, email: &str, password: &str) -> Answer {
    open(service, "/api/v1/auth/login", json!({ "email": email, "password": password })).await
}

/// The acts in the log of a workspace, oldest first.
pub(super) async fn acts(db: &Db, workspace: Uuid) -> Vec<String> {
    let rows: Vec<(String,)> = query("select action from audit_log where workspace_id = $1 order by seq")
        .bind(workspace)
        .all(db)
        .await
        .unwrap();
    rows.into_iter().map(|(action,)| action).collect()
}

/// What an administrator is told of what is the installation's own.
pub(super) async fn installations(service: &Service, path: &str) -> Answer {
    Answer::to(service.request(Method::GET, path).header("herald-workspace", "_installation")).await
}

/// An answer without what differs with every request.
pub(super) fn plain(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for name in ["request_id", "verification_id", "expires_at"] {
        if let Some(fields) = body.as_object_mut() {
            fields.remove(name);
        }
    }
    (answer.status.as_u16(), body)
}
