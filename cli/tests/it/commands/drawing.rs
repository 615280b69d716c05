//! The drawing processes of a command: killed, stopped or orphaned, they cost nobody an invitation and outlive nothing.

use std::{path::Path, process::Command, time::Duration};

use herald_tests::wait_until;

use super::up::{Service, wait_for_end};
use crate::{
    http::form,
    stage::{Stage, ended},
    studio::{endless, is_gone, png, signal},
};

/// The drawing processes of a command.
fn children(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let of = |thread: &Path| std::fs::read_to_string(thread.join("children")).unwrap_or_default();
    let all: Vec<u32> = threads
        .flat_map(|thread| of(&thread.path()).split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>())
        .collect();
    all.into_iter().filter(|id| name(*id) == "herald-studio" && !is_gone(*id)).collect()
}

fn name(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default().trim().to_owned()
}

/// One drawing at once, so that after a kill the next file is that of the guest whose drawing was killed.
fn one_at_once(command: &mut Command) {
    command.env("HERALD__WORKER__CPU", "1");
}

#[tokio::test]
async fn drawing_processes_that_are_killed_cost_nobody_an_invitation() {
    let stage = Stage::new();
    stage.example_picture("amelie.jpg");
    let rows: String = (0..60).map(|guest| format!("Guest {guest},amelie.jpg\n")).collect();
    stage.write("guests.csv", format!("name,picture\n{rows}"));
    let mut command = stage.invite("guests.csv", &["--json"]);
    one_at_once(&mut command);
    let run = command.spawn().unwrap();
    let mut killed = Vec::new();
    for kill in 1..=4 {
        wait_until("more invitations are there, and a process that draws", async || {
            stage.stored("invitations").len() >= kill * 10 && !children(run.id()).is_empty()
        })
        .await;
        for child in children(run.id()) {
            signal(child, "KILL");
            killed.push(child);
        }
    }
    let summary = ended(run).with(0).summary();
    assert_eq!((&summary["made"], &summary["failed"]), (&60.into(), &0.into()), "{summary}");
    killed.dedup();
    assert!(killed.len() >= 4, "{killed:?}");
}

#[tokio::test]
async fn a_killed_command_leaves_no_drawing_process_behind() {
    let stage = Stage::new();
    stage.template("template", "");
    stage.write("template/template.toml", endless());
    stage.write("template/background.png", png(4_000, 4_000));
    stage.write("guests.csv", "name\nAnn Example\nBo Example\n");
    let mut run = stage.invite("guests.csv", &[]).spawn().unwrap();
    // It has begun: the kernel has counted a second of its processor's time.
    let busy = |child: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let ticks = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(11)?.parse::<u64>().ok());
        ticks.is_some_and(|ticks| ticks > 100)
    };
    wait_until("a child draws", async || children(run.id()).iter().any(busy)).await;
    let all = children(run.id());
    run.kill().unwrap();
    run.wait().unwrap();
    tokio::time::timeout(
        Duration::from_secs(5),
        wait_until("they are gone", async || all.iter().all(|id| is_gone(*id))),
    )
    .await
    .expect("the processes go with their parent");
}

#[tokio::test]
async fn a_cancelled_run_ends_the_process_that_draws_for_it_and_the_next_run_is_made() {
    let stage = Stage::new();
    let service = Service::start_with(&stage, one_at_once);
    let token = service.token();
    // Before any upload, which has a process of its own.
    wait_until("the process that draws is there", async || children(service.id()).len() == 1).await;
    let first = children(service.id())[0];
    for folder in ["template", "other"] {
        stage.template(folder, "");
        let manifest = std::fs::read_to_string(stage.path(&format!("{folder}/template.toml"))).unwrap();
        let manifest = manifest.replace("name = \"Small\"", &format!("name = \"{folder}\""));
        let background = std::fs::read(stage.path(&format!("{folder}/background.png"))).unwrap();
        let files =
            [("files", Some("template.toml"), manifest.as_bytes()), ("files", Some("background.png"), &background[..])];
        assert_eq!(service.ask("POST", "/api/v1/templates", token, Some(&form(&files))).status, 201);
    }
    let start = |event: &str, template: &str| {
        let started = service.ask(
            "POST",
            "/api/v1/invitation-runs",
            token,
            Some(&form(&[
                ("event", None, event.as_bytes()),
                ("template", None, template.as_bytes()),
                ("guests", Some("guests.csv"), b"name,email\nAnn Example,ann@example.com\n"),
            ])),
        );
        assert_eq!(started.status, 202, "{}", started.json());
        started.headers["location"].clone()
    };
    signal(first, "STOP");
    let run = start("Spring Gala", "template");
    let running = async || {
        let jobs = service.get("/api/v1/jobs?state=running", token).json();
        jobs["items"]
            .as_array()
            .is_some_and(|jobs| jobs.iter().any(|job| job["kind"] == "face.crop" || job["kind"] == "invitation.render"))
    };
    wait_until("the drawing has begun", running).await;
    let cancelled = service.ask("POST", &format!("{run}/cancel"), token, None);
    assert!(cancelled.status < 300, "{}", cancelled.json());
    wait_until("the stopped process is gone", async || is_gone(first)).await;
    let next = start("Summer Gala", "other");
    let ended = wait_for_end(&service, &next, token);
    assert_eq!((&ended["state"], &ended["made"]), (&"complete".into(), &1.into()), "{ended}");
    assert_eq!(service.stop(), Some(0));
}
