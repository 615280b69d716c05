//! Taking jobs off a queue's list.

use std::{sync::Arc, time::Duration};

use redis::cmd;

use super::{
    RedisWireError,
    server::{Connection, Server},
};
use crate::Leased;
use herald_base::{
    boxed,
    telemetry::{
        Call,
        catalog::{REDIS_CONNECTIONS, REDIS_ERRORS, WIRE_UNDECODABLE},
    },
};

/// Beyond the wait itself, for the answer to arrive.
const ANSWER: Duration = Duration::from_secs(5);

/// One worker's end of a queue.
pub struct Taker {
    server: Arc<Server>,
    key: String,
    open: Option<Connection>,
}

impl Taker {
    pub(super) fn new(server: Arc<Server>, key: String) -> Self {
        Self { server, key, open: None }
    }

    /// Takes up to `most` jobs, waiting up to `wait` for the first. Jobs whose answer is lost on the way come back when
    /// their leases run out. An entry that does not decode was put there by another version, and is left to its lease,
    /// too.
    ///
    /// # Errors
    /// When Redis does not answer; the next call connects anew.
    #[boxed]
    pub async fn take(&mut self, most: usize, wait: Duration) -> Result<Vec<Leased>, RedisWireError> {
        let call = Call::waiting("redis");
        let result = self.try_take(most, wait).await;
        call.end_with(&result, RedisWireError::answer);
        if result.is_err() {
            REDIS_ERRORS.add([], 1);
            self.open = None;
        }
        result
    }

    async fn try_take(&mut self, most: usize, wait: Duration) -> Result<Vec<Leased>, RedisWireError> {
        let limit = wait + ANSWER;
        let mut take = cmd("BLMPOP");
        take.arg(wait.as_secs_f64()).arg(1).arg(&self.key).arg("LEFT").arg("COUNT").arg(most.max(1));
        let answer = async {
            let connection = match &mut self.open {
                Some(connection) => connection,
                None => {
                    let connection = self.server.connect(limit).await?;
                    REDIS_CONNECTIONS.add([], 1);
                    self.open.insert(connection)
                }
            };
            connection.run::<Option<(String, Vec<Vec<u8>>)>>(&take).await
        };
        let taken =
            tokio::time::timeout(limit, answer).await.map_err(|_| RedisWireError::TimedOut(limit.as_secs()))??;
        let jobs = taken.map(|(_, jobs)| jobs).unwrap_or_default();
        Ok(jobs.iter().filter_map(|job| decode(job)).collect())
    }
}

/// A job as it lies on the list.
pub(super) fn decode(job: &[u8]) -> Option<Leased> {
    serde_json::from_slice(job)
        .inspect_err(|error| {
            WIRE_UNDECODABLE.add([], 1);
            tracing::warn!(%error, "an entry on the wire is no job: ignored");
        })
        .ok()
}
