//! Connections to one database, and those of them that were used a moment ago.
//!
//! sqlx's pool asks the other end whether it is there before it gives a connection out and after it got it back: three
//! round trips for a read that needs one. Here a connection whose statement ended well is put aside, and used again
//! within a moment without being asked.
//!
//! ```text
//!            permit ─▶ at hand? ──yes──▶ use ──▶ put aside
//!                          └────no────▶ pool (asks, or connects) ──▶ use ──▶ put aside
//! ```
//!
//! The server may have hung up in that moment. So what is put aside serves only what may be done twice, a read or the
//! beginning of a transaction: when it turns out to be closed, the same is done once more on one from the pool.
//!
//! Whoever uses a connection holds one of as many permits as there may be connections. Who holds one finds a connection
//! at hand, or room in the pool: what is put aside starves nobody.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, Database, Pool, Transaction, pool::PoolConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long after its last use a connection is taken to be there without being asked.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection stays out of sight of the pool, which replaces old ones.
const LONGEST: Duration = Duration::from_secs(300);

/// Connections to one database.
pub(super) struct Connections<D: Database> {
    pool: Pool<D>,
    turns: Arc<Semaphore>,
    /// The one used last at the end. None when closed.
    at_hand: Mutex<Option<Vec<Aside<D>>>>,
}

struct Aside<D: Database> {
    connection: PoolConnection<D>,
    /// When it came out of the pool.
    out_since: Instant,
    used_at: Instant,
}

/// A connection in use. Given back with [`Held::put_aside`] when its last statement ended well; dropped, it goes to the
/// pool, which asks it.
pub(super) struct Held<'c, D: Database> {
    pub(super) connection: PoolConnection<D>,
    out_since: Instant,
    owner: &'c Connections<D>,
    turn: OwnedSemaphorePermit,
    /// It was not asked whether it is there.
    pub(super) unsure: bool,
}

impl<D: Database> Held<'_, D> {
    pub(super) fn put_aside(self) {
        let now = Instant::now();
        if now - self.out_since < LONGEST
            && let Some(at_hand) = &mut *self.owner.lock()
        {
            at_hand.push(Aside { connection: self.connection, out_since: self.out_since, used_at: now });
        }
    }
}

impl<D: Database> Connections<D> {
    pub(super) fn new(pool: Pool<D>) -> Self {
        let turns = Arc::new(Semaphore::new(pool.options().get_max_connections() as usize));
        Self { pool, turns, at_hand: Mutex::new(Some(Vec::new())) }
    }

    pub(super) fn pool(&self) -> &Pool<D> {
        &self.pool
    }

    /// One that was used a moment ago, or else one from the pool.
    pub(super) async fn any(&self) -> sqlx::Result<Held<'_, D>> {
        let turn = self.turn().await?;
        match self.take() {
            Some(Aside { connection, out_since, .. }) => {
                Ok(Held { connection, out_since, owner: self, turn, unsure: true })
            }
            None => self.fresh(turn).await,
        }
    }

    /// One whose other end was there when it was asked just now.
    pub(super) async fn asked(&self) -> sqlx::Result<Held<'_, D>> {
        let mut held = self.any().await?;
        if held.unsure && held.connection.ping().await.is_err() {
            return self.instead_of(held).await;
        }
        Ok(held)
    }

    /// Another one, from the pool, for one that was closed.
    pub(super) async fn instead_of<'c>(&'c self, closed: Held<'c, D>) -> sqlx::Result<Held<'c, D>> {
        let Held { connection, turn, .. } = closed;
        drop(connection);
        self.fresh(turn).await
    }

    /// A transaction, and its turn to be kept as long as it is open.
    pub(super) async fn begin(&self) -> sqlx::Result<(Transaction<'static, D>, OwnedSemaphorePermit)> {
        let Held { connection, turn, unsure, .. } = self.any().await?;
        match Transaction::begin(connection, None).await {
            Err(error) if unsure && was_closed(&error) => Ok((self.pool.begin().await?, turn)),
            begun => Ok((begun?, turn)),
        }
    }

    /// Connections in use, and open.
    pub(super) fn sizes(&self) -> (usize, usize) {
        let open = self.pool.size() as usize;
        let aside = self.lock().as_ref().map_or(0, Vec::len);
        (open.saturating_sub(self.pool.num_idle() + aside), open)
    }

    pub(super) fn limit(&self) -> usize {
        self.pool.options().get_max_connections() as usize
    }

    pub(super) async fn close(&self) {
        self.turns.close();
        drop(self.lock().take());
        self.pool.close().await;
    }

    async fn turn(&self) -> sqlx::Result<OwnedSemaphorePermit> {
        let turn = timeout(self.pool.options().get_acquire_timeout(), self.turns.clone().acquire_owned()).await;
        turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)
    }

    async fn fresh(&self, turn: OwnedSemaphorePermit) -> sqlx::Result<Held<'_, D>> {
        let connection = self.pool.acquire().await?;
        Ok(Held { connection, out_since: Instant::now(), owner: self, turn, unsure: false })
    }

    /// Those that were not used for too long go to the pool, which asks them.
    fn take(&self) -> Option<Aside<D>> {
        let now = Instant::now();
        let mut at_hand = self.lock();
        let at_hand = at_hand.as_mut()?;
        let old = at_hand.iter().take_while(|aside| now - aside.used_at >= TRUSTED).count();
        at_hand.drain(..old);
        at_hand.pop()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Aside<D>>>> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Database> Drop for Connections<D> {
    fn drop(&mut self) {
        // A connection that goes back to its pool does so in a task, and there may be no runtime any more.
        for aside in self.lock().take().into_iter().flatten() {
            drop(aside.connection.detach());
        }
    }
}

/// Whether the other end was gone, rather than refused what it was asked.
pub(super) fn was_closed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // PostgreSQL: class 08 connection exception; 57P01 to 57P05 say farewell before they hang up.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P0"))
        }
        _ => false,
    }
}
