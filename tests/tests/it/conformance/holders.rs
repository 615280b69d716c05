//! Every column of the database either belongs to a holder of people, who shows and erases it, or has a reason here.

use std::collections::BTreeSet;

use herald_app::holders::HOLDERS;
use herald_db::{Db, EngineKind, query};
use herald_tests::{TestDatabase, on_both_engines};

on_both_engines! {
    every_column_that_may_hold_a_person_has_a_holder_or_a_reason,
    what_belongs_to_a_contact_goes_over_in_a_merge,
}

const STAFF: &str = "the workspace's own people, who have accounts and no contact";
const NAMES: &str = "words of the workspace's own, for a thing that is no person";
const STATES: &str = "states, kinds and hashes from closed lists";
const LEDGER: &str =
    "jobs have ids as arguments; what they say is quoted from lists at most, and is pruned with the job";
const AUDIT: &str = "the audit log names ids, and nobody by name: it is the proof that an act was done";
const MACHINES: &str = "what machines need: names of queues, keys and processes";
const TYPED: &str = "words that a person typed to look for something";

/// Columns that hold nobody, or somebody for a reason: a table, its columns (`*`: all), and why.
const NOT_PEOPLE: &[(&str, &str, &str)] = &[
    ("api_tokens", "*", STAFF),
    ("audit_heads", "*", AUDIT),
    ("audit_log", "*", AUDIT),
    ("batches", "*", LEDGER),
    ("campaign_checks", "*", "how many contacts lack what, as numbers"),
    ("campaign_counts", "state", STATES),
    ("campaign_faults", "cause field", STATES),
    ("campaign_log", "*", STAFF),
    ("campaigns", "*", STAFF),
    ("claims", "*", LEDGER),
    ("codes", "*", STAFF),
    ("connections", "*", "accounts of the workspace at providers"),
    ("consents", "*", "consents to use an account at a provider, given by staff"),
    ("contact_fields", "*", NAMES),
    ("crm_events", "*", STAFF),
    ("crm_syncs", "*", STAFF),
    ("crm_users", "*", STAFF),
    ("erased_addresses", "hash", "a keyed hash, from which nobody learns the address"),
    (
        "erasures",
        "contact_id records files who",
        "the proof of an erasure: an id that leads nowhere, and counts; the \
        keys of files go with the files",
    ),
    ("event_folders", "parent remote_id", NAMES),
    ("events", "slug name number_prefix number_key name_key", NAMES),
    ("exports", "what format state reason created_by", STATES),
    ("exports", "filter", TYPED),
    ("idempotency_keys", "*", "answers are kept for a day, for programs that ask again"),
    ("imports", "name sheet columns tags", "the headers of a list and the name of its file"),
    ("imports", "what sha256 mode state reason created_by", STATES),
    ("invitation_runs", "fingerprint options state reason", STATES),
    ("invitation_runs", "source", "ids of contacts, and the place of an uploaded list, which an export names"),
    ("invitations", "step state cause", STATES),
    ("job_counts", "*", LEDGER),
    ("job_errors", "*", LEDGER),
    ("jobs", "*", LEDGER),
    ("lead_notes", "lead_id", "goes with the note"),
    ("lead_statuses", "name name_key stands_for", NAMES),
    ("leads", "currency follow_up_zone", STATES),
    ("letters", "*", STAFF),
    ("link_key", "*", MACHINES),
    ("mail_events", "key source kind status", "names of events, and codes of mail servers"),
    ("members", "*", STAFF),
    ("message_blocks", "*", NAMES),
    ("message_template_versions", "*", NAMES),
    ("message_templates", "*", NAMES),
    ("message_events", "*", "ids, states and codes of messages; they go after 30 days"),
    ("messages", "channel variant state cause", STATES),
    ("notifications", "mail", STATES),
    ("old_files", "*", MACHINES),
    ("queue_keys", "*", MACHINES),
    ("queues", "*", MACHINES),
    ("refresh_tokens", "*", STAFF),
    ("reports", "kind day time_zone name sha256", "the day that a report is of"),
    ("reserved_ids", "*", MACHINES),
    ("run_checks", "plan source report", "kept for a day"),
    ("saved_views", "*", TYPED),
    ("schedules", "*", LEDGER),
    ("segment_snapshots", "name", NAMES),
    ("segment_snapshots", "rule", TYPED),
    ("segment_snapshots", "used_for", STATES),
    ("segments", "name name_key", NAMES),
    ("segments", "rule", TYPED),
    ("sender_turns", "day", STATES),
    ("senders", "*", "in whose name the workspace writes, which is the workspace's own"),
    ("sessions", "*", STAFF),
    ("setup_links", "*", STAFF),
    ("signing_keys", "*", MACHINES),
    ("soft_bounces", "hash", "a keyed hash, from which nobody learns the address; it goes after 90 days"),
    ("soft_bounces", "channel", STATES),
    ("source_cursors", "selection", MACHINES),
    ("stored_uploads", "sha256", "of the content of a file"),
    ("suppressions", "hash", "a keyed hash, from which nobody learns the address"),
    ("suppressions", "channel reason source lifted_by", STATES),
    ("tags", "name name_key", NAMES),
    ("templates", "name version manifest files made_by chosen_by", NAMES),
    ("throttles", "*", LEDGER),
    ("tickets", "*", STAFF),
    ("tracked_links", "*", "where the links of a template lead, the same for everybody"),
    ("tracking_counts", "*", STATES),
    ("tracking_events", "*", "of a message, and without it once its recipient is erased"),
    ("users", "*", STAFF),
    ("webhook_deliveries", "digest", "a hash of what a provider told"),
    ("whatsapp_templates", "*", NAMES),
    ("workers", "*", MACHINES),
    ("workspace_invitations", "*", STAFF),
    ("workspaces", "slug name", NAMES),
];

/// What an id may stand for, if it is not the row's own.
const NAMING: [&str; 7] = ["contact", "guest", "invitation", "lead", "person", "survivor", "merged"];

/// The columns that may hold a person: texts, documents, bytes, and ids of people and what is theirs.
async fn columns(db: &Db) -> BTreeSet<(String, String)> {
    let sql = match db.kind() {
        EngineKind::Postgres => {
            "select cast(table_name as text), cast(column_name as text), cast(data_type as text)
             from information_schema.columns where table_schema = current_schema()"
        }
        EngineKind::Sqlite => {
            "select t.name, c.name, c.type from sqlite_master as t join pragma_table_info(t.name) as c
             where t.type = 'table'"
        }
    };
    let all: Vec<(String, String, String)> = query(sql).all(db).await.unwrap();
    let may_hold = |name: &str, kind: &str| {
        let is_text = ["text", "jsonb", "bytea", "blob"].iter().any(|text| kind.eq_ignore_ascii_case(text));
        is_text || kind.eq_ignore_ascii_case("uuid") && NAMING.iter().any(|part| name.contains(part))
    };
    let is_ours = |table: &str| !table.starts_with("sqlite_") && !table.starts_with("_sqlx");
    let held = all.into_iter().filter(|(table, name, kind)| is_ours(table) && may_hold(name, kind));
    held.map(|(table, name, _)| (table, name)).collect()
}

async fn every_column_that_may_hold_a_person_has_a_holder_or_a_reason(database: &TestDatabase) {
    let there = columns(&database.db).await;
    assert!(there.len() > 150, "{}", there.len());
    let listed = |table: &'static str, names: &'static str| {
        names.split_whitespace().map(move |name| (table.to_owned(), name.to_owned()))
    };
    let of_holders: BTreeSet<(String, String)> =
        HOLDERS.iter().flat_map(|holder| holder.columns).flat_map(|(table, names)| listed(table, names)).collect();
    let mut excepted = BTreeSet::new();
    for (table, names, reason) in NOT_PEOPLE {
        assert!(reason.len() > 10, "{table}: {reason}");
        match *names {
            "*" => excepted.extend(there.iter().filter(|(of, _)| of == table).cloned()),
            names => excepted.extend(listed(table, names)),
        }
    }
    let nowhere: Vec<_> = there.iter().filter(|one| !of_holders.contains(*one) && !excepted.contains(*one)).collect();
    assert!(nowhere.is_empty(), "a holder reads and erases them, or NOT_PEOPLE says why not: {nowhere:?}");
    let twice: Vec<_> = of_holders.intersection(&excepted).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let gone: Vec<_> = of_holders.union(&excepted).filter(|one| !there.contains(*one)).collect();
    assert!(gone.is_empty(), "the database has no such columns: {gone:?}");
}

/// Tables with a contact whose rows do not move by themselves, and why.
const NOT_MOVED: &[(&str, &str)] = &[
    ("campaign_faults", "the audience is looked through anew"),
    ("campaign_members", "planning reads the survivor in their place"),
    ("contact_tags", "the survivor gets those that it does not have"),
    ("erasures", "the contact is no more"),
    ("segment_snapshot_contacts", "it tells who was meant then; a run reads the survivor in their place"),
];

async fn what_belongs_to_a_contact_goes_over_in_a_merge(database: &TestDatabase) {
    let of_contacts: BTreeSet<String> = columns(&database.db)
        .await
        .into_iter()
        .filter_map(|(table, name)| (name == "contact_id").then_some(table))
        .collect();
    let moves = HOLDERS.iter().flat_map(|holder| holder.moves).map(|one| one.table);
    let said: BTreeSet<String> = moves.chain(NOT_MOVED.iter().map(|(table, _)| *table)).map(str::to_owned).collect();
    assert_eq!(of_contacts, said, "a holder moves its rows to the survivor, or NOT_MOVED says why not");
}
