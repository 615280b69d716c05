//! The kill-table's short form: every scenario with few jobs and short faults.

use herald_tests::kill_table::{Options, markdown, run};

#[test]
fn whatever_is_killed_no_job_is_lost_and_no_effect_happens_twice() {
    let logs = tempfile::Builder::new().prefix("herald-kill-table-logs-").tempdir().unwrap().keep();
    let options = Options {
        herald: env!("CARGO_BIN_EXE_herald").into(),
        jobs: 150,
        seed: 20_261_125,
        only: None,
        short: true,
        logs: logs.clone(),
    };
    let rows = run(&options, |_| {}).unwrap();
    let failed: Vec<_> = rows.iter().filter(|row| !row.holds()).map(|row| row.scenario).collect();
    assert!(failed.is_empty(), "{failed:?} failed; their logs are in {}\n{}", logs.display(), markdown(&rows));
    let _ = std::fs::remove_dir_all(logs);
}
