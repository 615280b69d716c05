//! Statements that are not about one workspace, each with its reason.

use super::statement::plain;

/// A statement that need not name the workspace.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// The file that makes it.
    pub file: &'static str,
    /// What it holds: enough to tell it from the others of that file.
    pub snippet: &'static str,
    /// Why that is right.
    pub reason: &'static str,
}

impl Exception {
    /// Whether it is for this statement of that file.
    pub fn is_for(&self, file: &str, sql: &str) -> bool {
        self.file == file && plain(sql).contains(self.snippet)
    }
}

const fn of(file: &'static str, snippet: &'static str, reason: &'static str) -> Exception {
    Exception { file, snippet, reason }
}

const FLEET: &str = "the fleet's work: it serves every workspace, and answers nobody";
const LEASED: &str = "ids and attempts of a lease, which the ledger gave out itself";
const TOKEN: &str = "the token is what tells the workspace, and nobody can make one up";
const MIGRATED: &str = "what an older version left is brought up to this one, whosever it is";
const RETENTION: &str = "what is old goes, whosever it is";

/// Every statement that need not name the workspace.
#[rustfmt::skip]
pub const EXCEPTIONS: &[Exception] = &[
    of("shared/ledger/src/lease.rs", "update jobs set lease_until = rows.until", LEASED),
    of("shared/ledger/src/lease.rs", "from jobs where state = 'running' and lease_until < $1", FLEET),
    of("shared/ledger/src/dispatch.rs", "select id from batches where sweeping", FLEET),
    of("shared/ledger/src/dispatch.rs", "with due as materialized", "leases the rows that it found in a lane of the \
        workspace"),
    of("shared/ledger/src/cancel.rs", "select workspace_id, id from batches where sweeping", FLEET),
    of("shared/ledger/src/cancel.rs", "select id from jobs where state = 'ready' and expires_at <= $1", FLEET),
    of("shared/ledger/src/gate.rs", "from jobs where state = 'running' and queue = $1", FLEET),
    of("shared/ledger/src/load.rs", "from jobs where state = ", FLEET),
    of("shared/ledger/src/load.rs", "select count(*) from batches where state = 'running'", FLEET),
    of("shared/ledger/src/lanes.rs", "from jobs", FLEET),
    of("shared/ledger/src/queue.rs", "from jobs where state = ", FLEET),
    of("shared/ledger/src/queue_counts.rs", "from jobs where state = ", FLEET),
    of("shared/ledger/src/queue_status.rs", "from (select cast($2 as text) as name) as names", FLEET),
    of("shared/ledger/src/search.rs", "order by id desc limit 1 offset $1", "how far a look goes back: of the job that \
        it finds only the time is used"),
    of("shared/ledger/src/throughput.rs", "from jobs where finished_at > $1", FLEET),
    of("shared/ledger/src/retention.rs", "delete from jobs where id in (select id from jobs where finished_at < $1",
        RETENTION),
    of("shared/ledger/src/unique.rs", "delete from throttles where until <= $1", RETENTION),
    of("shared/accounts/src/consent.rs", "delete from consents where expires_at < $1", RETENTION),
    of("shared/accounts/src/deliveries.rs", "delete from webhook_deliveries where received_at < $1", RETENTION),
    of("shared/contacts/src/merge.rs", "forgotten = true where undo_until < $1", RETENTION),
    of("shared/invitations/src/run_snapshots.rs", "where s.has_members", RETENTION),
    of("shared/messaging/src/campaign/load.rs", "from campaigns", FLEET),
    of("shared/messaging/src/campaign/load.rs", "from campaign_counts as n", FLEET),
    of("shared/accounts/src/consent.rs", "from consents where state_hash = $1", TOKEN),
    of("shared/ledger/src/idempotency.rs", "from idempotency_keys where created_at <= $1", RETENTION),
    of("shared/people/src/saved_view.rs", "delete from saved_views where user_id = $1 and id = $2", "a person's own \
        view, in whichever workspace it is"),
    of("shared/people/src/tidy.rs", "delete from workspace_invitations where expires_at < $1", RETENTION),
    of("shared/invitations/src/invitation.rs", "select workspace_id, state, file, rendering, \
        sha256 from invitations where id = $1", "a signed link names the invitation alone"),
    of("shared/invitations/src/invitation.rs", "select id, portrait, rendering, file from invitations where",
        "the sweeper keeps the files of every workspace"),
    of("shared/invitations/src/link_key.rs", "select workspace_id from invitations limit 1", "whether the installation \
        has made any link yet"),
    of("shared/invitations/src/link_key.rs", "select workspace_id from templates limit 1", "whether the installation \
        is new"),
    of("shared/invitations/src/move_files/rows.rs", "select id, workspace_id, files from templates where", MIGRATED),
    of("shared/invitations/src/move_files/rows.rs", "select id, workspace_id, source from invitation_runs where",
        MIGRATED),
    of("shared/invitations/src/move_files/rows.rs", "select id, workspace_id, picture from contacts \
        where picture like 'store:pictures/%'", MIGRATED),
    of("shared/invitations/src/move_files/invitation.rs", "select workspace_id from invitations \
        where file like 'invitations/%' limit 1", MIGRATED),
    of("shared/invitations/src/move_files/invitation.rs", "where (i.file like 'invitations/%' or", MIGRATED),
    of("shared/messaging/src/mail_event.rs", "select m.id, m.workspace_id from", "a signed envelope sender names the \
        message alone"),
    of("shared/messaging/src/mail_event.rs", "from mail_events where received_at < $1", RETENTION),
    of("shared/messaging/src/message/soft.rs", "from soft_bounces where at < $1", RETENTION),
    of("shared/messaging/src/whatsapp/reports.rs", "from message_events where received_at < $1", RETENTION),
    of("shared/messaging/src/whatsapp/templates.rs", "where c.provider in ('twilio', 'meta')",
        "the templates of all workspaces are read every night"),
    of("shared/messaging/src/unsubscribe.rs", "where m.id = $1", "a link that Herald signed names the message"),
    of("shared/messaging/src/tracking/group.rs", "m.clicked_at from", "links that Herald signed name the messages"),
    of("shared/messaging/src/archive.rs", "where k.id = $1", "a link that Herald signed names the campaign"),
    of("shared/people/src/key.rs", "join api_tokens as t on t.token_hash = rows.hash", TOKEN),
    of("shared/people/src/key.rs", "select id from api_tokens limit 1", "whether the installation has any key yet"),
    of("shared/people/src/invitation.rs", "where t.token_hash = $1 and t.uses < t.max_uses", TOKEN),
    of("shared/people/src/member.rs", "select count(*) from members where user_id = $1 and role = 'owner'",
        "a person's own workspaces"),
    of("shared/people/src/member.rs", "from members as m join workspaces as w on w.id = m.workspace_id \
        where m.user_id = $1", "a person's own workspaces"),
    of("shared/accounts/src/store.rs", "select workspace_id from connections where id = $1", "a webhook names the \
        connection alone; its signature is checked before anything is done"),
    of("shared/accounts/src/store.rs", "select id, name, secret from connections order by id", "the installation's key \
        is changed for all"),
    of("shared/accounts/src/store.rs", "update connections set secret = $2", "the installation's key is changed for \
        all"),
    of("shared/accounts/src/store.rs", "delete from consents", "the installation's key is changed for all"),
    of("shared/accounts/src/store.rs", "update uploads set session = null where session is not null",
        "the installation's key is changed for all"),
    of("shared/people/src/rekey.rs", "select id, email_key from", MIGRATED),
    of("shared/db/src/makers.rs", "select id, created_by from", MIGRATED),
    of("shared/db/src/makers.rs", "select maker_id from api_tokens where id = $1", MIGRATED),
    of("shared/db/src/makers.rs", "set maker_id = $2", MIGRATED),
    of("shared/people/src/workspace.rs", "update job_errors set workspace_id =", MIGRATED),
    of("shared/people/src/workspace.rs", "update jobs set workspace_id =", MIGRATED),
    of("shared/leads/src/remind.rs", "select id, workspace_id, follow_up_at from leads", FLEET),
    of("shared/notifications/src/store.rs", "delete from notifications where id in", RETENTION),
    of("shared/notifications/src/store.rs", "group by workspace_id", "a person's own workspaces"),
    of("shared/notifications/src/store.rs", "set read_at = coalesce(read_at, $3) where user_id = $1 and id = $2",
        "a person's own notification, in whichever workspace it is"),
    of("shared/ledger/src/schedules/row.rs", "from schedules where paused = false and next_run", FLEET),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn an_exception_that_no_statement_needs_any_more_is_taken_out() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository");
        for Exception { file, snippet, .. } in EXCEPTIONS {
            let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let source = source.replace("\\\n", "\n");
            assert!(plain(&source).contains(snippet), "{file} has no statement with {snippet:?} any more");
        }
        let named: BTreeSet<_> = EXCEPTIONS.iter().map(|exception| (exception.file, exception.snippet)).collect();
        assert_eq!(named.len(), EXCEPTIONS.len());
        assert!(EXCEPTIONS.iter().all(|exception| exception.reason.len() > 10));
    }
}
