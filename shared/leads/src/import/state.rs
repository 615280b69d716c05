//! A lead as an import sees it, and what a row changes about it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_contacts::{ImportMode, NewActivity, RowRefusal};
use herald_db::{Bulk, FromRow, Result, Tx};
use serde_json::json;
use uuid::Uuid;

use super::cells::LeadCells;
use crate::{LeadStatus, Outcome, rules::need_key};

/// A lead with what is needed of its contact and its owner.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct State {
    pub(super) id: Uuid,
    pub(super) contact_id: Uuid,
    pub(super) status_id: Uuid,
    #[sqlx(try_from = "String")]
    pub(super) stands_for: Outcome,
    pub(super) need: String,
    pub(super) value_minor: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) source: Option<String>,
    pub(super) owner_id: Option<Uuid>,
    pub(super) owner_zone: Option<String>,
    pub(super) follow_up_at: Option<DateTime<Utc>>,
    pub(super) follow_up_zone: Option<String>,
    pub(super) reminded_of: Option<DateTime<Utc>>,
    pub(super) key: Option<String>,
    pub(super) version: i64,
    pub(super) closed_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
    /// Of the contact.
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) external_id: Option<String>,
}

/// What a row brings, looked up in the workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Brought {
    pub(super) cells: LeadCells,
    pub(super) status: Option<LeadStatus>,
    /// The owner and their time zone.
    pub(super) owner: Option<(Uuid, String)>,
}

/// Reads leads. `lock`: nobody else changes them until the transaction ends.
pub(super) async fn states(tx: &mut Tx, workspace_id: Uuid, mut ids: Vec<Uuid>, lock: bool) -> Result<Vec<State>> {
    // Rows are locked in the order of ids.
    ids.sort_unstable();
    ids.dedup();
    let of_ids = |sql: &'static str| {
        Bulk::new(sql)
            .column("id", ids.iter().copied().collect())
            .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    };
    if lock {
        of_ids(
            "update leads set version = version from {rows}
             where leads.workspace_id = rows.workspace_id and leads.id = rows.id",
        )
        .execute(&mut *tx)
        .await?;
    }
    of_ids(
        "select l.id, l.contact_id, l.status_id, s.stands_for, l.need, l.value_minor, l.currency, l.source, l.owner_id,
           u.time_zone as owner_zone, l.follow_up_at, l.follow_up_zone, l.reminded_of, l.key, l.version, l.closed_at,
           l.updated_at, c.name, c.email, c.phone, c.external_id
         from {rows} join leads as l on l.workspace_id = rows.workspace_id and l.id = rows.id
           join contacts as c on c.workspace_id = l.workspace_id and c.id = l.contact_id
           join lead_statuses as s on s.workspace_id = l.workspace_id and s.id = l.status_id
           left join users as u on u.id = l.owner_id
         where l.workspace_id = rows.workspace_id",
    )
    .all(tx)
    .await
}

impl State {
    /// A lead that a row makes.
    pub(super) fn new(
        (id, contact_id): (Uuid, Uuid),
        brought: &Brought,
        status: &LeadStatus,
        now: DateTime<Utc>,
    ) -> std::result::Result<Self, RowRefusal> {
        let cells = &brought.cells;
        let (owner_id, owner_zone) = brought.owner.clone().unzip();
        let follow_up = cells.follow_up(owner_zone.as_deref().unwrap_or("UTC"), now)?;
        let (follow_up_at, follow_up_zone) = follow_up.unzip();
        Ok(Self {
            id,
            contact_id,
            status_id: status.id,
            stands_for: status.stands_for,
            need: cells.need.clone().unwrap_or_default(),
            value_minor: cells.value(None)?,
            currency: cells.currency.clone(),
            source: cells.source.clone(),
            owner_id,
            owner_zone,
            follow_up_at,
            follow_up_zone,
            reminded_of: None,
            key: cells.key.clone(),
            version: 1,
            closed_at: (status.stands_for != Outcome::Open).then_some(now),
            updated_at: now,
            name: String::new(),
            email: None,
            phone: None,
            external_id: None,
        })
    }

    /// The spelling in which two needs are one.
    pub(super) fn need_key(&self) -> String {
        need_key(&self.need)
    }

    /// The zone in which a row's follow-up is meant.
    fn zone(&self, brought: &Brought) -> String {
        let owner = brought.owner.as_ref().map(|(_, zone)| zone);
        owner.or(self.owner_zone.as_ref()).or(self.follow_up_zone.as_ref()).cloned().unwrap_or_else(|| "UTC".to_owned())
    }

    /// What the lead becomes by a row. The version and the time of the change stay.
    pub(super) fn merged(
        &self,
        brought: &Brought,
        mode: ImportMode,
        now: DateTime<Utc>,
    ) -> std::result::Result<Self, RowRefusal> {
        let mut lead = self.clone();
        let cells = &brought.cells;
        let fills = mode == ImportMode::Fill;
        if let Some(need) = cells.need.as_ref().filter(|_| !fills || lead.need.is_empty()) {
            lead.need.clone_from(need);
        }
        if let Some(status) = brought.status.as_ref().filter(|_| !fills) {
            (lead.status_id, lead.stands_for) = (status.id, status.stands_for);
        }
        lead.take_value(cells.value(self.currency.as_deref())?, cells.currency.as_ref(), fills);
        if cells.source.is_some() && (!fills || lead.source.is_none()) {
            lead.source.clone_from(&cells.source);
        }
        if let Some((owner, zone)) = brought.owner.as_ref().filter(|_| !fills || lead.owner_id.is_none()) {
            (lead.owner_id, lead.owner_zone) = (Some(*owner), Some(zone.clone()));
        }
        if let Some((at, zone)) = cells.follow_up(&self.zone(brought), now)? {
            // A lead without a follow-up may have had this one: what is done is not filled in again.
            let is_lacking = lead.follow_up_at.is_none()
                && lead.stands_for == Outcome::Open
                && at > now
                && lead.reminded_of != Some(at);
            if lead.follow_up_at != Some(at) && (!fills || is_lacking) {
                (lead.follow_up_at, lead.follow_up_zone) = (Some(at), Some(zone));
            }
        }
        if lead.key.is_none() {
            lead.key.clone_from(&cells.key);
        }
        lead.settle(self, now);
        Ok(lead)
    }

    /// The value and its currency belong together.
    fn take_value(&mut self, value: Option<i64>, currency: Option<&String>, fills: bool) {
        let is_free = self.value_minor.is_none();
        if value.is_some() && (!fills || is_free) {
            self.value_minor = value;
            self.currency = currency.cloned().or(self.currency.take());
        } else if self.currency.is_none() && (is_free || value == self.value_minor) {
            self.currency = currency.cloned();
        }
    }

    /// What follows from the other fields: when the lead ended, and whether its owner is reminded anew.
    pub(super) fn settle(&mut self, old: &Self, now: DateTime<Utc>) {
        self.closed_at = match self.stands_for {
            Outcome::Open => None,
            Outcome::Won | Outcome::Lost => Some(old.closed_at.unwrap_or(now)),
        };
        let is_forgotten = self.follow_up_at != old.follow_up_at
            || self.owner_id != old.owner_id
            || (old.stands_for != Outcome::Open && self.stands_for == Outcome::Open);
        if is_forgotten {
            self.reminded_of = None;
        }
    }

    /// What a person can change about a lead, by its names.
    pub(super) fn values(&self) -> BTreeMap<&'static str, String> {
        let all = [
            ("need", Some(self.need.clone())),
            ("status_id", Some(self.status_id.to_string())),
            ("value_minor", self.value_minor.map(|value| value.to_string())),
            ("currency", self.currency.clone()),
            ("source", self.source.clone()),
            ("owner_id", self.owner_id.map(|id| id.to_string())),
            ("follow_up_at", self.follow_up_at.map(|at| at.to_rfc3339())),
            ("follow_up_zone", self.follow_up_zone.clone()),
            ("key", self.key.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Gives a lead a value by the name of its field.
    pub(super) fn put(&mut self, name: &str, value: Option<String>) {
        match name {
            "need" => self.need = value.unwrap_or_default(),
            "status_id" => self.status_id = value.and_then(|id| id.parse().ok()).unwrap_or(self.status_id),
            "value_minor" => self.value_minor = value.and_then(|value| value.parse().ok()),
            "currency" => self.currency = value,
            "source" => self.source = value,
            "owner_id" => self.owner_id = value.and_then(|id| id.parse().ok()),
            "follow_up_at" => self.follow_up_at = value.and_then(|at| at.parse().ok()),
            "follow_up_zone" => self.follow_up_zone = value,
            "key" => self.key = value,
            _ => {}
        }
    }

    /// What the contact's timeline tells of a change, as of one that a person makes.
    pub(super) fn told(&self, old: &Self, statuses: &[LeadStatus], who: Option<&str>) -> Vec<NewActivity> {
        let of = |kind| {
            let about = NewActivity::of(self.contact_id, kind, "").about(self.id);
            NewActivity { who: who.map(str::to_owned), ..about }
        };
        let name = |id: Uuid| statuses.iter().find(|status| status.id == id).map(|status| status.name.clone());
        let mut told = Vec::new();
        if old.status_id != self.status_id {
            told.push(of("lead.status").with(json!({ "from": name(old.status_id), "status": name(self.status_id) })));
        }
        if old.follow_up_at != self.follow_up_at {
            told.push(match self.follow_up_at {
                Some(at) => of("lead.follow_up").with(json!({ "at": at })),
                None => of("lead.followed_up"),
            });
        }
        let rest = ["need", "value_minor", "currency", "source", "owner_id", "key"];
        let (before, after) = (old.values(), self.values());
        if rest.iter().any(|field| before.get(field) != after.get(field)) {
            told.push(of("lead.changed"));
        }
        told
    }
}
