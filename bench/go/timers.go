// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"time"
)

func ready(ctx context.Context, value int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return value, nil
}

func timeoutReady() float64 {
	return steady(func(n int) {
		for i := 0; i < n; i++ {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err := ready(ctx, i)
			cancel()
			must(err)
		}
	})
}

const timers = 1_000_000

// Each timer is due 5 ms before the one before it, as in the other languages.
func timers1m() float64 {
	pending := make([]*time.Timer, timers)
	never := func() { panic("timers_1m: a timer fired") }
	took := batch(func() time.Duration {
		return timed(func() {
			for i := range pending {
				pending[i] = time.AfterFunc(time.Duration(timers+1000-i)*5*time.Millisecond, never)
			}
			for _, timer := range pending {
				timer.Stop()
			}
		})
	})
	return float64(took) / timers
}
