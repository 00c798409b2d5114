//! Writes the audit trail: what was handed over in memory, and what was committed with operators' writes.
//!
//! A record leaves the store only when its line is durable. After a crash between the two it is there twice, so what the
//! newest files have already is not written again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::stopped;
use crate::access::audit::trail::Trail;
use crate::app::App;
use crate::store::{AuditKey, Batch, Failure};

/// Records written at once.
const BATCH_MAX: usize = 1024;

/// How long records gather after some were written: each writing is three syncs, which cost the processor more than the
/// calls that they tell of.
const GATHERING: Duration = Duration::from_millis(50);

/// How long to wait after the files could not be written.
const PAUSE: Duration = Duration::from_secs(1);

pub async fn run(app: App, trail: Trail, mut stop: watch::Receiver<bool>) {
    let trail = Arc::new(Mutex::new(trail));
    let mut known = left_by_a_crash(&app, &trail).await.unwrap_or_else(|cause| {
        tracing::error!(cause, "what the audit trail has already could not be read");
        HashSet::new()
    });
    let mut handed_over = Vec::new();
    loop {
        let is_last = *stop.borrow();
        app.audit.take(&mut handed_over, BATCH_MAX);
        match write(&app, &trail, &mut handed_over, &mut known).await {
            Ok(0) if is_last => return,
            Ok(0) => {
                tokio::select! {
                    () = app.audit.wait(&mut handed_over, BATCH_MAX) => {}
                    () = app.audit.committed.notified() => {}
                    () = stopped(&mut stop) => {}
                }
            }
            Ok(written) if written < BATCH_MAX => {
                // More will come: together they cost the disk no more than one.
                tokio::select! {
                    () = tokio::time::sleep(GATHERING) => {}
                    () = stopped(&mut stop) => {}
                }
            }
            Ok(_) => {}
            Err(cause) if is_last => {
                return tracing::error!(cause, "the last records of the audit trail could not be written");
            }
            Err(cause) => {
                let is_known = app.audit.is_failing();
                app.audit.set_failing(true);
                if !is_known {
                    tracing::error!(cause, "the audit trail cannot be written; operators' writes are refused");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The calls that the newest files have already, if a crash may have left their records in the store as well.
async fn left_by_a_crash(app: &App, trail: &Arc<Mutex<Trail>>) -> Result<HashSet<String>, String> {
    let waiting = app.services.store.list::<AuditKey>(AuditKey::PREFIX, None, 1).await;
    if waiting.map_err(|cause| cause.to_string())?.is_empty() {
        return Ok(HashSet::new());
    }
    let trail = trail.clone();
    let read = move || trail.lock().unwrap_or_else(PoisonError::into_inner).recent_event_ids();
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|cause| cause.to_string())?.map_err(|cause| cause.to_string())
}

/// Writes what there is, and gives how much it was. After a failure everything is still to be written; of what is `known`
/// to be in the files, nothing is.
async fn write(
    app: &App,
    trail: &Arc<Mutex<Trail>>,
    handed_over: &mut Vec<Vec<u8>>,
    known: &mut HashSet<String>,
) -> Result<usize, String> {
    let store = &*app.services.store;
    let committed = store.list::<AuditKey>(AuditKey::PREFIX, None, BATCH_MAX).await;
    let mut committed = committed.map_err(|cause| cause.to_string())?;
    // What may yet be lost with its write is told of when it is durable.
    committed.retain(|(_, entry)| entry.is_durable(store));
    if committed.is_empty() {
        // What a crash or a full disk had left is done with.
        known.clear();
    }
    let new: Vec<_> = committed.iter().filter(|(key, _)| !known.contains(&key.event.to_string())).collect();
    let of_writes: Vec<Vec<u8>> = new.iter().map(|(_, entry)| entry.record.record.clone()).collect();
    let appended = handed_over.len() + of_writes.len();
    if appended > 0 {
        // Lent: whatever happens, what was handed over is still there.
        let (trail, lent) = (trail.clone(), Arc::new(std::mem::take(handed_over)));
        let records = lent.clone();
        let append = move || {
            let records: Vec<&Vec<u8>> = records.iter().chain(&of_writes).collect();
            trail.lock().unwrap_or_else(PoisonError::into_inner).append(&records)
        };
        let done = tokio::task::spawn_blocking(append).await;
        *handed_over = Arc::unwrap_or_clone(lent);
        done.map_err(|cause| cause.to_string())?.map_err(|cause| cause.to_string())?;
    }
    known.extend(new.iter().map(|(key, _)| key.event.to_string()));
    if app.audit.is_failing() {
        app.audit.set_failing(false);
        tracing::info!("the audit trail is written again");
    }
    let written = handed_over.len() + committed.len();
    handed_over.clear();
    let mut batch = Batch::default();
    committed.iter().for_each(|(key, _)| batch.delete(key));
    if batch.is_empty() {
        return Ok(written);
    }
    match store.commit(batch).await {
        Ok(()) => {
            for (key, _) in &committed {
                known.remove(&key.event.to_string());
            }
            Ok(written)
        }
        // The lines are written. That their records still stand in the store is known, and mended when there is room.
        Err(Failure::Full) => Ok(appended),
        Err(cause) => Err(cause.to_string()),
    }
}
