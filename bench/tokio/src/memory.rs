// SPDX-License-Identifier: MIT
//! Memory a task: resident pages and page tables, at a million tasks or SIZE of them.

use crate::measure::sized;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;

const MILLION: u64 = 1_000_000;

static STARTED: AtomicU64 = AtomicU64::new(0);
static NEVER: Notify = Notify::const_new();

fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let kilobytes = |key| -> f64 {
        let line = status.lines().find(|line| line.starts_with(key)).expect("key in status");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("number in status")
    };
    1024.0 * (kilobytes("VmRSS:") + kilobytes("VmPTE:"))
}

fn spawn_all<F, R>(tasks: u64, body: F)
where
    F: Fn() -> R,
    R: Future<Output = ()> + Send + 'static,
{
    for _ in 0..tasks {
        drop(tokio::spawn(body()));
    }
}

pub async fn unstarted() -> f64 {
    let tasks = sized(MILLION);
    let before = resident_bytes();
    spawn_all(tasks, || async {});
    (resident_bytes() - before) / tasks as f64
}

async fn started<F, R>(body: F) -> f64
where
    F: Fn() -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let tasks = sized(MILLION);
    let before = resident_bytes();
    spawn_all(tasks, body);
    while STARTED.load(Ordering::Relaxed) < tasks {
        yield_now().await;
    }
    (resident_bytes() - before) / tasks as f64
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
