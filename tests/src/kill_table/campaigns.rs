//! Campaigns by mail: a campaign goes to everybody on a list, and all that it needs is killed in turn.
//!
//! What is counted is the mails that a fake mail server was handed, and what the API shows of each recipient.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::mpsc::UnboundedReceiver};

use super::{
    Options, Row,
    domain_work::{Work, hand_in_list, wait_for_end},
    processes::Plan,
    servers::{Servers, succeed, until},
    world::{Ground, World},
};
use crate::fakes::{FakeSmtp, SmtpCall, SmtpFault, smtp::TakenMail};

/// Recipients for each guest of the other scenarios.
const RECIPIENTS: usize = 20;
/// How long the mail server takes for each answer, so that a fault finds mails under way.
const ANSWER: Duration = Duration::from_millis(5);
/// Messages that one process has claimed at most: 64 for each of its parts of campaigns (`bulk` of `[worker]`).
const CLAIMED: usize = 4 * 64;
/// Its connections to the mail server (`max_connections` of `[mail]`): as many mails may be unanswered.
const CONNECTIONS: usize = 4;

/// One line of the table.
pub(super) struct Mailing {
    pub(super) name: &'static str,
    ground: Ground,
    /// The processes that send.
    senders: usize,
    /// What happens, in any order; several times in the long form.
    faults: &'static [Fault],
}

/// What happens to a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A process of this role is killed: one of those that send, or another.
    Sender(&'static str),
    Other(&'static str),
    /// The mail server is gone for a moment, with every connection to it.
    Relay,
    /// Redis is killed, and started empty.
    Redis,
    /// PostgreSQL ends at once, and is started.
    Database,
}

/// Every one, in the order they are played.
pub(super) static MAILINGS: &[Mailing] = &[
    Mailing {
        name: "campaigns: everything killed at random",
        ground: Ground::Mails,
        senders: 3,
        faults: &[
            Fault::Sender("worker"),
            Fault::Other("scheduler"),
            Fault::Other("api"),
            Fault::Relay,
            Fault::Redis,
            Fault::Database,
        ],
    },
    Mailing {
        name: "campaigns, sqlite: process and mail server killed at random",
        ground: Ground::UpMails,
        senders: 1,
        faults: &[Fault::Sender("up"), Fault::Sender("up"), Fault::Relay],
    },
];

/// Plays one.
pub(super) fn play(
    options: &Options,
    mailing: &Mailing,
    tag: &str,
    servers: &mut Servers,
    runtime: &Arc<Runtime>,
    random: StdRng,
) -> Result<Row> {
    let mut row = Row::of(mailing.name);
    let mut world = World::make(options, servers, runtime, tag, mailing.ground, random)?;
    if let Err(error) = measure(options, mailing, &mut world, servers, &mut row) {
        row.error = Some(format!("{error:#}"));
    }
    row.alive = world.processes.all_alive();
    let restarts = world.processes.restarts();
    (row.killed, row.ended) = (restarts.ordered, restarts.own);
    if !row.holds() {
        world.keep_logs(&options.logs)?;
    }
    world.end()?;
    Ok(row)
}

fn measure(
    options: &Options,
    mailing: &Mailing,
    world: &mut World,
    servers: &mut Servers,
    row: &mut Row,
) -> Result<()> {
    let recipients = options.guests * RECIPIENTS;
    row.jobs_in = recipients;
    let campaign = prepare(options, world, recipients)?;
    let server = server(world)?;
    for recipient in 0..recipients {
        match treatment(recipient) {
            Treatment::Takes => {}
            Treatment::Refuses => {
                let no_such_user = SmtpFault::Says("550 5.1.1 No such user");
                server.fail_for(&address(recipient), SmtpCall::Recipient, no_such_user);
            }
            Treatment::HangsUp => server.fail_for(&address(recipient), SmtpCall::Content, SmtpFault::HangsUp),
        }
    }
    server.take(ANSWER);
    let mut taken = Taken { mails: server.listen(), copies: BTreeMap::new() };
    world.client.insist(&format!("/api/v1/campaigns/{campaign}/send"), "")?;
    let under_way = break_down(options, mailing, world, servers, &mut taken)?;
    let last = Instant::now();
    wait_until_sent(options, world, &mut taken)?;
    wait_for_end(options, world)?;
    row.recovery = Some(last.elapsed());
    taken.look(world)?;
    let shown = Shown::of(world, &campaign)?;
    shown.count(&taken, recipients, row)?;
    // Those that nobody can know of, and those that were under way when something ended.
    let unheard = (0..recipients).filter(|one| treatment(*one) == Treatment::HangsUp).count();
    let (unknown, most) = (shown.unknown.len(), unheard + under_way);
    ensure!(unknown <= most, "{unknown} messages are unknown, and {most} were under way");
    tell_apart(options, world, &campaign, &shown, &mut taken)?;
    everybody_has_one(&taken, recipients)
}

/// What the mail server does with the mails to a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Takes,
    /// It does not know the address.
    Refuses,
    /// It takes the mail and does not say so.
    HangsUp,
}

fn treatment(recipient: usize) -> Treatment {
    match recipient % 100 {
        7 => Treatment::Refuses,
        57 => Treatment::HangsUp,
        _ => Treatment::Takes,
    }
}

fn address(recipient: usize) -> String {
    format!("guest.{recipient}@example.com")
}

fn server(world: &World) -> Result<&FakeSmtp> {
    world.mail_server.as_ref().context("this ground has no mail server")
}

/// Takes a list in, and makes a campaign to everybody on it that only has to be begun. Returns its id.
fn prepare(options: &Options, world: &World, recipients: usize) -> Result<String> {
    let mut list = String::from("name,email\n");
    for recipient in 0..recipients {
        writeln!(list, "Guest Example {recipient},{}", address(recipient))?;
    }
    hand_in_list(world, &[], &list)?;
    until("the list is taken in", Work::patience(options), || {
        Ok(world.count("select count(*) from imports where state = 'done'") == Some(1))
    })?;
    let make = |path: &str, body: Value| -> Result<String> {
        let made = world.client.insist_on(&format!("/api/v1/{path}"), "application/json", &body.to_string())?;
        let made: Value = serde_json::from_slice(&made)?;
        Ok(made["id"].as_str().with_context(|| format!("{path} answered {made}"))?.to_owned())
    };
    let sender = make(
        "senders",
        json!({
            "name": "News", "from_name": "Example Agency", "from_address": "news@example.com",
            "postal_address": "1 Example Street, 28001 Madrid",
        }),
    )?;
    let english = json!({ "subject": "News for {{ name }}", "body": "Hello {{ name }}, your table is free." });
    let content = json!({ "format": "markdown", "default_language": "en", "languages": { "en": english } });
    let template = make("message-templates", json!({ "name": "Spring", "content": content }))?;
    let campaign = make(
        "campaigns",
        json!({
            "channel": "email", "name": "Spring", "sender_id": sender, "template_id": template,
            "audience": { "everybody": true },
        }),
    )?;
    world.client.insist_on(&format!("/api/v1/campaigns/{campaign}/submit"), "application/json", "{}")?;
    until("its audience is looked through", Work::patience(options), || {
        Ok(world.count("select count(*) from campaign_checks where state = 'done'") == Some(1))
    })?;
    // In the name of whoever runs this Herald: a key approves nothing, and nobody what they submitted.
    succeed(&mut Plan::new("set-up", &["campaign", "approve", &campaign]).command(&options.herald, &world.root)?)?;
    Ok(campaign)
}

/// The mails that the server was handed, by address.
struct Taken {
    mails: UnboundedReceiver<TakenMail>,
    copies: BTreeMap<String, usize>,
}

impl Taken {
    /// Counts what came since the last look.
    fn look(&mut self, world: &World) -> Result<usize> {
        while let Ok(taken) = self.mails.try_recv() {
            let subject = taken.mail.header("subject").unwrap_or_default();
            let of = subject.strip_prefix("News for Guest Example ").and_then(|number| number.parse().ok());
            ensure!(of.map(address).as_ref() == Some(&taken.to), "the mail {subject:?} went to {}", taken.to);
            *self.copies.entry(taken.to).or_default() += 1;
        }
        // A hundred thousand mails are a gigabyte.
        server(world)?.forget();
        Ok(self.copies.len())
    }
}

/// Has every fault happen, each when another share of the mails was handed over. Returns how many mails were under way
/// at most where something ended.
fn break_down(
    options: &Options,
    mailing: &Mailing,
    world: &mut World,
    servers: &mut Servers,
    taken: &mut Taken,
) -> Result<usize> {
    let rounds = if options.short { 1 } else { 4 };
    let mut faults = mailing.faults.repeat(rounds);
    faults.shuffle(&mut world.random);
    let (recipients, count) = (options.guests * RECIPIENTS, faults.len());
    let mut under_way = 0;
    for (number, fault) in faults.into_iter().enumerate() {
        let share = 1 + recipients * number / (count + 1);
        until("so many mails are handed over", Work::patience(options), || Ok(taken.look(world)? >= share))?;
        let wait = world.random.random_range(0..150);
        world.pause(wait);
        under_way += match fault {
            Fault::Sender(_) => CLAIMED,
            Fault::Relay => CONNECTIONS * mailing.senders,
            // What a process would have written is not written.
            Fault::Database => CLAIMED * mailing.senders,
            Fault::Other(_) | Fault::Redis => 0,
        };
        happen(fault, world, servers)?;
    }
    Ok(under_way)
}

fn happen(fault: Fault, world: &mut World, servers: &mut Servers) -> Result<()> {
    match fault {
        Fault::Sender(role) | Fault::Other(role) => {
            let names = world.processes.names(role);
            let name = names[world.random.random_range(0..names.len())].clone();
            world.processes.signal(&name, "KILL")
        }
        Fault::Relay => {
            let away = world.random.random_range(200..1_000);
            let relay = world.relay.as_ref().context("nothing lies before the mail server")?;
            relay.sever();
            world.pause(away);
            relay.mend();
            Ok(())
        }
        Fault::Redis => servers.restart_redis(Duration::from_millis(500)),
        Fault::Database => servers.restart_postgres("QUIT"),
    }
}

fn wait_until_sent(options: &Options, world: &World, taken: &mut Taken) -> Result<()> {
    until("the campaign is sent", Work::patience(options), || {
        taken.look(world)?;
        let stopped = world.count("select count(*) from campaigns where state not in ('sending', 'sent')");
        ensure!(stopped != Some(1), "the campaign stopped by itself");
        Ok(world.count("select count(*) from campaigns where state = 'sent'") == Some(1))
    })
}

/// What the API shows of a campaign.
struct Shown {
    counts: Value,
    /// Address and state of each message.
    messages: Vec<(String, String)>,
    /// Address and id of those whose end nobody knows, as they are listed for a person.
    unknown: Vec<(String, String)>,
}

impl Shown {
    fn of(world: &World, campaign: &str) -> Result<Self> {
        let counts = get(world, &format!("campaigns/{campaign}"))?["counts"].clone();
        let text = |message: &Value, name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let all = pages(world, &format!("messages?campaign={campaign}&limit=500"))?;
        let unknown = pages(world, &format!("messages?campaign={campaign}&state=unknown&limit=500"))?;
        Ok(Self {
            counts,
            messages: all.iter().map(|one| (text(one, "address"), text(one, "state"))).collect(),
            unknown: unknown.iter().map(|one| (text(one, "address"), text(one, "id"))).collect(),
        })
    }

    /// Compares what is shown with what the server was handed.
    fn count(&self, taken: &Taken, recipients: usize, row: &mut Row) -> Result<()> {
        let of_address: BTreeMap<String, Treatment> =
            (0..recipients).map(|recipient| (address(recipient), treatment(recipient))).collect();
        let (mut told, mut states) = (HashSet::new(), BTreeMap::<&str, usize>::new());
        for (address, state) in &self.messages {
            let copies = taken.copies.get(address).copied().unwrap_or_default();
            let is_true = match (state.as_str(), of_address.get(address)) {
                ("sent", Some(Treatment::Takes)) => copies > 0,
                ("failed", Some(Treatment::Refuses)) => copies == 0,
                ("unknown", Some(_)) => true,
                _ => false,
            };
            row.done += usize::from(is_true && told.insert(address));
            *states.entry(state).or_default() += 1;
        }
        row.run_twice = self.unknown.len();
        row.effects_twice = taken.copies.values().map(|copies| copies - 1).sum::<usize>()
            + self.messages.len().saturating_sub(recipients);
        ensure!(row.lost() == 0, "the messages are shown as {states:?}, and {} arrived", taken.copies.len());
        for (state, messages) in &states {
            ensure!(self.counts[*state] == *messages, "{messages} messages are {state}, counted: {}", self.counts);
        }
        let listed = states.get("unknown").copied().unwrap_or_default();
        ensure!(self.unknown.len() == listed, "{listed} messages are unknown, and {} are listed", self.unknown.len());
        Ok(())
    }
}

/// Decides about the unknown messages as a person does who looks into the server's log: what it has arrived, and the
/// others are sent again.
fn tell_apart(options: &Options, world: &World, campaign: &str, shown: &Shown, taken: &mut Taken) -> Result<()> {
    let decide = format!("/api/v1/campaigns/{campaign}/decide");
    for (address, id) in &shown.unknown {
        if taken.copies.contains_key(address) {
            world.client.insist(&decide, &json!({ "decision": "arrived", "message_id": id }).to_string())?;
        }
    }
    world.client.insist(&decide, &json!({ "decision": "send_again" }).to_string())?;
    wait_until_sent(options, world, taken)?;
    taken.look(world).map(drop)
}

fn everybody_has_one(taken: &Taken, recipients: usize) -> Result<()> {
    for recipient in 0..recipients {
        let copies = taken.copies.get(&address(recipient)).copied().unwrap_or_default();
        let due = usize::from(treatment(recipient) != Treatment::Refuses);
        ensure!(copies == due, "after all decisions the recipient {recipient} has {copies} mails instead of {due}");
    }
    Ok(())
}

/// What the API says, as soon as it answers again.
fn get(world: &World, path: &str) -> Result<Value> {
    let mut body = None;
    until("the API answers", Duration::from_secs(60), || {
        body = world.client.get(&format!("/api/v1/{path}")).ok();
        Ok(body.is_some())
    })?;
    Ok(serde_json::from_slice(&body.unwrap_or_default())?)
}

/// All rows of a list.
fn pages(world: &World, path: &str) -> Result<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(world, &format!("{path}{cursor}"))?;
        all.extend(page["items"].as_array().with_context(|| format!("{path} has no rows"))?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(all),
        }
    }
}
