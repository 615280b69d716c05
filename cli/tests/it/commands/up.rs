//! `herald up`: the service from its first start to its end, over HTTP.

use std::{
    fs::File,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    http::{Answer, ask, form},
    stage::{Stage, signal},
};

/// A service that runs.
pub(super) struct Service {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    /// The token, if the start printed one.
    token: Option<String>,
    pub(super) address: String,
}

impl Service {
    pub(super) fn start(stage: &Stage) -> Self {
        Self::start_with(stage, |_| {})
    }

    #[expect(
        clippy::zombie_processes,
        reason = "whoever stops the service waits for it; if it never serves the test ends"
    )]
    pub(super) fn start_with(stage: &Stage, set: impl FnOnce(&mut std::process::Command)) -> Self {
        let mut command = stage.herald(&["up", "--listen", "127.0.0.1:0"]);
        set(&mut command);
        command.stderr(File::create(stage.path("log")).unwrap());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut token = None;
        loop {
            let line = out.next().expect("it ended before it served").unwrap();
            if let Some(found) = line.strip_prefix("admin token, shown this once: ") {
                token = Some(found.to_owned());
            } else if let Some(rest) = line.strip_prefix("herald serves http://") {
                let address = rest.strip_suffix(" (data in data)").expect(rest).to_owned();
                return Self { child, out, token, address };
            } else {
                // The link for the first person, while there is nobody.
                assert!(line.starts_with("open http://") && line.contains("/setup/setup_"), "it said {line:?}");
            }
        }
    }

    pub(super) fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.ask("GET", path, token, None)
    }

    /// The process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The token the first start printed.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(super) fn ask(&self, method: &str, path: &str, token: Option<&str>, form: Option<&[u8]>) -> Answer {
        ask(&self.address, method, path, token, form)
    }

    /// Asks it to stop, and returns its exit code.
    pub(super) fn stop(mut self) -> Option<i32> {
        signal(&self.child, "TERM");
        assert!(self.out.next().is_none(), "it said something at its end");
        self.child.wait().unwrap().code()
    }
}

#[test]
fn the_service_makes_invitations_over_http_and_stops_in_order() {
    let stage = Stage::new();
    let service = Service::start(&stage);
    let token = service.token.clone().expect("the first start prints a token");
    let token = Some(token.as_str());
    assert_eq!(service.get("/healthz", None).status, 200);
    assert_eq!(service.get("/readyz", None).json()["status"], "ready");
    for closed in ["/api/v1/invitation-runs", "/api/v1/jobs", "/metrics"] {
        assert_eq!(service.get(closed, None).status, 401, "{closed} is open");
    }

    let manifest = std::fs::read(stage.path("template/template.toml")).unwrap();
    let background = std::fs::read(stage.path("template/background.png")).unwrap();
    let files = [("files", Some("template.toml"), &manifest[..]), ("files", Some("background.png"), &background[..])];
    let uploaded = service.ask("POST", "/api/v1/templates", token, Some(&form(&files)));
    assert_eq!(uploaded.status, 201, "{}", uploaded.json());

    let list = b"name,email,picture\nAnn Example,ann@example.com,amelie.jpg\nBo Example,bo@example.com,\n";
    stage.example_picture("amelie.jpg");
    let picture = std::fs::read(stage.path("amelie.jpg")).unwrap();
    let started = service.ask(
        "POST",
        "/api/v1/invitation-runs",
        token,
        Some(&form(&[
            ("event", None, b"Spring Gala"),
            ("template", None, b"Small"),
            ("format", None, b"png"),
            ("guests", Some("guests.csv"), list),
            ("pictures", Some("amelie.jpg"), &picture),
        ])),
    );
    assert_eq!(started.status, 202, "{}", started.json());
    let run = &started.headers["location"];
    let ended = wait_for_end(&service, run, token);
    assert_eq!(
        (&ended["state"], &ended["made"], &ended["failed"]),
        (&"complete".into(), &2.into(), &0.into()),
        "{ended}"
    );

    let guests = service.get(&format!("{run}/guests"), token).json();
    for guest in guests["items"].as_array().expect("a page of guests") {
        let link = guest["link"].as_str().unwrap();
        let path = link.strip_prefix("http://127.0.0.1:8080").unwrap();
        let shown = service.get(path, None);
        assert_eq!((shown.status, shown.headers["content-type"].as_str()), (200, "image/png"));
        assert_eq!(image::load_from_memory(&shown.body).unwrap().width(), 200);
        let forged = format!("{}A", &path[..path.len() - 1]);
        assert_eq!(service.get(&forged, None).status, if forged == path { 200 } else { 404 });
    }
    assert!(service.get("/metrics", token).status == 200);
    assert_eq!(service.stop(), Some(0));

    let again = Service::start(&stage);
    assert_eq!(again.token, None, "the token is printed once");
    assert_eq!(again.get(run, token).json()["state"], "complete");
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn an_uploaded_picture_is_never_a_strangers() {
    let stage = Stage::new();
    let service = Service::start(&stage);
    let token = service.token.clone().expect("the first start prints a token");
    let token = Some(token.as_str());
    let manifest = std::fs::read(stage.path("template/template.toml")).unwrap();
    let background = std::fs::read(stage.path("template/background.png")).unwrap();
    let files = [("files", Some("template.toml"), &manifest[..]), ("files", Some("background.png"), &background[..])];
    assert_eq!(service.ask("POST", "/api/v1/templates", token, Some(&form(&files))).status, 201);
    stage.example_picture("amelie.jpg");
    let picture = std::fs::read(stage.path("amelie.jpg")).unwrap();
    let list = b"name,picture\nAnn Example,ann/photo.jpg\nBob Example,bob/photo.jpg\nZoe Example,zo\xc3\xab.jpg\n";
    let run = |event: &'static [u8], pictures: &[&str]| {
        let mut parts: Vec<(&str, Option<&str>, &[u8])> =
            vec![("event", None, event), ("template", None, &b"Small"[..]), ("guests", Some("guests.csv"), &list[..])];
        parts.extend(pictures.iter().map(|name| ("pictures", Some(*name), &picture[..])));
        let started = service.ask("POST", "/api/v1/invitation-runs", token, Some(&form(&parts)));
        assert_eq!(started.status, 202, "{}", started.json());
        let run = started.headers["location"].clone();
        let ended = wait_for_end(&service, &run, token);
        assert_eq!(ended["made"], 3, "{ended}");
        let guests = service.get(&format!("{run}/guests"), token).json();
        let notes: Vec<String> =
            guests["items"].as_array().unwrap().iter().map(|guest| guest["notes"].to_string()).collect();
        (notes, ended["problems"].to_string())
    };
    let (notes, problems) = run(b"One", &["ann/photo.jpg", "zoe\u{308}.jpg"]);
    assert_eq!((notes[0].as_str(), notes[2].as_str()), ("[]", "[]"));
    assert!(notes[1].contains("bob/photo.jpg") && notes[1].contains("was not uploaded with the list"), "{notes:?}");
    assert!(problems.contains("the same name, written differently"), "{problems}");
    // Whose it is cannot be told.
    let (notes, _) = run(b"Two", &["photo.jpg"]);
    assert!(notes[0].contains("line 3 of the list") && notes[1].contains("line 2 of the list"), "{notes:?}");
    assert_eq!(service.stop(), Some(0));
}

pub(super) fn wait_for_end(service: &Service, run: &str, token: Option<&str>) -> Value {
    let began = Instant::now();
    loop {
        let run = service.get(run, token).json();
        if run["state"] != "importing" && run["state"] != "running" {
            return run;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the run does not end: {run}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
