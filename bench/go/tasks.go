// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func yieldTimes(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

func yieldPair() float64 {
	return steady(func(n int) {
		var both sync.WaitGroup
		both.Add(2)
		for i := 0; i < 2; i++ {
			go func() {
				yieldTimes(n / 2)
				both.Done()
			}()
		}
		both.Wait()
	})
}

const (
	walkers      = 100_000
	walkerYields = 10
)

func walkOnce() (took time.Duration) {
	var awake, done, waiting int32
	var start time.Time
	var all sync.WaitGroup
	wakes := make([]chan struct{}, walkers)
	all.Add(walkers)
	for i := range wakes {
		wake := make(chan struct{})
		wakes[i] = wake
		go func() {
			atomic.AddInt32(&waiting, 1)
			<-wake
			runtime.Gosched() // the first round still pays for the wake-up
			if atomic.AddInt32(&awake, 1) == 1 {
				start = time.Now()
			}
			yieldTimes(walkerYields)
			if atomic.AddInt32(&done, 1) == walkers {
				took = time.Since(start)
			}
			all.Done()
		}()
	}
	for atomic.LoadInt32(&waiting) < walkers {
		runtime.Gosched()
	}
	random := uint64(1)
	for i := walkers - 1; i > 0; i-- {
		random = random*6364136223846793005 + 1442695040888963407
		j := int(random>>33) % (i + 1)
		wakes[i], wakes[j] = wakes[j], wakes[i]
	}
	for _, wake := range wakes {
		close(wake)
	}
	all.Wait()
	return took
}

func yield100k() float64 {
	return float64(batch(walkOnce)) / (walkers * walkerYields)
}

func spawnJoin() float64 {
	return steady(func(n int) {
		var child sync.WaitGroup
		for i := 0; i < n; i++ {
			child.Add(1)
			go child.Done()
			child.Wait()
		}
	})
}

const batchTasks = 100_000

func spawnBatch() float64 {
	took := batch(func() time.Duration {
		return timed(func() {
			var all sync.WaitGroup
			all.Add(batchTasks)
			for i := 0; i < batchTasks; i++ {
				go all.Done()
			}
			all.Wait()
		})
	})
	return float64(took) / batchTasks
}

const leaves = 1_000_000

type skynetNode struct {
	children sync.WaitGroup
	sums     [10]int
}

func skynetTask(first, size int, sum *int, parent *sync.WaitGroup) {
	defer parent.Done()
	if size == 1 {
		*sum = first
		return
	}
	node := new(skynetNode)
	node.children.Add(10)
	for i := range node.sums {
		go skynetTask(first+i*size/10, size/10, &node.sums[i], &node.children)
	}
	node.children.Wait()
	total := 0
	for _, part := range node.sums {
		total += part
	}
	*sum = total
}

func skynet() float64 {
	took := batch(func() time.Duration {
		return timed(func() {
			var root sync.WaitGroup
			var sum int
			root.Add(1)
			go skynetTask(0, leaves, &sum, &root)
			root.Wait()
			if sum != leaves*(leaves-1)/2 {
				panic("skynet: wrong sum")
			}
		})
	})
	return float64(took) / 1e6
}
