// SPDX-License-Identifier: MIT
//! Memory a task: resident pages and page tables, at a million tasks.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;

const TASKS: usize = 1_000_000;

static STARTED: AtomicUsize = AtomicUsize::new(0);
static NEVER: Notify = Notify::const_new();

fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let kilobytes = |key| -> f64 {
        let line = status.lines().find(|line| line.starts_with(key)).expect("key in status");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("number in status")
    };
    1024.0 * (kilobytes("VmRSS:") + kilobytes("VmPTE:"))
}

fn spawn_all<F, R>(body: F)
where
    F: Fn() -> R,
    R: Future<Output = ()> + Send + 'static,
{
    for _ in 0..TASKS {
        drop(tokio::spawn(body()));
    }
}

pub async fn unstarted() -> f64 {
    let before = resident_bytes();
    spawn_all(|| async {});
    (resident_bytes() - before) / TASKS as f64
}

async fn started<F, R>(body: F) -> f64
where
    F: Fn() -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let before = resident_bytes();
    spawn_all(body);
    while STARTED.load(Ordering::Relaxed) < TASKS {
        yield_now().await;
    }
    (resident_bytes() - before) / TASKS as f64
}

pub async fn dormant() -> f64 {
    started(|| async {
        STARTED.fetch_add(1, Ordering::Relaxed);
        NEVER.notified().await;
    })
    .await
}

pub async fn parked() -> f64 {
    started(|| async {
        STARTED.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(3600)).await;
    })
    .await
}
