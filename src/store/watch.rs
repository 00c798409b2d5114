//! A second pair of eyes on the committer. Some failures of the engine's own threads wake nobody: whoever waits for the
//! barrier then would wait for ever, in a process that is half alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How often the committer is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Counts the committer's steps: odd while it waits for the engine.
#[derive(Clone, Default)]
pub struct Steps(Arc<AtomicU64>);

impl Steps {
    /// Waits for the engine, watched.
    pub fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.0.fetch_add(1, Ordering::AcqRel);
        let waited = wait();
        self.0.fetch_add(1, Ordering::AcqRel);
        waited
    }
}

/// The thread that looks. It ends with its value.
pub struct Watch {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// While the committer stands at one step, `ask` is run in a thread of its own, ever more rarely. It asks the engine
    /// the same thing, and learns of a failure that came before it asked.
    pub fn over(steps: Steps, ask: impl Fn() + Clone + Send + 'static) -> std::io::Result<Self> {
        let (end, ended) = channel();
        let thread = Builder::new().name("committer-watch".into()).spawn(move || look(&steps, &ask, &ended))?;
        Ok(Watch { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look(steps: &Steps, ask: &(impl Fn() + Clone + Send + 'static), ended: &Receiver<()>) {
    let (mut seen, mut looks) = (0, 0_u32);
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(PERIOD) {
        let step = steps.0.load(Ordering::Acquire);
        looks = if step == seen && step % 2 == 1 { looks.saturating_add(1) } else { 0 };
        seen = step;
        if looks.is_power_of_two() {
            // A thread that cannot be started is one look less; the next comes.
            let _ = Builder::new().name("committer-watch".into()).spawn(ask.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_ever_is_asked_about_and_who_does_not_wait_is_not() {
        let steps = Steps::default();
        let (asked, answers) = channel();
        let watch = Watch::over(steps.clone(), move || asked.send(()).unwrap()).unwrap();
        assert!(answers.recv_timeout(3 * PERIOD).is_err());
        steps.waiting(|| answers.recv().unwrap());
        drop(watch);
    }
}
