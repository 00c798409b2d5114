//! Threads for what would hold up the async ones: work that needs a core for longer than a request may keep others waiting.
//!
//! Each pool has its own number of threads and a bounded queue. What finds it full is refused at once, and what nobody waits
//! for any more is not begun.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::error::Error;

/// A pool of threads. Each keeps an `S` from one piece of work to the next.
pub struct Workers<S> {
    shared: Arc<Shared<S>>,
    threads: Vec<JoinHandle<()>>,
}

/// What a pool is made of.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// What its threads are called in lists of threads; at most 12 characters.
    pub name: &'static str,
    pub threads: usize,
    /// Pieces of work that may wait; one more is refused.
    pub queue_max: usize,
    /// By how much its threads stand back for others, as `nice` has it: 0 is not at all, 19 is always.
    pub niceness: i32,
}

struct Shared<S> {
    queue: Mutex<Queue<S>>,
    filled: Condvar,
    queue_max: usize,
}

struct Queue<S> {
    jobs: VecDeque<Job<S>>,
    is_closed: bool,
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

impl<S: Default + 'static> Workers<S> {
    /// Starts the threads.
    pub fn start(pool: Pool) -> std::io::Result<Self> {
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), is_closed: false });
        let shared = Arc::new(Shared { queue, filled: Condvar::new(), queue_max: pool.queue_max });
        let spawn = |number: usize| {
            let shared = shared.clone();
            let name = format!("{}-{number}", pool.name);
            std::thread::Builder::new().name(name).spawn(move || {
                stand_back(pool);
                shared.work();
            })
        };
        let threads = (0..pool.threads.max(1)).map(spawn).collect::<Result<_, _>>()?;
        Ok(Workers { shared, threads })
    }

    /// Waits for a thread to do the work. Refused at once if too much waits already.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut S) -> T + Send + 'static) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job = move |state: &mut S| {
            // If the caller has gone, it would be for nobody.
            if !answer.is_closed() {
                let _ = answer.send(work(state));
            }
        };
        self.shared.push(Box::new(job))?;
        answered.await.map_err(|_| Error::internal("a worker thread failed"))
    }
}

/// Waits for the threads to finish what they have begun, and what waits.
impl<S> Drop for Workers<S> {
    fn drop(&mut self) {
        self.shared.queue().is_closed = true;
        self.shared.filled.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<S> Shared<S> {
    fn queue(&self) -> MutexGuard<'_, Queue<S>> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn push(&self, job: Job<S>) -> Result<(), Error> {
        let mut queue = self.queue();
        if queue.jobs.len() >= self.queue_max {
            return Err(Error::TooManyRequests);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// The next piece of work, or nothing when there will be none.
    fn next(&self) -> Option<Job<S>> {
        let idle = |queue: &mut Queue<S>| queue.jobs.is_empty() && !queue.is_closed;
        let waited = self.filled.wait_while(self.queue(), idle);
        waited.unwrap_or_else(|poisoned| poisoned.into_inner()).jobs.pop_front()
    }
}

impl<S: Default> Shared<S> {
    fn work(&self) {
        let mut state = S::default();
        while let Some(job) = self.next() {
            // A thread outlives a panic, but not what it may have left half done.
            if catch_unwind(AssertUnwindSafe(|| job(&mut state))).is_err() {
                state = S::default();
            }
        }
    }
}

/// On Linux a niceness is a thread's own; it adds to that of the process.
fn stand_back(pool: Pool) {
    if pool.niceness == 0 {
        return;
    }
    if let Err(cause) = rustix::process::nice(pool.niceness) {
        tracing::warn!(%cause, pool.name, "threads keep their ordinary priority: other requests may be slow under load");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn pool(threads: usize, queue_max: usize) -> Workers<u32> {
        Workers::start(Pool { name: "test", threads, queue_max, niceness: 0 }).unwrap()
    }

    #[tokio::test]
    async fn a_thread_keeps_its_state_from_one_piece_of_work_to_the_next_but_not_over_a_panic() {
        let workers = pool(1, 9);
        for count in 1..=3 {
            let counted = workers.run(|state| {
                *state += 1;
                *state
            });
            assert_eq!(counted.await.unwrap(), count);
        }
        let panicked = workers.run(|state| {
            *state += 1;
            std::panic::resume_unwind(Box::new(()))
        });
        let panicked: Result<(), Error> = panicked.await;
        assert!(matches!(panicked, Err(Error::Internal(_))));
        assert_eq!(workers.run(|state| *state).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_finds_the_queue_full_is_refused_and_what_nobody_waits_for_is_not_begun() {
        let workers = pool(1, 1);
        let ((hold, held), (begun, has_begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let mut first = Box::pin(workers.run(move |_| {
            begun.send(()).unwrap();
            let _ = held.recv();
        }));
        assert!(is_pending(&mut first).await);
        has_begun.recv().unwrap();
        let (forgotten, was_begun) = mpsc::channel();
        let mut second = Box::pin(workers.run(move |_| forgotten.send(())));
        assert!(is_pending(&mut second).await);
        assert!(matches!(workers.run(|_| ()).await, Err(Error::TooManyRequests)));
        drop(second);
        drop(hold);
        first.await.unwrap();
        drop(workers);
        assert!(was_begun.recv().is_err());
    }

    #[tokio::test]
    async fn a_niceness_is_of_the_pools_threads_alone() {
        let workers = Workers::<()>::start(Pool { name: "nice", threads: 1, queue_max: 1, niceness: 7 }).unwrap();
        let here = rustix::process::getpriority_process(None).unwrap();
        let there = workers.run(|_| rustix::process::getpriority_process(None).unwrap()).await.unwrap();
        assert_eq!((there, rustix::process::getpriority_process(None).unwrap()), (19.min(here + 7), here));
    }

    /// Polls once; whether there is no answer yet.
    async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
        })
        .await
    }
}
