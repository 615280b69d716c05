//! `herald campaign send`: starts a campaign, and waits until it is sent. If no other process works on the data folder,
//! this one does.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use herald_base::{
    data_folder::DataFolderError,
    telemetry::{self, Span},
};
use herald_db::Db;
use herald_messaging as domain;
use herald_messaging::{Campaign, CampaignCounts, CampaignState, MessageFilter, MessageState};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{in_words, missing, progress::Progress, say, words, workspace_of};
use crate::{
    args::{Common, SendCampaign},
    audit::me,
    engine::Engine,
    home::{self, Home},
    stop,
};

/// How often the command looks how far the campaign is.
const LOOK: Duration = Duration::from_millis(200);
/// The exit code after Ctrl-C, as shells define it.
const INTERRUPTED: u8 = 130;
/// The failed messages that are shown.
const NAMED: usize = 20;

pub(super) async fn run(common: &Common, workspace: Option<&str>, options: &SendCampaign) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    home::start_logging(&home::quiet(&settings, common))?;
    telemetry::start_export(&settings.telemetry, "campaign")?;
    let is_fleet = !settings.database.url.is_empty();
    if !is_fleet && !common.data.join("herald.db").exists() {
        anyhow::bail!("{} does not contain herald.db: name the data folder with --data", common.data.display());
    }
    // A fleet has workers, and so has a folder that another process uses.
    let home = match is_fleet {
        true => None,
        false => match Home::open(common, settings).await {
            Ok(home) => Some(home),
            Err(error) if matches!(error.downcast_ref(), Some(DataFolderError::InUse { .. })) => None,
            Err(error) => return Err(error),
        },
    };
    let stop = stop::on_signal();
    match home {
        None => {
            let db = home::ledger(common).await?;
            let workspace = start(&db, workspace, options.campaign_id).await?;
            let mut progress = Progress::new(options.json);
            progress.note("other processes of Herald send it; this command only waits");
            let ended = watch(&db, workspace, options.campaign_id, &stop, &mut progress).await?;
            let code = told(&db, workspace, options, &mut progress, ended).await?;
            db.close().await;
            Ok(code)
        }
        Some(home) => {
            let trace = Span::command("herald campaign send", home.db.ids(), home.db.clock());
            let started = trace.scope(start(&home.db, workspace, options.campaign_id)).await;
            let workspace = match started {
                Ok(workspace) => workspace,
                Err(error) => {
                    drop(trace);
                    home.close().await;
                    return Err(error);
                }
            };
            let engine = Engine::start(&home)?;
            let mut progress = Progress::new(options.json);
            let watched = watch(&home.db, workspace, options.campaign_id, &stop, &mut progress).await;
            engine.stop().await;
            drop(trace);
            watched?;
            // What ended while the engine stopped counts, too.
            let ended = look(&home.db, workspace, options.campaign_id).await?;
            let code = told(&home.db, workspace, options, &mut progress, ended).await?;
            home.close().await;
            Ok(code)
        }
    }
}

/// Starts a campaign that is approved or scheduled, and returns its workspace. One that is being sent goes on.
async fn start(db: &Db, workspace: Option<&str>, id: Uuid) -> anyhow::Result<Uuid> {
    let workspace = workspace_of(db, workspace).await?;
    let campaign = domain::find_campaign(db, workspace, id).await?.ok_or_else(|| missing(id))?;
    if campaign.state != CampaignState::Sending {
        domain::send_campaign(db, &me(workspace), id).await?.ok_or_else(|| missing(id))?;
    }
    Ok(workspace)
}

async fn look(db: &Db, workspace: Uuid, id: Uuid) -> anyhow::Result<(Campaign, CampaignCounts)> {
    let campaign = domain::find_campaign(db, workspace, id).await?.context("the campaign is gone from the database")?;
    let counts = domain::counts_of(db, workspace, vec![id]).await?.remove(&id).unwrap_or_default();
    Ok((campaign, counts))
}

/// Shows the progress until the campaign has ended, waits for a person, or a stop is requested.
async fn watch(
    db: &Db,
    workspace: Uuid,
    id: Uuid,
    stop: &CancellationToken,
    progress: &mut Progress,
) -> anyhow::Result<(Campaign, CampaignCounts)> {
    loop {
        let (campaign, counts) = look(db, workspace, id).await?;
        progress.show(&campaign, counts);
        if campaign.state != CampaignState::Sending || stop.is_cancelled() {
            return Ok((campaign, counts));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Says how it ended. The exit code is 0 only if everything that was to be sent was sent.
async fn told(
    db: &Db,
    workspace: Uuid,
    options: &SendCampaign,
    progress: &mut Progress,
    (campaign, counts): (Campaign, CampaignCounts),
) -> anyhow::Result<ExitCode> {
    progress.finish(&campaign, counts);
    let failed =
        MessageFilter { campaign_id: Some(campaign.id), state: Some(MessageState::Failed), ..MessageFilter::default() };
    let failed = domain::list_messages(db, workspace, &failed, None, NAMED).await?;
    let reasons: Vec<(String, String)> =
        failed.into_iter().map(|message| (message.address, message.reason.unwrap_or_default())).collect();
    if options.json {
        let failures: Vec<_> =
            reasons.iter().map(|(address, reason)| json!({ "address": address, "reason": reason })).collect();
        say(&json!({
            "event": "summary", "campaign": campaign.id, "state": campaign.state, "reason": campaign.reason,
            "counts": counts, "failures": failures,
        })
        .to_string());
    } else {
        say(&format!("the campaign {} is {}: {}", campaign.name, words(&campaign), in_words(counts)));
        if let Some(reason) = &campaign.reason {
            say(reason);
        }
        reasons.iter().for_each(|(address, reason)| say(&format!("  {address}: {reason}")));
        let more = counts.failed - i64::try_from(reasons.len()).unwrap_or(i64::MAX);
        if more > 0 {
            say(&format!("  … and {more} more"));
        }
    }
    Ok(exit_code(&campaign, counts))
}

fn exit_code(campaign: &Campaign, counts: CampaignCounts) -> ExitCode {
    match campaign.state {
        CampaignState::Sending => ExitCode::from(INTERRUPTED),
        CampaignState::Sent if counts.failed == 0 && counts.unknown == 0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
