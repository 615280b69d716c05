//! Guests who share an address, addresses in wrapping, and events with nearly one name: everybody gets an invitation.

use std::collections::BTreeSet;

use crate::stage::{Stage, end};

/// Invites a list and returns who got an invitation by it, each with the number.
fn made(stage: &Stage, list: &str, more: &[&str]) -> Vec<(String, String)> {
    end(stage.invite(list, more)).with(0);
    let row = |row: &std::collections::BTreeMap<String, String>| (row["guest"].clone(), row["lucky_number"].clone());
    stage.results().iter().map(row).collect()
}

fn numbers(made: &[(String, String)]) -> BTreeSet<&str> {
    made.iter().map(|(_, number)| number.as_str()).collect()
}

#[test]
fn a_family_with_one_address_is_invited_one_by_one() {
    let stage = Stage::new();
    let rows = [
        "K-1,Ansel Example,family@example.com",
        "K-2,Perpetua Example,family@example.com",
        "K-3,Toddy Example,Family@Example.com",
    ];
    stage.write("ids.csv", format!("id,name,email\n{}\n", rows.join("\n")));
    let ended = end(stage.invite("ids.csv", &[])).with(0);
    assert!(ended.out.starts_with("3 made in "), "{}", ended.out);
    let remark = "Perpetua Example: \"Ansel Example\" has the same e-mail: kept as another guest";
    assert!(ended.out.contains(remark), "{}", ended.out);

    stage.write("names.csv", "name,email\nAnsel Example,family@example.com\nPerpetua Example,family@example.com\n");
    let by_names = made(&stage, "names.csv", &["--event", "Names"]);
    assert_eq!(numbers(&by_names).len(), 2, "{by_names:?}");

    // In lists of one guest each, one after the other, and then all of them again.
    let mut one_by_one = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let list = format!("{at}.csv");
        stage.write(&list, format!("id,name,email\n{row}\n"));
        one_by_one.extend(made(&stage, &list, &["--event", "Lists"]));
    }
    assert_eq!(numbers(&one_by_one).len(), 3, "{one_by_one:?}");
    assert_eq!(made(&stage, "ids.csv", &["--event", "Lists"]), one_by_one, "somebody got a second number");
}

#[test]
fn an_email_that_is_missing_or_wrapped_costs_no_invitation() {
    let stage = Stage::new();
    let list = |emails: [&str; 5]| {
        let rows: String = emails
            .iter()
            .zip(["Ann", "Bo", "Cy", "Dee", "Eva"])
            .map(|(email, name)| format!("{name},{email}\n"))
            .collect();
        format!("name,email\n{rows}")
    };
    stage.write(
        "guests.csv",
        list(["\u{200b}ann@example.com", "Bo <bo@example.com>", "n/a", "dee(at)example.com", "eva@example.com;"]),
    );
    let first = made(&stage, "guests.csv", &[]);
    assert_eq!(numbers(&first).len(), 5);
    // Corrected, it is the same guests.
    stage.write(
        "guests.csv",
        list(["ann@example.com", "bo@example.com", "cy@example.com", "dee@example.com", "eva@example.com"]),
    );
    assert_eq!(made(&stage, "guests.csv", &[]), first);
}

#[test]
fn one_phone_in_two_spellings_is_one_guest_the_next_time() {
    let stage = Stage::new();
    stage.write("guests.csv", "name,phone\nIda Example,+44 20 7946 0151\nOle Example,(+44) 20 79460152\n");
    let first = made(&stage, "guests.csv", &[]);
    stage.write("again.csv", "name,phone\nIDA EXAMPLE,+442079460151\nOle Example,+44 (0)20 7946 0152\n");
    let again = made(&stage, "again.csv", &[]);
    assert_eq!(numbers(&again), numbers(&first));
}

#[test]
fn events_with_nearly_one_name_have_guests_of_their_own() {
    let stage = Stage::new();
    stage.write("guests.csv", "name,email\nAnn Example,ann@example.com\n");
    for event in ["C++ Night", "C# Night"] {
        let summary = end(stage.invite("guests.csv", &["--event", event, "--json"])).with(0).summary();
        assert_eq!((&summary["made"], &summary["already"]), (&1.into(), &0.into()), "{event}: {summary}");
    }
    for event in ["c++  night", "c-night", "c-night-2"] {
        let summary = end(stage.invite("guests.csv", &["--event", event, "--json"])).with(0).summary();
        assert_eq!((&summary["made"], &summary["already"]), (&0.into(), &1.into()), "{event}: {summary}");
    }
}
