//! `herald probe`, beside a running `herald up`.

use std::io::{BufRead, BufReader};

use crate::stage::{Stage, end};

#[test]
fn a_probe_runs_beside_the_service_and_is_sent_once() {
    let stage = Stage::new();
    let mut up = stage.herald(&["up", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let out = BufReader::new(up.stdout.take().unwrap()).lines();
    out.map(Result::unwrap).find(|line| line.starts_with("herald serves")).expect("it serves");
    let first = end(stage.herald(&["probe", "--jobs", "2500", "--name", "noon"])).with(0).out;
    assert!(first.starts_with("sent 2500 jobs in "), "{first}");
    assert!(first.contains("ran 2500 of 2500 jobs") && first.contains("p99"), "{first}");
    let again = end(stage.herald(&["probe", "--jobs", "2500", "--name", "noon"])).with(0).out;
    assert!(again.starts_with("the probe noon was sent before"), "{again}");
    assert!(again.contains("ran 2500 of 2500 jobs"), "{again}");
    up.kill().unwrap();
    up.wait().unwrap();
    let unheard = end(stage.herald(&["probe", "--jobs", "2", "--patience", "0"])).with(1).out;
    assert!(unheard.contains("2 jobs have not ended"), "nobody runs it any more: {unheard}");
}
