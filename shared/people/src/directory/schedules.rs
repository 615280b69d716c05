//! When the CRM's list is read.

use herald_base::boxed;
use serde_json::json;
use uuid::Uuid;

use super::SyncScope;
use crate::{DEFAULT_WORKSPACE, People, Result, jobs::CrmSync};
use herald_db::query;
use herald_ledger::{
    Payload,
    schedules::{self, Missed, NewSchedule, Overlap, Schedule, ScheduleError},
};

/// Made at the first start with a CRM, then people's to change or to hold up.
const SCHEDULES: &[(&str, &str, SyncScope)] =
    &[("CRM: everybody", "0 3 * * *", SyncScope::All), ("CRM: changes", "20 * * * *", SyncScope::Changes)];
/// Schedules looked through.
const MOST: usize = 1_000;

impl People {
    /// Plans when the CRM's list is read, if there is a CRM and nobody has planned that yet.
    ///
    /// # Errors
    /// [`super::super::PeopleError::Db`].
    #[boxed]
    pub async fn schedule_crm(&self) -> Result<()> {
        if self.crm.is_none() {
            return Ok(());
        }
        let first = query("select id from workspaces where slug = $1").bind(DEFAULT_WORKSPACE);
        let (workspace,): (Uuid,) = first.one(&self.db).await?;
        let kind = CrmSync::POLICY.name;
        let there = schedules::list_schedules(&self.db, workspace, None, MOST).await?;
        for &(name, _, scope) in SCHEDULES {
            // Made before schedules had makers. If the schedule is still as Herald made it, it belongs to the
            // installation.
            let own =
                |made: &&Schedule| made.name == name && made.kind == kind && made.args.0 == json!({ "scope": scope });
            if let Some(own) = there.iter().find(own).filter(|made| made.made_by.is_none()) {
                schedules::adopt(&self.db, &super::actor(workspace, "start"), own).await?;
            }
        }
        if there.iter().any(|there| there.kind == kind) {
            return Ok(());
        }
        for &(name, cron, scope) in SCHEDULES {
            let new = NewSchedule {
                workspace_id: workspace,
                name: name.to_owned(),
                cron: cron.to_owned(),
                time_zone: "UTC".to_owned(),
                kind: kind.to_owned(),
                args: json!({ "scope": scope }),
                missed: Missed::Once,
                overlap: Overlap::Skip,
                paused: false,
            };
            match schedules::create(&self.db, &super::actor(workspace, "start"), new).await {
                Ok(_) => tracing::info!(name, cron, "the CRM's list is read by this schedule"),
                Err(ScheduleError::Db(error)) => return Err(error.into()),
                // Another process was first.
                Err(ScheduleError::Flaws(_) | ScheduleError::Unseen) => {}
                Err(error @ (ScheduleError::Refused(_) | ScheduleError::Missing(_) | ScheduleError::Quota(_))) => {
                    tracing::error!(name, %error, "the CRM's list is not read by a schedule");
                }
            }
        }
        Ok(())
    }
}
