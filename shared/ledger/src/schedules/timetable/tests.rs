use std::collections::BTreeSet;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

fn timetable(cron: &str, name: &str) -> Timetable {
    Timetable::new(Expression::parse(cron).unwrap(), zone(name).unwrap())
}

/// Every tick from one moment until another, as the zone's clocks show it.
fn ticks(cron: &str, zone: &str, after: &str, until: &str) -> Vec<String> {
    let timetable = timetable(cron, zone);
    let until: DateTime<Utc> = until.parse().unwrap();
    timetable
        .ticks(after.parse().unwrap())
        .take_while(|tick| *tick <= until)
        .map(|tick| timetable.local(tick).format("%d %H:%M %:z").to_string())
        .collect()
}

#[test]
fn a_time_of_day_that_the_clock_jumps_over_happens_at_the_jump() {
    // Madrid: 29 March 2026, 02:00 → 03:00.
    let days = ticks("30 2 * * *", "Europe/Madrid", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(days, ["28 02:30 +01:00", "29 03:00 +02:00", "30 02:30 +02:00"]);
    // New York: 8 March 2026, 02:00 → 03:00. Several in the gap are one.
    let days = ticks("0,30 2 * * *", "America/New_York", "2026-03-07T20:00:00Z", "2026-03-09T12:00:00Z");
    assert_eq!(days, ["08 03:00 -04:00", "09 02:00 -04:00", "09 02:30 -04:00"]);
    // Lord Howe: 4 October 2026, 02:00 → 02:30.
    let days = ticks("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z", "2026-10-04T20:00:00Z");
    assert_eq!(days, ["04 02:30 +11:00", "05 02:15 +11:00"]);
}

#[test]
fn a_time_of_day_that_the_clock_shows_twice_happens_the_first_time() {
    // Madrid: 25 October 2026, 03:00 → 02:00.
    let days = ticks("30 2 * * *", "Europe/Madrid", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(days, ["25 02:30 +02:00", "26 02:30 +01:00"]);
    // New York: 1 November 2026, 02:00 → 01:00.
    let days = ticks("0,30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T12:00:00Z");
    assert_eq!(days, ["01 01:00 -04:00", "01 01:30 -04:00"]);
    // Lord Howe: 5 April 2026, 02:00 → 01:30.
    let days = ticks("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T20:00:00Z", "2026-04-05T20:00:00Z");
    assert_eq!(days, ["05 01:45 +11:00", "06 01:45 +10:30"]);
}

#[test]
fn a_rhythm_follows_every_hour_that_passes() {
    // 23 hours in spring, 25 in autumn.
    let spring = ticks("0 * * * *", "Europe/Madrid", "2026-03-28T22:59:59Z", "2026-03-29T21:59:59Z");
    assert_eq!(spring.len(), 23);
    assert_eq!(spring[1..3], ["29 01:00 +01:00", "29 03:00 +02:00"]);
    let autumn = ticks("0 * * * *", "Europe/Madrid", "2026-10-24T21:59:59Z", "2026-10-25T22:59:59Z");
    assert_eq!(autumn.len(), 25);
    assert_eq!(autumn[2..4], ["25 02:00 +02:00", "25 02:00 +01:00"]);
    // Half an hour comes again.
    let half = ticks("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:15:00Z", "2026-04-04T15:45:00Z");
    assert_eq!(
        half,
        [
            "05 01:30 +11:00",
            "05 01:45 +11:00",
            "05 01:30 +10:30",
            "05 01:45 +10:30",
            "05 02:00 +10:30",
            "05 02:15 +10:30"
        ]
    );
    // And half an hour is left out.
    let half = ticks("*/15 * * * *", "Australia/Lord_Howe", "2026-10-03T15:15:00Z", "2026-10-03T15:45:00Z");
    assert_eq!(half, ["04 02:30 +11:00", "04 02:45 +11:00"]);
}

#[test]
fn minutes_of_one_hour_repeat_with_that_hour_and_are_lost_with_it() {
    let autumn = ticks("*/20 2 * * *", "Europe/Madrid", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(autumn.len(), 6);
    let spring = ticks("*/20 2 * * *", "Europe/Madrid", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(spring, Vec::<String>::new());
}

#[test]
fn a_zone_that_never_changes_its_clocks_has_the_same_time_every_day() {
    let timetable = timetable("15 9 * * *", "Asia/Kolkata");
    let year: Vec<_> = timetable.ticks("2026-01-01T00:00:00Z".parse().unwrap()).take(365).collect();
    assert_eq!(year[0].to_rfc3339(), "2026-01-01T03:45:00+00:00");
    assert!(year.windows(2).all(|days| days[1] - days[0] == TimeDelta::days(1)));
}

#[test]
fn a_whole_day_that_a_zone_jumps_over_costs_no_tick() {
    // Samoa went from 29 to 31 December 2011.
    let days = ticks("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T00:00:00Z");
    assert_eq!(days, ["29 09:00 -10:00", "31 00:00 +14:00", "31 09:00 +14:00"]);
}

#[test]
fn expressions_mean_what_cron_means_by_them() {
    let next = |cron: &str| ticks(cron, "UTC", "2026-03-04T10:07:30Z", "2029-03-04T10:07:30Z").remove(0);
    for (cron, expected) in [
        ("0 9 * * 1-5", "05 09:00 +00:00"),
        ("0 9 * * MON", "09 09:00 +00:00"),
        ("0 9 * * 0", "08 09:00 +00:00"),
        ("0 9 * * 7", "08 09:00 +00:00"),
        ("*/10 * * * *", "04 10:10 +00:00"),
        ("0 18 L * *", "31 18:00 +00:00"),
        ("0 0 29 2 *", "29 00:00 +00:00"),
        // Both days given: either will do.
        ("0 0 13 * 5", "06 00:00 +00:00"),
        ("15 30 10 * * *", "04 10:30 +00:00"),
        ("  @daily ", "05 00:00 +00:00"),
        ("@Hourly", "04 11:00 +00:00"),
        ("@midnight", "05 00:00 +00:00"),
        ("@weekly", "08 00:00 +00:00"),
        ("@monthly", "01 00:00 +00:00"),
        ("@yearly", "01 00:00 +00:00"),
    ] {
        assert_eq!(next(cron), expected, "{cron}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_the_field_that_is_wrong() {
    let refusal = |cron: &str| Expression::parse(cron).unwrap_err().to_string();
    for (cron, word) in [
        ("60 * * * *", "the minute cannot be \"60\": use 0-59"),
        ("0 24 * * *", "the hour cannot be \"24\": use 0-23"),
        ("0 0 32 * *", "the day of the month cannot be \"32\""),
        ("0 0 * 13 *", "the month cannot be \"13\""),
        ("0 0 * * MUN", "the day of the week cannot be \"MUN\""),
        ("61 0 0 * * *", "the second cannot be \"61\""),
        ("0 9", "2 fields: use five"),
        ("", "0 fields"),
        ("0 0 0 1 1 * 2030", "7 fields"),
        ("@reboot", "@reboot is not known: use @hourly"),
        ("0 0 30 2 *", "the expression never matches"),
        ("0 0 31 4,6,9,11 *", "the expression never matches"),
    ] {
        assert!(refusal(cron).contains(word), "{cron}: {}", refusal(cron));
    }
    assert_eq!(refusal(&"1,".repeat(200)), "the expression is too long: use at most 256 characters");
}

#[test]
fn an_unknown_zone_is_refused_with_the_ones_that_may_be_meant() {
    let refusal = |name: &str| zone(name).unwrap_err().to_string();
    assert!(refusal("Madrid").ends_with("(perhaps Europe/Madrid)"), "{}", refusal("Madrid"));
    assert!(refusal("europe/madrid").ends_with("(perhaps Europe/Madrid)"));
    assert!(refusal("America/New York").ends_with("(perhaps America/New_York)"));
    for nothing in ["Mars/Olympus", "", "+02:00"] {
        assert!(refusal(nothing).ends_with("or UTC"), "{}", refusal(nothing));
    }
}

/// One field: any, a value, a list, a range or a step.
fn field(from: u32, to: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => (from..=to).prop_map(|one| one.to_string()),
        1 => (from..=to, from..=to).prop_map(|(one, other)| format!("{one},{other}")),
        1 => (from..=to, from..=to).prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other))),
        1 => (2..=7_u32).prop_map(|step| format!("*/{step}")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    // Hours around the changes of clocks, more often than others.
    let hour = prop_oneof![field(0, 23), field(0, 4)];
    (field(0, 59), hour, field(1, 28), field(1, 12), field(0, 6))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

const ZONES: [&str; 5] =
    ["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago"];

/// What the rule says, minute by minute, with no arithmetic of clock changes in it.
fn by_hand(timetable: &Timetable, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let shows = |civil: NaiveDateTime| timetable.expression.cron.is_time_matching(&civil.and_utc()).unwrap();
    let day = TimeDelta::days(1);
    let minutes = |from: DateTime<Utc>, to: DateTime<Utc>| {
        (0..(to - from).num_minutes()).map(move |minute| from + TimeDelta::minutes(minute))
    };
    let civil = |at: DateTime<Utc>| timetable.local(at).naive_local();
    let mut ticks = BTreeSet::new();
    if timetable.expression.fixed {
        let (first, last) = (civil(after - day), civil(until + day));
        let mut wanted: Vec<_> = (0..(last - first).num_minutes())
            .map(|minute| first + TimeDelta::minutes(minute))
            .filter(|civil| shows(*civil))
            .collect();
        // As the clock goes on it reaches or passes one wanted time after the other.
        wanted.reverse();
        for at in minutes(after - day, until + day) {
            while wanted.last().is_some_and(|wanted| *wanted <= civil(at)) {
                wanted.pop();
                ticks.insert(at);
            }
        }
    } else {
        ticks.extend(minutes(after - day, until + day).filter(|at| shows(civil(*at))));
    }
    ticks.into_iter().filter(|at| *at > after && *at <= until).collect()
}

/// A moment within days of a change of clocks in one of the zones, on a whole minute.
fn near_a_change() -> impl Strategy<Value = DateTime<Utc>> {
    let changes = [(3, 8), (3, 29), (4, 5), (9, 6), (10, 4), (10, 25), (11, 1)];
    (prop::sample::select(changes.to_vec()), -2_880..1_440_i64).prop_map(|((month, day), minutes)| {
        NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_time(chrono::NaiveTime::MIN).and_utc()
            + TimeDelta::minutes(minutes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_next_tick_is_always_later(
        cron in expression(), name in prop::sample::select(&ZONES[..]), seconds in 1_700_000_000..2_000_000_000_i64,
            micros in 0..1_000_000_u32,
    ) {
        let timetable = timetable(&cron, name);
        let mut last = DateTime::from_timestamp(seconds, micros * 1_000).unwrap();
        for _ in 0..20 {
            let next = timetable.next(last).unwrap();
            prop_assert!(next > last, "{cron} in {name}: {next} after {last}");
            prop_assert_eq!(next.timestamp_subsec_nanos(), 0);
            last = next;
        }
    }

    #[test]
    fn one_by_one_or_listed_the_ticks_are_those_of_the_rule(
        cron in expression(), name in prop::sample::select(&ZONES[..]), after in near_a_change(), step in 1..600_i64,
    ) {
        let timetable = timetable(&cron, name);
        let until = after + TimeDelta::days(2);
        let listed: Vec<_> = timetable.ticks(after).take_while(|tick| *tick <= until).collect();
        prop_assert_eq!(&listed, &by_hand(&timetable, after, until), "{} in {}", cron, name);
        // From any moment the next one is the first of the list behind it.
        let mut at = after;
        while at < until {
            let first = listed.iter().copied().find(|tick| *tick > at);
            prop_assert_eq!(timetable.next(at).filter(|next| *next <= until), first, "{} in {} after {}", cron, name,
                at);
            at += TimeDelta::minutes(step);
        }
    }
}
