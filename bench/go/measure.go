// SPDX-License-Identifier: MIT

package main

import (
	"sort"
	"time"
)

const (
	warm     = 20 * time.Millisecond
	measured = 80 * time.Millisecond
)

// steady returns nanoseconds an operation; op(n) performs n of them. It grows n until the run is long enough,
// which warms up.
func steady(op func(n int)) float64 {
	for n := 64; ; n *= 4 {
		if took := timed(func() { op(n) }); took >= warm {
			n = int(float64(n)*float64(measured)/float64(took)) + 64
			return float64(timed(func() { op(n) })) / float64(n)
		}
	}
}

// batch returns the median of three runs after one that warms up; op returns what it measured itself.
func batch(op func() time.Duration) time.Duration {
	op()
	runs := []time.Duration{op(), op(), op()}
	sort.Slice(runs, func(i, j int) bool { return runs[i] < runs[j] })
	return runs[1]
}

func timed(work func()) time.Duration {
	start := time.Now()
	work()
	return time.Since(start)
}
