// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	files    = 10_000
	inFlight = 64
)

func readAll(paths []string, parse bool) {
	var all sync.WaitGroup
	next := int32(-1)
	all.Add(inFlight)
	for t := 0; t < inFlight; t++ {
		go func() {
			defer all.Done()
			for i := atomic.AddInt32(&next, 1); i < files; i = atomic.AddInt32(&next, 1) {
				bytes, err := os.ReadFile(paths[i])
				must(err)
				if parse {
					var value any
					must(json.Unmarshal(bytes, &value))
				}
			}
		}()
	}
	all.Wait()
}

// BENCH_FILES names the directory.
func filesPerSecond(parse bool) float64 {
	paths := make([]string, files)
	for i := range paths {
		paths[i] = fmt.Sprintf("%s/%05d.json", os.Getenv("BENCH_FILES"), i)
	}
	took := batch(func() time.Duration {
		return timed(func() { readAll(paths, parse) })
	})
	return files / took.Seconds()
}

func filesBytes() float64 { return filesPerSecond(false) }

func filesParsed() float64 { return filesPerSecond(true) }
