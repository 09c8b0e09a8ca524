// SPDX-License-Identifier: MIT
//! Reading many small files, 64 at a time. BENCH_FILES names the directory.

use crate::measure::batch;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

const FILES: usize = 10_000;
const IN_FLIGHT: usize = 64;

async fn read_all(paths: Arc<Vec<String>>, parse: bool) {
    let next = Arc::new(AtomicUsize::new(0));
    let reader = |paths: Arc<Vec<String>>, next: Arc<AtomicUsize>| async move {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let bytes = tokio::fs::read(path).await.expect("read");
            assert!(!bytes.is_empty());
            if parse {
                let value: serde_json::Value = serde_json::from_slice(&bytes).expect("json");
                assert!(value.is_object());
            }
        }
    };
    let tasks: Vec<_> = (0..IN_FLIGHT).map(|_| tokio::spawn(reader(paths.clone(), next.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn files_per_second(parse: bool) -> f64 {
    let directory = std::env::var("BENCH_FILES").expect("BENCH_FILES");
    let paths = Arc::new((0..FILES).map(|i| format!("{directory}/{i:05}.json")).collect::<Vec<_>>());
    let took = batch(|| async {
        let start = Instant::now();
        read_all(paths.clone(), parse).await;
        start.elapsed()
    });
    FILES as f64 / took.await.as_secs_f64()
}

pub async fn bytes() -> f64 {
    files_per_second(false).await
}

pub async fn parsed() -> f64 {
    files_per_second(true).await
}
