//! `herald campaign`: shows campaigns, moves them from state to state, and sends them. It works beside running
//! processes.

mod progress;
mod send;

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use herald_db::Db;
use herald_messaging as domain;
use herald_messaging::{Approver, Campaign as Row, CampaignCounts, CampaignFilter};
use serde_json::json;
use uuid::Uuid;

use crate::{
    args::{Campaign, CampaignOf, Common},
    audit::me,
    home,
};

/// The events that are shown of a campaign.
const EVENTS: usize = 20;

pub(crate) async fn run(common: &Common, CampaignOf { workspace, act }: CampaignOf) -> anyhow::Result<ExitCode> {
    if let Campaign::Send(options) = act {
        return send::run(common, workspace.as_deref(), &options).await;
    }
    let db = home::ledger(common).await?;
    let workspace = workspace_of(&db, workspace.as_deref()).await?;
    let actor = me(workspace);
    let (id, moved) = match act {
        Campaign::List { limit, json } => {
            list(&db, workspace, limit, json).await?;
            db.close().await;
            return Ok(ExitCode::SUCCESS);
        }
        Campaign::Show { id, json } => {
            show(&db, workspace, id, json).await?;
            db.close().await;
            return Ok(ExitCode::SUCCESS);
        }
        Campaign::Submit { id } => (id, domain::submit_campaign(&db, &actor, id).await),
        Campaign::Approve { id } => (id, domain::approve_campaign(&db, &actor, id, Approver::Operator).await),
        Campaign::Pause { id } => (id, domain::pause_campaign(&db, &actor, id).await),
        Campaign::Resume { id } => (id, domain::resume_campaign(&db, &actor, id).await),
        Campaign::Cancel { id } => (id, domain::cancel_campaign(&db, &actor, id).await),
        Campaign::Send(_) => unreachable!("it is sent above"),
    };
    let campaign = moved?.ok_or_else(|| missing(id))?;
    say(&format!("the campaign {} is {}", campaign.name, words(&campaign)));
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The workspace that was named, or the first one.
async fn workspace_of(db: &Db, name: Option<&str>) -> anyhow::Result<Uuid> {
    match name {
        None => Ok(herald_people::ensure_default_workspace(db).await?),
        Some(name) => {
            let found = herald_people::workspace_of(db, name).await?;
            found.ok_or_else(|| anyhow!("there is no workspace {name:?}: give its short name, as its address has it"))
        }
    }
}

fn missing(id: Uuid) -> anyhow::Error {
    anyhow!("there is no campaign {id} in this workspace: `herald campaign list` shows them")
}

async fn list(db: &Db, workspace: Uuid, limit: usize, as_json: bool) -> anyhow::Result<()> {
    let campaigns = domain::list_campaigns(db, workspace, &CampaignFilter::default(), None, limit).await?;
    let mut counts = domain::counts_of(db, workspace, campaigns.iter().map(|one| one.id).collect()).await?;
    for campaign in &campaigns {
        let counts = counts.remove(&campaign.id).unwrap_or_default();
        say(&match as_json {
            true => with_counts(campaign, counts)?.to_string(),
            false => format!(
                "{}  {:<9}  {:>9}  {}",
                campaign.id,
                words(campaign),
                format!("{}/{}", counts.handed_over(), counts.planned),
                campaign.name
            ),
        });
    }
    if campaigns.is_empty() && !as_json {
        say("no campaigns found");
    }
    Ok(())
}

async fn show(db: &Db, workspace: Uuid, id: Uuid, as_json: bool) -> anyhow::Result<()> {
    let campaign = domain::find_campaign(db, workspace, id).await?.ok_or_else(|| missing(id))?;
    let counts = domain::counts_of(db, workspace, vec![id]).await?.remove(&id).unwrap_or_default();
    let events = domain::list_campaign_log(db, workspace, id, None, EVENTS).await?;
    if as_json {
        let mut whole = with_counts(&campaign, counts)?;
        whole["log"] = serde_json::to_value(events)?;
        say(&whole.to_string());
        return Ok(());
    }
    let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    say(&format!("{}  {}", campaign.id, campaign.name));
    say(&format!("state     {}", words(&campaign)));
    let mut facts = vec![("channel", campaign.channel.to_string())];
    facts.extend(campaign.reason.clone().map(|reason| ("reason", reason)));
    facts.extend(campaign.send_at.map(|at| ("begins", time(at))));
    facts.extend(campaign.approved_by.clone().map(|who| ("approved", who)));
    facts.push(("messages", in_words(counts)));
    for (name, fact) in facts {
        say(&format!("{name:<9} {fact}"));
    }
    for event in events {
        let who = event.who.as_deref().unwrap_or("herald");
        say(&format!("{}  {:<10} {who}", time(event.at), event.kind));
    }
    Ok(())
}

fn with_counts(campaign: &Row, counts: CampaignCounts) -> anyhow::Result<serde_json::Value> {
    let mut whole = serde_json::to_value(campaign).context("writing a campaign as JSON")?;
    whole["counts"] = json!(counts);
    Ok(whole)
}

fn words(campaign: &Row) -> String {
    campaign.state.as_str().replace('_', " ")
}

/// The counts of a campaign: those that are not zero, after those that were sent.
fn in_words(counts: CampaignCounts) -> String {
    let mut parts = vec![format!("{} of {} sent", counts.handed_over(), counts.planned)];
    for (count, text) in [
        (counts.open(), "waiting"),
        (counts.failed, "failed"),
        (counts.suppressed, "left out"),
        (counts.unknown, "may have been sent or not"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {text}"));
        }
    }
    parts.join(", ")
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_without_those_that_are_zero() {
        let counts =
            CampaignCounts { planned: 9, sent: 4, delivered: 2, failed: 1, suppressed: 2, ..CampaignCounts::default() };
        assert_eq!(in_words(counts), "6 of 9 sent, 1 failed, 2 left out");
        assert_eq!(in_words(CampaignCounts::default()), "0 of 0 sent");
    }
}
