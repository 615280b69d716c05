//! `contacts.pull`: turns a run's guests in Mautic into contacts and invitations, one page in each transaction.
//!
//! Safe to run twice: the transaction that imports a page also moves the run's cursor. The cursor is an id in Mautic.
//! So contacts that are added or removed meanwhile neither shift a page nor are read twice.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use herald_app::jobs::ContactsPull;
use herald_invitations as domain;
use herald_invitations::{Guest, ImportProblem, MauticSource, Run, RunSource, TemplateFilesError, guest_list};
use herald_providers::{
    Class, Meter, ProviderError,
    mautic::{Fields, Mautic, MauticContact, Selection, Submission},
};
use herald_sheets::email_key;

use crate::runner::{Done, Failure};
use crate::{
    accounts::Used,
    invitations::intake::{Chunk, Row},
    jobs::{Context, Task},
};

/// The number of guests on a page. Mautic takes about a second for so many.
const PAGE: usize = 100;
/// The longest stored value of a field, in characters. An invitation shows no longer text.
const LONGEST_VALUE: usize = 2_000;

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
    let pull = Pull { context: &context, task: &task, run: &run, source, mautic: &mautic, meter: &meter };
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
    meter: &'a Meter,
}

/// A contact, and the form submission through which it was found.
type Found = (MauticContact, Option<Submission>);

impl Pull<'_> {
    async fn settle<R>(&self, result: herald_providers::Result<R>) -> Result<R, Failure> {
        self.mautic.settle(self.context, result).await
    }

    /// Checks before the first guest that links can be written back and that the template's fields exist. Returns these
    /// fields.
    async fn check(&self) -> Result<BTreeSet<String>, Failure> {
        let (client, source) = (&self.mautic.client, self.source);
        let there = self.settle(client.contact_fields(self.meter).await).await?;
        let fields = Fields::checked(&source.link_field, source.number_field.clone(), &there);
        self.settle(fields.map_err(|why| ProviderError::new(Class::Config, why.join("; ")))).await?;
        let mut custom: Vec<String> = there.into_iter().map(|field| field.alias).collect();
        custom.extend(["first_name", "last_name", "mautic_id"].map(str::to_owned));
        if let Selection::Form(form) = &source.selection {
            let form = self.settle(client.form(*form, self.meter).await).await?;
            custom.extend(form.fields.into_iter().map(|field| field.alias));
        }
        if let Selection::Segment(alias) = &source.selection {
            self.find(alias).await?;
        }
        if let Some(field) = source.picture_field.as_ref().filter(|field| !custom.contains(field)) {
            return Err(Failure::Fail(format!(
                "there is no field {field:?} for the picture among the form's and the contacts' fields: there are {}",
                custom.join(", ")
            )));
        }
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

    /// Checks that the segment exists. Reading a segment that does not exist would find no contacts, and the run would
    /// end as if it had succeeded.
    async fn find(&self, alias: &str) -> Result<(), Failure> {
        match self.mautic.client.segments(self.meter).await {
            // A role that may read contacts, but not segments, is sufficient.
            Err(error) if error.needs_a_person() => Ok(()),
            there => self.settle(there).await?.lack(alias).map_or(Ok(()), |lack| Err(Failure::Fail(lack))),
        }
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
            let (found, last, is_end) = self.page(after, wanted, !all).await?;
            let Some(last) = last else { break };
            let mut chunk = Chunk {
                from: cursor,
                to: last,
                rows: Vec::with_capacity(found.len()),
                problems: Vec::new(),
                rejected: 0,
                read_on: reads_on.then(|| (connection_id, selection.clone())),
            };
            for (contact, submission) in found {
                let (row, problem) = self.row(contact, submission, needed);
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

    /// Reads the next page. Returns its guests, the last id on it, and whether it is the last page.
    async fn page(&self, after: i64, limit: usize, only_new: bool) -> Result<(Vec<Found>, Option<i64>, bool), Failure> {
        let client = &self.mautic.client;
        let Selection::Form(form) = &self.source.selection else {
            let without = only_new.then_some(self.source.link_field.as_str());
            let page = client.contacts_after(&self.source.selection, after, limit, without, self.meter).await;
            let page = self.settle(page).await?;
            let (last, is_end) = (page.last().map(|contact| contact.id), page.len() < limit);
            return Ok((page.into_iter().map(|contact| (contact, None)).collect(), last, is_end));
        };
        let submissions = self.settle(client.submissions(*form, after, limit, self.meter).await).await?;
        let (last, is_end) = (submissions.last().map(|submission| submission.id), submissions.len() < limit);
        let mut ids: Vec<i64> = submissions.iter().filter_map(|submission| submission.contact_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let contacts = if ids.is_empty() {
            Vec::new()
        } else {
            self.settle(client.contacts_by_ids(&ids, self.meter).await).await?
        };
        let contacts: HashMap<i64, MauticContact> = contacts.into_iter().map(|contact| (contact.id, contact)).collect();
        // A guest who filled in the form twice is invited once, with the last submission. A contact that has been
        // deleted since is skipped.
        let mut latest: BTreeMap<i64, Submission> = BTreeMap::new();
        for submission in submissions {
            if let Some(id) = submission.contact_id {
                latest.insert(id, submission);
            }
        }
        let mut found: Vec<Found> = latest
            .into_iter()
            .filter_map(|(id, submission)| Some((contacts.get(&id)?.clone(), Some(submission))))
            .collect();
        found.sort_by_key(|(_, submission)| submission.as_ref().map(|submission| submission.id));
        Ok((found, last, is_end))
    }

    fn row(
        &self,
        contact: MauticContact,
        submission: Option<Submission>,
        needed: &BTreeSet<String>,
    ) -> (Row, Option<ImportProblem>) {
        let id = submission.as_ref().map_or(contact.id, |submission| submission.id);
        let has_link = contact.value(&self.source.link_field).is_some();
        let name = contact.name();
        let problem = has_link.then(|| ImportProblem {
            line: id,
            guest: name.clone(),
            fatal: false,
            message: format!(
                "the contact has a link in {} already: it is left as it is, unless Herald made it for this event (use \
                 refresh to replace it)",
                self.source.link_field
            ),
        });
        let picture = self.picture(&contact, submission.as_ref());
        let mut fields: BTreeMap<String, String> = needed.iter().map(|name| (name.clone(), String::new())).collect();
        for (alias, field) in [("firstname", "first_name"), ("lastname", "last_name")] {
            if let Some(value) = contact.value(alias) {
                fields.insert(field.to_owned(), value.to_owned());
            }
        }
        fields.insert("mautic_id".to_owned(), contact.id.to_string());
        let results = submission.map(|submission| submission.results).unwrap_or_default();
        let guest = Guest {
            row_key: String::new(),
            row_key_before: None,
            external_id: Some(self.source.external_id(contact.id)),
            email: contact.email().as_deref().map(email_key),
            phone: contact.phone().map(str::to_owned),
            name,
            picture,
            fields,
        };
        let guest = with_values(guest, contact.fields.into_iter().chain(results));
        (Row { guest, line: id, position: id, has_link }, problem)
    }

    /// The place of the guest's picture, in the form that `face.crop` reads. For a picture that cannot be used, it
    /// contains the reason.
    fn picture(&self, contact: &MauticContact, submission: Option<&Submission>) -> Option<String> {
        let field = self.source.picture_field.as_deref()?;
        let sent =
            submission.and_then(|submission| submission.results.get(field).map(|value| (submission.id, value.trim())));
        match (sent, contact.value(field)) {
            (Some((_, value)), _) if let Some(address) = guest_list::address(value) => Some(address),
            // A form stores an uploaded file under its submission and field.
            (Some((id, value)), _) if !value.is_empty() => {
                Some(format!("mautic:{}:{id}:{field}", self.source.connection_id))
            }
            (_, Some(value)) if let Some(address) = guest_list::address(value) => Some(address),
            (_, Some(_)) => {
                Some(format!("none:the contact field {field} holds no web address: put the picture's address there"))
            }
            (_, None) => None,
        }
    }
}

/// Adds all values. The first value of a field that is not empty stays.
fn with_values(mut guest: Guest, values: impl Iterator<Item = (String, String)>) -> Guest {
    for (name, value) in values.filter(|(_, value)| !value.trim().is_empty()) {
        let value = value.chars().take(LONGEST_VALUE).collect();
        let entry = guest.fields.entry(name).or_default();
        if entry.is_empty() {
            *entry = value;
        }
    }
    guest
}
