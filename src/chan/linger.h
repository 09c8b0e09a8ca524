/* SPDX-License-Identifier: MIT */
/* A moment's patience before a task parks on a channel (linger.c). With several workers only. */
#pragma once

#include "chan/chan.h"

/* How long to keep away from a channel of this capacity, while another thread is at it. */
uint8_t drey__linger_pauses(size_t capacity);

/* drey__chan_put and drey__chan_take, which have just returned -EAGAIN, tried a few times more. Under the lock, which
 * is given up in between. */
int drey__linger_to_put(drey_chan *c, const void *message, struct drey_task **woken);
int drey__linger_to_take(drey_chan *c, void *out_message, struct drey_task **woken);
