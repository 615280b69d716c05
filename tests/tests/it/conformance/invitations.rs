//! Invitations: one per event and contact, with a number that stays.

use std::collections::HashSet;

use herald_invitations as domain;
use herald_invitations::{InvitationRow, InvitationState, Prepared, RunOptions};
use herald_tests::{TestDatabase, on_both_engines};

use crate::{
    ground,
    guest_list::{self, Started, finish_import, guests, import, links, options, start},
};

on_both_engines! {
    an_invitation_shows_all_its_steps_need,
    every_guest_gets_a_number_of_their_own,
    guests_are_listed_in_the_order_of_the_list_page_by_page,
    a_guest_of_another_run_keeps_number_and_link,
    a_guest_with_a_finished_invitation_gets_no_other_unless_refreshed,
    a_run_for_the_failed_leaves_the_others_alone,
    a_contact_named_twice_has_one_invitation,
    the_files_of_every_invitation_are_listed_page_by_page,
    an_invitation_of_another_workspace_is_not_shown,
}

async fn all_guests(database: &TestDatabase, started: &Started) -> Vec<InvitationRow> {
    domain::run_guests(&database.db, started.workspace, started.run.id, None, None, 10_000).await.unwrap()
}

async fn an_invitation_shows_all_its_steps_need(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let mut guests = guests(2);
    guests[1].fields.insert("table".to_owned(), "7".to_owned());
    guests[1].external_id = Some("42".to_owned());
    guests[1].phone = Some("+4915550100".to_owned());
    let (prepared, jobs) = import(db, &started, 0, &guests).await;
    assert_eq!(prepared, Prepared { pending: 2, already: 0 });
    let kinds: Vec<_> = jobs.iter().map(|job| (job.kind.as_str(), job.batch_id)).collect();
    let batch = Some(started.run.batch_id);
    let mut sorted = kinds.clone();
    sorted.sort();
    assert_eq!(sorted, [("face.crop", batch), ("invitation.render", batch)]);
    let row = &all_guests(database, &started).await[1];
    let invitation = domain::find_invitation(db, started.workspace, row.id).await.unwrap().unwrap();
    assert_eq!((invitation.event_id, invitation.template_id), (started.event.id, started.template.id));
    assert_eq!((invitation.event_name.as_str(), invitation.event_slug.as_str()), ("Spring Gala", "spring-gala"));
    assert_eq!((invitation.run_id, invitation.options.0.clone()), (started.run.id, options()));
    assert_eq!((invitation.state.as_str(), invitation.name.as_str()), ("pending", "Guest Number 1"));
    assert_eq!(invitation.email.as_deref(), Some("guest1@example.org"));
    assert_eq!((invitation.phone.as_deref(), invitation.external_id.as_deref()), (Some("+4915550100"), Some("42")));
    assert_eq!((invitation.picture.as_deref(), invitation.fields.0["table"].as_str()), (Some("file:1.jpg"), "7"));
    assert_eq!(
        (invitation.portrait, invitation.rendering, invitation.sha256, invitation.file),
        (None, None, None, None)
    );
    assert!(invitation.lucky_number.starts_with("G-") && invitation.lucky_number.len() == 6);
    let token = invitation.link.strip_prefix("https://invite.example.org/i/").unwrap();
    assert_eq!(links().open(token, db.now()), Ok(invitation.id));
}

async fn every_guest_gets_a_number_of_their_own(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let list = guests(1_500);
    import(db, &started, 0, &list[..1_100]).await;
    import(db, &started, 1_100, &list[1_100..]).await;
    let listed = all_guests(database, &started).await;
    let numbers: HashSet<_> = listed.iter().map(|row| row.lucky_number.as_str()).collect();
    let links: HashSet<_> = listed.iter().map(|row| row.link.as_str()).collect();
    assert_eq!((listed.len(), numbers.len(), links.len()), (1_500, 1_500, 1_500));
    let event = domain::find_event(db, started.workspace, started.event.id).await.unwrap().unwrap();
    assert_eq!(event.numbers_used, 1_500);
}

async fn guests_are_listed_in_the_order_of_the_list_page_by_page(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    import(db, &started, 0, &guests(7)).await;
    let (mut after, mut names) = (None, Vec::new());
    loop {
        let page = domain::run_guests(db, started.workspace, started.run.id, None, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        names.extend(page.iter().map(|row| row.name.clone()));
    }
    let expected: Vec<_> = guests(7).into_iter().map(|guest| guest.name).collect();
    assert_eq!(names, expected);
    let of = async |state| {
        domain::run_guests(db, started.workspace, started.run.id, Some(state), None, 10).await.unwrap().len()
    };
    assert_eq!((of(InvitationState::Pending).await, of(InvitationState::Made).await), (7, 0));
}

async fn a_guest_of_another_run_keeps_number_and_link(database: &TestDatabase) {
    let db = &database.db;
    let first = start(db, "a", options()).await;
    import(db, &first, 0, &guests(3)).await;
    let before = all_guests(database, &first).await;
    let second = start(db, "b", options()).await;
    assert_ne!(second.run.id, first.run.id);
    let (prepared, jobs) = import(db, &second, 0, &guests(4)[1..]).await;
    assert_eq!((prepared, jobs.len()), (Prepared { pending: 3, already: 0 }, 3));
    let after = all_guests(database, &second).await;
    for (before, after) in before[1..].iter().zip(&after) {
        assert_eq!((before.id, &before.lucky_number, &before.link), (after.id, &after.lucky_number, &after.link));
    }
    let (first, second) = (
        guest_list::run(db, first.workspace, first.run.id).await,
        guest_list::run(db, second.workspace, second.run.id).await,
    );
    assert_eq!((first.total, second.total), (1, 3), "a run does not wait for guests another run took up");
}

/// Finishes every invitation of the run that is pending: made, or failed for those whose position is odd.
async fn end_invitations(database: &TestDatabase, started: &Started) {
    use herald_invitations::Published;
    use herald_ledger::{Finished, Outcome};
    let db = &database.db;
    let pending: HashSet<_> =
        all_guests(database, started).await.into_iter().filter(|row| row.position % 2 == 1).map(|row| row.id).collect();
    let mut finished = Vec::new();
    for job in ground::lease_from(db, "cpu", 1_000).await {
        let invitation_id = job.args.0["invitation_id"].as_str().unwrap().parse().unwrap();
        let outcome = if pending.contains(&invitation_id) {
            Outcome::Dead { error: "no luck".to_owned() }
        } else {
            Outcome::Done { result: None, changes: vec![Published { invitation_id }.into()], then: Vec::new() }
        };
        finished.push(Finished { job, outcome });
    }
    ground::commit(db, finished).await;
}

async fn a_guest_with_a_finished_invitation_gets_no_other_unless_refreshed(database: &TestDatabase) {
    let db = &database.db;
    let first = start(db, "a", options()).await;
    import(db, &first, 0, &guests(4)).await;
    finish_import(db, &first).await;
    end_invitations(database, &first).await;
    assert_eq!(guest_list::run(db, first.workspace, first.run.id).await.state.as_str(), "complete");

    let again = start(db, "b", options()).await;
    let (prepared, jobs) = import(db, &again, 0, &guests(4)).await;
    assert_eq!((prepared, jobs.len()), (Prepared { pending: 2, already: 2 }, 2), "the failed ones are tried again");
    let had_one: Vec<bool> = all_guests(database, &again).await.iter().map(|row| row.had_one).collect();
    assert_eq!(had_one, [true, false, true, false]);

    let refresh = start(db, "c", RunOptions { refresh: true, ..options() }).await;
    let (prepared, jobs) = import(db, &refresh, 0, &guests(4)).await;
    assert_eq!((prepared, jobs.len()), (Prepared { pending: 4, already: 0 }, 4));
}

async fn a_run_for_the_failed_leaves_the_others_alone(database: &TestDatabase) {
    let db = &database.db;
    let first = start(db, "a", options()).await;
    import(db, &first, 0, &guests(4)).await;
    finish_import(db, &first).await;
    end_invitations(database, &first).await;
    let failed = start(db, "a", RunOptions { only_failed: true, ..options() }).await;
    // Guest 4 is new.
    let (prepared, jobs) = import(db, &failed, 0, &guests(5)).await;
    assert_eq!((prepared, jobs.len()), (Prepared { pending: 2, already: 2 }, 2));
    let states: Vec<_> = all_guests(database, &failed).await.into_iter().map(|row| (row.position, row.state)).collect();
    let (made, pending) = (InvitationState::Made, InvitationState::Pending);
    assert_eq!(states, [(0, made), (1, pending), (2, made), (3, pending)]);
}

async fn a_contact_named_twice_has_one_invitation(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    let twice = [guest_list::guest(1), guest_list::guest(2), guest_list::guest(1)];
    let (prepared, jobs) = import(db, &started, 0, &twice).await;
    assert_eq!((prepared, jobs.len()), (Prepared { pending: 2, already: 0 }, 2));
    let positions: Vec<i64> = all_guests(database, &started).await.iter().map(|row| row.position).collect();
    assert_eq!(positions, [0, 1], "the first place counts");
}

async fn the_files_of_every_invitation_are_listed_page_by_page(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    import(db, &started, 0, &guests(5)).await;
    let mut ids: Vec<_> = all_guests(database, &started).await.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    let first = domain::referenced_files(db, None, 3).await.unwrap();
    let second = domain::referenced_files(db, Some(first[2].0), 3).await.unwrap();
    let listed: Vec<_> = first.iter().chain(&second).map(|(id, ..)| *id).collect();
    assert_eq!(listed, ids);
    assert!(first.iter().all(|(_, portrait, rendering, file)| (portrait, rendering, file) == (&None, &None, &None)));
}

async fn an_invitation_of_another_workspace_is_not_shown(database: &TestDatabase) {
    let db = &database.db;
    let started = start(db, "a", options()).await;
    import(db, &started, 0, &guests(1)).await;
    let other = ground::workspace_named(db, "other").await;
    let id = all_guests(database, &started).await[0].id;
    assert!(domain::find_invitation(db, other, id).await.unwrap().is_none());
    assert!(domain::run_guests(db, other, started.run.id, None, None, 10).await.unwrap().is_empty());
}
