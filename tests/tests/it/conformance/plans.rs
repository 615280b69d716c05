//! Which index a statement uses. SQLite has no figures of a table to choose by. Where an index of the workspace alone
//! seems as good as one of the contact, it goes through the whole workspace.

use herald_db::query;
use herald_tests::{EngineKind, TestDatabase, on_both_engines};

on_both_engines! {
    the_tags_of_a_contact_are_not_looked_for_among_those_of_all,
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
