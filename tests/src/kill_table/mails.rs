//! Mails of notifications: follow-ups of leads come due, and whoever mails the reminders is killed.
//!
//! What is counted is the mails that a fake mail server was handed, and what the API tells the people of each.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use herald_base::clock::Clock;
use serde_json::{Value, json};

use super::{
    Options, Row,
    client::Client,
    domain_work::{Work, hand_in_list, number, wait_for_end},
    servers::until,
    world::World,
};
use crate::fakes::{FakeSmtp, SmtpCall, SmtpFault};

/// Follow-ups for each guest of the other scenarios.
const MAILS: usize = 4;
/// One mail of so many is deferred once, before it may be handed over.
const DEFERRED: usize = 20;
/// How long the mail server takes for each answer, so that a kill finds mails under way.
const ANSWER: Duration = Duration::from_millis(50);
/// Mails that one process has under way at most: `email` of `[queues]`.
const AT_ONCE: usize = 4;
const PASSWORD: &str = "tricky lamp on the ocean";

/// What the mail server does with the mails of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Takes,
    /// It does not know the address.
    Refuses,
    /// It takes the mail and does not say so.
    HangsUp,
}

/// Who is reminded.
const OWNERS: [(&str, Treatment); 3] = [
    ("ann@example.com", Treatment::Takes),
    ("refused@example.com", Treatment::Refuses),
    ("unheard@example.com", Treatment::HangsUp),
];

/// Plays it.
pub(super) fn measure(options: &Options, work: &Work, world: &mut World, row: &mut Row) -> Result<()> {
    let mails = options.guests * MAILS;
    row.jobs_in = mails;
    // It is the kills that are looked at.
    world.client.replace("/api/v1/queues/email/limits", "{}")?;
    let people = OWNERS.iter().map(|(address, _)| join(world, address)).collect::<Result<Vec<_>>>()?;
    let server = server(world)?;
    for (address, treatment) in OWNERS {
        match treatment {
            Treatment::Takes => {}
            Treatment::Refuses => {
                server.fail_for(address, SmtpCall::Recipient, SmtpFault::Says("550 5.1.1 No such user"))
            }
            Treatment::HangsUp => server.fail_for(address, SmtpCall::Content, SmtpFault::HangsUp),
        }
    }
    for _ in 0..mails / DEFERRED {
        server.fail(SmtpCall::Sender, SmtpFault::Says("451 4.3.0 Try again"));
    }
    server.take(ANSWER);
    let letters = server.mails().len();

    follow_up(world, mails)?;
    let kills = Work::kills(options);
    for kill in 0..kills {
        let share = letters + 1 + mails * kill / (2 * kills);
        until("so many mails are handed over", Work::patience(options), || Ok(taken(world)? >= share))?;
        work.kill_one(world)?;
    }
    let last = Instant::now();
    until("everybody is told of everything", Work::patience(options), || {
        Ok(world.count("select count(*) from notifications") == i64::try_from(mails).ok())
    })?;
    wait_for_end(options, world)?;
    row.recovery = Some(last.elapsed());
    count(world, &people, mails, row)?;
    // Those that nobody can know of, and those that a killed process had under way.
    let unheard = (0..mails).filter(|mail| owner(*mail).1 == Treatment::HangsUp).count();
    ensure!(row.run_twice <= unheard + kills * AT_ONCE, "more mails are unknown than were under way at the kills");
    ensure!(
        number(world, "select count(*) from jobs where kind = 'notification.mail'")? == mails,
        "a mail has two jobs"
    );
    Ok(())
}

/// Whose lead the follow-up of this number is.
fn owner(mail: usize) -> (&'static str, Treatment) {
    match mail % 10 {
        3 => OWNERS[1],
        6 => OWNERS[2],
        _ => OWNERS[0],
    }
}

fn server(world: &World) -> Result<&FakeSmtp> {
    world.mail_server.as_ref().context("this ground has no mail server")
}

fn taken(world: &World) -> Result<usize> {
    Ok(server(world)?.mails().len())
}

/// Registers a person as a member, with the code that comes by mail.
fn join(world: &World, address: &str) -> Result<Client> {
    let post = |path: &str, body: Value| -> Result<Value> {
        let answer = world.client.insist_on(&format!("/api/v1/{path}"), "application/json", &body.to_string())?;
        Ok(serde_json::from_slice(&answer)?)
    };
    let invited = post("workspace-invitations", json!({ "role": "staff" }))?;
    let token = invited["link"].as_str().and_then(|link| link.rsplit_once('/')).context("an invitation has no link")?.1;
    let asked = post("auth/register", json!({ "email": address, "password": PASSWORD, "invitation": token }))?;
    let server = server(world)?;
    let mut code = None;
    until("the code has come", Duration::from_secs(60), || {
        let mails = server.mails();
        let letter = mails.iter().find(|taken| taken.to == address);
        code = letter.and_then(|taken| {
            let mut numbers = taken.mail.text().split(|sign: char| !sign.is_ascii_digit());
            numbers.find(|number| number.len() == 8).map(str::to_owned)
        });
        Ok(code.is_some())
    })?;
    let tokens = post("auth/verify", json!({ "verification_id": asked["verification_id"], "code": code }))?;
    Ok(world.client.of(tokens["access_token"].as_str().context("nobody is signed in")?.to_owned()))
}

/// Makes leads whose follow-up has come due already.
fn follow_up(world: &World, mails: usize) -> Result<()> {
    let due = (Clock::system().now() - TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M");
    let mut list = String::from("name,email,need,owner,follow_up\n");
    for mail in 0..mails {
        let owner = owner(mail).0;
        writeln!(list, "Guest Example {mail},guest.{mail}@example.com,Dinner,{owner},{due}")?;
    }
    hand_in_list(world, &[("what", "leads")], &list)
}

/// The number of the follow-up that a title tells of.
fn of_title(title: &str) -> Option<usize> {
    title.split_once("Guest Example ")?.1.split_once(',')?.0.parse().ok()
}

/// Compares what the mail server was handed with what the people are told.
fn count(world: &World, people: &[Client], mails: usize, row: &mut Row) -> Result<()> {
    let mut handed_over: BTreeMap<usize, usize> = BTreeMap::new();
    for taken in server(world)?.mails() {
        if let Some(mail) = taken.mail.header("subject").as_deref().and_then(of_title) {
            ensure!(taken.to == owner(mail).0, "the mail {mail} went to {}", taken.to);
            *handed_over.entry(mail).or_default() += 1;
        }
    }
    let mut told = HashSet::new();
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for person in people {
        for notification in notifications(person)? {
            let mail = notification["title"].as_str().and_then(of_title);
            let mail = mail.with_context(|| format!("a notification of nothing: {notification}"))?;
            let state = notification["mail"].as_str().unwrap_or_default();
            let copies = handed_over.get(&mail).copied().unwrap_or_default();
            let is_true = match (state, owner(mail).1) {
                ("sent", Treatment::Takes) => copies > 0,
                ("failed", Treatment::Refuses) => copies == 0,
                ("unknown", _) => true,
                _ => false,
            };
            row.done += usize::from(is_true && told.insert(mail));
            *states.entry(state.to_owned()).or_default() += 1;
        }
    }
    row.run_twice = states.get("unknown").copied().unwrap_or_default();
    row.effects_twice = handed_over.values().map(|copies| copies - 1).sum::<usize>()
        + states.values().sum::<usize>().saturating_sub(mails);
    ensure!(row.lost() == 0, "the mails are shown as {states:?}, and {} were handed over", handed_over.len());
    Ok(())
}

/// All that a person is told.
fn notifications(person: &Client) -> Result<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("/api/v1/notifications?workspace=default&limit=500{cursor}"))?;
        let page: Value = serde_json::from_slice(&page)?;
        all.extend(page["items"].as_array().context("a page without notifications")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(all),
        }
    }
}
