//! `herald keys`: the API keys of programs, and the keys that sign tokens. It works beside running processes.

use std::process::ExitCode;

use chrono::{NaiveTime, TimeDelta};
use herald_people as people;
use herald_people::{Giver, NewKey, SeenKey};

use crate::{
    accounts::Desk,
    args::{Common, Keys, MakeKey},
    audit::me,
};

/// The largest number of listed keys, because nobody reads more.
const MOST: usize = 1_000;

pub(crate) async fn run(common: &Common, command: Keys) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(common).await?;
    let done = act(&desk, command).await;
    desk.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(desk: &Desk, command: Keys) -> anyhow::Result<()> {
    let people = desk.people()?;
    let actor = me(desk.workspace_id);
    match command {
        Keys::List { json } => {
            for key in people.keys(desk.workspace_id, None, MOST).await? {
                say(&if json { serde_json::to_string(&key)? } else { line(&key) });
            }
        }
        Keys::Make(MakeKey { name, role, scopes, until, admin }) => {
            // The key is valid until the end of that day.
            let expires_at = until.map(|day| day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1));
            let scopes = (!scopes.is_empty()).then_some(scopes);
            let new = NewKey { name, role, platform_admin: admin, scopes, expires_at };
            let made = people::make_key(&desk.db, &actor, &Giver::installation(), new).await?;
            say(&format!("the key, shown only now: {}", made.key));
        }
        Keys::Revoke { id } => {
            people.revoke_key(&actor, id).await?;
            say(&format!("key {id} is revoked"));
        }
        Keys::Rotate => {
            let kid = people.rotate_signing_key().await?;
            say(&format!(
                "within a minute, every process signs access tokens with the new key {kid}; older tokens expire in a \
                 quarter of an hour"
            ));
        }
    }
    Ok(())
}

fn line(key: &SeenKey) -> String {
    let scopes = key.scopes.as_ref().map_or("everything".to_owned(), |scopes| {
        scopes.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    });
    let end = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", at.format("%Y-%m-%d")),
        (None, Some(at)) => format!("until {}", at.format("%Y-%m-%d %H:%M UTC")),
        (None, None) => "does not expire".to_owned(),
    };
    let worth = match key.effective_role {
        Some(role) if role == key.role => String::new(),
        Some(role) => format!(", now limited to {role}, the role of its maker"),
        None => ", not valid any more".to_owned(),
    };
    let used =
        key.last_used_at.map_or("never used".to_owned(), |at| format!("last used {}", at.format("%Y-%m-%d %H:%M UTC")));
    format!("{}  {}  {}{worth}  {scopes}  {end}  {used}", key.id, key.name, key.role)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
