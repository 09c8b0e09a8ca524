// SPDX-License-Identifier: MIT
//! tokio's side of the table: `bench-tokio BENCH WORKERS [SIZE]`.

mod cancel;
mod channels;
mod files;
mod locks;
mod measure;
mod memory;
mod net;
mod tasks;
mod timers;

use std::process::exit;
use tokio::runtime::{Builder, Runtime};

#[derive(Clone, Copy, PartialEq)]
enum Flavour {
    CurrentThread,
    MultiThread,
}

impl Flavour {
    fn name(self) -> &'static str {
        match self {
            Flavour::CurrentThread => "tokio-current",
            Flavour::MultiThread => "tokio-multi",
        }
    }

    fn runtime(self, workers: usize) -> Runtime {
        let mut builder = match self {
            Flavour::CurrentThread => Builder::new_current_thread(),
            Flavour::MultiThread => Builder::new_multi_thread(),
        };
        builder.worker_threads(workers).enable_all().build().expect("runtime")
    }
}

async fn run(name: String) -> Option<(f64, &'static str)> {
    Some(match name.as_str() {
        "yield" => (tasks::yield_pair().await, "ns"),
        "yield_100k" => (tasks::yield_100k().await, "ns"),
        "spawn_join" => (tasks::spawn_join().await, "ns"),
        "spawn_batch" => (tasks::spawn_batch().await, "ns"),
        "skynet" => (tasks::skynet().await, "ms"),
        "chan_pingpong" => (channels::pingpong().await?, "ns"),
        "chan_mpmc" => (channels::mpmc().await?, "ns"),
        "mutex" => (locks::mutex().await, "ns"),
        "rwlock_read" => (locks::rwlock_read().await, "ns"),
        "sem" => (locks::semaphore().await, "ns"),
        "mutex_64" => (locks::mutex_64().await, "ns"),
        "timeout_ready" => (timers::timeout_ready().await, "ns"),
        "timers_1m" => (timers::timers_1m().await, "ns"),
        "cancel_100k" => (cancel::cancel_100k().await, "ms"),
        "mem_unstarted" => (memory::unstarted().await, "bytes"),
        "mem_dormant" => (memory::dormant().await, "bytes"),
        "mem_parked" => (memory::parked().await, "bytes"),
        "files_bytes" => (files::bytes().await, "files/s"),
        "files_parsed" => (files::parsed().await, "files/s"),
        "serve" | "serve_multi" => (net::serve().await, ""),
        "serve_tls" => (net::serve_tls().await, ""),
        _ => return None,
    })
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let workers = args.get(2).and_then(|w| w.parse::<usize>().ok()).unwrap_or(0);
    if !(3..=4).contains(&args.len()) || workers == 0 {
        eprintln!("usage: bench-tokio BENCH WORKERS [SIZE]");
        exit(2);
    }
    let name = &args[1];
    let flavours: &[Flavour] = match workers {
        // Memory needs a fresh heap, so one flavour: the one where no task starts before its spawner waits.
        1 if name.starts_with("mem_") => &[Flavour::CurrentThread],
        // The other one runs its 100,000 tasks to their end by fewer than 256 at a time: not the same work.
        1 if name == "serve_multi" => &[Flavour::MultiThread],
        1 if name == "yield_100k" => &[Flavour::CurrentThread],
        1 => &[Flavour::CurrentThread, Flavour::MultiThread],
        _ => &[Flavour::MultiThread],
    };
    for &flavour in flavours {
        let runtime = flavour.runtime(workers);
        // Spawned, so that a worker runs it: the future of block_on stays on the calling thread.
        let result = runtime.block_on(runtime.spawn(run(name.clone()))).expect("benchmark");
        match result {
            Some((value, unit)) => println!("{name} {} {workers} {value:.3} {unit}", flavour.name()),
            None => exit(3),
        }
        if name.starts_with("mem_") {
            exit(0);
        }
    }
}
