// SPDX-License-Identifier: MIT

// Go's side of the table: bench-go BENCH WORKERS [SIZE].
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
)

type bench struct {
	run  func() float64
	unit string
}

var benches = map[string]bench{
	"yield":         {yieldPair, "ns"},
	"yield_100k":    {yield100k, "ns"},
	"spawn_join":    {spawnJoin, "ns"},
	"spawn_batch":   {spawnBatch, "ns"},
	"skynet":        {skynet, "ms"},
	"chan_pingpong": {pingpong, "ns"},
	"chan_mpmc":     {mpmc, "ns"},
	"mutex":         {mutex, "ns"},
	"rwlock_read":   {rwlockRead, "ns"},
	"sem":           {semaphore, "ns"},
	"mutex_64":      {mutex64, "ns"},
	"timeout_ready": {timeoutReady, "ns"},
	"timers_1m":     {timers1m, "ns"},
	"cancel_100k":   {cancel100k, "ms"},
	"mem_unstarted": {memUnstarted, "bytes"},
	"mem_dormant":   {memDormant, "bytes"},
	"mem_parked":    {memParked, "bytes"},
	"files_bytes":   {filesBytes, "files/s"},
	"files_parsed":  {filesParsed, "files/s"},
	"serve":         {serve, ""},
	"serve_tls":     {serveTLS, ""},
}

func main() {
	workers := 0
	if len(os.Args) == 3 || len(os.Args) == 4 {
		workers, _ = strconv.Atoi(os.Args[2])
	}
	if workers <= 0 {
		fmt.Fprintln(os.Stderr, "usage: bench-go BENCH WORKERS [SIZE]")
		os.Exit(2)
	}
	name := os.Args[1]
	b, known := benches[name]
	if !known {
		os.Exit(3)
	}
	runtime.GOMAXPROCS(workers)
	fmt.Printf("%s go %d %.3f %s\n", name, workers, b.run(), b.unit)
}

// sized returns the SIZE that was asked for, else the table's.
func sized(usual int) int {
	if len(os.Args) < 4 {
		return usual
	}
	size, err := strconv.Atoi(os.Args[3])
	must(err)
	return size
}

// offered returns the benchmark for messages of SIZE bytes.
func offered(bySize map[int]func() float64) func() float64 {
	bench, known := bySize[sized(8)]
	if !known {
		os.Exit(3)
	}
	return bench
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-go:", err)
		os.Exit(1)
	}
}
