//! Writes what many requests bring in few transactions: whoever comes while one is being written waits, and is written
//! together with all the others that came meanwhile. A request is answered when its own has been committed.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::{Mutex as Turn, oneshot};

/// The most that one transaction writes.
const MOST: usize = 500;

/// Things that wait to be written, each with who waits for it.
type Waiting<T, E> = Vec<(T, oneshot::Sender<Result<(), Arc<E>>>)>;

/// How a group is written.
type Write<T, E> = Box<dyn Fn(Vec<T>) -> BoxFuture<'static, Result<(), E>> + Send + Sync>;

/// Groups of things that are written together.
pub(super) struct Groups<T, E>(Arc<Inner<T, E>>);

struct Inner<T, E> {
    waiting: Mutex<Waiting<T, E>>,
    /// Whose turn it is to write.
    turn: Turn<()>,
    write: Write<T, E>,
}

impl<T, E> Clone for Groups<T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + 'static, E: Send + Sync + 'static> Groups<T, E> {
    pub(super) fn new(write: impl Fn(Vec<T>) -> BoxFuture<'static, Result<(), E>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { waiting: Mutex::default(), turn: Turn::default(), write: Box::new(write) }))
    }

    /// Waits until a thing has been written. The error is that of its whole group; none: the process ends.
    pub(super) async fn put(&self, thing: T) -> Result<(), Option<Arc<E>>> {
        let (done, written) = oneshot::channel();
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((thing, done));
        let inner = self.0.clone();
        // In a task of its own: a caller who hangs up takes nobody else's with it.
        tokio::spawn(async move { inner.write_waiting().await });
        match written.await {
            Ok(result) => result.map_err(Some),
            Err(_) => Err(None),
        }
    }
}

impl<T, E> Inner<T, E> {
    /// Writes what waits, if nobody else has done so meanwhile.
    async fn write_waiting(&self) {
        let _turn = self.turn.lock().await;
        let group: Waiting<T, E> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let most = waiting.len().min(MOST);
            waiting.drain(..most).collect()
        };
        if group.is_empty() {
            return;
        }
        let (things, waiters): (Vec<T>, Vec<_>) = group.into_iter().unzip();
        let result = (self.write)(things).await.map_err(Arc::new);
        for waiter in waiters {
            // Who has hung up does not want to know.
            let _ = waiter.send(result.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join_all};

    use super::*;

    #[tokio::test]
    async fn everything_is_written_once_and_whoever_comes_meanwhile_shares_a_group() {
        let groups: Arc<Mutex<Vec<Vec<usize>>>> = Arc::default();
        let seen = groups.clone();
        let all = Groups::<usize, String>::new(move |things| {
            let seen = seen.clone();
            async move {
                tokio::task::yield_now().await;
                seen.lock().unwrap().push(things);
                Ok(())
            }
            .boxed()
        });
        let results = join_all((0..2_000).map(|number| all.put(number))).await;
        assert!(results.iter().all(Result::is_ok));
        let groups = groups.lock().unwrap();
        let mut written: Vec<usize> = groups.iter().flatten().copied().collect();
        written.sort_unstable();
        assert_eq!(written, (0..2_000).collect::<Vec<_>>());
        assert!(groups.len() < 1_000 && groups.iter().all(|group| group.len() <= MOST), "{}", groups.len());
    }

    #[tokio::test]
    async fn a_group_that_could_not_be_written_says_so_to_each_of_it_and_to_nobody_else() {
        let all = Groups::<usize, String>::new(|things| {
            let refused = things.contains(&1);
            async move { if refused { Err("full".to_owned()) } else { Ok(()) } }.boxed()
        });
        assert_eq!(all.put(1).await.unwrap_err().unwrap().as_str(), "full");
        assert_eq!(all.put(2).await, Ok(()));
    }
}
