// SPDX-License-Identifier: MIT
//! Timeouts that do not fire.

use crate::measure::{batch, consume, steady};
use futures::future::poll_fn;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::task::unconstrained;
use tokio::time::{sleep, timeout, Sleep};

pub async fn timeout_ready() -> f64 {
    steady(|n| async move {
        for i in 0..n {
            consume(timeout(Duration::from_secs(1), async { i }).await.unwrap());
        }
    })
    .await
}

const TIMERS: u64 = 1_000_000;

/// Registers every timer in place in `timers`, each due 5 ms before the one before it, then cancels them all.
async fn register_and_cancel(mut timers: Vec<Sleep>) -> (Duration, Vec<Sleep>) {
    let start = Instant::now();
    // Unconstrained: a poll refused by the task's budget would register nothing.
    unconstrained(poll_fn(|context| {
        for i in 0..TIMERS {
            timers.push(sleep(Duration::from_millis(5 * (TIMERS + 1000 - i))));
            // SAFETY: the vector has room for all timers, so none moves before it is dropped.
            let timer = unsafe { Pin::new_unchecked(timers.last_mut().unwrap()) };
            assert!(timer.poll(context).is_pending());
        }
        Poll::Ready(())
    }))
    .await;
    timers.clear();
    (start.elapsed(), timers)
}

pub async fn timers_1m() -> f64 {
    // Handed from run to run, so that the run that warms up pays for the page faults.
    let shared = Mutex::new(Some(Vec::with_capacity(TIMERS as usize)));
    let shared = &shared;
    let took = batch(|| async move {
        let timers = shared.lock().unwrap().take().unwrap();
        let (took, timers) = register_and_cancel(timers).await;
        *shared.lock().unwrap() = Some(timers);
        took
    });
    took.await.as_nanos() as f64 / TIMERS as f64
}
