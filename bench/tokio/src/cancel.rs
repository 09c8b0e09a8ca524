// SPDX-License-Identifier: MIT
//! Cancelling waiting tasks.

use crate::measure::batch;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::yield_now;

const WAITERS: usize = 100_000;

async fn cancel_once() -> Duration {
    let never = Arc::new((Notify::new(), AtomicUsize::new(0)));
    let wait = |never: Arc<(Notify, AtomicUsize)>| async move {
        never.1.fetch_add(1, Ordering::Relaxed);
        never.0.notified().await;
    };
    let tasks: Vec<_> = (0..WAITERS).map(|_| tokio::spawn(wait(never.clone()))).collect();
    while never.1.load(Ordering::Relaxed) < WAITERS {
        yield_now().await;
    }
    let start = Instant::now();
    tasks.iter().for_each(|task| task.abort());
    for task in tasks {
        assert!(task.await.unwrap_err().is_cancelled());
    }
    start.elapsed()
}

pub async fn cancel_100k() -> f64 {
    batch(cancel_once).await.as_secs_f64() * 1e3
}
