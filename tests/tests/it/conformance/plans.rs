//! Which index a statement uses. SQLite has no figures of a table to choose by. Where an index of the workspace alone
//! seems as good as one of the contact, it goes through the whole workspace.

use herald_db::query;
use herald_tests::{EngineKind, TestDatabase, on_both_engines};

on_both_engines! {
    the_tags_of_a_contact_are_not_looked_for_among_those_of_all,
    addresses_are_found_by_their_contact_and_by_their_value,
    whom_words_or_addresses_name_is_read_by_id,
    snapshots_are_taken_and_read_in_the_order_of_ids,
    a_page_of_a_list_sorts_nothing,
    a_timeline_is_read_in_its_order,
}

/// What SQLite says of how it runs a statement.
async fn plan(database: &TestDatabase, sql: &str) -> String {
    let steps: Vec<(i64, i64, i64, String)> =
        query(&format!("explain query plan {sql}")).all(&database.db).await.unwrap();
    steps.into_iter().map(|(.., step)| step).collect::<Vec<_>>().join("\n")
}

async fn the_tags_of_a_contact_are_not_looked_for_among_those_of_all(database: &TestDatabase) {
    // PostgreSQL counts its rows, and reads an empty table as a whole.
    if database.db.kind() != EngineKind::Sqlite {
        return;
    }
    for sql in [
        "delete from contact_tags where workspace_id = x'01' and contact_id = x'02'",
        "select t.name from (select x'01' as workspace_id, x'02' as contact_id union all select x'01', x'03') as rows
         join contact_tags as ct on ct.contact_id = rows.contact_id join tags as t on t.id = ct.tag_id
         where ct.workspace_id = rows.workspace_id and t.workspace_id = rows.workspace_id",
    ] {
        let plan = plan(database, sql).await;
        assert!(plan.contains("contact_tags_contact (workspace_id=? AND contact_id=?)"), "{sql}\n{plan}");
    }
}

async fn addresses_are_found_by_their_contact_and_by_their_value(database: &TestDatabase) {
    if database.db.kind() != EngineKind::Sqlite {
        return;
    }
    for (sql, index) in [
        (
            "select a.id from contact_addresses as a where a.workspace_id = x'01' and a.contact_id = x'02'
             order by a.id",
            "(workspace_id=? AND contact_id=?)",
        ),
        (
            "select a.id from (select x'01' as workspace_id, x'02' as contact_id union all select x'01', x'03') as rows
             join contact_addresses as a on a.contact_id = rows.contact_id where a.workspace_id = rows.workspace_id",
            "(workspace_id=? AND contact_id=?)",
        ),
        (
            "select a.contact_id from contact_addresses as a where a.workspace_id = x'01' and a.value in ('a', 'b')",
            "contact_addresses_value (workspace_id=? AND value=?",
        ),
        (
            "select a.contact_id from contact_addresses as a
             where a.workspace_id = x'01' and a.value = 'a' and a.kind in ('phone', 'whatsapp')",
            "contact_addresses_value (workspace_id=? AND value=?",
        ),
    ] {
        let plan = plan(database, sql).await;
        assert!(plan.contains(index), "{sql}\n{plan}");
    }
}

async fn whom_words_or_addresses_name_is_read_by_id(database: &TestDatabase) {
    if database.db.kind() != EngineKind::Sqlite {
        return;
    }
    for sql in [
        "select c.name from contacts as c where +c.workspace_id = x'01' and c.trashed_at is null and c.id in
           (select id from (select f.id from contacts as f where f.workspace_id = x'01' and f.email = 'a' limit 9) as f
            union select id from (select a.contact_id as id from contact_addresses as a
                                  where a.workspace_id = x'01' and a.value in ('a', 'b') limit 9) as a)
         order by c.id desc limit 50",
        "select c.name from contacts as c where +c.workspace_id = x'01' and c.id in
           (select id from (select f.id from contacts as f where f.workspace_id = x'01' and f.phone = 'a'
                              and f.phone is not null order by f.id limit 9) as f
            union select a.contact_id from contact_addresses as a
                  where a.workspace_id = x'01' and a.value = 'a' and a.kind in ('phone', 'whatsapp'))
           and c.id <> x'02' and c.trashed_at is null order by c.id limit 9",
    ] {
        let plan = plan(database, sql).await;
        assert!(plan.contains("SEARCH c USING INDEX sqlite_autoindex_contacts_1 (id=?)"), "{sql}\n{plan}");
        assert!(!plan.contains("USING INDEX sqlite_autoindex_contacts_2"), "{sql}\n{plan}");
    }
}

async fn snapshots_are_taken_and_read_in_the_order_of_ids(database: &TestDatabase) {
    if database.db.kind() != EngineKind::Sqlite {
        return;
    }
    for sql in [
        "insert into segment_snapshot_contacts (workspace_id, snapshot_id, contact_id, position)
         select c.workspace_id, s.id, c.id, row_number() over (order by c.id)
         from segment_snapshots as s cross join contacts as c
         where s.workspace_id = x'01' and s.id = x'02' and +c.workspace_id = x'01' and c.trashed_at is null
         order by c.id",
        "select c.name from contacts as c where +c.workspace_id = x'01' and c.trashed_at is null and exists
           (select 1 from segment_snapshot_contacts as m
            where m.workspace_id = x'01' and m.snapshot_id = x'02' and m.contact_id = c.id)
         order by c.id desc limit 50",
    ] {
        let plan = plan(database, sql).await;
        assert!(plan.contains("SCAN c USING INDEX sqlite_autoindex_contacts_1"), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}

async fn a_page_of_a_list_sorts_nothing(database: &TestDatabase) {
    if database.db.kind() != EngineKind::Sqlite {
        return;
    }
    for (sql, index) in [
        (
            "select c.id, c.name from contacts as c where c.workspace_id = x'01' and c.trashed_at is null
               and c.merged_into is null and c.id < x'02' order by c.id desc limit 1000",
            "contacts_in_order",
        ),
        (
            "select l.id, c.name from leads as l join contacts as c on c.workspace_id = l.workspace_id
               and c.id = l.contact_id where l.workspace_id = x'01' and l.id < x'02' order by l.id desc limit 1000",
            "leads_in_order",
        ),
    ] {
        let plan = plan(database, sql).await;
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}

async fn a_timeline_is_read_in_its_order(database: &TestDatabase) {
    if database.db.kind() != EngineKind::Sqlite {
        return;
    }
    let sql = "select id, kind, who from activities
         where workspace_id = x'01' and contact_id = x'02' and (x'03' is null or id < x'03')
         union all
         select c.id, 'a', i.created_by from contacts as c
         join imports as i on i.workspace_id = c.workspace_id and i.id = c.imported_by
         where c.workspace_id = x'01' and c.id = x'02' and (x'03' is null or c.id < x'03')
         order by id desc limit 50";
    let plan = plan(database, sql).await;
    assert!(plan.contains("activities_contact (workspace_id=? AND contact_id=?)"), "{plan}");
    assert!(plan.contains("SEARCH c USING INDEX") && plan.contains("SEARCH i USING INDEX"), "{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}
