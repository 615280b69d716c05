//! The kill-table's short form: every scenario with few jobs or guests and short faults.

use herald_tests::kill_table::{Options, markdown, run};

/// From Mautic into Drive.
const GUESTS: usize = 150;

#[test]
fn whatever_is_killed_no_job_is_lost_and_no_effect_happens_twice() {
    all_hold(150, 0, None);
}

#[test]
fn whichever_worker_is_killed_each_guest_from_mautic_has_one_file_in_drive_and_one_link() {
    all_hold(0, GUESTS, Some("outside: "));
}

#[test]
fn an_invite_killed_again_and_again_gives_each_guest_from_mautic_one_file_in_drive_and_one_link() {
    all_hold(0, GUESTS, Some("outside, sqlite: "));
}

#[test]
fn whichever_process_is_killed_a_list_is_imported_exported_and_reported_once() {
    all_hold(0, GUESTS, Some("lists"));
}

#[test]
fn whichever_process_is_killed_a_list_of_leads_is_imported_once_and_taken_back_whole() {
    all_hold(0, GUESTS, Some("leads"));
}

#[test]
fn whichever_process_is_killed_a_notification_is_mailed_at_most_once_and_shown_as_it_is() {
    all_hold(0, GUESTS, Some("mails"));
}

#[test]
fn whatever_is_killed_a_campaign_skips_nobody_and_writes_to_nobody_twice() {
    all_hold(0, GUESTS, Some("campaigns"));
}

fn all_hold(jobs: usize, guests: usize, only: Option<&str>) {
    let logs = tempfile::Builder::new().prefix("herald-kill-table-logs-").tempdir().unwrap().keep();
    let options = Options {
        herald: env!("CARGO_BIN_EXE_herald").into(),
        jobs,
        guests,
        seed: 20_261_125,
        only: only.map(str::to_owned),
        short: true,
        logs: logs.clone(),
    };
    let rows = run(&options, |_| {}).unwrap();
    let failed: Vec<_> = rows.iter().filter(|row| !row.holds()).map(|row| row.scenario).collect();
    assert!(failed.is_empty(), "{failed:?} failed; their logs are in {}\n{}", logs.display(), markdown(&rows));
    let _ = std::fs::remove_dir_all(logs);
}
