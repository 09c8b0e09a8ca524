// SPDX-License-Identifier: MIT
//! Messages between tasks.

use crate::measure::steady;
use std::sync::Arc;
use tokio::sync::{mpsc, Mutex};

pub async fn pingpong() -> f64 {
    steady(|n| async move {
        let (to_there, mut there) = mpsc::channel::<u64>(1);
        let (to_here, mut here) = mpsc::channel::<u64>(1);
        let echo = tokio::spawn(async move {
            while let Some(message) = there.recv().await {
                to_here.send(message).await.unwrap();
            }
        });
        let caller = tokio::spawn(async move {
            for i in 0..n {
                to_there.send(i).await.unwrap();
                here.recv().await.unwrap();
            }
        });
        caller.await.unwrap();
        echo.await.unwrap();
    })
    .await
}

const CAPACITY: usize = 128;
const PEERS: u64 = 4;

async fn mpmc_messages(n: u64) {
    let (sender, receiver) = mpsc::channel::<u64>(CAPACITY);
    let receiver = Arc::new(Mutex::new(receiver));
    let mut tasks = Vec::new();
    for _ in 0..PEERS {
        let receiver = receiver.clone();
        tasks.push(tokio::spawn(async move {
            loop {
                let mut receiver = receiver.lock().await;
                if receiver.recv().await.is_none() {
                    break;
                }
                // Whoever holds the lock takes what is there: a lock a message is two to four times slower.
                for _ in 1..CAPACITY / 2 {
                    if receiver.try_recv().is_err() {
                        break;
                    }
                }
            }
        }));
        let sender = sender.clone();
        tasks.push(tokio::spawn(async move {
            for i in 0..n / PEERS {
                sender.send(i).await.unwrap();
            }
        }));
    }
    drop(sender);
    for task in tasks {
        task.await.unwrap();
    }
}

pub async fn mpmc() -> f64 {
    steady(mpmc_messages).await
}
