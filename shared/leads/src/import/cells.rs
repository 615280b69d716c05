//! What a row says of a lead, as far as it can be told without the workspace.

use chrono::{DateTime, NaiveDate, Utc};
use herald_base::money;
use herald_contacts::{ImportRow, RowRefusal};
use herald_sheets::email_key;
use uuid::Uuid;

use super::LEAD_ID;
use crate::{
    LeadError, LeadFields, Result, note,
    rules::{self, FollowUp, need_key},
};

/// When somebody speaks with a person for whom a list names only the day.
const TIME_OF_DAY: &str = "T09:00";

/// The cells of a lead. Empty ones say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LeadCells {
    pub(super) id: Option<Uuid>,
    pub(super) key: Option<String>,
    pub(super) need: Option<String>,
    pub(super) status: Option<String>,
    value: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) source: Option<String>,
    /// The e-mail address of the owner, as it is compared.
    pub(super) owner: Option<String>,
    follow_up: Option<String>,
    follow_up_zone: Option<String>,
    pub(super) note: Option<String>,
}

impl LeadCells {
    pub(super) fn of(row: &ImportRow) -> std::result::Result<Self, RowRefusal> {
        let cell = |field: &str| row.more.get(field).cloned();
        let checked = |field: &'static str, check: fn(&str) -> Result<String>| {
            cell(field).map(|text| check(&text)).transpose().map_err(|error| at(field, &error))
        };
        let id = cell(LEAD_ID).map(|text| text.parse::<Uuid>()).transpose().map_err(|_| {
            RowRefusal::at(
                LEAD_ID,
                "the cell is not the id of a lead; leave it empty for a lead that Herald does not know",
            )
        })?;
        Ok(Self {
            id,
            key: checked("key", rules::key)?,
            need: checked("need", rules::need)?,
            status: cell("status"),
            value: cell("value"),
            currency: checked("currency", rules::currency)?,
            source: checked("source", rules::source)?,
            owner: cell("owner").map(|email| email_key(&email)),
            follow_up: cell("follow_up"),
            follow_up_zone: cell("follow_up_zone"),
            note: checked("note", note::checked)?,
        })
    }

    /// The spelling in which two needs are one.
    pub(super) fn need_key(&self) -> String {
        need_key(self.need.as_deref().unwrap_or_default())
    }

    /// The value in the smallest unit of the row's currency, else of the one that the lead has.
    pub(super) fn value(&self, of_lead: Option<&str>) -> std::result::Result<Option<i64>, RowRefusal> {
        let Some(text) = &self.value else { return Ok(None) };
        let digits = self.currency.as_deref().or(of_lead).and_then(money::digits).unwrap_or(2);
        money::parse(text, digits).map(Some).map_err(|error| RowRefusal::at("value", error))
    }

    /// The next follow-up, by the clocks of the row's zone, else of `zone`.
    pub(super) fn follow_up(&self, zone: &str, now: DateTime<Utc>) -> std::result::Result<FollowUp, RowRefusal> {
        let Some(text) = &self.follow_up else { return Ok(None) };
        let is_day = NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
        let fields = LeadFields {
            follow_up_at: Some(if is_day { format!("{text}{TIME_OF_DAY}") } else { text.clone() }),
            follow_up_zone: Some(self.follow_up_zone.clone().unwrap_or_else(|| zone.to_owned())),
            ..LeadFields::default()
        };
        let checked = fields.checked(None, now).map_err(|error| match &error {
            LeadError::Field { field: "follow_up_zone", .. } => at("follow_up_zone", &error),
            _ => at("follow_up", &error),
        })?;
        Ok(checked.follow_up.flatten())
    }
}

fn at(field: &'static str, error: &LeadError) -> RowRefusal {
    RowRefusal::at(field, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(given: &[(&'static str, &str)]) -> std::result::Result<LeadCells, RowRefusal> {
        let more = given.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
        LeadCells::of(&ImportRow { more, ..ImportRow::default() })
    }

    fn now() -> DateTime<Utc> {
        "2026-03-01T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_follow_up_is_a_day_or_a_time_in_the_zone_of_its_owner() {
        let at = |text: &str, zone: &str| cells(&[("follow_up", text)]).unwrap().follow_up(zone, now());
        let of = |text: &str| Ok(Some((text.parse().unwrap(), "Europe/Madrid".to_owned())));
        assert_eq!(at("2026-03-05", "Europe/Madrid"), of("2026-03-05T08:00:00Z"));
        // As a workbook shows a time.
        assert_eq!(at("2026-03-05 14:30:00", "Europe/Madrid"), of("2026-03-05T13:30:00Z"));
        assert_eq!(at("2026-03-05T14:30:00+00:00", "Europe/Madrid"), of("2026-03-05T14:30:00Z"));
        let own = cells(&[("follow_up", "2026-03-05"), ("follow_up_zone", "Europe/Madrid")]).unwrap();
        assert_eq!(own.follow_up("Asia/Tokyo", now()), of("2026-03-05T08:00:00Z"));
        let refused = at("05/03/2026", "UTC").unwrap_err();
        assert_eq!(refused.field, Some("follow_up"));
        assert!(refused.why.contains("2026-03-02T09:30"), "{refused:?}");
        let elsewhere = cells(&[("follow_up", "2026-03-05"), ("follow_up_zone", "Mars")]).unwrap();
        assert_eq!(elsewhere.follow_up("UTC", now()).unwrap_err().field, Some("follow_up_zone"));
    }

    #[test]
    fn a_value_has_the_digits_of_its_currency() {
        let value =
            |text: &str, own: &str, of_lead| cells(&[("value", text), ("currency", own)]).unwrap().value(of_lead);
        assert_eq!(value("2,500.50", "eur", None), Ok(Some(250_050)));
        assert_eq!(value("2,500", "JPY", Some("EUR")), Ok(Some(2_500)));
        let bare = |of_lead| cells(&[("value", "2500")]).unwrap().value(of_lead);
        assert_eq!((bare(None), bare(Some("JPY"))), (Ok(Some(250_000)), Ok(Some(2_500))));
        assert_eq!(value("lots", "EUR", None).unwrap_err().field, Some("value"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_column() {
        for (field, text, part) in [
            (LEAD_ID, "seven", "not the id of a lead"),
            ("currency", "EURO", "three letters"),
            ("key", &"x".repeat(201) as &str, "1 to 200"),
            ("need", &"x".repeat(2_001), "at most 2000"),
            ("source", &"x".repeat(101), "at most 100"),
            ("note", &"x".repeat(5_001), "5000"),
        ] {
            let refused = cells(&[(field, text)]).unwrap_err();
            assert_eq!(refused.field, Some(field));
            assert!(refused.why.contains(part), "{refused:?}");
        }
    }
}
