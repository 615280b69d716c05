//! Takes openings and clicks in, and has them written in groups: all that gather while the last group is written are
//! the next one.
//!
//! A reader is sent on when their group is committed, so whatever was answered survives the death of the process. If
//! the database cannot write, readers are sent on all the same, and the log tells how many were not recorded.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use herald_base::boxed;
use herald_db::Db;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use uuid::Uuid;

use super::{
    TrackedPlace,
    group::{Hit, Target, Writer},
};

/// The largest group. As many may wait again.
const GROUP: usize = 1_000;
/// A reader who waits longer is asked to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of an opening or a click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is written down as far as it is to be, or the log tells that it could not be.
    Known {
        /// Where the link leads; none: nowhere any more.
        target: Option<Arc<str>>,
    },
    /// The database does not answer.
    Nobody,
}

/// Takes openings and clicks in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracker(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    db: Db,
    /// Made by the first one who comes.
    sender: OnceLock<mpsc::Sender<Waiting>>,
}

struct Waiting {
    hit: Hit,
    answer: oneshot::Sender<Target>,
}

impl Tracker {
    /// Takes openings and clicks in for a database. The first one starts the task that writes them, which ends with the
    /// last clone.
    pub fn new(db: Db) -> Self {
        Self(Arc::new(Queue { db, sender: OnceLock::new() }))
    }

    /// Has an opening or a click written down, and says where the link leads. `robot` says why the request is no
    /// person's.
    #[boxed]
    pub async fn record(&self, message_id: Uuid, place: TrackedPlace, robot: Option<&'static str>) -> Reached {
        let hit = Hit { message_id, number: place.number(), robot, at: self.0.db.now() };
        let (answer, target) = oneshot::channel();
        let sender = self.0.sender.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(GROUP);
            tokio::spawn(write_groups(self.0.db.clone(), receiver));
            sender
        });
        let told = async {
            sender.send(Waiting { hit, answer }).await.ok()?;
            target.await.ok()
        };
        match timeout(PATIENCE, told).await {
            Ok(Some(target)) => Reached::Known { target },
            _ => Reached::Nobody,
        }
    }
}

async fn write_groups(db: Db, mut receiver: mpsc::Receiver<Waiting>) {
    let mut writer = Writer::default();
    let mut group = Vec::with_capacity(GROUP);
    while receiver.recv_many(&mut group, GROUP).await > 0 {
        let hits: Vec<Hit> = group.iter().map(|waiting| waiting.hit).collect();
        match writer.write(&db, &hits).await {
            Ok(targets) => {
                for (waiting, target) in group.drain(..).zip(targets) {
                    // Whoever asked may have gone.
                    let _ = waiting.answer.send(target);
                }
            }
            Err(error) => {
                tracing::error!(%error, hits = hits.len(), "openings and clicks could not be read");
                group.clear();
            }
        }
    }
}
