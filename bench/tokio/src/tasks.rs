// SPDX-License-Identifier: MIT
//! Yielding, spawning and joining.

use crate::measure::{batch, sized, steady, time};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::{yield_now, JoinHandle};

async fn yield_times(n: u64) {
    for _ in 0..n {
        yield_now().await;
    }
}

pub async fn yield_pair() -> f64 {
    steady(|n| async move {
        let other = tokio::spawn(yield_times(n / 2));
        let one = tokio::spawn(yield_times(n / 2));
        other.await.unwrap();
        one.await.unwrap();
    })
    .await
}

const WALKERS: u64 = 100_000;
const YIELDS: u64 = 1_000_000; // of all walkers together

#[derive(Default)]
struct Walk {
    walkers: usize,
    yields: u64,
    awake: AtomicUsize,
    done: AtomicUsize,
    start: Mutex<Option<Instant>>,
    took: Mutex<Duration>,
}

async fn walker(wake: Arc<Notify>, walk: Arc<Walk>) {
    wake.notified().await;
    yield_now().await; // the first round still pays for the wake-up
    if walk.awake.fetch_add(1, Ordering::Relaxed) == 0 {
        *walk.start.lock().unwrap() = Some(Instant::now());
    }
    yield_times(walk.yields).await;
    if walk.done.fetch_add(1, Ordering::Relaxed) + 1 == walk.walkers {
        *walk.took.lock().unwrap() = walk.start.lock().unwrap().unwrap().elapsed();
    }
}

async fn walk_once(walkers: usize, yields: u64) -> Duration {
    let walk = Arc::new(Walk { walkers, yields, ..Walk::default() });
    let mut wakes: Vec<_> = (0..walkers).map(|_| Arc::new(Notify::new())).collect();
    let tasks: Vec<_> = wakes.iter().map(|wake| tokio::spawn(walker(wake.clone(), walk.clone()))).collect();
    let mut random = 1u64;
    for i in (1..walkers).rev() {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        wakes.swap(i, (random >> 33) as usize % (i + 1));
    }
    yield_now().await; // every walker waits now
    wakes.iter().for_each(|wake| wake.notify_one());
    for task in tasks {
        task.await.unwrap();
    }
    let took = *walk.took.lock().unwrap();
    took
}

pub async fn yield_100k() -> f64 {
    let walkers = sized(WALKERS);
    let yields = (YIELDS / walkers).max(1);
    let took = batch(|| walk_once(walkers as usize, yields));
    took.await.as_nanos() as f64 / (walkers * yields) as f64
}

pub async fn spawn_join() -> f64 {
    steady(|n| async move {
        for i in 0..n {
            tokio::spawn(async move { i }).await.unwrap();
        }
    })
    .await
}

const BATCH: u64 = 100_000;

async fn spawn_batches(size: u64, times: u64) {
    for _ in 0..times {
        let tasks: Vec<_> = (0..size).map(|i| tokio::spawn(async move { i })).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

pub async fn spawn_batch() -> f64 {
    let size = sized(BATCH);
    let times = (BATCH / size).max(1);
    batch(|| time(spawn_batches(size, times))).await.as_nanos() as f64 / (size * times) as f64
}

const LEAVES: u64 = 1_000_000;

fn skynet_node(first: u64, leaves: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        let size = leaves / 10;
        let children: [JoinHandle<u64>; 10] = std::array::from_fn(|i| {
            let first = first + i as u64 * size;
            if size == 1 {
                tokio::spawn(async move { first })
            } else {
                tokio::spawn(skynet_node(first, size))
            }
        });
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

pub async fn skynet() -> f64 {
    let took = batch(|| {
        time(async {
            let sum = tokio::spawn(skynet_node(0, LEAVES)).await.unwrap();
            assert_eq!(sum, LEAVES * (LEAVES - 1) / 2);
        })
    });
    took.await.as_secs_f64() * 1e3
}
