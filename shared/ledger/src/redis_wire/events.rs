//! Messages between processes. Every one can be lost: a slow tick, a lease or a renewal finds out the same later.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use futures::StreamExt;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::server::Server;
use herald_base::telemetry::catalog::REDIS_DISCONNECTS;

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Something told to the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A job became ready.
    Work,
    /// A worker took jobs off the wire.
    Room,
    /// A schedule was changed.
    Schedules,
    /// This job is to stop.
    Cancel(Uuid),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Work => f.write_str("work"),
            Self::Room => f.write_str("room"),
            Self::Schedules => f.write_str("schedules"),
            Self::Cancel(job) => write!(f, "cancel {job}"),
        }
    }
}

impl FromStr for Event {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(' ') {
            None if text == "work" => Ok(Self::Work),
            None if text == "room" => Ok(Self::Room),
            None if text == "schedules" => Ok(Self::Schedules),
            Some(("cancel", job)) => job.parse().map(Self::Cancel).map_err(drop),
            _ => Err(()),
        }
    }
}

/// Listens until the wire is dropped, and again after every break. After a break the receivers hear `Work`, `Room` and
/// `Schedules`, because nobody knows which messages were missed.
pub(super) fn listen(server: &Arc<Server>, channel: String, events: broadcast::Sender<Event>) {
    let server = Arc::downgrade(server);
    tokio::spawn(async move {
        let mut wait = FIRST_WAIT;
        let mut first = true;
        while let Some(alive) = server.upgrade() {
            match subscribe(&alive, &channel).await {
                Ok(pubsub) => {
                    drop(alive);
                    wait = FIRST_WAIT;
                    if !std::mem::take(&mut first) {
                        tracing::info!("redis is back");
                        // It is not an error if nobody listens.
                        let _ = events.send(Event::Work);
                        let _ = events.send(Event::Room);
                        let _ = events.send(Event::Schedules);
                    }
                    let mut messages = pubsub.into_on_message();
                    loop {
                        // Wakes from time to time to see whether the wire is still held.
                        match tokio::time::timeout(LONGEST_WAIT, messages.next()).await {
                            Ok(Some(message)) => {
                                let event = message.get_payload::<String>().ok().and_then(|text| text.parse().ok());
                                if let Some(event) = event {
                                    let _ = events.send(event);
                                }
                            }
                            Ok(None) => break,
                            Err(_) if server.strong_count() == 0 => return,
                            Err(_) => {}
                        }
                    }
                    REDIS_DISCONNECTS.add([], 1);
                    tracing::warn!("redis closed the connection that listens: connecting anew");
                }
                Err(error) => {
                    drop(alive);
                    tracing::warn!(%error, "redis cannot be reached, will try again");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    });
}

async fn subscribe(server: &Server, channel: &str) -> redis::RedisResult<redis::aio::PubSub> {
    let mut pubsub = tokio::time::timeout(Duration::from_secs(5), server.listen())
        .await
        .map_err(|_| redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))??;
    pubsub.subscribe(channel).await?;
    Ok(pubsub)
}
