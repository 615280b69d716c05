//! What a fleet exports is what the catalog says, and Prometheus's own checker has nothing to say against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::{Command, Stdio},
};

use herald_base::telemetry::{
    catalog,
    metric::{About, Kind},
};

use super::{Fleet, PATIENCE, free_address};
use crate::http::{ask, form};
use crate::stage::end;

/// The series of one process: name, label names, and the line as it was.
struct Exported {
    text: String,
    series: Vec<(String, BTreeSet<String>)>,
}

impl Exported {
    fn read(address: &str, token: Option<&str>) -> Option<Self> {
        std::net::TcpStream::connect(address).ok()?;
        let answer = ask(address, "GET", "/metrics", token, None);
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.body).unwrap();
        let series = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let series = line.rsplit_once(' ').unwrap().0;
                let (name, labels) = series.split_once('{').unwrap_or((series, ""));
                let names =
                    labels.split("\",").filter_map(|label| label.split_once("=\"")).map(|(name, _)| name.to_owned());
                (name.to_owned(), names.collect())
            })
            .collect();
        Some(Self { text, series })
    }

    #[track_caller]
    fn value(&self, series: &str) -> f64 {
        let line = self.text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is missing in\n{}", self.text)).parse().unwrap()
    }

    fn check(&self) {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("./tests/run installs promtool (Debian: package prometheus)");
        promtool.stdin.take().unwrap().write_all(self.text.as_bytes()).unwrap();
        let found = promtool.wait_with_output().unwrap();
        let says = [found.stdout, found.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert!(found.status.success() && says.trim().is_empty(), "{says}");
    }
}

fn about(name: &str) -> Option<(&'static About, bool)> {
    catalog::every().find_map(|about| match about.kind {
        Kind::Histogram(_) => {
            let suffix = name.strip_prefix(about.name)?;
            ["_bucket", "_sum", "_count"].contains(&suffix).then_some((about, suffix == "_bucket"))
        }
        Kind::Counter | Kind::Gauge => (about.name == name).then_some((about, false)),
    })
}

#[test]
fn what_a_fleet_exports_is_what_the_catalog_says() {
    let fleet = Fleet::new();
    let (at_scheduler, at_worker) = (free_address(), free_address());
    let scheduler_process = fleet.start("scheduler", &["scheduler", "--monitor", &at_scheduler]);
    let worker_process = fleet.start("worker", &["worker", "--monitor", &at_worker]);
    let (api_process, at_api) = fleet.start_api();
    let token = fleet.token();
    let list = b"name,email\nAnn Example,ann@example.com\nBo Example,bo@example.com\n";
    let run =
        form(&[("event", None, b"gala"), ("template", None, b"Winter Gala"), ("guests", Some("guests.csv"), list)]);
    assert_eq!(ask(&at_api, "POST", "/api/v1/invitation-runs", Some(&token), Some(&run)).status, 202);
    fleet.wait_until("the run is complete", || {
        fleet.number("select count(*) from invitation_runs where state = 'complete'") == 1
    });
    fleet.wait_until("its summary is written, too", || {
        fleet.number("select count(*) from jobs where state in ('ready', 'running')") == 0
    });
    let every_second =
        ["schedules", "add", "seen", "--cron", "* * * * * *", "--zone", "UTC", "--kind", "probe.run", "--args"];
    let mut add = fleet.herald(&every_second);
    add.arg(r#"{"probe": "seen", "number": 0}"#);
    end(add).with(0);
    // Gauges are told every ten seconds.
    let began = std::time::Instant::now();
    let processes = loop {
        let all = [(&at_api, Some(token.as_str())), (&at_worker, None), (&at_scheduler, None)];
        if let [Some(api), Some(worker), Some(scheduler)] = all.map(|(at, token)| Exported::read(at, token))
            && scheduler.text.contains("herald_workers{state=\"running\"} 1")
            && scheduler.text.contains("\nherald_schedule_lateness_seconds_count ")
            // Told when the leases of what waits are renewed.
            && scheduler.text.contains("\nherald_wire_depth{")
        {
            break BTreeMap::from([("api", api), ("worker", worker), ("scheduler", scheduler)]);
        }
        assert!(began.elapsed() < PATIENCE, "the scheduler does not tell of the worker and the wire\n{}", fleet.logs());
        std::thread::sleep(std::time::Duration::from_millis(100));
    };

    let mut exported = BTreeSet::new();
    for (role, process) in &processes {
        process.check();
        for (name, labels) in &process.series {
            let (about, bucket) = about(name).unwrap_or_else(|| {
                panic!("the {role} exports {name}, which is not in shared/base/src/telemetry/catalog.rs: add it there")
            });
            let expected: BTreeSet<String> =
                about.labels.iter().copied().chain(bucket.then_some("le")).map(str::to_owned).collect();
            assert_eq!(*labels, expected, "labels of {name} from the {role}");
            let described =
                format!("# HELP {} {}\n# TYPE {} {}\n", about.name, about.help, about.name, about.kind.name());
            assert!(process.text.contains(&described), "{described} is missing from the {role}:\n{}", process.text);
            exported.insert(about.name);
        }
    }
    let catalog: BTreeSet<&str> = catalog::every().map(|about| about.name).collect();
    let missing: Vec<_> = catalog.difference(&exported).collect();
    assert!(missing.is_empty(), "described and never exported: {missing:?}");

    let [api, worker, scheduler] = ["api", "worker", "scheduler"].map(|role| &processes[role]);
    assert_eq!(worker.value("herald_jobs_total{kind=\"invitation.publish\",outcome=\"done\"}"), 2.0);
    assert_eq!(worker.value("herald_jobs_total{kind=\"invitation.publish\",outcome=\"dead\"}"), 0.0);
    assert_eq!(worker.value("herald_job_run_seconds_count{kind=\"invitation.render\"}"), 2.0);
    assert!(worker.value("herald_provider_calls_total{provider=\"files\",outcome=\"ok\"}") > 0.0);
    let attempts = fleet.number("select cast(sum(attempt) as bigint) from jobs where kind <> 'probe.run'");
    assert!(scheduler.value("herald_dispatched_total") >= attempts as f64, "every attempt was dispatched");
    assert_eq!(scheduler.value("herald_queue_jobs{queue=\"cpu\",state=\"ready\"}"), 0.0);
    assert!(!api.text.contains("herald_queue_jobs"), "what the ledger knows is told once, by schedulers");
    assert!(worker.value("process_resident_memory_bytes") > 1e6 && worker.value("process_open_fds") > 3.0);
    for (role, process) in [("api", api_process), ("worker", worker_process), ("scheduler", scheduler_process)] {
        assert_eq!(process.stop(), Some(0), "{role}: {}", fleet.logs());
    }
}
