//! The live schedulers, for a person who wants to know whether any runs: each says every few seconds that it is there.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use redis::{Value, cmd};

use super::{RedisWire, RedisWireError};

/// How often a scheduler says so.
pub const SCHEDULER_SAYS: Duration = Duration::from_secs(5);
/// How long it is believed.
const BELIEVED: TimeDelta = TimeDelta::seconds(16);
/// How long one that never came back stays noted.
const NOTED: TimeDelta = TimeDelta::days(1);

impl RedisWire {
    /// Says that the scheduler of this name is there.
    #[boxed]
    pub async fn scheduler_seen(&self, name: &str, now: DateTime<Utc>) -> Result<(), RedisWireError> {
        let mut seen = cmd("HSET");
        seen.arg(self.schedulers_key()).arg(name).arg(now.timestamp());
        self.link().run::<Value>(&seen).await?;
        let gone: Vec<String> =
            self.noted().await?.into_iter().filter(|(_, at)| now - *at > NOTED).map(|(name, _)| name).collect();
        for name in gone {
            self.scheduler_left(&name).await?;
        }
        Ok(())
    }

    /// Says that it has stopped.
    #[boxed]
    pub async fn scheduler_left(&self, name: &str) -> Result<(), RedisWireError> {
        let mut left = cmd("HDEL");
        left.arg(self.schedulers_key()).arg(name);
        self.link().run::<Value>(&left).await.map(drop)
    }

    /// The schedulers that were there a moment ago.
    #[boxed]
    pub async fn schedulers(&self, now: DateTime<Utc>) -> Result<Vec<String>, RedisWireError> {
        let noted = self.noted().await?.into_iter();
        Ok(noted.filter(|(_, at)| now - *at <= BELIEVED).map(|(name, _)| name).collect())
    }

    async fn noted(&self) -> Result<Vec<(String, DateTime<Utc>)>, RedisWireError> {
        let mut all = cmd("HGETALL");
        all.arg(self.schedulers_key());
        let all: BTreeMap<String, i64> = self.link().run(&all).await?;
        Ok(all.into_iter().filter_map(|(name, at)| Some((name, DateTime::from_timestamp(at, 0)?))).collect())
    }

    fn schedulers_key(&self) -> String {
        format!("{}:schedulers", self.prefix())
    }
}
