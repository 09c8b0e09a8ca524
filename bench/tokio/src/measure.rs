// SPDX-License-Identifier: MIT
//! Timing, the same in every language of the table.

use std::future::Future;
use std::time::{Duration, Instant};

const WARM: Duration = Duration::from_millis(20);
const MEASURED: Duration = Duration::from_millis(80);

/// The SIZE that was asked for, else the table's.
pub fn sized(usual: u64) -> u64 {
    std::env::args().nth(3).map_or(usual, |size| size.parse().expect("SIZE is a number"))
}

/// Nanoseconds an operation; `op(n)` performs n of them. Grows n until the run is long enough, which warms up.
pub async fn steady<F, R>(op: F) -> f64
where
    F: Fn(u64) -> R,
    R: Future<Output = ()>,
{
    let mut n = 64;
    loop {
        let took = time(op(n)).await;
        if took >= WARM {
            n = (n as f64 * MEASURED.as_secs_f64() / took.as_secs_f64()) as u64 + 64;
            return time(op(n)).await.as_nanos() as f64 / n as f64;
        }
        n *= 4;
    }
}

/// The median of three runs after one that warms up; `op` returns what it measured itself.
pub async fn batch<F, R>(op: F) -> Duration
where
    F: Fn() -> R,
    R: Future<Output = Duration>,
{
    op().await;
    let mut runs = [op().await, op().await, op().await];
    runs.sort();
    runs[1]
}

pub async fn time<R: Future<Output = ()>>(work: R) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

/// Makes the optimiser believe that the value is needed.
pub fn consume(value: u64) {
    // SAFETY: reads a valid, aligned value.
    unsafe { std::ptr::read_volatile(&value) };
}
