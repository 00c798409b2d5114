//! The socket by which `cognate backup` talks to a running server.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use cognate::control;
use tokio::io::AsyncReadExt as _;

use crate::support::{Wire, World};

async fn world() -> World {
    World::new(Wire::Grpc).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_is_its_owners_and_goes_with_the_server() {
    let world = world().await;
    let path = control::socket(&world.config.data);
    let metadata = std::fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let folder = tempfile::tempdir().unwrap();
    // A server that was killed leaves its socket; the next one takes its place.
    drop(std::os::unix::net::UnixListener::bind(control::socket(folder.path())).unwrap());
    assert!(control::server_of(folder.path()).await.is_none());
    let control = control::Control::bind(folder.path()).unwrap();
    assert!(control::server_of(folder.path()).await.is_some());
    drop(control);
    assert!(!control::socket(folder.path()).exists());
    world.stopped().await;
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_too_long_for_a_socket_does_not_keep_the_server_from_serving() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("d".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let start = crate::support::START.parse().unwrap();
    let world = World::at(Wire::Grpc, start, |config| config.data = long.clone()).await;
    assert!(!control::socket(&long).exists());
    world.app_client().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_command_is_refused_and_silence_is_not_waited_for() {
    let world = world().await;
    let connect = || async { control::server_of(&world.config.data).await.unwrap() };
    for command in ["", "backup ", "Backup", &"x".repeat(10_000)] {
        let refused = control::ask(connect().await, command, &mut Vec::new()).await;
        assert!(refused.is_err(), "{command:?}");
    }
    // One who says nothing holds nobody up, and one who has hung up costs nothing.
    let mut silent = connect().await;
    drop(connect().await);
    assert!(!world.back_up().await.is_empty());
    world.stopped().await;
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_backup_is_taken_at_a_time_and_who_hangs_up_ends_theirs() {
    let world = world().await;
    let snapshot = world.app.services.store.snapshot().await.unwrap();
    let server = control::server_of(&world.config.data).await.unwrap();
    let refused = control::ask(server, "backup", &mut Vec::new()).await.unwrap_err();
    assert_eq!(refused.to_string(), "a snapshot is being read already");
    drop(snapshot);
    drop(control::server_of(&world.config.data).await.unwrap());
    world.back_up().await;
    world.back_up().await;
}
