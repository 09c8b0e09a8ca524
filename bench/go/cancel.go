// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const waiters = 100_000

func cancelOnce() time.Duration {
	ctx, cancel := context.WithCancel(context.Background())
	never := make(chan struct{})
	var waiting int32
	var all sync.WaitGroup
	all.Add(waiters)
	for i := 0; i < waiters; i++ {
		go func() {
			atomic.AddInt32(&waiting, 1)
			select {
			case <-ctx.Done():
			case <-never:
			}
			all.Done()
		}()
	}
	for atomic.LoadInt32(&waiting) < waiters {
		runtime.Gosched()
	}
	return timed(func() {
		cancel()
		all.Wait()
	})
}

func cancel100k() float64 {
	return float64(batch(cancelOnce)) / 1e6
}
