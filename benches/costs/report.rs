//! The page: figures as text.

use std::fmt;
use std::time::Duration;

use super::calls::Wire;
use super::load::Figures;

/// The rows of calls.
#[derive(Default)]
pub struct Calls(String);

impl Calls {
    /// One row: what a call costs, and how much of that is the work that it is for.
    pub fn add(&mut self, name: &str, wire: Wire, figures: &Figures, bare: &str, bare_cpu: Duration) {
        let Figures { rate, p50, p99, server_cpu, .. } = figures;
        let wire = match wire {
            Wire::Grpc => "gRPC",
            Wire::Json => "HTTP/2",
            Wire::JsonOverHttp1 => "HTTP/1.1",
        };
        let share = if bare_cpu.is_zero() { "-".to_owned() } else { ratio(bare_cpu, *server_cpu) };
        self.0 += &format!(
            "| {name} | {wire} | {rate:.0}/s | {} | {} | {} | {bare} | {share} |\n",
            milliseconds(*p50),
            milliseconds(*p99),
            microseconds(*server_cpu),
        );
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "| call | wire | rate | p50 | p99 | server CPU each | bare work | bare ÷ ours |")?;
        writeln!(out, "|---|---|---|---|---|---|---|---|")?;
        out.write_str(&self.0)
    }
}

pub fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

pub fn microseconds(duration: Duration) -> String {
    format!("{:.1} µs", duration.as_secs_f64() * 1e6)
}

/// How many times the second the first is.
pub fn ratio(first: Duration, second: Duration) -> String {
    format!("{:.2}", first.as_secs_f64() / second.as_secs_f64())
}
