//! Threads for CPU-bound work: as many as may run at once, so that few threads draw pictures and hash passwords. The
//! runtime's blocking pool would use many threads, and the allocator keeps memory for each of them: 50 simultaneous
//! logins left 600 MiB behind.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::sync::oneshot;

/// A pool of threads for CPU-bound work. The threads end when it is dropped.
pub struct CpuPool(rayon::ThreadPool);

impl CpuPool {
    /// Creates a pool of `threads` threads, or of one thread per core if `threads` is 0. The threads are called
    /// `name-0` and so on.
    ///
    /// # Errors
    /// When the operating system cannot create more threads.
    pub fn new(name: &'static str, threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(move |n| format!("{name}-{n}"));
        Ok(Self(builder.build()?))
    }

    /// Runs `work` on the pool. A panic of the work continues in the caller. If the caller no longer waits, running
    /// work goes on, but work that has not begun is skipped.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let span = tracing::Span::current();
        let (send, answer) = oneshot::channel();
        self.0.spawn(move || {
            if send.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(|| span.in_scope(work)));
            // The caller may have been cancelled.
            let _ = send.send(result);
        });
        match answer.await.expect("a thread of the pool answers, even when the work panics") {
            Ok(done) => done,
            Err(panic) => resume_unwind(panic),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn no_more_work_runs_at_once_than_there_are_threads() {
        let pool = CpuPool::new("cpu", 2).unwrap();
        let running = Arc::new(std::sync::Mutex::new((0, 0)));
        let work = |running: Arc<std::sync::Mutex<(usize, usize)>>| {
            move || {
                let most = {
                    let mut now = running.lock().unwrap();
                    now.0 += 1;
                    now.1 = now.1.max(now.0);
                    now.1
                };
                std::thread::yield_now();
                running.lock().unwrap().0 -= 1;
                most
            }
        };
        let all = futures::future::join_all((0..100).map(|_| pool.run(work(running.clone())))).await;
        assert!(all.into_iter().max().unwrap() <= 2);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let pool = CpuPool::new("cpu", 1).unwrap();
        let (may_end, held) = std::sync::mpsc::channel::<()>();
        let mut busy = Box::pin(pool.run(move || held.recv().is_ok()));
        let begun = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut left = Box::pin({
            let begun = begun.clone();
            pool.run(move || begun.store(true, std::sync::atomic::Ordering::Relaxed))
        });
        assert!(futures::poll!(&mut busy).is_pending() && futures::poll!(&mut left).is_pending());
        drop(left);
        may_end.send(()).unwrap();
        assert!(busy.await);
        pool.run(|| ()).await;
        assert!(!begun.load(std::sync::atomic::Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_panic_reaches_the_caller_and_the_thread_goes_on() {
        let pool = Arc::new(CpuPool::new("cpu", 1).unwrap());
        let panicking = {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run(|| panic!("no such colour")).await })
        };
        assert!(panicking.await.unwrap_err().is_panic());
        assert_eq!(pool.run(|| 7).await, 7);
    }
}
