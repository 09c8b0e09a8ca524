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
	usualWalkers = 100_000
	allYields    = 1_000_000 // of all walkers together
)

func walkOnce(walkers, yields int) (took time.Duration) {
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
			yieldTimes(yields)
			if atomic.AddInt32(&done, 1) == int32(walkers) {
				took = time.Since(start)
			}
			all.Done()
		}()
	}
	for atomic.LoadInt32(&waiting) < int32(walkers) {
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
	walkers, yields := sized(usualWalkers), 1
	if walkers < allYields {
		yields = allYields / walkers
	}
	took := batch(func() time.Duration { return walkOnce(walkers, yields) })
	return float64(took) / float64(walkers*yields)
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

const usualBatch = 100_000

func spawnBatch() float64 {
	tasks, times := sized(usualBatch), 1
	if tasks < usualBatch {
		times = usualBatch / tasks
	}
	took := batch(func() time.Duration {
		return timed(func() {
			for t := 0; t < times; t++ {
				var all sync.WaitGroup
				all.Add(tasks)
				for i := 0; i < tasks; i++ {
					go all.Done()
				}
				all.Wait()
			}
		})
	})
	return float64(took) / float64(tasks*times)
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
