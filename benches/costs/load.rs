//! The load: a process of its own, so that the server's account holds nothing of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::calls::{Caller, Facts, Wire, Work};
use super::process::Process;

/// What the bench calls itself with, to become the load.
pub const COMMAND: &str = "generate-load";

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub work: Work,
    pub wire: Wire,
    /// Callers, each calling again when it is answered (closed loop).
    pub workers: usize,
    pub calls: usize,
    /// Calls begin at this pace whether or not earlier ones are answered (open loop).
    pub per_second: Option<f64>,
    pub facts: Facts,
}

/// What the load saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    seconds: f64,
    /// In nanoseconds, in order.
    latencies: Vec<u64>,
    refused: usize,
}

/// What a load saw, and what it cost the server.
#[derive(Clone, Debug)]
pub struct Figures {
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
    pub refused: usize,
    /// Processor time for each call.
    pub server_cpu: Duration,
}

/// Has an order carried out against a server.
pub fn measure(server: &Process, order: &Order) -> Figures {
    let running = Running::start(order);
    let before = server.cpu();
    running.go();
    let seen = running.finish();
    let server_cpu = (server.cpu() - before) / u32::try_from(order.calls).unwrap();
    let percentile =
        |hundredths: usize| Duration::from_nanos(seen.latencies[(seen.latencies.len() - 1) * hundredths / 100]);
    let figures = Figures {
        rate: order.calls as f64 / seen.seconds,
        p50: percentile(50),
        p99: percentile(99),
        max: percentile(100),
        refused: seen.refused,
        server_cpu,
    };
    assert_eq!(figures.refused, 0, "the server refused some calls");
    figures
}

/// A load process, connected.
pub struct Running {
    process: Process,
    answers: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(order: &Order) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut running =
            Running { answers: BufReader::new(process.stdout.take().unwrap()), process: Process(process) };
        running.tell(&serde_json::to_string(order).unwrap());
        assert_eq!(running.line(), READY, "the load could not connect");
        running
    }

    pub fn go(&self) {
        self.tell("go");
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Seen {
        serde_json::from_str(&self.line()).expect("the load ended well")
    }

    fn tell(&self, line: &str) {
        writeln!(self.process.0.stdin.as_ref().unwrap(), "{line}").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

const READY: &str = "ready";

/// The load process: reads an order, connects, waits to be told to go, and tells what it saw.
pub fn main() {
    let mut lines = std::io::stdin().lines().map_while(Result::ok);
    let order: Order = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let caller = Caller::connect(&order.facts, order.wire, order.workers).await;
        println!("{READY}");
        assert_eq!(lines.next().as_deref(), Some("go"));
        let seen = carry_out(&order, &caller).await;
        println!("{}", serde_json::to_string(&seen).unwrap());
    });
}

async fn carry_out(order: &Order, caller: &Arc<Caller>) -> Seen {
    let (next, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (began, mut callers) = (now(), JoinSet::new());
    for _ in 0..order.workers {
        let (order, caller, next, refused) = (order.clone(), caller.clone(), next.clone(), refused.clone());
        callers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= order.calls {
                    return latencies;
                }
                let due = match order.per_second {
                    Some(pace) => began + Duration::from_secs_f64(number as f64 / pace),
                    None => now(),
                };
                sleep_until(due).await;
                if caller.call(order.work, number).await.is_err() {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                latencies.push(u64::try_from(due.elapsed().as_nanos()).unwrap());
            }
        });
    }
    let mut latencies: Vec<u64> = callers.join_all().await.into_iter().flatten().collect();
    let seconds = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Seen { seconds, latencies, refused: refused.load(Ordering::Relaxed) }
}

fn now() -> Instant {
    Instant::now()
}
