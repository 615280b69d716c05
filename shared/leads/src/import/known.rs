//! What the rows of a chunk name: statuses, members, and leads that are there.

use std::collections::{BTreeSet, HashMap};

use herald_contacts::{Channel, ImportRow, RowRefusal, addresses_of};
use herald_db::{Bulk, Result, Tx};
use herald_sheets::name_key as person_key;
use uuid::Uuid;

use super::{
    LEAD_ID,
    cells::LeadCells,
    state::{Brought, State, states},
};
use crate::{LeadError, LeadStatus, status};

/// What the rows of a chunk may name.
pub(super) struct Known {
    pub(super) statuses: Vec<LeadStatus>,
    /// By address: the member and their time zone.
    members: HashMap<String, (Uuid, String)>,
    pub(super) leads: HashMap<Uuid, State>,
    pub(super) by_key: HashMap<String, Uuid>,
    /// The contacts that rows name by their id, and the ones that they are now.
    contacts: HashMap<Uuid, Uuid>,
    /// The addresses of the contacts of these leads besides the primary ones.
    addresses: HashMap<Uuid, Vec<(Channel, String)>>,
}

impl Known {
    pub(super) async fn read(
        tx: &mut Tx,
        workspace_id: Uuid,
        rows: &[(&ImportRow, &LeadCells)],
        lock: bool,
    ) -> std::result::Result<Self, LeadError> {
        let statuses = status::ensure(&mut *tx, workspace_id).await?;
        let members = members(&mut *tx, workspace_id, rows).await?;
        let mut ids: Vec<Uuid> = rows.iter().filter_map(|(_, cells)| cells.id).collect();
        ids.extend(of_keys(&mut *tx, workspace_id, rows).await?);
        let mut known = Self {
            statuses,
            members,
            leads: HashMap::new(),
            by_key: HashMap::new(),
            contacts: contacts(&mut *tx, workspace_id, rows).await?,
            addresses: HashMap::new(),
        };
        states(&mut *tx, workspace_id, ids, lock).await?.into_iter().for_each(|lead| known.found(lead));
        let people: BTreeSet<Uuid> = known.leads.values().map(|lead| lead.contact_id).collect();
        known.addresses = addresses_of(tx, workspace_id, people.into_iter().collect()).await?;
        Ok(known)
    }

    /// Adds a lead.
    pub(super) fn found(&mut self, lead: State) {
        if let Some(key) = &lead.key {
            self.by_key.insert(key.clone(), lead.id);
        }
        self.leads.insert(lead.id, lead);
    }

    /// The lead that a row names by its id or by its key.
    pub(super) fn named(&self, cells: &LeadCells) -> std::result::Result<Option<&State>, RowRefusal> {
        let of_id = cells.id.and_then(|id| self.leads.get(&id));
        let of_key = cells.key.as_ref().and_then(|key| self.by_key.get(key)).and_then(|id| self.leads.get(id));
        match (of_id, of_key) {
            (Some(one), Some(other)) if one.id != other.id => Err(RowRefusal::at(
                LEAD_ID,
                "its lead_id is one lead's, and its key another's; correct one of the two, or leave it empty",
            )),
            (of_id, of_key) => Ok(of_id.or(of_key)),
        }
    }

    /// Looks up what a row names.
    pub(super) fn brought(&self, cells: &LeadCells) -> std::result::Result<Brought, RowRefusal> {
        let status = cells.status.as_ref().map(|name| {
            let known = self.statuses.iter().find(|one| status::name_key(&one.name) == status::name_key(name));
            known.cloned().ok_or_else(|| {
                let names: Vec<&str> = self.statuses.iter().map(|status| status.name.as_str()).collect();
                RowRefusal::at("status", format!("there is no status {name:?}; use one of {}", names.join(", ")))
            })
        });
        let owner = cells.owner.as_ref().map(|email| {
            self.members.get(email).cloned().ok_or_else(|| {
                let why = format!(
                    "{email:?} is not the e-mail address of a member of this workspace; correct it or leave the cell \
                     empty"
                );
                RowRefusal::at("owner", why)
            })
        });
        Ok(Brought { cells: cells.clone(), status: status.transpose()?, owner: owner.transpose()? })
    }

    /// Whether the address of a row is one of those that the contact of a lead has: the primary one, or a further one
    /// of these kinds. None, if the row or the contact has no such address.
    fn has(
        &self,
        lead: &State,
        given: &Option<String>,
        primary: &Option<String>,
        is_of_kind: impl Fn(Channel) -> bool,
    ) -> Option<bool> {
        let given = given.as_ref()?;
        let further = self.addresses.get(&lead.contact_id).into_iter().flatten();
        let further = further.filter(|(kind, _)| is_of_kind(*kind)).map(|(_, value)| value);
        let mut all = primary.iter().chain(further).peekable();
        all.peek()?;
        Some(all.any(|value| value == given))
    }

    /// Whether the person of a row can be the contact of a lead that the row names.
    pub(super) fn same_person(&self, row: &ImportRow, lead: &State) -> std::result::Result<(), RowRefusal> {
        let person = &row.person;
        let differ = |one: &Option<String>, other: &Option<String>| {
            one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one != other)
        };
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        let has_email = self.has(lead, &person.email, &lead.email, |kind| kind == Channel::Email);
        let has_phone = self.has(lead, &person.phone, &lead.phone, |kind| kind != Channel::Email);
        let named = person.contact_id.and_then(|id| self.contacts.get(&id));
        let is_other = match named {
            Some(contact) => *contact != lead.contact_id,
            None => {
                let has_other_name = person_key(&person.name) != person_key(&lead.name);
                // Under another name something must say that it is them: a key alone may be mistyped.
                let is_known =
                    same(&person.external_id, &lead.external_id) || has_email == Some(true) || has_phone == Some(true);
                differ(&person.external_id, &lead.external_id)
                    || has_other_name && (has_email == Some(false) || !is_known)
            }
        };
        match is_other {
            true => Err(RowRefusal {
                field: None,
                why: format!(
                    "its lead is of {:?}, and the row names somebody else; correct the person, add their e-mail \
                     address, or give the row no lead_id and a key of its own",
                    lead.name
                ),
            }),
            false => Ok(()),
        }
    }
}

async fn members(
    tx: &mut Tx,
    workspace_id: Uuid,
    rows: &[(&ImportRow, &LeadCells)],
) -> Result<HashMap<String, (Uuid, String)>> {
    let emails: BTreeSet<String> = rows.iter().filter_map(|(_, cells)| cells.owner.clone()).collect();
    let found: Vec<(String, Uuid, String)> = Bulk::new(
        "select u.email_key, u.id, u.time_zone from {rows} join users as u on u.email_key = rows.email
           join members as m on m.workspace_id = rows.workspace_id and m.user_id = u.id
         where m.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", emails.iter().map(|_| workspace_id).collect())
    .column("email", emails.into_iter().collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|(email, id, zone)| (email, (id, zone))).collect())
}

async fn of_keys(tx: &mut Tx, workspace_id: Uuid, rows: &[(&ImportRow, &LeadCells)]) -> Result<Vec<Uuid>> {
    let keys: BTreeSet<String> = rows.iter().filter_map(|(_, cells)| cells.key.clone()).collect();
    let found: Vec<(Uuid,)> = Bulk::new(
        "select l.id from {rows} join leads as l on l.workspace_id = rows.workspace_id and l.key = rows.key
         where l.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", keys.iter().map(|_| workspace_id).collect())
    .column("key", keys.into_iter().collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

async fn contacts(tx: &mut Tx, workspace_id: Uuid, rows: &[(&ImportRow, &LeadCells)]) -> Result<HashMap<Uuid, Uuid>> {
    let named = rows.iter().filter(|(_, cells)| cells.id.is_some() || cells.key.is_some());
    let ids: BTreeSet<Uuid> = named.filter_map(|(row, _)| row.person.contact_id).collect();
    let found: Vec<(Uuid, Uuid)> = Bulk::new(
        "select c.id, coalesce(c.merged_into, c.id) as now_id from {rows}
         join contacts as c on c.workspace_id = rows.workspace_id and c.id = rows.id
         where c.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("id", ids.into_iter().collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().collect())
}
