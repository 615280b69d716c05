//! `herald users`: manages the registered users. It works beside running processes.

use std::process::ExitCode;

use herald_people::{People, User};

use crate::{
    accounts::Desk,
    args::{AddUser, Common, Users},
    audit::me,
    connect::secret,
};

/// The number of people in one read.
const PAGE: usize = 500;

pub(crate) async fn run(common: &Common, command: Users) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(common).await?;
    let done = act(&desk, command).await;
    desk.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(desk: &Desk, command: Users) -> anyhow::Result<()> {
    let people = desk.people()?;
    match command {
        Users::List { json } => list(&people, json).await,
        Users::Add(new) => add(desk, &people, new).await,
        Users::Deactivate { email } => set_active(desk, &people, &email, false).await,
        Users::Activate { email } => set_active(desk, &people, &email, true).await,
        Users::ToCrm { email } => {
            let user = people.user_by_address(&email).await?;
            people.hand_to_crm(&me(desk.workspace_id), user.id).await?;
            say(&format!("from now on, {} signs in with the password of the agency's CRM", user.email));
            Ok(())
        }
    }
}

async fn list(people: &People, json: bool) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = people.users(after, PAGE).await?;
        for user in &page {
            say(&if json { serde_json::to_string(user)? } else { line(user) });
        }
        after = page.last().map(|user| user.id);
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

async fn add(desk: &Desk, people: &People, new: AddUser) -> anyhow::Result<()> {
    let password = secret::read(new.secret_file.as_deref(), "password")?;
    let actor = me(desk.workspace_id);
    let member_of = Some((desk.workspace_id, new.role));
    people.add_user(&new.email, &password, new.admin, member_of, &actor).await?;
    let admin = if new.admin { ", and an administrator of the installation" } else { "" };
    say(&format!("{} may sign in and is {} in the first workspace{admin}", new.email.trim(), new.role));
    Ok(())
}

async fn set_active(desk: &Desk, people: &People, email: &str, active: bool) -> anyhow::Result<()> {
    let user = people.user_by_address(email).await?;
    let user = people.set_active(&me(desk.workspace_id), user.id, active).await?;
    say(&line(&user));
    Ok(())
}

fn line(user: &User) -> String {
    let admin = if user.platform_admin { "  administrator" } else { "" };
    let last = user
        .last_sign_in_at
        .map_or("never signed in".to_owned(), |at| format!("last signed in {}", at.format("%Y-%m-%d %H:%M UTC")));
    format!("{}  {}  {}  {last}{admin}", user.id, user.email, user.state)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
