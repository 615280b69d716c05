//! Connections to one database, and a store of recently used ones.
//!
//! sqlx's pool tests a connection before it hands it out and after it gets it back: three round trips for a read that
//! needs one. Here a connection whose statement ended well is put aside, and soon used again without a test.
//!
//! ```text
//!            permit ─▶ at hand? ──yes──▶ use ──▶ put aside
//!                          └────no────▶ pool (asks, or connects) ──▶ use ──▶ put aside
//! ```
//!
//! The server may have closed the connection in the meantime. So a stored connection serves only operations that may be
//! repeated: a read, or the beginning of a transaction. If it turns out to be closed, the operation is repeated on a
//! connection from the pool.
//!
//! Every user of a connection holds a permit, and there are as many permits as connections. The holder of a permit
//! finds a stored connection, or room in the pool, so stored connections starve no caller.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, Database, Pool, Transaction, pool::PoolConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long after its last use a connection counts as open without a test.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection stays outside the pool, which replaces old connections.
const LONGEST: Duration = Duration::from_secs(300);

/// Connections to one database.
pub(super) struct Connections<D: Database> {
    pool: Pool<D>,
    turns: Arc<Semaphore>,
    /// The connection that was used last is at the end. `None` after closing.
    at_hand: Mutex<Option<Vec<Aside<D>>>>,
}

struct Aside<D: Database> {
    connection: PoolConnection<D>,
    /// When the connection left the pool.
    out_since: Instant,
    used_at: Instant,
}

/// A connection in use. If its last statement ended well, it is returned with [`Held::put_aside`]. If it is dropped, it
/// goes to the pool, which tests it.
pub(super) struct Held<'c, D: Database> {
    pub(super) connection: PoolConnection<D>,
    out_since: Instant,
    owner: &'c Connections<D>,
    turn: OwnedSemaphorePermit,
    /// The connection was not tested.
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

    /// Returns a recently used connection, or else one from the pool.
    pub(super) async fn any(&self) -> sqlx::Result<Held<'_, D>> {
        let turn = self.turn().await?;
        match self.take() {
            Some(Aside { connection, out_since, .. }) => {
                Ok(Held { connection, out_since, owner: self, turn, unsure: true })
            }
            None => self.fresh(turn).await,
        }
    }

    /// Returns a connection that was tested just now.
    pub(super) async fn asked(&self) -> sqlx::Result<Held<'_, D>> {
        let mut held = self.any().await?;
        if held.unsure && held.connection.ping().await.is_err() {
            return self.instead_of(held).await;
        }
        Ok(held)
    }

    /// Replaces a closed connection by another one from the pool.
    pub(super) async fn instead_of<'c>(&'c self, closed: Held<'c, D>) -> sqlx::Result<Held<'c, D>> {
        let Held { connection, turn, .. } = closed;
        drop(connection);
        self.fresh(turn).await
    }

    /// Begins a transaction. Its permit must be kept as long as the transaction is open.
    pub(super) async fn begin(&self) -> sqlx::Result<(Transaction<'static, D>, OwnedSemaphorePermit)> {
        let Held { connection, turn, unsure, .. } = self.any().await?;
        match Transaction::begin(connection, None).await {
            Err(error) if unsure && was_closed(&error) => Ok((self.pool.begin().await?, turn)),
            begun => Ok((begun?, turn)),
        }
    }

    /// Returns the numbers of used and of open connections.
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

    /// Returns a stored connection. Connections that were idle for too long go to the pool, which tests them.
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
        // A connection returns to its pool in a task, and there may be no runtime any more.
        for aside in self.lock().take().into_iter().flatten() {
            drop(aside.connection.detach());
        }
    }
}

/// Whether the server closed the connection, rather than refused the statement.
pub(super) fn was_closed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // PostgreSQL: class 08 is a connection exception; 57P01 to 57P05 come before the server closes the connection.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P0"))
        }
        _ => false,
    }
}
