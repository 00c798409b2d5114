//! What more users cost: start, memory, disk, and the calls that should not notice.

use std::path::Path;

use cognate::store::records::UserStatus;

use super::calls::{Facts, Wire, Work};
use super::load::{Order, measure};
use super::now;
use super::process::{self, Server};
use super::report::{microseconds, milliseconds};

const SIZES: [u64; 4] = [0, 1_000, 100_000, 1_000_000];

/// Users who are active: their tokens are used, one after the other.
const ACTIVE: usize = 100;

const CALLS: usize = 40_000;

pub fn section() -> String {
    let most = std::env::var("COGNATE_BENCH_USERS").map_or(u64::MAX, |most| most.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Server::start(&data).stop();
    let mut page = "## Growth\n\n| users | start | after kill -9 | idle memory | disk per user | GetUser | AdminGetUser, any user |\n|---|---|---|---|---|---|---|\n".to_owned();
    let mut known = 0;
    for users in SIZES.into_iter().filter(|users| *users <= most) {
        process::seed(&data, known..users, UserStatus::Confirmed);
        known = users;
        let began = now();
        let server = Server::start(&data);
        let start = began.elapsed();
        let idle_kib = server.memory_kib();
        let disk =
            disk_bytes(&data.join("store")).checked_div(users).map_or("-".to_owned(), |each| format!("{each} B"));
        let (mut read, mut guarded) = ("-".to_owned(), "-".to_owned());
        if users > 0 {
            let facts = Facts::of(&server.quickstart, 0..users).signed_in(ACTIVE);
            let cost = |work| {
                let facts = facts.clone();
                let order = Order { work, wire: Wire::Grpc, workers: 64, calls: CALLS, per_second: None, facts };
                microseconds(measure(&server, &order).server_cpu)
            };
            (read, guarded) = (cost(Work::GetUser), cost(Work::AdminGetUser));
        }
        drop(server);
        let began = now();
        let server = Server::start(&data);
        let after_kill = began.elapsed();
        server.stop();
        page += &format!(
            "| {users} | {} | {} | {:.1} MiB | {disk} | {read} | {guarded} |\n",
            milliseconds(start),
            milliseconds(after_kill),
            idle_kib as f64 / 1024.0,
        );
    }
    page + "\n"
}

fn disk_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            found if found.is_dir() => disk_bytes(&entry.path()),
            found => std::os::unix::fs::MetadataExt::blocks(&found) * 512,
        })
        .sum()
}
