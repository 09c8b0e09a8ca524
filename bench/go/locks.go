// SPDX-License-Identifier: MIT

package main

import "sync"

func mutex() float64 {
	var lock sync.Mutex
	counter := 0
	return steady(func(n int) {
		for i := 0; i < n; i++ {
			lock.Lock()
			counter++
			lock.Unlock()
		}
	})
}

func rwlockRead() float64 {
	var lock sync.RWMutex
	counter, seen := 0, 0
	return steady(func(n int) {
		for i := 0; i < n; i++ {
			lock.RLock()
			seen += counter
			lock.RUnlock()
		}
	})
}

// The standard library has no semaphore: a buffered channel is Go's.
func semaphore() float64 {
	permits := make(chan struct{}, 1)
	return steady(func(n int) {
		for i := 0; i < n; i++ {
			permits <- struct{}{}
			<-permits
		}
	})
}

const contenders = 64

func mutex64() float64 {
	var lock sync.Mutex
	counter := 0
	return steady(func(n int) {
		var all sync.WaitGroup
		all.Add(contenders)
		for c := 0; c < contenders; c++ {
			go func() {
				for i := 0; i < n/contenders; i++ {
					lock.Lock()
					counter++
					lock.Unlock()
				}
				all.Done()
			}()
		}
		all.Wait()
	})
}
