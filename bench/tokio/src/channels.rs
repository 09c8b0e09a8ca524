// SPDX-License-Identifier: MIT
//! Messages between tasks: of 8 bytes, or SIZE.

use crate::measure::{sized, steady};
use std::sync::Arc;
use tokio::sync::{mpsc, Mutex};

async fn pingpong_with<const BYTES: usize>() -> f64 {
    steady(|n| async move {
        let (to_there, mut there) = mpsc::channel::<[u8; BYTES]>(1);
        let (to_here, mut here) = mpsc::channel::<[u8; BYTES]>(1);
        let echo = tokio::spawn(async move {
            while let Some(message) = there.recv().await {
                to_here.send(message).await.unwrap();
            }
        });
        let caller = tokio::spawn(async move {
            let mut message = [0; BYTES];
            for _ in 0..n {
                to_there.send(message).await.unwrap();
                message = here.recv().await.unwrap();
            }
        });
        caller.await.unwrap();
        echo.await.unwrap();
    })
    .await
}

const CAPACITY: usize = 128;
const PEERS: u64 = 4;

async fn mpmc_messages<const BYTES: usize>(n: u64) {
    let (sender, receiver) = mpsc::channel::<[u8; BYTES]>(CAPACITY);
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
            for _ in 0..n / PEERS {
                sender.send([0; BYTES]).await.unwrap();
            }
        }));
    }
    drop(sender);
    for task in tasks {
        task.await.unwrap();
    }
}

async fn mpmc_with<const BYTES: usize>() -> f64 {
    steady(mpmc_messages::<BYTES>).await
}

macro_rules! by_size {
    ($with:ident) => {
        Some(match sized(8) {
            8 => $with::<8>().await,
            64 => $with::<64>().await,
            512 => $with::<512>().await,
            4096 => $with::<4096>().await,
            32768 => $with::<32768>().await,
            65536 => $with::<65536>().await,
            _ => return None,
        })
    };
}

pub async fn pingpong() -> Option<f64> {
    by_size!(pingpong_with)
}

pub async fn mpmc() -> Option<f64> {
    by_size!(mpmc_with)
}
