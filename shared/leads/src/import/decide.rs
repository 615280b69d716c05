//! What becomes of the rows of a chunk, before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use herald_contacts::{
    DecidedPeople, Import, ImportMode, ImportRow, ImportTally, RowPerson, RowRefusal, decide_people,
};
use herald_db::{Bulk, Tx};
use herald_sheets::RowProblem;
use uuid::Uuid;

use super::{
    cells::LeadCells,
    known::Known,
    notes::{Wanted, add_notes},
    state::{Brought, State, states},
};
use crate::{LeadError, LeadStatus, Outcome};

/// A lead that rows make or change.
pub(super) struct Touched {
    /// The lead before; none if it is new.
    pub(super) before: Option<State>,
    pub(super) after: State,
    /// Notes that are added, with their ids.
    pub(super) notes: Vec<(Uuid, String)>,
}

/// What a chunk does.
pub(super) struct Decided {
    /// The rows that are taken in.
    pub(super) rows: Vec<ImportRow>,
    /// Their people.
    pub(super) people: DecidedPeople,
    pub(super) touched: BTreeMap<Uuid, Touched>,
    pub(super) tally: ImportTally,
    /// Remarks, by the place of the row in the chunk.
    pub(super) notes: Vec<(usize, String)>,
    pub(super) refused: Vec<(usize, RowProblem)>,
    pub(super) statuses: Vec<LeadStatus>,
}

/// A row whose cells the workspace knows.
struct Judged {
    at: usize,
    brought: Brought,
    /// The lead that it names.
    lead: Option<Uuid>,
}

/// What became of the lead of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Made(Uuid),
    Known(Uuid),
    Skipped,
}

/// Finds out what becomes of rows. `lock`: nobody else changes the leads that are found until the transaction ends.
pub(super) async fn decide(
    tx: &mut Tx,
    workspace_id: Uuid,
    import: &Import,
    mut all: Vec<ImportRow>,
    lock: bool,
) -> std::result::Result<Decided, LeadError> {
    let now = tx.db().now();
    let cells: Vec<Result<LeadCells, RowRefusal>> = all.iter().map(LeadCells::of).collect();
    let readable: Vec<(&ImportRow, &LeadCells)> =
        all.iter().zip(&cells).filter_map(|(row, cells)| Some((row, cells.as_ref().ok()?))).collect();
    let mut known = Known::read(&mut *tx, workspace_id, &readable, lock).await?;
    let mut refused: Vec<(usize, RowProblem)> = Vec::new();
    let mut judged: Vec<Judged> = Vec::new();
    // The keys that rows of the chunk bring, with the line and the lead that each was brought for.
    let mut keys: HashMap<String, (u64, Option<Uuid>)> = HashMap::new();
    for (at, (row, cells)) in all.iter_mut().zip(cells).enumerate() {
        let judgement = cells.and_then(|cells| {
            let (brought, lead) = judge(&known, row, &cells, now)?;
            claim(&mut keys, row.line, &cells, lead.as_ref())?;
            Ok((brought, lead))
        });
        match judgement {
            Ok((brought, lead)) => {
                // The lead says who the person is, as an id of a contact does.
                if let Some(lead) = &lead {
                    row.person.contact_id = Some(lead.contact_id);
                }
                judged.push(Judged { at, brought, lead: lead.map(|lead| lead.id) });
            }
            Err(refusal) => refused.push((at, row.refused_at(refusal))),
        }
    }
    let mut places: HashSet<usize> = judged.iter().map(|one| one.at).collect();
    let mut at = 0;
    all.retain(|_| {
        at += 1;
        places.remove(&(at - 1))
    });
    let decided = decide_people(&mut *tx, workspace_id, import, &all).await?;
    let people = decided.people();
    let found = of_needs(&mut *tx, workspace_id, &judged, &people).await?;
    let unread = found.into_iter().filter(|id| !known.leads.contains_key(id)).collect();
    states(&mut *tx, workspace_id, unread, lock).await?.into_iter().for_each(|lead| known.found(lead));
    let mut leads = Leads::new(&known, import.mode, now);
    let mut fates: Vec<Fate> = Vec::new();
    let mut notes: Vec<(usize, String)> = Vec::new();
    for (one, person) in judged.iter().zip(&people) {
        let (fate, note) = leads.take(tx, one, person);
        fates.push(fate);
        notes.extend(note.map(|note| (one.at, note)));
    }
    let mut touched = leads.touched;
    let wanted = judged.iter().zip(&fates).filter_map(|(one, fate)| {
        let (Fate::Made(id) | Fate::Known(id)) = fate else { return None };
        Some(Wanted { at: one.at, lead_id: *id, text: one.brought.cells.note.clone()? })
    });
    let with_notes = add_notes(tx, workspace_id, wanted.collect(), &mut touched, &known.leads).await?;
    let mut tally = ImportTally { refused: i64::try_from(refused.len()).unwrap_or(i64::MAX), ..ImportTally::default() };
    for ((one, person), (row, fate)) in judged.iter().zip(&people).zip(all.iter().zip(&fates)) {
        notes.extend(person.note.clone().map(|note| (one.at, note)));
        if let Some(why) = &person.refused {
            refused.push((one.at, row.refused(why.clone())));
        }
        let has_changed =
            |id: &Uuid| person.has_changed || with_notes.contains(&one.at) || leads.changed.contains(&(one.at, *id));
        *match fate {
            _ if person.refused.is_some() => &mut tally.refused,
            Fate::Made(_) => &mut tally.created,
            Fate::Known(id) if has_changed(id) => &mut tally.updated,
            Fate::Known(_) => &mut tally.unchanged,
            Fate::Skipped if person.has_changed => &mut tally.updated,
            Fate::Skipped => &mut tally.skipped,
        } += 1;
    }
    refused.sort_by_key(|(at, _)| *at);
    touched.retain(|_, lead| lead.before.as_ref() != Some(&lead.after) || !lead.notes.is_empty());
    for lead in touched.values_mut() {
        if let Some(before) = &lead.before {
            (lead.after.version, lead.after.updated_at) = (before.version + 1, now);
        }
    }
    Ok(Decided { rows: all, people: decided, touched, tally, notes, refused, statuses: known.statuses })
}

/// What a row names, and whether its cells can be the lead's.
fn judge(
    known: &Known,
    row: &ImportRow,
    cells: &LeadCells,
    now: DateTime<Utc>,
) -> Result<(Brought, Option<State>), RowRefusal> {
    let brought = known.brought(cells)?;
    let lead = known.named(cells)?;
    match lead {
        Some(lead) => {
            known.same_person(row, lead)?;
            lead.merged(&brought, ImportMode::Overwrite, now)?;
        }
        None => {
            let status = known.statuses.first().cloned();
            let status = brought.status.clone().or(status).ok_or_else(|| RowRefusal::at("status", "there is none"))?;
            State::new((Uuid::nil(), Uuid::nil()), &brought, &status, now)?;
        }
    }
    Ok((brought, lead.cloned()))
}

/// Remembers the key of a row. No two leads may get one key.
fn claim(
    keys: &mut HashMap<String, (u64, Option<Uuid>)>,
    line: u64,
    cells: &LeadCells,
    lead: Option<&State>,
) -> Result<(), RowRefusal> {
    let Some(key) = &cells.key else { return Ok(()) };
    let id = lead.map(|lead| lead.id);
    match keys.get(key) {
        Some((_, Some(first))) if Some(*first) == id => Ok(()),
        Some((first, _)) => Err(RowRefusal::at(
            "key",
            format!("same key as line {first}; remove one of the two, or give each lead a key of its own"),
        )),
        None => {
            keys.insert(key.clone(), (line, id));
            Ok(())
        }
    }
}

/// The leads of known people that have the needs of their rows.
async fn of_needs(
    tx: &mut Tx,
    workspace_id: Uuid,
    judged: &[Judged],
    people: &[RowPerson],
) -> herald_db::Result<BTreeSet<Uuid>> {
    let wanted = judged.iter().zip(people).filter(|(one, person)| one.lead.is_none() && !person.is_new);
    let wanted: BTreeSet<(Uuid, String)> =
        wanted.filter_map(|(one, person)| Some((person.contact_id?, one.brought.cells.need_key()))).collect();
    let found: Vec<(Uuid,)> = Bulk::new(
        "select l.id from {rows} join leads as l on l.workspace_id = rows.workspace_id
           and l.contact_id = rows.contact_id and l.need_key = rows.need_key
         where l.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", wanted.iter().map(|_| workspace_id).collect())
    .column("contact_id", wanted.iter().map(|(contact, _)| *contact).collect())
    .column("need_key", wanted.into_iter().map(|(_, need)| need).collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The leads of a chunk while its rows are gone through.
struct Leads<'k> {
    known: &'k Known,
    mode: ImportMode,
    now: DateTime<Utc>,
    /// By contact and need: the leads, in the order of their ids.
    by_need: HashMap<(Uuid, String), BTreeSet<Uuid>>,
    touched: BTreeMap<Uuid, Touched>,
    /// The rows that changed a lead.
    changed: HashSet<(usize, Uuid)>,
}

impl<'k> Leads<'k> {
    fn new(known: &'k Known, mode: ImportMode, now: DateTime<Utc>) -> Self {
        let mut by_need: HashMap<(Uuid, String), BTreeSet<Uuid>> = HashMap::new();
        for lead in known.leads.values() {
            by_need.entry((lead.contact_id, lead.need_key())).or_default().insert(lead.id);
        }
        Self { known, mode, now, by_need, touched: BTreeMap::new(), changed: HashSet::new() }
    }

    /// A lead in its last state.
    fn lead(&self, id: Uuid) -> Option<&State> {
        self.touched.get(&id).map(|one| &one.after).or_else(|| self.known.leads.get(&id))
    }

    /// Makes or changes the lead of a row. Also returns what should be known.
    fn take(&mut self, tx: &Tx, one: &Judged, person: &RowPerson) -> (Fate, Option<String>) {
        let Some(contact_id) = person.contact_id else { return (Fate::Skipped, None) };
        let found = one.lead.or_else(|| self.of_need(contact_id, &one.brought));
        match found.and_then(|id| self.lead(id)).cloned() {
            Some(lead) => self.change(&lead, one),
            None if self.mode == ImportMode::Update => (Fate::Skipped, None),
            None => self.add(tx.db().new_id(), contact_id, one),
        }
    }

    fn change(&mut self, lead: &State, one: &Judged) -> (Fate, Option<String>) {
        match lead.merged(&one.brought, self.mode, self.now) {
            Ok(after) if after == *lead => (Fate::Known(lead.id), None),
            Ok(after) => {
                self.changed.insert((one.at, lead.id));
                self.put(after);
                (Fate::Known(lead.id), None)
            }
            // It was found by its need, so its currency and its zone were not known when the row was judged.
            Err(refusal) => (Fate::Known(lead.id), Some(format!("the lead stays as it is: {}", refusal.why))),
        }
    }

    fn add(&mut self, id: Uuid, contact_id: Uuid, one: &Judged) -> (Fate, Option<String>) {
        let first = self.known.statuses.iter().find(|status| status.stands_for == Outcome::Open);
        let status = one.brought.status.as_ref().or(first);
        let lead = status.map(|status| State::new((id, contact_id), &one.brought, status, self.now));
        // Judged before: the cells are the same.
        let Some(Ok(lead)) = lead else { return (Fate::Skipped, None) };
        self.put(lead);
        (Fate::Made(id), None)
    }

    fn put(&mut self, after: State) {
        if let Some(old) = self.lead(after.id) {
            let of_old = (old.contact_id, old.need_key());
            self.by_need.entry(of_old).or_default().remove(&after.id);
        }
        self.by_need.entry((after.contact_id, after.need_key())).or_default().insert(after.id);
        let before = self.known.leads.get(&after.id).cloned();
        match self.touched.entry(after.id) {
            std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().after = after,
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Touched { before, after, notes: Vec::new() });
            }
        }
    }

    /// The lead of a person with the need of a row: one that is open, else one that has ended if the row says so. Two
    /// keys are two leads.
    fn of_need(&self, contact_id: Uuid, brought: &Brought) -> Option<Uuid> {
        let key = &brought.cells.key;
        let of_person = self.by_need.get(&(contact_id, brought.cells.need_key()))?;
        let is_same = |lead: &&State| key.is_none() || lead.key.is_none() || lead.key == *key;
        let mut leads = of_person.iter().filter_map(|id| self.lead(*id)).filter(is_same);
        let has_ended = brought.status.as_ref().is_some_and(|status| status.stands_for != Outcome::Open);
        let open = leads.clone().find(|lead| lead.stands_for == Outcome::Open);
        open.or_else(|| leads.next().filter(|_| has_ended)).map(|lead| lead.id)
    }
}
