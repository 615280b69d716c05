//! What a lead may be: each field checked, with errors that name the cure.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use herald_base::money;
use serde::Deserialize;
use uuid::Uuid;

use super::{LeadError, Result, status::name_key};

const LONGEST_NEED: usize = 2_000;
const LONGEST_SOURCE: usize = 100;
const LONGEST_KEY: usize = 200;
/// Follow-ups lie at most so far ahead.
const FARTHEST_DAYS: u64 = 3_660;
/// And not before this year: PostgreSQL does not hold every year that can be written.
const FIRST_YEAR: i32 = 1900;

/// What is said of a lead. Missing values stay as they are; empty texts are removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeadFields {
    /// What the person wants: at most 2,000 characters.
    #[schema(example = "A dinner for 40 guests in May")]
    pub need: Option<String>,
    /// The status, by its name.
    #[schema(example = "Contacted")]
    pub status: Option<String>,
    /// What it is worth, in the smallest unit of the currency.
    #[schema(minimum = 0, example = 250_000)]
    pub value_minor: Option<i64>,
    /// The currency (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Where it came from.
    #[schema(example = "website")]
    pub source: Option<String>,
    /// The member who looks after it, by their id. Empty: nobody.
    pub owner_id: Option<String>,
    /// When somebody speaks with the person next: a time by the clocks of `follow_up_zone`, or one with its own offset.
    /// Empty: no longer.
    #[schema(example = "2026-03-02T09:30")]
    pub follow_up_at: Option<String>,
    /// The time zone of that time, as an IANA name; by default the one of the earlier follow-up, else UTC.
    #[schema(example = "Europe/Madrid")]
    pub follow_up_zone: Option<String>,
}

/// The next follow-up: when, and in which zone the time was chosen.
pub(crate) type FollowUp = Option<(DateTime<Utc>, String)>;

/// The fields, checked. The outer `None` of a field: it stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) need: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) value_minor: Option<i64>,
    pub(crate) currency: Option<Option<String>>,
    pub(crate) source: Option<Option<String>>,
    pub(crate) owner_id: Option<Option<Uuid>>,
    pub(crate) follow_up: Option<FollowUp>,
}

impl LeadFields {
    /// Checks the fields. `zone` is that of the earlier follow-up.
    pub(crate) fn checked(&self, zone: Option<&str>, now: DateTime<Utc>) -> Result<Checked> {
        Ok(Checked {
            need: self.need.as_deref().map(need).transpose()?,
            status: self.status.clone().filter(|status| !status.trim().is_empty()),
            value_minor: self.value_minor.map(value).transpose()?,
            currency: cleared(self.currency.as_deref(), currency)?,
            source: cleared(self.source.as_deref(), source)?,
            owner_id: cleared(self.owner_id.as_deref(), owner)?,
            follow_up: self.follow_up(zone, now)?,
        })
    }

    fn follow_up(&self, zone: Option<&str>, now: DateTime<Utc>) -> Result<Option<FollowUp>> {
        let Some(at) = self.follow_up_at.as_deref().map(str::trim) else { return Ok(None) };
        if at.is_empty() {
            return Ok(Some(None));
        }
        let zone =
            self.follow_up_zone.as_deref().map(str::trim).filter(|zone| !zone.is_empty()).or(zone).unwrap_or("UTC");
        let zone: Tz = zone.parse().map_err(|_| {
            let detail = format!("{zone:?} is not a time zone: write an IANA name such as Europe/Madrid");
            LeadError::field("follow_up_zone", detail)
        })?;
        let at = moment(at, zone)?;
        if at.year() < FIRST_YEAR {
            let detail = format!("the follow-up is before the year {FIRST_YEAR}: check the year");
            return Err(LeadError::field("follow_up_at", detail));
        }
        if at > now + Days::new(FARTHEST_DAYS) {
            return Err(LeadError::field("follow_up_at", "the follow-up is more than ten years ahead: check the year"));
        }
        Ok(Some(Some((at, zone.name().to_owned()))))
    }
}

fn cleared<T>(value: Option<&str>, check: impl Fn(&str) -> Result<T>) -> Result<Option<Option<T>>> {
    match value.map(str::trim) {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => check(text).map(|value| Some(Some(value))),
    }
}

pub(crate) fn need(text: &str) -> Result<String> {
    let text = text.trim();
    let long = text.chars().count();
    if long > LONGEST_NEED {
        return Err(LeadError::field("need", format!("the need has {long} characters: use at most {LONGEST_NEED}")));
    }
    Ok(text.to_owned())
}

/// The spelling in which two needs are one.
pub(crate) fn need_key(need: &str) -> String {
    name_key(need)
}

fn value(value: i64) -> Result<i64> {
    if value < 0 {
        return Err(LeadError::field("value_minor", format!("the value is {value}: use 0 or more")));
    }
    Ok(value)
}

pub(crate) fn currency(text: &str) -> Result<String> {
    let letters = text.to_ascii_uppercase();
    if money::digits(&letters).is_some() {
        return Ok(letters);
    }
    Err(LeadError::field("currency", format!("{text:?} is not a currency: write three letters such as EUR")))
}

pub(crate) fn source(text: &str) -> Result<String> {
    let long = text.chars().count();
    if long > LONGEST_SOURCE || text.chars().any(char::is_control) {
        let detail = format!("the source has {long} characters: use at most {LONGEST_SOURCE}");
        return Err(LeadError::field("source", detail));
    }
    Ok(text.to_owned())
}

fn owner(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| LeadError::field("owner_id", format!("{text:?} is not the id of a member")))
}

/// The caller's name for a lead.
pub(crate) fn key(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_KEY {
        return Err(LeadError::field(
            "key",
            format!("the key is empty or too long: use 1 to {LONGEST_KEY} characters"),
        ));
    }
    Ok(text.to_owned())
}

/// A time with an offset, or one by the clocks of a zone. An hour that the clocks skip or show twice is asked for
/// again.
fn moment(text: &str, zone: Tz) -> Result<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).ok_or_else(|| {
        LeadError::field("follow_up_at", format!("{text:?} is not a time: write it like 2026-03-02T09:30"))
    })?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(at.to_utc()),
        LocalResult::None => {
            Err(LeadError::field("follow_up_at", format!("the clocks in {zone} skip {text}: choose another time")))
        }
        LocalResult::Ambiguous(first, second) => Err(LeadError::field(
            "follow_up_at",
            format!("the clocks in {zone} show {text} twice: write {} or {}", first.to_rfc3339(), second.to_rfc3339()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-01T09:00:00Z".parse().unwrap()
    }

    fn follow_up(at: &str, zone: &str) -> std::result::Result<Option<FollowUp>, String> {
        let fields =
            LeadFields { follow_up_at: Some(at.into()), follow_up_zone: Some(zone.into()), ..LeadFields::default() };
        fields.checked(None, now()).map(|checked| checked.follow_up).map_err(|error| error.to_string())
    }

    #[test]
    fn a_follow_up_is_a_time_by_the_clocks_of_its_zone() {
        let at = |text: &str| Some(Some((text.parse().unwrap(), "Europe/Madrid".to_owned())));
        assert_eq!(follow_up("2026-03-02T09:30", "Europe/Madrid"), Ok(at("2026-03-02T08:30:00Z")));
        assert_eq!(follow_up("2026-07-02 09:30", "Europe/Madrid"), Ok(at("2026-07-02T07:30:00Z")));
        assert_eq!(follow_up("2026-03-02T09:30:00+05:00", "Europe/Madrid"), Ok(at("2026-03-02T04:30:00Z")));
        assert_eq!(follow_up("", "Europe/Madrid"), Ok(Some(None)));
        assert!(follow_up("2026-03-29T02:30", "Europe/Madrid").unwrap_err().contains("skip"));
        let twice = follow_up("2026-10-25T02:30", "Europe/Madrid").unwrap_err();
        assert!(twice.contains("02:30:00+02:00 or 2026-10-25T02:30:00+01:00"), "{twice}");
        assert!(follow_up("tomorrow", "UTC").unwrap_err().contains("2026-03-02T09:30"));
        assert!(follow_up("2126-03-02T09:30", "UTC").unwrap_err().contains("check the year"));
        assert!(follow_up("-5000-01-01T09:00", "UTC").unwrap_err().contains("1900"));
        assert!(follow_up("1899-12-31T09:00", "UTC").unwrap_err().contains("1900"));
        assert!(follow_up("1900-01-01T09:00", "UTC").is_ok());
        assert!(follow_up("2026-03-02T09:30", "Mars").unwrap_err().contains("IANA"));
    }

    #[test]
    fn what_cannot_be_is_named_with_its_cure() {
        for (fields, part) in [
            (LeadFields { value_minor: Some(-1), ..LeadFields::default() }, "0 or more"),
            (LeadFields { currency: Some("EURO".into()), ..LeadFields::default() }, "three letters"),
            (LeadFields { owner_id: Some("ann".into()), ..LeadFields::default() }, "id of a member"),
            (LeadFields { source: Some("x".repeat(101)), ..LeadFields::default() }, "at most 100"),
            (LeadFields { need: Some("x".repeat(2_001)), ..LeadFields::default() }, "at most 2000"),
        ] {
            let said = fields.checked(None, now()).unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
        let empty = LeadFields { source: Some(" ".into()), owner_id: Some(String::new()), ..LeadFields::default() };
        let checked = empty.checked(None, now()).unwrap();
        assert_eq!((checked.source, checked.owner_id, checked.need), (Some(None), Some(None), None));
    }
}
