//! `herald connections`: lists accounts, tests them, and deletes one.

use std::process::ExitCode;

use anyhow::Context;
use herald_accounts as connections;
use herald_accounts::{Connection, Settings};
use herald_ledger::audit::{self, Entry};
use herald_providers::{google::GoogleAuth, mautic::MauticAuth};

use crate::{
    accounts::{Desk, print},
    args::{Common, Connections},
    audit::me,
};

pub(crate) async fn run(common: &Common, command: Connections) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(common).await?;
    let done = act(&desk, command).await;
    desk.close().await;
    done
}

async fn act(desk: &Desk, command: Connections) -> anyhow::Result<ExitCode> {
    match command {
        Connections::List { json } => {
            let found = connections::list_connections(&desk.db, desk.workspace_id).await?;
            if found.is_empty() && !json {
                say("there are no connections: create one with `herald connect google`, `mautic` or `s3`");
            }
            for connection in found {
                say(&if json { serde_json::to_string(&connection)? } else { line(&connection) });
            }
        }
        Connections::Test { name, target } => {
            let connection = find(desk, &name).await?;
            if !desk.test(&connection, target.as_deref(), print).await? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Connections::Remove { name } => {
            let connection = find(desk, &name).await?;
            let mut tx = desk.db.begin().await?;
            connections::remove(&mut tx, desk.workspace_id, connection.id).await?;
            audit::record(&mut tx, &me(desk.workspace_id), Entry::of("connection.remove", &connection.name)).await?;
            tx.commit().await?;
            say(&format!("deleted the connection {name:?} and its credentials"));
        }
        Connections::Reseal => {
            let (resealed, closed) = connections::reseal(&desk.db, desk.clients.vault()).await?;
            let mut tx = desk.db.begin().await?;
            let entry = Entry::of("connections.reseal", "all").affecting(resealed);
            audit::record(&mut tx, &me(desk.workspace_id), entry).await?;
            tx.commit().await?;
            say(&format!("encrypted the credentials of {resealed} connections again, {}", desk.sealed_with()));
            if !closed.is_empty() {
                say(&format!(
                    "no key here can decrypt the credentials of these connections, so enter them again: {}",
                    closed.join(", ")
                ));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(desk: &Desk, name: &str) -> anyhow::Result<Connection> {
    connections::find_connection_named(&desk.db, desk.workspace_id, name)
        .await?
        .with_context(|| format!("there is no connection {name:?}: see `herald connections list`"))
}

fn line(connection: &Connection) -> String {
    let account = match &connection.settings.0 {
        Settings::Google(GoogleAuth::ServiceAccount { client_email, subject: None, .. }) => client_email.clone(),
        Settings::Google(GoogleAuth::ServiceAccount { client_email, subject: Some(subject), .. }) => {
            format!("{client_email} as {subject}")
        }
        Settings::Google(GoogleAuth::User { client_id }) => format!("a person, through {client_id}"),
        Settings::Mautic(site) => match &site.auth {
            MauticAuth::Basic { user } => format!("{} as {user}", site.url),
            MauticAuth::Client { client_id } => format!("{} as the client {client_id}", site.url),
        },
        Settings::S3(bucket) => format!("s3://{}/{}", bucket.bucket, bucket.prefix),
        Settings::Smtp(server) => match &server.user {
            Some(user) => format!("{}:{} as {user}", server.host, server.port()),
            None => format!("{}:{}", server.host, server.port()),
        },
        Settings::Twilio(account) => format!("WhatsApp by {}", account.account_sid),
        Settings::Meta(account) => format!("WhatsApp by the number {}", account.phone_number_id),
    };
    let state = match &connection.reason {
        Some(reason) => format!("needs a person: {reason}"),
        None => "ok".to_owned(),
    };
    format!("{:<12} {:<8} {account}  {state}", connection.name, connection.settings.0.provider().name())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
