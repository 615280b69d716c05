//! `crm.sync`: reads the list of the agency's CRM, and updates its people in Herald.
//!
//! Safe to run twice: a page is stored together with the position of the next page. A person changes only if the data
//! of the CRM is newer.

use std::sync::Arc;

use herald_app::jobs::CrmSync;
use herald_people::{PeopleError, SyncEnd};

use crate::runner::{Done, Failure};
use crate::{
    accounts::what_now,
    jobs::{Context, Task},
};

/// The largest number of pages of a list. A list with more pages would never end.
const MOST_PAGES: i64 = 50_000;

pub(crate) async fn run(context: Arc<Context>, task: Task<CrmSync>) -> Result<Done, Failure> {
    let people = &context.people;
    let Some(crm) = people.crm() else { return Err(Failure::Fail(PeopleError::NoCrm.to_string())) };
    let meter = herald_accounts::meter_of_job(&context.db, task.queue(), 1);
    let mut sync = people.begin_crm_sync(task.key.id, task.args.scope).await?;
    while !sync.read_all {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        if sync.pages >= MOST_PAGES {
            return Err(Failure::Fail(format!(
                "the CRM's list has more than {MOST_PAGES} pages: check its next_cursor"
            )));
        }
        // The time is taken before the request, so that a change during the request counts as newer than the page.
        let asked_at = context.db.now();
        let page = crm
            .users(sync.since, sync.next_cursor.as_deref(), &meter)
            .await
            .map_err(|error| what_now(error, task.has_key, task.attempt, context.db.now() - task.enqueued_at()))?;
        sync = people.take_crm_page(&sync, &page, asked_at).await?;
    }
    match people.end_crm_sync(&sync, task.args.allow_missing.map(i64::from)).await? {
        SyncEnd::Done => {
            let result =
                serde_json::json!({ "seen": sync.seen, "changed": sync.changed, "unreadable": sync.unreadable });
            Ok(Done { result: Some(result), ..Done::default() })
        }
        SyncEnd::Held { missing, of, allowed, unreadable } => Err(Failure::Fail(format!(
            "{missing} of the {of} people of the CRM are not on its list ({unreadable} entries of it cannot be read), \
             and at most {allowed} may be: \
             nobody was deactivated. Look at the list; if it is right, start a sync with \"allow_missing\": {missing}"
        ))),
    }
}
