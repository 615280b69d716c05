//! The history of the schema, compiled in. It is append-only: a released file never changes.

use std::borrow::Cow;

use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::EngineKind;

/// The version, its description, and its portable SQL (`migrations/` at the top of the repository).
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "ledger", include_str!("../../../migrations/0001_ledger.sql")),
    (2, "outreach", include_str!("../../../migrations/0002_outreach.sql")),
    (3, "fleet", include_str!("../../../migrations/0003_fleet.sql")),
    (4, "limits", include_str!("../../../migrations/0004_limits.sql")),
    (5, "schedules", include_str!("../../../migrations/0005_schedules.sql")),
    (6, "operate", include_str!("../../../migrations/0006_operate.sql")),
    (7, "link_key", include_str!("../../../migrations/0007_link_key.sql")),
    (8, "connections", include_str!("../../../migrations/0008_connections.sql")),
    (9, "people", include_str!("../../../migrations/0009_people.sql")),
    (10, "idempotency", include_str!("../../../migrations/0010_idempotency.sql")),
    (11, "crm", include_str!("../../../migrations/0011_crm.sql")),
    (12, "event_names", include_str!("../../../migrations/0012_event_names.sql")),
    (13, "shared_addresses", include_str!("../../../migrations/0013_shared_addresses.sql")),
    (14, "makers", include_str!("../../../migrations/0014_makers.sql")),
    (15, "audit_seals", include_str!("../../../migrations/0015_audit_seals.sql")),
    (16, "fences", include_str!("../../../migrations/0016_fences.sql")),
    (17, "tickets", include_str!("../../../migrations/0017_tickets.sql")),
    (18, "file_keys", include_str!("../../../migrations/0018_file_keys.sql")),
    (19, "workspace_concurrency", include_str!("../../../migrations/0019_workspace_concurrency.sql")),
    (20, "browser_sessions", include_str!("../../../migrations/0020_browser_sessions.sql")),
    (21, "setup_links", include_str!("../../../migrations/0021_setup_links.sql")),
    (22, "run_checks", include_str!("../../../migrations/0022_run_checks.sql")),
    (23, "guests", include_str!("../../../migrations/0023_guests.sql")),
    (24, "template_versions", include_str!("../../../migrations/0024_template_versions.sql")),
    (25, "looking", include_str!("../../../migrations/0025_looking.sql")),
    (26, "failed_guests", include_str!("../../../migrations/0026_failed_guests.sql")),
    (27, "failed_by_cause", include_str!("../../../migrations/0027_failed_by_cause.sql")),
    (28, "contacts", include_str!("../../../migrations/0028_contacts.sql")),
    (29, "reports", include_str!("../../../migrations/0029_reports.sql")),
    (30, "imports_and_segments", include_str!("../../../migrations/0030_imports_and_segments.sql")),
    (31, "exports", include_str!("../../../migrations/0031_exports.sql")),
    (32, "saved_views", include_str!("../../../migrations/0032_saved_views.sql")),
    (33, "dead_by_kind", include_str!("../../../migrations/0033_dead_by_kind.sql")),
    (34, "bare_contacts", include_str!("../../../migrations/0034_bare_contacts.sql")),
    (35, "notifications", include_str!("../../../migrations/0035_notifications.sql")),
    (36, "report_subscribers", include_str!("../../../migrations/0036_report_subscribers.sql")),
    (37, "erasures", include_str!("../../../migrations/0037_erasures.sql")),
    (38, "contact_merges", include_str!("../../../migrations/0038_contact_merges.sql")),
    (39, "tags_of_contacts", include_str!("../../../migrations/0039_tags_of_contacts.sql")),
    (40, "imports_of_leads", include_str!("../../../migrations/0040_imports_of_leads.sql")),
    (41, "contact_addresses", include_str!("../../../migrations/0041_contact_addresses.sql")),
    (42, "contact_fields", include_str!("../../../migrations/0042_contact_fields.sql")),
    (43, "segment_snapshots", include_str!("../../../migrations/0043_segment_snapshots.sql")),
    (44, "lists_in_order", include_str!("../../../migrations/0044_lists_in_order.sql")),
    (45, "imported_by", include_str!("../../../migrations/0045_imported_by.sql")),
    (46, "thin_snapshots", include_str!("../../../migrations/0046_thin_snapshots.sql")),
    (47, "late_refusals", include_str!("../../../migrations/0047_late_refusals.sql")),
    (50, "message_templates", include_str!("../../../migrations/0050_message_templates.sql")),
    (51, "senders", include_str!("../../../migrations/0051_senders.sql")),
    (52, "suppressions", include_str!("../../../migrations/0052_suppressions.sql")),
    (53, "campaigns", include_str!("../../../migrations/0053_campaigns.sql")),
    (55, "sender_relays", include_str!("../../../migrations/0055_sender_relays.sql")),
    (56, "receipts", include_str!("../../../migrations/0056_receipts.sql")),
    (57, "mail_events", include_str!("../../../migrations/0057_mail_events.sql")),
    (60, "whatsapp_templates", include_str!("../../../migrations/0060_whatsapp_templates.sql")),
    (61, "message_events", include_str!("../../../migrations/0061_message_events.sql")),
    (62, "inbound_messages", include_str!("../../../migrations/0062_inbound_messages.sql")),
    (63, "campaign_causes", include_str!("../../../migrations/0063_campaign_causes.sql")),
    (64, "campaign_checks", include_str!("../../../migrations/0064_campaign_checks.sql")),
    (65, "tracking", include_str!("../../../migrations/0065_tracking.sql")),
];

/// Marks a column that is compared byte by byte, as SQLite does everywhere. PostgreSQL is told so.
const BY_BYTES: &str = "/* by bytes */";

/// The history for an engine. The same file becomes the same text on the same engine, always.
pub(super) fn migrator(engine: EngineKind) -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, name, sql)| {
            let sql = match engine {
                EngineKind::Postgres => sql.replace(BY_BYTES, " collate \"C\""),
                EngineKind::Sqlite => (*sql).to_owned(),
            };
            let sql = AssertSqlSafe(sql).into_sql_str();
            Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
        })
        .collect();
    Migrator::with_migrations(migrations)
}
