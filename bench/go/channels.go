// SPDX-License-Identifier: MIT

package main

import "sync"

// Messages of 8 bytes, or SIZE; a channel's must be smaller than 64 KB.
var pingpongOf = map[int]func() float64{
	8: pingpongWith[uint64], 64: pingpongWith[[64]byte], 512: pingpongWith[[512]byte],
	4096: pingpongWith[[4096]byte], 32768: pingpongWith[[32768]byte],
}

var mpmcOf = map[int]func() float64{
	8: mpmcWith[uint64], 64: mpmcWith[[64]byte], 512: mpmcWith[[512]byte],
	4096: mpmcWith[[4096]byte], 32768: mpmcWith[[32768]byte],
}

func pingpong() float64 { return offered(pingpongOf)() }

func mpmc() float64 { return offered(mpmcOf)() }

func pingpongWith[message any]() float64 {
	return steady(func(n int) {
		there, here := make(chan message, 1), make(chan message, 1)
		go func() {
			for received := range there {
				here <- received
			}
		}()
		var caller sync.WaitGroup
		caller.Add(1)
		go func() {
			var m message
			for i := 0; i < n; i++ {
				there <- m
				m = <-here
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

func mpmcWith[message any]() float64 {
	return steady(func(n int) {
		messages := make(chan message, capacity)
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
				var m message
				for i := 0; i < n/peers; i++ {
					messages <- m
				}
				producers.Done()
			}()
		}
		producers.Wait()
		close(messages)
		consumers.Wait()
	})
}
