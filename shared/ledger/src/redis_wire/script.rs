//! Scripts that Redis runs in one piece: nothing happens between their first and their last line.

use std::time::Duration;

use redis::{Cmd, FromRedisValue, cmd};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::{RedisWire, RedisWireError};

/// A script, and the hash by which a Redis that has seen it knows it.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, hash: hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes())) }
    }

    /// All keys must lie in one slot of a cluster.
    fn call(&self, how: &str, what: &str, keys: &[String], arguments: &[i64]) -> Cmd {
        let mut call = cmd(how);
        call.arg(what).arg(keys.len()).arg(keys).arg(arguments);
        call
    }
}

impl RedisWire {
    /// Runs a script, and waits no longer than `patience`. After an error nobody knows whether it was run.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[i64],
        patience: Duration,
    ) -> Result<T, RedisWireError> {
        let by_hash = script.call("EVALSHA", &script.hash, keys, arguments);
        let whole = script.call("EVAL", script.text, keys, arguments);
        match tokio::time::timeout(patience, self.link().run_script(&by_hash, &whole)).await {
            Ok(result) => result,
            Err(_) => {
                self.link().forget();
                Err(RedisWireError::TimedOut(patience.as_secs()))
            }
        }
    }
}
