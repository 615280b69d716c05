//! What `dashboards/` asks for is what Herald exports. Metrics are those of the catalog; that the catalog's are really
//! exported is tested on the binary (`cli/tests/it/fleet/seen.rs`).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use herald_base::telemetry::{
    catalog::{self, NOT_SHOWN},
    metric::{About, Kind},
};
use serde_json::Value;

/// Labels Prometheus adds.
const ADDED: [&str; 2] = ["instance", "job"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

fn dashboards() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(folder().join("grafana")).unwrap().map(|entry| entry.unwrap().path());
    let boards: BTreeMap<_, _> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    assert_eq!(boards.keys().collect::<Vec<_>>(), ["fleet", "outreach", "providers", "queues"]);
    boards
}

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().unwrap().iter()
}

/// The alerts: name and expression, as `make.py` writes them.
fn alerts() -> Vec<(String, String)> {
    let rules = std::fs::read_to_string(folder().join("prometheus/rules/herald.yml")).unwrap();
    let mut alerts = Vec::new();
    for line in rules.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            alerts.push((name.to_owned(), String::new()));
        } else if let Some(expr) = line.strip_prefix("expr: ") {
            alerts.last_mut().unwrap().1 = serde_json::from_str(expr).unwrap();
        }
    }
    assert!(alerts.len() > 20 && alerts.iter().all(|(_, expr)| !expr.is_empty()));
    alerts
}

/// Every expression, with where it stands.
fn expressions() -> Vec<(String, String)> {
    let mut found: Vec<_> = alerts().into_iter().map(|(name, expr)| (format!("alert {name}"), expr)).collect();
    for (name, board) in dashboards() {
        for panel in panels(&board).filter(|panel| panel["type"] != "row") {
            for target in panel["targets"].as_array().unwrap() {
                let place = format!("dashboard {name}, panel {}", panel["title"]);
                found.push((place, target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    found
}

/// A metric as an expression names it, and the labels it is asked for.
#[derive(Debug, PartialEq)]
struct Asked {
    name: String,
    labels: Vec<String>,
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The metrics of an expression, and the labels its groupings name.
fn asked(expr: &str) -> (Vec<Asked>, Vec<String>) {
    let (mut metrics, mut groupings) = (Vec::new(), Vec::new());
    let mut rest = expr;
    while let Some(start) = rest.find(|c: char| is_name(c) || c == '"') {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = &text[text.find('"').expect("a string ends") + 1..];
            continue;
        }
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if word.starts_with("herald_") || word.starts_with("process_") || word == "up" {
            let mut labels = Vec::new();
            if let Some(selector) = rest.strip_prefix('{') {
                // A route can hold a brace: the selector ends with the one outside of strings.
                let mut quoted = false;
                let end = selector.find(|c| {
                    quoted ^= c == '"';
                    c == '}' && !quoted
                });
                let (selector, after) = selector.split_at(end.expect("a selector ends"));
                labels = label_names(selector);
                rest = after;
            }
            metrics.push(Asked { name: word.to_owned(), labels });
        } else if ["by", "on", "ignoring", "without"].contains(&word) {
            let list = rest.trim_start().strip_prefix('(').expect("a list of labels");
            let (list, after) = list.split_at(list.find(')').expect("a list ends"));
            groupings.extend(list.split(',').map(|label| label.trim().to_owned()).filter(|label| !label.is_empty()));
            rest = after;
        }
    }
    (metrics, groupings)
}

fn label_names(selector: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, part) in selector.split('"').enumerate() {
        if at % 2 == 0 {
            let name: String = part.trim_start_matches(',').chars().take_while(|c| is_name(*c)).collect();
            if !name.is_empty() {
                names.push(name);
            }
        }
    }
    names
}

/// The catalog's entry for a name as Prometheus has it.
fn about(name: &str) -> Option<&'static About> {
    catalog::every().find(|about| match about.kind {
        Kind::Histogram(_) => ["_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| name.strip_suffix(suffix).is_some_and(|base| base == about.name)),
        Kind::Counter | Kind::Gauge => about.name == name,
    })
}

/// The labels a metric can be asked for.
fn labels_of(name: &str) -> BTreeSet<&'static str> {
    let own = about(name).map_or(&[][..], |about| about.labels);
    let bucket = name.ends_with("_bucket").then_some("le");
    own.iter().copied().chain(bucket).chain(ADDED).collect()
}

#[test]
fn expressions_are_taken_apart() {
    let (metrics, groupings) = asked(
        r#"sum by (kind, le) (rate(herald_a_total{route="/i/{token}",kind=~"b|herald_c"}[5m])) / ignoring (what) up unless on () process_x"#,
    );
    let of = |name: &str, labels: &[&str]| Asked {
        name: name.to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    assert_eq!(metrics, [of("herald_a_total", &["route", "kind"]), of("up", &[]), of("process_x", &[])]);
    assert_eq!(groupings, ["kind", "le", "what"]);
}

#[test]
fn every_metric_and_label_asked_for_exists() {
    for (place, expr) in expressions() {
        let (metrics, groupings) = asked(&expr);
        assert!(!metrics.is_empty(), "{place} asks for no metric of Herald's: {expr}");
        for metric in &metrics {
            let name = &metric.name;
            assert!(
                name == "up" || about(name).is_some(),
                "{place} asks for {name}, which is not in shared/base/src/telemetry/catalog.rs: \
                 correct dashboards/make.py or alerts.py, or add the metric"
            );
            for label in &metric.labels {
                assert!(
                    labels_of(name).contains(label.as_str()),
                    "{place} asks {name} for the label {label}, which it has not"
                );
            }
        }
        for label in &groupings {
            let somewhere = metrics.iter().any(|metric| labels_of(&metric.name).contains(label.as_str()));
            assert!(somewhere, "{place} groups by {label}, which none of its metrics has: {expr}");
        }
    }
}

#[test]
fn every_metric_is_shown_somewhere_or_left_out_on_purpose() {
    let shown: BTreeSet<&str> = expressions()
        .iter()
        .flat_map(|(_, expr)| asked(expr).0)
        .filter_map(|metric| about(&metric.name).map(|about| about.name))
        .collect();
    let left_out: BTreeSet<&str> = NOT_SHOWN.iter().map(|(name, _)| *name).collect();
    for about in catalog::every() {
        let name = about.name;
        assert!(
            shown.contains(name) || left_out.contains(name),
            "nobody would ever see {name}: add a panel to dashboards/make.py or an alert to dashboards/alerts.py \
             and run ./dashboards/make.py, \
             or name it in NOT_SHOWN (shared/base/src/telemetry/catalog.rs) with the reason"
        );
        assert!(!(shown.contains(name) && left_out.contains(name)), "{name} is shown: take it off NOT_SHOWN");
    }
}

#[test]
fn legends_use_labels_that_are_left() {
    for (name, board) in dashboards() {
        for panel in panels(&board).filter(|panel| panel["type"] != "row") {
            for target in panel["targets"].as_array().unwrap() {
                let (expr, legend) = (target["expr"].as_str().unwrap(), target["legendFormat"].as_str().unwrap());
                let (metrics, groupings) = asked(expr);
                for label in legend.split("{{").skip(1).map(|part| part.split("}}").next().unwrap()) {
                    let left = if expr.contains(" by ") {
                        groupings.iter().any(|grouping| grouping == label)
                    } else {
                        metrics.iter().any(|metric| labels_of(&metric.name).contains(label))
                    };
                    assert!(
                        left,
                        "dashboard {name}, panel {}: the legend shows {label}, which {expr} has not",
                        panel["title"]
                    );
                }
            }
        }
    }
}

#[test]
fn dashboards_import_as_they_are() {
    let mut uids = BTreeSet::new();
    for (name, board) in dashboards() {
        assert_eq!(board["schemaVersion"], 39, "{name}");
        assert!(uids.insert(board["uid"].as_str().unwrap().to_owned()), "{name}: uid");
        assert!(board["uid"].as_str().unwrap().len() <= 40 && board.get("id").is_none(), "{name}: ids are Grafana's");
        assert!(
            board["title"].as_str().unwrap().starts_with("Herald: ") && board["tags"] == serde_json::json!(["herald"])
        );
        assert_eq!(board["links"][0]["tags"], board["tags"], "{name} links to the others");
        let variables = board["templating"]["list"].as_array().unwrap();
        assert_eq!(
            (&variables[0]["name"], &variables[0]["type"]),
            (&"datasource".into(), &"datasource".into()),
            "{name}"
        );
        for variable in &variables[1..] {
            let query = variable["query"]["query"].as_str().unwrap();
            let (metric, label) =
                query.strip_prefix("label_values(").and_then(|q| q.strip_suffix(')')?.split_once(", ")).expect(query);
            assert!(labels_of(metric).contains(label) && about(metric).is_some(), "{name}: {query}");
            assert_eq!(variable["datasource"]["uid"], "${datasource}");
        }
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in panels(&board) {
            let title = panel["title"].as_str().unwrap();
            assert!(!title.is_empty() && ids.insert(panel["id"].as_u64().unwrap()), "{name}: {title}");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(w > 0 && h > 0 && x + w <= 24, "{name}: {title} is outside of the grid");
            for cell in (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y))) {
                assert!(taken.insert(cell), "{name}: {title} overlaps another panel at {cell:?}");
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(["timeseries", "stat"].contains(&panel["type"].as_str().unwrap()), "{name}: {title}");
            assert!(
                panel["description"].as_str().unwrap().ends_with('.'),
                "{name}: {title} says what it shows in a sentence"
            );
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].as_str().is_some_and(|unit| !unit.is_empty()));
            let targets = panel["targets"].as_array().unwrap();
            let refs: BTreeSet<_> = targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
            assert!(!targets.is_empty() && refs.len() == targets.len(), "{name}: {title}");
            assert!(targets.iter().all(|target| target["datasource"]["uid"] == "${datasource}"), "{name}: {title}");
        }
    }
}

#[test]
fn the_manual_says_what_each_alert_means() {
    let manual = std::fs::read_to_string(folder().join("../docs/operations.md")).unwrap();
    let section = manual.split("\n## What each alert means\n").nth(1).expect("docs/operations.md has the section");
    let section = section.split("\n## ").next().unwrap();
    let explained: BTreeMap<&str, &str> =
        section.split("\n### ").skip(1).filter_map(|part| part.split_once('\n')).collect();
    let alerts: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    for alert in &alerts {
        let text = explained.get(alert.as_str()).unwrap_or_else(|| {
            panic!(
                "docs/operations.md does not say what {alert} means: add `### {alert}` under \"What each alert means\""
            )
        });
        for part in ["**Cause.**", "**Look at.**", "**Cure.**"] {
            assert!(text.contains(part), "docs/operations.md, {alert}: {part} is missing");
        }
    }
    for name in explained.keys() {
        assert!(
            alerts.contains(*name),
            "docs/operations.md explains {name}, and no such alert is in dashboards/alerts.py"
        );
    }
}
