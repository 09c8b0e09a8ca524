// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

const million = 1_000_000

var (
	started int32
	never   = make(chan struct{})
)

// residentBytes is resident pages and page tables.
func residentBytes() float64 {
	status, err := os.Open("/proc/self/status")
	must(err)
	defer status.Close()
	total := 0
	for lines := bufio.NewScanner(status); lines.Scan(); {
		var key string
		var kilobytes int
		if strings.HasPrefix(lines.Text(), "VmRSS:") || strings.HasPrefix(lines.Text(), "VmPTE:") {
			_, err := fmt.Sscan(lines.Text(), &key, &kilobytes)
			must(err)
			total += kilobytes
		}
	}
	return float64(total) * 1024
}

// A goroutine that preemption lets start early waits, so its memory stays.
func memUnstarted() float64 {
	tasks := sized(million)
	before := residentBytes()
	for i := 0; i < tasks; i++ {
		go waitForever()
	}
	return (residentBytes() - before) / float64(tasks)
}

func waitForever() {
	atomic.AddInt32(&started, 1)
	<-never
}

func sleepLong() {
	atomic.AddInt32(&started, 1)
	time.Sleep(time.Hour)
}

func memStarted(body func()) float64 {
	tasks := sized(million)
	before := residentBytes()
	for i := 0; i < tasks; i++ {
		go body()
	}
	for atomic.LoadInt32(&started) < int32(tasks) {
		runtime.Gosched()
	}
	return (residentBytes() - before) / float64(tasks)
}

func memDormant() float64 { return memStarted(waitForever) }

func memParked() float64 { return memStarted(sleepLong) }
