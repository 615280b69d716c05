//! The links of a campaign, as they stood in its template when it was submitted.

use std::collections::HashMap;

use herald_base::{boxed, links::LinkSigner};
use uuid::Uuid;

use super::{MOST, TrackedPlace, tracked_url};
use crate::template::{Compiled, Tracks};
use herald_db::{Bulk, Db, Result, Tx, query};

/// Writes the links of a campaign down, in the place of those that it had.
pub(crate) async fn register_links(
    tx: &mut Tx,
    workspace_id: Uuid,
    campaign_id: Uuid,
    content: &Compiled,
) -> Result<()> {
    query("delete from tracked_links where workspace_id = $1 and campaign_id = $2")
        .bind(workspace_id)
        .bind(campaign_id)
        .execute(&mut *tx)
        .await?;
    let links: Vec<(i64, &str, &str)> = (1..)
        .zip(content.targets())
        .take(MOST)
        .map(|(number, (language, target))| (number, language, target))
        .collect();
    Bulk::new(
        "insert into tracked_links (workspace_id, campaign_id, number, language, target)
         select workspace_id, campaign_id, number, language, target from {rows}",
    )
    .column("workspace_id", links.iter().map(|_| workspace_id).collect())
    .column("campaign_id", links.iter().map(|_| campaign_id).collect())
    .column("number", links.iter().map(|(number, ..)| *number).collect())
    .column("language", links.iter().map(|(_, language, _)| (*language).to_owned()).collect())
    .column("target", links.iter().map(|(.., target)| (*target).to_owned()).collect())
    .execute(tx)
    .await
}

/// The links of a campaign by their language and target.
#[derive(Clone, Debug, Default)]
pub struct TrackedLinks {
    numbers: HashMap<String, HashMap<String, u16>>,
}

/// The links of a campaign that can be tracked.
#[boxed]
pub async fn tracked_links(db: &Db, workspace_id: Uuid, campaign_id: Uuid) -> Result<TrackedLinks> {
    let rows: Vec<(i64, String, String)> = query(
        "select number, language, target from tracked_links
         where workspace_id = $1 and campaign_id = $2 order by number",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .all(db)
    .await?;
    let mut links = TrackedLinks::default();
    for (number, language, target) in rows {
        if let Ok(number) = u16::try_from(number) {
            links.numbers.entry(language).or_default().insert(target, number);
        }
    }
    Ok(links)
}

impl TrackedLinks {
    /// Has something done with what the mail of a message has in the places of its links.
    pub fn of_message<T>(
        &self,
        links: &LinkSigner,
        message_id: Uuid,
        language: &str,
        act: impl FnOnce(&Tracks<'_>) -> T,
    ) -> T {
        let own = self.numbers.get(language);
        let link = |target: &str| {
            let number = *own?.get(target)?;
            Some(tracked_url(links, message_id, TrackedPlace::Link(number)))
        };
        act(&Tracks {
            link: &link,
            pixel: tracked_url(links, message_id, TrackedPlace::Pixel),
            trap: tracked_url(links, message_id, TrackedPlace::Trap),
        })
    }
}
