//! `contacts.pull`: turns a run's guests in Mautic into contacts and invitations, one page in each transaction.
//!
//! Safe to run twice: the transaction that imports a page also moves the run's cursor. The cursor is an id in Mautic.
//! So contacts that are added or removed meanwhile neither shift a page nor are read twice.

use std::{collections::BTreeSet, sync::Arc};

use herald_app::jobs::ContactsPull;
use herald_invitations as domain;
use herald_invitations::{
    ImportProblem, MauticGuest, MauticGuests, MauticGuestsError, MauticPage, MauticSource, Run, RunSource,
    TemplateFilesError,
};
use herald_providers::mautic::{Mautic, Selection};

use crate::runner::{Done, Failure};
use crate::{
    accounts::Used,
    invitations::intake::{Chunk, Row},
    jobs::{Context, Task},
};

/// The number of guests on a page. Mautic takes about a second for so many.
const PAGE: usize = 100;

pub(crate) async fn run(context: Arc<Context>, task: Task<ContactsPull>) -> Result<Done, Failure> {
    let db = &context.db;
    let Some(run) = domain::find_run(db, task.workspace_id, task.args.run_id).await? else {
        return Err(Failure::Fail("its run does not exist any more".to_owned()));
    };
    if run.has_ended() {
        return Ok(Done::default());
    }
    let RunSource::Mautic(source) = &run.source.0 else {
        return Err(Failure::Fail("its guests are not in Mautic: contacts.import reads them".to_owned()));
    };
    let mautic = context.mautic(&task, source.connection_id).await?;
    let meter = herald_accounts::meter_of_job(db, task.queue(), 1);
    let guests = MauticGuests { client: &mautic.client, source, meter: &meter };
    let pull = Pull { context: &context, task: &task, run: &run, source, mautic: &mautic, guests };
    let needed = pull.check().await?;
    pull.read(&needed).await?;
    let mut tx = db.begin().await?;
    domain::import_finished(&mut tx, task.workspace_id, run.id).await?;
    tx.commit().await?;
    Ok(Done::default())
}

struct Pull<'a> {
    context: &'a Context,
    task: &'a Task<ContactsPull>,
    run: &'a Run,
    source: &'a MauticSource,
    mautic: &'a Used<Mautic>,
    guests: MauticGuests<'a>,
}

impl Pull<'_> {
    async fn settle<R>(&self, result: Result<R, MauticGuestsError>) -> Result<R, Failure> {
        let result = match result {
            Ok(answer) => Ok(answer),
            Err(MauticGuestsError::Provider(error)) => Err(error),
            Err(MauticGuestsError::Wrong(why)) => return Err(Failure::Fail(why)),
        };
        self.mautic.settle(self.context, result).await
    }

    /// Checks before the first guest that links can be written back and that the template's fields exist. Returns these
    /// fields.
    async fn check(&self) -> Result<BTreeSet<String>, Failure> {
        let custom = self.settle(self.guests.fields().await).await?;
        let Some(row) = domain::find_template(&self.context.db, self.task.workspace_id, self.run.template_id).await?
        else {
            return Err(Failure::Fail("its template does not exist any more".to_owned()));
        };
        let template = domain::stored_template(&row).await.map_err(|error| match error {
            TemplateFilesError::Files(_) | TemplateFilesError::Db(_) => error.into(),
            error => Failure::Fail(format!("template {:?}: {error}", row.name)),
        })?;
        let known = domain::field_names(custom.iter().map(String::as_str));
        domain::check_stored_fields(&template, known)
            .await
            .map_err(|problems| Failure::Fail(format!("template {:?}: {problems}", row.name)))?;
        Ok(template.fields())
    }

    async fn read(&self, needed: &BTreeSet<String>) -> Result<(), Failure> {
        let (db, run, options) = (&self.context.db, self.run, &self.run.options.0);
        let (connection_id, selection) = (self.source.connection_id, self.source.selection.name());
        let mut cursor = domain::import_cursor(db, self.task.workspace_id, run.id).await?;
        // A form only gets more submissions, so the next run continues after the last one. A segment can get members
        // with any id, so it is read completely, but without the contacts that have a link.
        let all = options.refresh || options.only_failed;
        let reads_on = matches!(self.source.selection, Selection::Form(_)) && !all;
        let mut after = cursor;
        if reads_on && cursor == 0 {
            after = domain::source_cursor(db, run.event_id, connection_id, &selection).await?;
        }
        let mut left = options.limit.map_or(usize::MAX, |limit| {
            let taken = u64::try_from(run.total).unwrap_or(0);
            usize::try_from(limit.saturating_sub(taken)).unwrap_or(usize::MAX)
        });
        while left > 0 {
            if self.task.cancelled.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let wanted = PAGE.min(left);
            let page = self.guests.page(after, wanted, !all, needed).await;
            let MauticPage { guests, last, is_end } = self.settle(page).await?;
            let Some(last) = last else { break };
            let mut chunk = Chunk {
                from: cursor,
                to: last,
                rows: Vec::with_capacity(guests.len()),
                problems: Vec::new(),
                rejected: 0,
                read_on: reads_on.then(|| (connection_id, selection.clone())),
            };
            for guest in guests {
                let (row, problem) = self.row(guest);
                chunk.rows.push(row);
                chunk.problems.extend(problem);
            }
            left = left.saturating_sub(chunk.rows.len());
            chunk.take_in(self.context, self.task, run).await?;
            (cursor, after) = (last, last);
            if is_end {
                break;
            }
        }
        Ok(())
    }

    fn row(&self, found: MauticGuest) -> (Row, Option<ImportProblem>) {
        let MauticGuest { guest, id, has_link } = found;
        let problem = has_link.then(|| ImportProblem {
            line: id,
            guest: guest.name.clone(),
            fatal: false,
            message: self.guests.remark(),
        });
        (Row { guest, line: id, position: id, has_link }, problem)
    }
}
