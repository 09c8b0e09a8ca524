// SPDX-License-Identifier: MIT
//! Locks and permits.

use crate::measure::{consume, steady};
use std::sync::Arc;
use tokio::sync::{Mutex, RwLock, Semaphore};

pub async fn mutex() -> f64 {
    let mutex = Mutex::new(0u64);
    let mutex = &mutex;
    steady(|n| async move {
        for _ in 0..n {
            *mutex.lock().await += 1;
        }
    })
    .await
}

pub async fn rwlock_read() -> f64 {
    let lock = RwLock::new(0u64);
    let lock = &lock;
    steady(|n| async move {
        for _ in 0..n {
            consume(*lock.read().await);
        }
    })
    .await
}

pub async fn semaphore() -> f64 {
    let semaphore = Semaphore::new(1);
    let semaphore = &semaphore;
    steady(|n| async move {
        for _ in 0..n {
            drop(semaphore.acquire().await.unwrap());
        }
    })
    .await
}

const CONTENDERS: u64 = 64;

pub async fn mutex_64() -> f64 {
    steady(|n| async move {
        let mutex = Arc::new(Mutex::new(0u64));
        let contend = |mutex: Arc<Mutex<u64>>| async move {
            for _ in 0..n / CONTENDERS {
                *mutex.lock().await += 1;
            }
        };
        let tasks: Vec<_> = (0..CONTENDERS).map(|_| tokio::spawn(contend(mutex.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    })
    .await
}
