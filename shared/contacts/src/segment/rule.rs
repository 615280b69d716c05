//! The rules of a segment: who belongs to it, as data.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Channel, ContactError, rules, tag::tag_key};

/// Rules within rules.
const DEEPEST: usize = 8;
/// Rules of a segment, all together.
const MOST: usize = 100;
const LONGEST: usize = 200;

/// Who belongs to a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = SegmentRule)]
pub enum Rule {
    /// Whom every one of these rules means.
    #[schema(no_recursion)]
    All(Vec<Rule>),
    /// Whom at least one of these rules means.
    #[schema(no_recursion)]
    Any(Vec<Rule>),
    /// Whom this rule does not mean.
    #[schema(no_recursion)]
    Not(Box<Rule>),
    /// Who has a value in a field.
    Field(#[serde(deserialize_with = "object")] FieldRule),
    /// Who has this tag.
    #[schema(example = "vip")]
    Tag(String),
    /// Who agreed to a channel, or did not.
    Consent(#[serde(deserialize_with = "object")] ConsentRule),
    /// With whom something happened.
    Activity(#[serde(deserialize_with = "object")] ActivityRule),
    /// Who has a lead.
    Lead(#[serde(deserialize_with = "object")] LeadRule),
    /// Who has an invitation to an event, by its id.
    Guest(Uuid),
    /// Who belongs to another segment, by its id.
    Segment(Uuid),
}

/// Who has a value in a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// `name`, `email`, `phone`, `external_id`, `locale`, `time_zone`, `country`, `preferred_channel`, `source`,
    /// `created_at` or `updated_at`; every other name is a field of the workspace's own.
    #[schema(example = "country", min_length = 1, max_length = 100)]
    pub name: String,
    /// How the value is compared.
    pub is: Comparison,
    /// What it is compared with; left out for `filled` and `empty`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "ES", max_length = 200)]
    pub value: Option<String>,
}

herald_base::text_enum! {
    /// How a field is compared.
    pub enum Comparison, "a field cannot be compared by {:?}" {
        /// It is the value. Of names, capitals and accents do not matter.
        Equal "equal",
        /// It begins with the value.
        Begins "begins",
        /// The value stands somewhere in it.
        Contains "contains",
        /// It has any value.
        Filled "filled",
        /// It has none.
        Empty "empty",
        /// It is this number or more.
        AtLeast "at_least",
        /// It is this number or less.
        AtMost "at_most",
        /// It is more than this number.
        MoreThan "more_than",
        /// It is less than this number.
        LessThan "less_than",
        /// It is a day before this one, written as 2026-03-01.
        Before "before",
        /// It is a day after this one.
        After "after",
    }
}

/// Who agreed to a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRule {
    /// The channel.
    pub channel: Channel,
    /// What their newest consent says. Nobody who was never asked has given one, nor refused one.
    #[serde(default = "yes")]
    pub given: bool,
}

/// Reads what is written as an object. A list of the same values would do as well for serde, and for nobody else.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let object = serde_json::Map::deserialize(from)?;
    serde_json::from_value(serde_json::Value::Object(object)).map_err(serde::de::Error::custom)
}

fn yes() -> bool {
    true
}

/// With whom something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityRule {
    /// What happened, as timelines name it.
    #[schema(example = "lead.created", min_length = 1, max_length = 100)]
    pub kind: String,
    /// Only what happened in the last days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    pub within_days: Option<u32>,
    /// How often at least.
    #[serde(default = "once")]
    #[schema(minimum = 1, maximum = 1000)]
    pub at_least: u32,
}

fn once() -> u32 {
    1
}

/// Who has a lead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeadRule {
    /// Only leads in this status, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 50)]
    pub status: Option<String>,
    /// Only leads whose status counts as this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<LeadOutcome>,
}

herald_base::text_enum! {
    /// What the status of a lead counts as.
    pub enum LeadOutcome, "a lead does not count as {:?}" {
        /// Something may come of it.
        Open "open",
        /// It became a customer.
        Won "won",
        /// Nothing came of it.
        Lost "lost",
    }
}

impl Rule {
    /// Who has each of these tags.
    pub fn tagged(tags: &[String]) -> Self {
        Self::All(tags.iter().cloned().map(Self::Tag).collect())
    }

    /// Whether the rule can be asked.
    ///
    /// # Errors
    /// [`ContactError::Field`]: what cannot, and what to write.
    pub fn check(&self) -> Result<(), ContactError> {
        let mut left = MOST;
        self.check_within(DEEPEST, &mut left)
    }

    fn check_within(&self, depth: usize, left: &mut usize) -> Result<(), ContactError> {
        let Some(rest) = left.checked_sub(1) else {
            return Err(wrong(format!(
                "there are more than {MOST} rules: make a segment of some, and name it in a rule"
            )));
        };
        *left = rest;
        if depth == 0 {
            return Err(wrong(format!(
                "rules stand within rules more than {DEEPEST} deep: make a segment of the inner ones"
            )));
        }
        match self {
            Self::All(rules) | Self::Any(rules) => rules.iter().try_for_each(|rule| rule.check_within(depth - 1, left)),
            Self::Not(rule) => rule.check_within(depth - 1, left),
            Self::Field(field) => field.check(),
            Self::Tag(tag) if tag_key(tag).is_empty() => Err(wrong("a tag has no name: write one".to_owned())),
            Self::Activity(activity) => activity.check(),
            Self::Lead(lead) => lead.check(),
            Self::Tag(_) | Self::Consent(_) | Self::Guest(_) | Self::Segment(_) => Ok(()),
        }
    }

    /// The segments that the rule names.
    pub(super) fn named(&self) -> Vec<Uuid> {
        match self {
            Self::All(rules) | Self::Any(rules) => rules.iter().flat_map(Self::named).collect(),
            Self::Not(rule) => rule.named(),
            Self::Segment(id) => vec![*id],
            _ => Vec::new(),
        }
    }
}

/// A day that both engines can hold.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    text.trim().parse().ok().filter(|day: &NaiveDate| (1..=9999).contains(&day.year()))
}

impl FieldRule {
    fn check(&self) -> Result<(), ContactError> {
        let name = &self.name;
        let is_usable = !name.trim().is_empty() && name.chars().count() <= 100;
        if !is_usable || name.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
            return Err(wrong(format!("{name:?} is not the name of a field: write one as contacts have it")));
        }
        let needs_value = !matches!(self.is, Comparison::Filled | Comparison::Empty);
        let Some(value) = self.value.as_deref().filter(|value| !value.trim().is_empty()) else {
            return match needs_value {
                true => {
                    Err(wrong(format!("{name}: {} needs a value: write one, or compare by filled or empty", self.is)))
                }
                false => Ok(()),
            };
        };
        if value.chars().count() > LONGEST || value.contains('\0') {
            return Err(wrong(format!("{name}: the value is too long: use at most {LONGEST} characters")));
        }
        let is_moment = matches!(name.as_str(), "created_at" | "updated_at");
        match self.is {
            is if is.is_of_numbers() && value.trim().parse::<f64>().is_ok_and(f64::is_finite) => Ok(()),
            is if is.is_of_numbers() => {
                Err(wrong(format!("{name}: {value:?} is not a number: write it like 3 or 12.5")))
            }
            is if (is.is_of_days() || is_moment && is == Comparison::Equal) && day(value).is_none() => {
                Err(wrong(format!("{name}: {value:?} is not a day of the years 1 to 9999: write it like 2026-03-01")))
            }
            _ if name == "time_zone" && self.is == Comparison::Equal => rules::time_zone(value).map(drop),
            _ => Ok(()),
        }
    }
}

impl Comparison {
    pub(super) fn is_of_numbers(self) -> bool {
        matches!(self, Self::AtLeast | Self::AtMost | Self::MoreThan | Self::LessThan)
    }

    pub(super) fn is_of_days(self) -> bool {
        matches!(self, Self::Before | Self::After)
    }
}

impl ActivityRule {
    fn check(&self) -> Result<(), ContactError> {
        if self.kind.trim().is_empty() || self.kind.chars().count() > 100 || self.kind.contains('\0') {
            return Err(wrong(
                "an activity has no kind: write one as timelines name it, such as lead.created".to_owned(),
            ));
        }
        if self.within_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
            return Err(wrong("within_days is a number from 1 to 3650".to_owned()));
        }
        if !(1..=1_000).contains(&self.at_least) {
            return Err(wrong("at_least is a number from 1 to 1000".to_owned()));
        }
        Ok(())
    }
}

impl LeadRule {
    fn check(&self) -> Result<(), ContactError> {
        match &self.status {
            Some(status) if status.trim().is_empty() || status.chars().count() > 50 || status.contains('\0') => {
                Err(wrong("a lead's status has no usable name: write one of the workspace's".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn wrong(detail: String) -> ContactError {
    ContactError::field("rule", detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written() {
        let written = json!({ "all": [
            { "field": { "name": "country", "is": "equal", "value": "ES" } },
            { "not": { "tag": "press" } },
            { "any": [
                { "activity": { "kind": "lead.created", "within_days": 30, "at_least": 1 } },
                { "lead": { "stands_for": "open" } },
            ] },
            { "consent": { "channel": "email", "given": true } },
        ] });
        let rule: Rule = serde_json::from_value(written.clone()).unwrap();
        rule.check().unwrap();
        assert_eq!(serde_json::to_value(&rule).unwrap(), written);
    }

    #[test]
    fn a_list_is_no_rule() {
        for wrong in
            [json!({ "lead": [null, null] }), json!({ "field": ["country", "filled"] }), json!({ "tag": ["x"] })]
        {
            assert!(serde_json::from_value::<Rule>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_named_with_its_cure() {
        let deep = (0..9).fold(Rule::Tag("vip".into()), |rule, _| Rule::Not(Box::new(rule)));
        let many = Rule::Any(vec![Rule::Tag("vip".into()); 101]);
        let field = |name: &str, is, value: Option<&str>| {
            Rule::Field(FieldRule { name: name.into(), is, value: value.map(str::to_owned) })
        };
        for (rule, part) in [
            (deep, "8 deep"),
            (many, "100 rules"),
            (Rule::Tag(" ".into()), "no name"),
            (field("", Comparison::Filled, None), "not the name of a field"),
            (field("a\"b", Comparison::Filled, None), "not the name of a field"),
            (field("country", Comparison::Equal, None), "needs a value"),
            (field("age", Comparison::AtLeast, Some("ten")), "not a number"),
            (field("created_at", Comparison::Before, Some("1/3/26")), "not a day"),
            (field("created_at", Comparison::After, Some("+262142-12-31")), "1 to 9999"),
            (field("updated_at", Comparison::Equal, Some("+262142-12-31")), "1 to 9999"),
            (field("joined", Comparison::Before, Some("-0044-03-15")), "1 to 9999"),
            (field("time_zone", Comparison::Equal, Some("Mars/Base")), "IANA"),
            (Rule::Activity(ActivityRule { kind: String::new(), within_days: None, at_least: 1 }), "no kind"),
            (Rule::Activity(ActivityRule { kind: "x".into(), within_days: Some(0), at_least: 1 }), "1 to 3650"),
        ] {
            let said = rule.check().unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
    }
}
