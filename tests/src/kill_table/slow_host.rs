//! A slow picture host: one workspace's guests have their pictures on a host that answers nobody, and another's are
//! invited meanwhile.
//!
//! Nobody is killed. What is measured is how long the others wait.

use std::{
    io::{Cursor, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use herald_contacts::Person;
use herald_db::{Db, query};
use herald_invitations as domain;
use herald_invitations::{Destination, NewRun, NumberFormat, PicturePolicy, RunOptions, RunSource};
use herald_providers::files::Files;
use herald_template::Bundle;
use image::{ImageFormat, Rgb, RgbImage};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{
    Options, Row,
    processes::{Plan, Processes},
    servers::{Servers, free_port, until},
    world,
};

pub(super) const NAME: &str = "outside: slow picture host";

/// Guests whose pictures do not come, and guests who have nothing to do with them. As it was seen first (137 s for the
/// twenty).
const HELD_UP: usize = 30;
const FREE: usize = 20;
/// Longer than the twenty may need.
const PICTURE_SECONDS: u64 = 60;
const PATIENCE: Duration = Duration::from_secs(120);
const TEMPLATE: &str = "name = \"faces\"\nbackground = \"back.png\"\n[[slot]]\nname = \"face\"\nkind = \"picture\"\n\
    box = [4, 4, 30, 30]\n";

/// Serves one picture at every address, as soon as it may.
struct Host {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    open: Arc<AtomicBool>,
}

impl Host {
    fn serve(open: bool) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (asked, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(open)));
        let picture: Arc<[u8]> = png(60)?.into();
        let (counted, may) = (asked.clone(), open.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counted, may, picture) = (counted.clone(), may.clone(), picture.clone());
                std::thread::spawn(move || answer(stream, &counted, &may, &picture));
            }
        });
        Ok(Self { address, asked, open })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, asked: &AtomicUsize, open: &AtomicBool, picture: &[u8]) -> Option<()> {
    // The request fits: it has a line and a few headers.
    if stream.read(&mut [0; 4_096]).ok()? == 0 {
        return None;
    }
    asked.fetch_add(1, Ordering::SeqCst);
    while !open.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let length = picture.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    )
    .ok()?;
    stream.write_all(picture).ok()
}

fn png(side: u32) -> Result<Vec<u8>> {
    let mut png = Cursor::new(Vec::new());
    RgbImage::from_pixel(side, side, Rgb([90; 3])).write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// Plays it with one scheduler and one worker with its default queues.
pub(super) fn play(options: &Options, servers: &Servers, runtime: &Arc<Runtime>) -> Result<Row> {
    let mut row = Row { jobs_in: HELD_UP + FREE, ..Row::of(NAME) };
    if let Err(error) = measure(options, servers, runtime, &mut row) {
        row.error = Some(format!("{error:#}"));
    }
    Ok(row)
}

fn measure(options: &Options, servers: &Servers, runtime: &Arc<Runtime>, row: &mut Row) -> Result<()> {
    let folder = tempfile::TempDir::with_prefix("herald-kill-table-")?;
    let root = folder.path();
    // Two hosts by name: a limit is one host's.
    let (slow, fast) = (Host::serve(false)?, Host::serve(true)?);
    let hosts = [format!("localhost:{}", slow.address.port()), fast.address.to_string()];
    let (of_fleet, owner, reader) = servers.of_a_fleet("slow_host")?;
    let settings = format!(
        "[http]\nlisten = \"127.0.0.1:{}\"\n[pictures]\nallow_hosts = [{:?}, {:?}]\n\
         timeout_seconds = {PICTURE_SECONDS}\n{of_fleet}",
        free_port()?,
        hosts[0],
        hosts[1]
    );
    std::fs::create_dir(root.join("data"))?;
    std::fs::write(root.join("herald.toml"), settings)?;
    let (db, _) = runtime.block_on(world::open(&owner, Some(&reader)))?;
    let plans = vec![Plan::new("scheduler-0", &["scheduler"]), Plan::new("worker-0", &["worker"])];
    let processes = Processes::start(&options.herald, root, plans)?;
    let files = Files::local(root.join("data/files"))?;
    let begin = |workspace, guests, host: &str| runtime.block_on(start(&db, &files, workspace, guests, host));
    let held_up = begin(runtime.block_on(herald_people::ensure_default_workspace(&db))?, HELD_UP, &hosts[0])?;
    until("the slow host is asked", PATIENCE, || Ok(slow.asked() > 0))?;
    let began = Instant::now();
    let free = begin(runtime.block_on(other_workspace(&db))?, FREE, &hosts[1])?;
    let made = |run: Uuid| {
        let made = query("select made from invitation_runs where id = $1").bind(run);
        let (made,): (i64,) = runtime.block_on(made.one(&db)).context("asking how many are made")?;
        Ok::<_, anyhow::Error>(usize::try_from(made).unwrap_or(0))
    };
    until("the others are invited", PATIENCE, || Ok(made(free)? == FREE))?;
    row.recovery = Some(began.elapsed());
    slow.open.store(true, Ordering::SeqCst);
    until("the held up are invited too", PATIENCE, || Ok(made(held_up)? == HELD_UP))?;
    row.done = made(held_up)? + made(free)?;
    row.run_twice = (slow.asked() + fast.asked()).saturating_sub(HELD_UP + FREE);
    row.alive = processes.all_alive();
    let restarts = processes.restarts();
    (row.killed, row.ended) = (restarts.ordered, restarts.own);
    drop(processes);
    runtime.block_on(db.close());
    Ok(())
}

async fn other_workspace(db: &Db) -> Result<Uuid> {
    let id = db.new_id();
    let mut tx = db.begin().await?;
    let insert = query("insert into workspaces (id, slug, name, created_at) values ($1, $2, $2, $3)");
    insert.bind(id).bind("other").bind(db.now()).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(id)
}

/// Starts a run of a workspace for so many guests, each with a picture at an address of its own.
async fn start(db: &Db, files: &Files, workspace: Uuid, guests: usize, host: &str) -> Result<Uuid> {
    let mut bundle = Bundle::default();
    bundle.insert("template.toml", TEMPLATE.as_bytes().to_vec().into())?;
    bundle.insert("back.png", png(200)?.into())?;
    let template = domain::store_template(db, files, workspace, None, &bundle).await?;
    let event = domain::ensure_event(db, workspace, "Gala", &NumberFormat::default()).await?;
    let guests: Vec<Person> = (0..guests)
        .map(|at| Person {
            row_key: format!("list:{at}"),
            email: Some(format!("guest{at}@example.org")),
            name: format!("Person Number {at}"),
            picture: Some(format!("http://{host}/{at}.png")),
            ..Person::default()
        })
        .collect();
    let mut tx = db.begin().await?;
    let upserted = herald_contacts::upsert_people(&mut tx, workspace, &guests).await?;
    tx.commit().await?;
    let source = RunSource::Contacts { ids: upserted.iter().map(|guest| guest.contact_id).collect() };
    let options = RunOptions {
        format: herald_base::image_format::ImageFormat::Jpeg,
        refresh: false,
        only_failed: false,
        limit: None,
        // The pictures show no face.
        on_bad_picture: PicturePolicy::Avatar,
        allow_missing_glyphs: false,
        seconds_apart: None,
        destination: Destination::Local,
    };
    let new = NewRun { event_id: event.id, template_id: template.id, source, options, traceparent: None };
    Ok(domain::start_run(db, workspace, new).await?.id)
}
