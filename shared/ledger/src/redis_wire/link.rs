//! A connection that many share and that is made anew after it broke.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, FromRedisValue, Pipeline};
use tokio::sync::Mutex;

use super::{
    RedisWireError,
    server::{Connection, Server},
};
use herald_base::telemetry::{
    Call,
    catalog::{REDIS_CONNECTIONS, REDIS_ERRORS},
};

/// The longest a command may take: pushes and publications are answered in microseconds.
const ANSWER: Duration = Duration::from_secs(5);

pub(super) struct Link {
    server: Arc<Server>,
    open: Mutex<Option<Connection>>,
}

impl Link {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self { server, open: Mutex::new(None) }
    }

    /// Runs a command. It is not repeated: after an error nobody knows whether it was carried out, and the caller knows
    /// what that means.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisWireError> {
        self.counted(async |mut connection| in_time(connection.run(command)).await).await
    }

    /// Runs several commands in one round trip.
    pub(super) async fn run_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, RedisWireError> {
        self.counted(async |mut connection| in_time(connection.run_all(commands)).await).await
    }

    /// Runs a script by its hash, and as a whole if the server does not know it yet.
    pub(super) async fn run_script<T: FromRedisValue>(&self, by_hash: &Cmd, whole: &Cmd) -> Result<T, RedisWireError> {
        self.counted(async |mut connection| match in_time(connection.run(by_hash)).await {
            // The script was not run before, so this is not a repetition.
            Err(RedisWireError::Redis(error)) if error.code() == Some("NOSCRIPT") => {
                in_time(connection.run(whole)).await
            }
            result => result,
        })
        .await
    }

    /// Makes the next caller connect anew, after a caller has stopped waiting for an answer.
    pub(super) fn forget(&self) {
        REDIS_ERRORS.add([], 1);
        // The holder of the lock is connecting already.
        if let Ok(mut open) = self.open.try_lock() {
            *open = None;
        }
    }

    async fn counted<T>(
        &self,
        run: impl AsyncFnOnce(Connection) -> Result<T, RedisWireError>,
    ) -> Result<T, RedisWireError> {
        let call = Call::begin("redis");
        let result = match self.connection().await {
            Ok(connection) => run(connection).await,
            Err(error) => Err(error),
        };
        call.end_with(&result, RedisWireError::answer);
        self.drop_after_error(&result).await;
        result
    }

    async fn connection(&self) -> Result<Connection, RedisWireError> {
        // Held while connecting, so that a fleet's worth of callers makes one connection.
        let mut open = self.open.lock().await;
        if let Some(connection) = open.as_ref() {
            return Ok(connection.share());
        }
        let connection = in_time(self.server.connect(ANSWER)).await?;
        REDIS_CONNECTIONS.add([], 1);
        Ok(open.insert(connection).share())
    }

    /// Any error makes the next caller connect anew: after a failover the old server still answers, but with
    /// `READONLY`.
    async fn drop_after_error<T>(&self, result: &Result<T, RedisWireError>) {
        if result.is_err() {
            REDIS_ERRORS.add([], 1);
            *self.open.lock().await = None;
        }
    }
}

async fn in_time<T>(call: impl Future<Output = redis::RedisResult<T>>) -> Result<T, RedisWireError> {
    match tokio::time::timeout(ANSWER, call).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(RedisWireError::TimedOut(ANSWER.as_secs())),
    }
}
