//! Example people and their leads: to look around in a workspace that has none of its own.

mod names;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use herald_base::boxed;
use herald_contacts::{
    Channel, ExamplePerson, NewActivity, Person, add_example_people, example_people, record_activities,
    remove_example_people,
};
use serde_json::json;
use uuid::Uuid;

use self::names::{PLACES, Place};
use super::{LeadStatus, Outcome, Result, rules::need_key, status::ensure};
use herald_db::{Bulk, Tx};

/// The number of people.
const PEOPLE: usize = 500;
/// Every third of them has a lead.
const EVERY: usize = 3;

const TAGS: [&str; 6] = ["VIP", "Press", "Partner", "Newsletter", "Met at a fair", "Regular"];
const SOURCES: [&str; 5] = ["website", "fair", "phone", "referral", "newsletter"];
const NEEDS: [&str; 7] = [
    "A dinner for 40 guests",
    "Summer party by the lake",
    "Launch of a new perfume",
    "Anniversary of the firm",
    "Press breakfast",
    "Wedding for 120",
    "Workshop of two days",
];

/// A lead to be written.
struct Row {
    id: Uuid,
    contact_id: Uuid,
    number: usize,
    status_id: Uuid,
    need: &'static str,
    value_minor: i64,
    currency: &'static str,
    source: &'static str,
    follow_up: Option<(DateTime<Utc>, &'static str)>,
    first_answer_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// Adds the example people with their leads. A workspace that has them gets no more.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn add_example(tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
    let people = (0..PEOPLE).map(person).collect();
    let contacts = add_example_people(&mut *tx, workspace_id, people).await?;
    if contacts.is_empty() {
        return Ok(());
    }
    let statuses = ensure(&mut *tx, workspace_id).await?;
    let now = tx.db().now();
    let with_leads = contacts.into_iter().enumerate().filter(|(number, _)| number.is_multiple_of(EVERY));
    let rows: Vec<Row> = with_leads
        .map(|(number, contact)| {
            row((tx.db().new_id(), contact), number, &statuses[number / EVERY % statuses.len()], now)
        })
        .collect();
    let told = rows.iter().map(|row| NewActivity {
        contact_id: row.contact_id,
        kind: "lead.created",
        subject_id: Some(row.id),
        detail: json!({}),
        who: None,
    });
    record_activities(&mut *tx, workspace_id, told.collect()).await?;
    insert(tx, workspace_id, rows).await
}

/// Removes the example people with their leads.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn remove_example(tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
    let people = example_people(&mut *tx, workspace_id).await?;
    for statement in [
        "delete from lead_notes where (workspace_id, lead_id) in (select l.workspace_id, l.id from {rows}
           join leads as l on l.workspace_id = rows.workspace_id and l.contact_id = rows.contact_id)",
        "delete from leads where (workspace_id, contact_id) in (select workspace_id, contact_id from {rows})",
    ] {
        Bulk::new(statement)
            .column("contact_id", people.iter().copied().collect())
            .column("workspace_id", people.iter().map(|_| workspace_id).collect())
            .execute(&mut *tx)
            .await?;
    }
    Ok(remove_example_people(tx, workspace_id).await?)
}

fn place(number: usize) -> &'static Place {
    &PLACES[number % PLACES.len()]
}

fn person(number: usize) -> ExamplePerson {
    let place = place(number);
    let language = place.locale.split('-').next().unwrap_or_default();
    let end = if number.is_multiple_of(2) { "com" } else { "org" };
    let mut consents = Vec::new();
    if number % 4 != 3 {
        // Every eleventh took it back.
        consents.push((Channel::Email, true));
        consents.extend(number.is_multiple_of(11).then_some((Channel::Email, false)));
    }
    consents.extend(number.is_multiple_of(5).then_some((Channel::Whatsapp, true)));
    ExamplePerson {
        person: Person {
            row_key: format!("example {number}"),
            email: Some(format!("{language}.{number:03}@example.{end}")),
            name: place.name(number / PLACES.len()),
            locale: Some(place.locale.to_owned()),
            time_zone: Some(place.time_zone.to_owned()),
            country: Some(place.country.to_owned()),
            fields: [("table".to_owned(), (number % 25 + 1).to_string())].into(),
            ..Person::default()
        },
        tags: TAGS.iter().enumerate().filter(|(at, _)| number.is_multiple_of(at + 3)).map(|(_, tag)| *tag).collect(),
        consents,
    }
}

fn row((id, contact_id): (Uuid, Uuid), number: usize, status: &LeadStatus, now: DateTime<Utc>) -> Row {
    let place = place(number);
    let spread = i64::try_from(number).unwrap_or_default();
    let created_at = now - TimeDelta::hours(spread * 37 % 720 + 1);
    let is_open = status.stands_for == Outcome::Open;
    // The first step is one to which nobody has answered yet.
    let is_new = is_open && status.position == 0;
    let answered = created_at + TimeDelta::minutes(spread * 53 % 2_000 + 5);
    let follow_up = is_open.then(|| follow_up(place, now, spread)).flatten();
    Row {
        id,
        contact_id,
        number,
        status_id: status.id,
        need: NEEDS[number % NEEDS.len()],
        value_minor: (spread * 7_919 % 900 + 100) * 5_000,
        currency: place.currency,
        source: SOURCES[number / EVERY % SOURCES.len()],
        follow_up,
        first_answer_at: (!is_new).then(|| answered.min(now)),
        closed_at: (!is_open).then(|| (answered + TimeDelta::days(spread % 9)).min(now)),
        created_at,
    }
}

/// At half past nine on a day from three days ago to nine days ahead, by the clocks of the place.
fn follow_up(place: &Place, now: DateTime<Utc>, spread: i64) -> Option<(DateTime<Utc>, &'static str)> {
    let zone: Tz = place.time_zone.parse().ok()?;
    let today = now.with_timezone(&zone).date_naive();
    let days = u64::try_from(spread / 3 % 13).unwrap_or_default();
    let day = today - Days::new(3) + Days::new(days);
    let at = zone.from_local_datetime(&day.and_time(NaiveTime::from_hms_opt(9, 30, 0)?)).earliest()?;
    Some((at.to_utc(), place.time_zone))
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, rows: Vec<Row>) -> Result<()> {
    Bulk::new(
        "insert into leads (id, workspace_id, contact_id, status_id, need, need_key, value_minor, currency, source,
           follow_up_at, follow_up_zone, key, version, first_answer_at, closed_at, created_at, updated_at)
         select id, workspace_id, contact_id, status_id, need, need_key, value_minor, currency, source, follow_up_at,
           follow_up_zone, key, 1, first_answer_at, closed_at, created_at, created_at from {rows} where true
         on conflict (workspace_id, key) do nothing",
    )
    .column("id", rows.iter().map(|row| row.id).collect())
    .column("workspace_id", rows.iter().map(|_| workspace_id).collect())
    .column("contact_id", rows.iter().map(|row| row.contact_id).collect())
    .column("status_id", rows.iter().map(|row| row.status_id).collect())
    .column("need", rows.iter().map(|row| row.need.to_owned()).collect())
    .column("need_key", rows.iter().map(|row| need_key(row.need)).collect())
    .column("value_minor", rows.iter().map(|row| row.value_minor).collect())
    .column("currency", rows.iter().map(|row| row.currency.to_owned()).collect())
    .column("source", rows.iter().map(|row| row.source.to_owned()).collect())
    .column("follow_up_at", rows.iter().map(|row| row.follow_up.map(|(at, _)| at)).collect())
    .column("follow_up_zone", rows.iter().map(|row| row.follow_up.map(|(_, zone)| zone.to_owned())).collect())
    .column("key", rows.iter().map(|row| format!("(example) {}", row.number)).collect())
    .column("first_answer_at", rows.iter().map(|row| row.first_answer_at).collect())
    .column("closed_at", rows.iter().map(|row| row.closed_at).collect())
    .column("created_at", rows.iter().map(|row| row.created_at).collect())
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use herald_base::money;

    #[test]
    fn people_are_all_different_and_of_thirty_locales() {
        let people: Vec<Person> = (0..PEOPLE).map(|number| person(number).person).collect();
        let of = |what: fn(&Person) -> String| people.iter().map(what).collect::<BTreeSet<_>>().len();
        assert_eq!(of(|one| one.locale.clone().unwrap()), 30);
        assert_eq!(of(|one| one.email.clone().unwrap()), PEOPLE);
        // In Arabic, Persian and Urdu one word for example is the same.
        assert!(of(|one| format!("{} {}", one.name, one.locale.clone().unwrap())) == PEOPLE);
        for one in &people {
            assert!(one.time_zone.as_deref().unwrap().parse::<Tz>().is_ok(), "{one:?}");
            let address = one.email.as_deref().unwrap();
            assert!(address.ends_with("@example.com") || address.ends_with("@example.org"), "{address}");
        }
    }

    #[test]
    fn every_place_has_a_currency_that_there_is() {
        assert!(PLACES.iter().all(|place| money::digits(place.currency).is_some()));
    }
}
