//! Writes links to Mautic. Links that wait while other links are being written go together in one request.
//!
//! A job writes one link. While the largest number of requests is in progress, the links of other jobs gather, and the
//! next request takes them all. So a single link is written at once, and under load one request takes dozens. Each job
//! gets the answer for its own link.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use herald_accounts::{Connection, ProviderKind};
use herald_db::Db;
use herald_providers as providers;
use herald_providers::{
    Class, ProviderError,
    mautic::{Fields, Mautic, WriteBack},
};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

/// The number of concurrent requests for each account. Each may contain several links.
const AT_ONCE: usize = 2;
/// The number of links in a request. A large Mautic takes minutes for hundreds.
const TOGETHER: usize = 50;

/// The waiting links, by account and fields. Cheap to clone.
#[derive(Clone, Default)]
pub struct WriteBacks(Arc<Mutex<HashMap<String, Arc<Desk>>>>);

struct Desk {
    waiting: Mutex<Vec<Waiting>>,
    at_once: Semaphore,
}

struct Waiting {
    item: WriteBack,
    answer: oneshot::Sender<providers::Result<()>>,
}

impl WriteBacks {
    /// Writes one link, possibly together with others, and returns its result.
    ///
    /// # Errors
    /// The provider's error for this link.
    pub(crate) async fn write(
        &self,
        db: &Db,
        connection: &Connection,
        mautic: &Mautic,
        fields: Fields,
        item: WriteBack,
    ) -> providers::Result<()> {
        let desk = self.desk(connection.id, &fields);
        let (answer, answered) = oneshot::channel();
        desk.waiting().push(Waiting { item, answer });
        // The request runs in a separate task. If this job is stopped, the links of other jobs are still sent.
        tokio::spawn(serve(desk, db.clone(), mautic.clone(), fields));
        answered.await.unwrap_or_else(|_| {
            Err(ProviderError::new(Class::Unknown, "the request to Mautic was broken off before its answer was read"))
        })
    }

    fn desk(&self, connection_id: Uuid, fields: &Fields) -> Arc<Desk> {
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Desk { waiting: Mutex::default(), at_once: Semaphore::new(AT_ONCE) });
        // Aliases do not contain colons.
        let key = format!("{connection_id}:{}:{}", fields.link(), fields.number().unwrap_or_default());
        desks.entry(key).or_insert_with(new).clone()
    }
}

impl Desk {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(desk: Arc<Desk>, db: Db, mautic: Mautic, fields: Fields) {
    // The semaphore is never closed.
    let Ok(_turn) = desk.at_once.acquire().await else { return };
    let group: Vec<Waiting> = {
        let mut waiting = desk.waiting();
        let many = waiting.len().min(TOGETHER);
        waiting.drain(..many).collect()
    };
    if group.is_empty() {
        // Another request has included the links.
        return;
    }
    let (items, answers): (Vec<WriteBack>, Vec<_>) = group.into_iter().map(|it| (it.item, it.answer)).unzip();
    // Each job has paid for one request.
    let paid = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let meter = herald_accounts::meter_of_job(&db, ProviderKind::Mautic.queue(), paid);
    let written = mautic.write(&items, &fields, &meter).await;
    for (answer, result) in answers.into_iter().zip(written) {
        // A job that was stopped meanwhile no longer waits for its answer.
        let _ = answer.send(result);
    }
}
