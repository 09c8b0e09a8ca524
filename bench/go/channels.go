// SPDX-License-Identifier: MIT

package main

import "sync"

func pingpong() float64 {
	return steady(func(n int) {
		there, here := make(chan uint64, 1), make(chan uint64, 1)
		go func() {
			for message := range there {
				here <- message
			}
		}()
		var caller sync.WaitGroup
		caller.Add(1)
		go func() {
			for i := 0; i < n; i++ {
				there <- uint64(i)
				<-here
			}
			caller.Done()
		}()
		caller.Wait()
		close(there)
	})
}

const (
	capacity = 128
	peers    = 4
)

func mpmc() float64 {
	return steady(func(n int) {
		messages := make(chan uint64, capacity)
		var producers, consumers sync.WaitGroup
		producers.Add(peers)
		consumers.Add(peers)
		for p := 0; p < peers; p++ {
			go func() {
				for range messages {
				}
				consumers.Done()
			}()
			go func() {
				for i := 0; i < n/peers; i++ {
					messages <- uint64(i)
				}
				producers.Done()
			}()
		}
		producers.Wait()
		close(messages)
		consumers.Wait()
	})
}
