//! A rule as a condition on `contacts as c`, with every value bound.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use herald_db::EngineKind;
use herald_sheets::{Phone, email_key, find_key, name_key, normalise_phone};
use uuid::Uuid;

use super::rule::{ActivityRule, Comparison, ConsentRule, FieldRule, LeadRule, Rule, day};
use crate::{
    activity::IMPORTED,
    find::{LAST, Statement},
    tag::tag_key,
};

/// Longer texts are no numbers.
const LONGEST_NUMBER: usize = 40;

/// The columns of text that are compared as they are.
const COLUMNS: [&str; 8] =
    ["email", "phone", "external_id", "locale", "time_zone", "country", "preferred_channel", "source"];

/// What a condition depends on besides its rule.
pub(crate) struct Ground<'a> {
    /// The placeholder of the workspace.
    pub(crate) workspace: &'a str,
    pub(crate) engine: EngineKind,
    pub(crate) now: DateTime<Utc>,
}

/// The condition of a rule. Segments that it names must have been put in already ([`super::whole`]).
pub(crate) fn condition(rule: &Rule, statement: &mut Statement, on: &Ground<'_>) -> String {
    match rule {
        Rule::All(rules) => joined(rules, statement, on, " and ", "true"),
        Rule::Any(rules) => joined(rules, statement, on, " or ", "false"),
        Rule::Not(rule) => format!("not {}", condition(rule, statement, on)),
        Rule::Field(field) => of_field(field, statement, on),
        Rule::Tag(tag) => {
            let (workspace, tag) = (on.workspace, statement.bind(tag_key(tag)));
            format!(
                "c.id in (select ct.contact_id from contact_tags as ct
                          where ct.workspace_id = {workspace} and ct.tag_id in
                            (select t.id from tags as t where t.workspace_id = {workspace} and t.name_key = {tag}))"
            )
        }
        Rule::Consent(consent) => of_consent(consent, statement, on),
        Rule::Activity(activity) => of_activity(activity, statement, on),
        Rule::Lead(lead) => of_lead(lead, statement, on),
        Rule::Guest(event) => of_event(*event, statement, on),
        // Nobody: a segment that is not there has no members.
        Rule::Segment(_) => "false".to_owned(),
    }
}

/// What a contact costs that is compared with a rule: a look at its columns, into its fields, or at another table.
fn cost(rule: &Rule) -> u8 {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => rules.iter().map(cost).max().unwrap_or(0),
        Rule::Not(rule) => cost(rule),
        Rule::Field(field) => u8::from(!is_column(&field.name)),
        Rule::Activity(activity) if activity.kind.trim() == IMPORTED && activity.at_least <= 1 => 2,
        Rule::Tag(_) | Rule::Consent(_) | Rule::Activity(_) | Rule::Lead(_) | Rule::Guest(_) => 3,
        Rule::Segment(_) => 0,
    }
}

fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name) || matches!(name, "name" | "created_at" | "updated_at")
}

fn joined(rules: &[Rule], statement: &mut Statement, on: &Ground<'_>, with: &str, without: &str) -> String {
    if rules.is_empty() {
        return without.to_owned();
    }
    // SQLite asks them in this order until it knows the answer.
    let mut rules: Vec<&Rule> = rules.iter().collect();
    rules.sort_by_key(|rule| cost(rule));
    let conditions: Vec<String> = rules.into_iter().map(|rule| condition(rule, statement, on)).collect();
    format!("({})", conditions.join(with))
}

fn of_field(field: &FieldRule, statement: &mut Statement, on: &Ground<'_>) -> String {
    let value = field.value.as_deref().unwrap_or_default().trim();
    let column = match field.name.as_str() {
        "name" => return of_name(field.is, value, statement, on),
        "created_at" | "updated_at" => return of_moment(field, value, statement),
        column if COLUMNS.contains(&column) => format!("c.{column}"),
        own => own_field(own, statement, on.engine),
    };
    let value = match field.name.as_str() {
        "email" if field.is == Comparison::Equal => email_key(value),
        "email" => value.to_lowercase(),
        "country" => value.to_ascii_uppercase(),
        "phone" if field.is == Comparison::Equal => match normalise_phone(value, None) {
            Phone::International(number) => number,
            Phone::AsGiven(_) => value.to_owned(),
        },
        _ => value.to_owned(),
    };
    compared(&column, field.is, &value, statement, on.engine)
}

/// The value of one of the workspace's own fields.
pub(super) fn own_field(name: &str, statement: &mut Statement, engine: EngineKind) -> String {
    let path = match engine {
        EngineKind::Postgres => name.to_owned(),
        EngineKind::Sqlite => format!("$.\"{name}\""),
    };
    format!("(c.fields ->> {})", statement.bind(path))
}

/// A column of text, compared. A contact without a value is meant by `empty` alone.
fn compared(column: &str, is: Comparison, value: &str, statement: &mut Statement, engine: EngineKind) -> String {
    let postgres = engine == EngineKind::Postgres;
    match is {
        Comparison::Equal => format!("coalesce({column} = {}, false)", statement.bind(value)),
        Comparison::Filled => format!("coalesce({column} <> '', false)"),
        Comparison::Empty => format!("coalesce({column} = '', true)"),
        Comparison::Begins => {
            let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
            let (value, length) = (statement.bind(value), statement.bind(length));
            match postgres {
                true => format!("coalesce(starts_with({column}, {value}), false)"),
                false => format!("coalesce(substr({column}, 1, {length}) = {value}, false)"),
            }
        }
        Comparison::Contains => {
            let value = statement.bind(value);
            let place = if postgres { "strpos" } else { "instr" };
            format!("coalesce({place}({column}, {value}) > 0, false)")
        }
        Comparison::AtLeast | Comparison::AtMost | Comparison::MoreThan | Comparison::LessThan => {
            let sign = match is {
                Comparison::AtLeast => ">=",
                Comparison::AtMost => "<=",
                Comparison::MoreThan => ">",
                _ => "<",
            };
            // PostgreSQL refuses a number like 1e-400.
            let is_none = value.trim().parse::<f64>().is_ok_and(|number| number.abs() < f64::MIN_POSITIVE);
            let value = statement.bind(if is_none { "0" } else { value.trim() });
            // Of a text that is no number the comparison must not be made, nor of one that PostgreSQL cannot hold.
            match postgres {
                true => format!(
                    "coalesce(case when length(trim({column})) <= {LONGEST_NUMBER}
                                        and {column} ~ '^[ ]*-?[0-9]+([.][0-9]+)?[ ]*$'
                                   then cast({column} as double precision)
                                        {sign} cast(cast({value} as text) as double precision)
                                   else false end, false)"
                ),
                // The value is taken out of its fields once for all these looks at it.
                false => format!(
                    "coalesce((with n as materialized (select trim({column}) as v)
                               select case when length(v) <= {LONGEST_NUMBER}
                                             and v glob '*[0-9]' and v not glob '*[^-0-9.]*' and v not glob '?*-*'
                                             and v not glob '*.*.*' and v not glob '.*' and v not glob '-.*'
                                           then cast(v as real) {sign} cast({value} as real) else false end
                               from n), false)"
                ),
            }
        }
        Comparison::Before | Comparison::After => {
            let sign = if is == Comparison::Before { "<" } else { ">" };
            let value = statement.bind(value);
            let day = format!("substr({column}, 1, 10)");
            let is_day = match postgres {
                true => format!("{day} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'"),
                false => format!("{day} glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'"),
            };
            format!("coalesce({is_day} and {} {sign} {value}, false)", bytes(&day, engine))
        }
    }
}

/// Text that is compared byte by byte, as SQLite does without being asked.
fn bytes(text: &str, engine: EngineKind) -> String {
    if engine == EngineKind::Postgres { format!("({text}) collate \"C\"") } else { text.to_owned() }
}

/// Of names neither capitals nor accents matter.
fn of_name(is: Comparison, value: &str, statement: &mut Statement, on: &Ground<'_>) -> String {
    let found = bytes("c.find_key", on.engine);
    match is {
        Comparison::Equal => format!("coalesce(c.name_key = {}, false)", statement.bind(name_key(value))),
        Comparison::Begins => {
            let begins = find_key(value);
            let (from, to) = (statement.bind(begins.as_str()), statement.bind(format!("{begins}{LAST}")));
            format!("coalesce({found} >= {from} and {found} < {to}, false)")
        }
        Comparison::Contains => compared("c.find_key", is, &find_key(value), statement, on.engine),
        is => compared("c.name", is, value, statement, on.engine),
    }
}

/// Days are those of UTC.
fn of_moment(field: &FieldRule, value: &str, statement: &mut Statement) -> String {
    let day = day(value).unwrap_or_default();
    let begins = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let next = begins(day) + TimeDelta::days(1);
    let column = format!("c.{}", field.name);
    match field.is {
        Comparison::Before => format!("{column} < {}", statement.bind(begins(day))),
        Comparison::After => format!("{column} >= {}", statement.bind(next)),
        Comparison::Equal => {
            let (from, to) = (statement.bind(begins(day)), statement.bind(next));
            format!("({column} >= {from} and {column} < {to})")
        }
        Comparison::Filled => "true".to_owned(),
        _ => "false".to_owned(),
    }
}

fn of_consent(consent: &ConsentRule, statement: &mut Statement, on: &Ground<'_>) -> String {
    let workspace = on.workspace;
    let channel = statement.bind(consent.channel.as_str());
    let given = if consent.given { "n.given" } else { "not n.given" };
    format!(
        "c.id in (select n.contact_id from contact_consents as n
                  where n.workspace_id = {workspace} and n.channel = {channel} and {given} and not exists
                    (select 1 from contact_consents as later
                     where later.workspace_id = {workspace} and later.contact_id = n.contact_id
                       and later.channel = n.channel and (later.at > n.at or later.at = n.at and later.id > n.id)))"
    )
}

fn of_activity(activity: &ActivityRule, statement: &mut Statement, on: &Ground<'_>) -> String {
    let since = activity.within_days.map(|days| statement.bind(on.now - TimeDelta::days(days.into())));
    let within = |moment: &str| since.as_ref().map_or_else(String::new, |since| format!(" and {moment} >= {since}"));
    let told = Told {
        workspace: on.workspace,
        kind: &statement.bind(activity.kind.trim()),
        since: &within("a.at"),
        engine: on.engine,
    };
    if activity.kind.trim() != IMPORTED {
        return told.at_least(activity.at_least, statement);
    }
    let made = format!("c.imported_by is not null{}", within("c.created_at"));
    match (activity.at_least, on.engine) {
        // The list is made when the first contact needs it.
        (0 | 1, EngineKind::Sqlite) => format!("({made} or {})", told.at_least(1, statement)),
        // Of a list that is too long for its memory, PostgreSQL would read all for every contact.
        (0 | 1, EngineKind::Postgres) => format!("({made} or exists ({}))", told.of_contact("1")),
        (times, _) => {
            let but_one = told.at_least(times - 1, statement);
            let times = statement.bind(i64::from(times));
            let count = told.of_contact("count(*)");
            format!("({but_one} and ({count}) + case when {made} then 1 else 0 end >= {times})")
        }
    }
}

/// Rows of timelines about one kind of activity.
struct Told<'a> {
    workspace: &'a str,
    kind: &'a str,
    since: &'a str,
    engine: EngineKind,
}

impl Told<'_> {
    /// Whether the contact is among those with so many of the rows.
    fn at_least(&self, times: u32, statement: &mut Statement) -> String {
        let Self { workspace, kind, since, .. } = self;
        let often = match times {
            0 | 1 => String::new(),
            times => format!(" group by a.contact_id having count(*) >= {}", statement.bind(i64::from(times))),
        };
        format!(
            "c.id in (select a.contact_id from activities as a
                      where a.workspace_id = {workspace} and a.kind = {kind}{since}{often})"
        )
    }

    /// What the contact's own rows give.
    fn of_contact(&self, what: &str) -> String {
        let Self { workspace, kind, since, .. } = self;
        // SQLite would rather go through all rows of the kind.
        let index = if self.engine == EngineKind::Sqlite { " indexed by activities_contact" } else { "" };
        format!(
            "select {what} from activities as a{index}
             where a.workspace_id = {workspace} and a.contact_id = c.id and a.kind = {kind}{since}"
        )
    }
}

/// Leads are another crate's. A segment only reads them, and who belongs to it must be found by one statement.
fn of_lead(lead: &LeadRule, statement: &mut Statement, on: &Ground<'_>) -> String {
    let workspace = on.workspace;
    let mut wanted = String::new();
    if let Some(status) = &lead.status {
        wanted.push_str(&format!(" and s.name_key = {}", statement.bind(tag_key(status))));
    }
    if let Some(outcome) = lead.stands_for {
        wanted.push_str(&format!(" and s.stands_for = {}", statement.bind(outcome.as_str())));
    }
    format!(
        "c.id in (select l.contact_id from leads as l
                  join lead_statuses as s on s.workspace_id = l.workspace_id and s.id = l.status_id
                  where l.workspace_id = {workspace}{wanted})"
    )
}

/// Invitations are another crate's as well.
fn of_event(event: Uuid, statement: &mut Statement, on: &Ground<'_>) -> String {
    let (workspace, event) = (on.workspace, statement.bind(event));
    format!(
        "c.id in (select i.contact_id from invitations as i
                  where i.workspace_id = {workspace} and i.event_id = {event})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_least_is_asked_first() {
        let filled = |name: &str| Rule::Field(FieldRule { name: name.into(), is: Comparison::Filled, value: None });
        let activity = |kind: &str| Rule::Activity(ActivityRule { kind: kind.into(), within_days: None, at_least: 1 });
        let rules = vec![
            Rule::Tag("vip".into()),
            activity(IMPORTED),
            Rule::Not(Box::new(filled("seats"))),
            Rule::Any(vec![activity("note.added"), filled("locale")]),
            filled("country"),
        ];
        let on = Ground { workspace: "$1", engine: EngineKind::Sqlite, now: DateTime::UNIX_EPOCH };
        for rule in [Rule::All(rules.clone()), Rule::Any(rules)] {
            let sql = condition(&rule, &mut Statement::default(), &on);
            let parts = ["c.country", "c.fields", "c.imported_by", "contact_tags", "c.locale"];
            let places = parts.map(|part| sql.find(part).unwrap_or_else(|| panic!("{part}: {sql}")));
            assert!(places.is_sorted(), "{sql}");
        }
    }

    #[test]
    fn no_value_of_a_rule_stands_in_the_statement() {
        let nasty = "x' or 1=1 --";
        let field = |name: &str, is| Rule::Field(FieldRule { name: name.into(), is, value: Some(nasty.into()) });
        let mut rules: Vec<Rule> = ["name", "email", "phone", "country", "created_at", "own field"]
            .iter()
            .flat_map(|name| Comparison::ALL.iter().map(|is| field(name, *is)))
            .collect();
        rules.push(Rule::Tag(nasty.into()));
        rules.push(Rule::Activity(ActivityRule { kind: nasty.into(), within_days: Some(3), at_least: 2 }));
        rules.push(Rule::Lead(LeadRule { status: Some(nasty.into()), stands_for: None }));
        for engine in [EngineKind::Sqlite, EngineKind::Postgres] {
            for rule in &rules {
                let mut statement = Statement::default();
                let on = Ground { workspace: "$1", engine, now: DateTime::UNIX_EPOCH };
                let sql = condition(rule, &mut statement, &on);
                assert!(!sql.contains("1=1") && !sql.contains("own field"), "{rule:?}: {sql}");
            }
        }
    }
}
