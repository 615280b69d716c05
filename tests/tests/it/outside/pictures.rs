//! Pictures on their way: a host that is slow holds up nobody else's, nothing is fetched twice, and jobs of before
//! still find theirs.

use std::{
    io::Cursor,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, routing::any};
use futures::TryStreamExt;
use herald_contacts::Person;
use herald_invitations as domain;
use herald_invitations::{InvitationRow, NewRun, NumberFormat, RunSource};
use herald_ledger as ledger;
use herald_ledger::JobFilter;
use herald_providers::files::{Area, Key};
use herald_tests::{TestDatabase, on_both_engines, wait_until};
use tokio::{net::TcpListener, sync::Semaphore};
use uuid::Uuid;

use super::{
    Outreach,
    outreach::{is_idle, pass_time},
};
use crate::{ground, guest_list};

on_both_engines! {
    a_slow_picture_host_holds_up_nobody_elses_guests,
    a_picture_is_fetched_once_and_gone_when_it_is_drawn,
    a_crop_of_before_hands_over_what_was_not_fetched,
    a_host_that_refuses_leaves_the_avatar_and_a_remark,
}

/// Serves a picture to whoever asks, as soon as it may.
struct Host {
    port: u16,
    asked: Arc<AtomicUsize>,
    open: Arc<Semaphore>,
}

impl Host {
    async fn start(open: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(if open { Semaphore::MAX_PERMITS } else { 0 }));
        let mut png = Vec::new();
        image::RgbImage::from_pixel(40, 40, image::Rgb([90; 3]))
            .write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png)
            .unwrap();
        let (counted, waits) = (asked.clone(), gate.clone());
        let router = Router::new().fallback(any(move |uri: axum::http::Uri| {
            counted.fetch_add(1, Ordering::SeqCst);
            let (waits, png) = (waits.clone(), png.clone());
            async move {
                let _permit = waits.acquire().await.unwrap();
                match uri.path() {
                    "/missing" => Err(axum::http::StatusCode::NOT_FOUND),
                    _ => Ok(png),
                }
            }
        }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, asked, open: gate }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn release(&self) {
        self.open.add_permits(10_000);
    }
}

async fn outreach(database: &TestDatabase, hosts: &[String]) -> Outreach {
    let app = Outreach::start_with(database, |settings| {
        settings.pictures.allow_hosts = hosts.to_vec();
        settings.pictures.timeout_seconds = 600;
    })
    .await;
    ledger::set_up_outside(&app.db).await.unwrap();
    app
}

/// A run of a workspace for so many guests, each with a picture at its own address.
async fn begin(app: &Outreach, workspace: Uuid, count: usize, address: impl Fn(usize) -> String) -> Uuid {
    let db = &app.db;
    let template = app.portrait_template_of(workspace).await;
    let template = domain::template_named(db, workspace, &template).await.unwrap().unwrap();
    let event = domain::ensure_event(db, workspace, "Gala", &NumberFormat::default()).await.unwrap();
    let guests: Vec<Person> =
        (0..count).map(|at| Person { picture: Some(address(at)), ..guest_list::guest(at) }).collect();
    let mut tx = db.begin().await.unwrap();
    let upserted = herald_contacts::upsert_people(&mut tx, workspace, &guests).await.unwrap();
    tx.commit().await.unwrap();
    let source = RunSource::Contacts { ids: upserted.iter().map(|guest| guest.contact_id).collect() };
    let options = guest_list::options();
    let new = NewRun { event_id: event.id, template_id: template.id, source, options, traceparent: None };
    domain::start_run(db, workspace, new).await.unwrap().id
}

async fn rows(app: &Outreach, workspace: Uuid, run: Uuid) -> Vec<InvitationRow> {
    domain::run_guests(&app.db, workspace, run, None, None, 1_000).await.unwrap()
}

async fn ended(app: &Outreach, workspace: Uuid, run: Uuid) {
    wait_until("the run ends", async || {
        pass_time(&app.db).await;
        let run = domain::find_run(&app.db, workspace, run).await.unwrap().unwrap();
        run.has_ended() && is_idle(&app.db).await
    })
    .await;
}

async fn fetched(app: &Outreach) -> usize {
    let all: Vec<Key> = app.files.list_all().try_collect().await.unwrap();
    all.iter().filter(|key| key.area() == Some(Area::Fetched)).count()
}

async fn a_slow_picture_host_holds_up_nobody_elses_guests(database: &TestDatabase) {
    let (slow, fast) = (Host::start(false).await, Host::start(true).await);
    // Two hosts by name: a limit is one host's.
    let hosts = [format!("localhost:{}", slow.port), format!("127.0.0.1:{}", fast.port)];
    let app = outreach(database, &hosts).await;
    let other = ground::workspace_named(&app.db, "other").await;
    let worker = app.begin_work();
    let held_up = begin(&app, app.workspace, 30, |at| format!("http://{}/{at}", hosts[0])).await;
    wait_until("the slow host is asked", async || slow.asked() >= 8).await;
    let free = begin(&app, other, 20, |at| format!("http://{}/{at}", hosts[1])).await;
    wait_until("the others are invited", async || {
        domain::find_run(&app.db, other, free).await.unwrap().unwrap().has_ended()
    })
    .await;
    let made = rows(&app, other, free).await;
    assert!(made.len() == 20 && made.iter().all(|row| row.state.as_str() == "made"), "{made:?}");
    // All that while the slow host has as many calls as one host may have, and not one has had its answer.
    assert_eq!(slow.asked(), 8);
    assert!(rows(&app, app.workspace, held_up).await.iter().all(|row| row.state.as_str() == "pending"));
    slow.release();
    ended(&app, app.workspace, held_up).await;
    assert!(rows(&app, app.workspace, held_up).await.iter().all(|row| row.state.as_str() == "made"));
    worker.stop().await;
}

async fn a_picture_is_fetched_once_and_gone_when_it_is_drawn(database: &TestDatabase) {
    let host = Host::start(true).await;
    let hosts = [format!("127.0.0.1:{}", host.port)];
    let app = outreach(database, &hosts).await;
    let run = begin(&app, app.workspace, 3, |at| format!("http://{}/{at}", hosts[0])).await;
    // Killed between the fetch and the crop: what was fetched is there for whoever goes on.
    let only = |queues: &'static [(&'static str, usize)]| app.work_on(queues, app.handlers());
    let worker = only(&[("control", 1), ("fetch", 4)]);
    wait_until("all are fetched", async || fetched(&app).await == 3).await;
    worker.kill(&app.db).await;
    assert_eq!(host.asked(), 3);
    let worker = app.begin_work();
    ended(&app, app.workspace, run).await;
    worker.stop().await;
    assert!(rows(&app, app.workspace, run).await.iter().all(|row| row.state.as_str() == "made"));
    assert_eq!(host.asked(), 3, "nothing was fetched twice");
    assert_eq!(fetched(&app).await, 0, "what was fetched is removed");
}

async fn a_crop_of_before_hands_over_what_was_not_fetched(database: &TestDatabase) {
    let host = Host::start(true).await;
    let hosts = [format!("127.0.0.1:{}", host.port)];
    let app = outreach(database, &hosts).await;
    let run = begin(&app, app.workspace, 1, |at| format!("http://{}/{at}", hosts[0])).await;
    let worker = app.work_on(&[("control", 1)], app.handlers());
    wait_until("the guest is taken in", async || rows(&app, app.workspace, run).await.len() == 1).await;
    worker.stop().await;
    // As a version before this one would have left it in the ledger.
    ground::run_sql(
        &app.db,
        "update jobs set kind = 'face.crop', queue = 'cpu', limit_key = null where kind = 'picture.fetch'",
    )
    .await;
    let worker = app.begin_work();
    ended(&app, app.workspace, run).await;
    worker.stop().await;
    assert_eq!((rows(&app, app.workspace, run).await[0].state.as_str(), host.asked()), ("made", 1));
    let filter = JobFilter { kind: Some("picture.fetch".to_owned()), ..JobFilter::default() };
    assert_eq!(ledger::list_jobs(&app.db, app.workspace, &filter, 10).await.unwrap().len(), 1);
}

async fn a_host_that_refuses_leaves_the_avatar_and_a_remark(database: &TestDatabase) {
    let host = Host::start(true).await;
    let hosts = [format!("127.0.0.1:{}", host.port)];
    let app = outreach(database, &hosts).await;
    let run = begin(&app, app.workspace, 1, |_| format!("http://{}/missing", hosts[0])).await;
    let worker = app.begin_work();
    ended(&app, app.workspace, run).await;
    worker.stop().await;
    let row = rows(&app, app.workspace, run).await.remove(0);
    assert_eq!(row.state.as_str(), "made");
    let remark = row.portrait_notes.0.join("");
    assert!(remark.contains("there is no file at the web address (status 404)"), "{remark}");
    assert!(remark.ends_with("(the drawn avatar is used)"), "{remark}");
}
