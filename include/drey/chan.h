/* SPDX-License-Identifier: MIT */
/**
 * Messages between tasks: channels, broadcasts and watches.
 *
 * When to use: a channel hands each message to one receiver; a broadcast hands each to all subscribers, and slow ones
 * miss some; a watch holds one value that changes, and readers see the newest.
 * Order: first in, first out; senders and receivers are served first come first served.
 * Memory: messages are copied by their fixed size, so pass pointers to what is large and hand over what they point to.
 * Objects are counted references; new gives the caller one. Every queue has a limit: at it a sender waits (channel) or
 * the oldest message is dropped and the loss reported (broadcast).
 * Threads: task only, except drey_chan_new, ref and unref (any), and drey_chan_try_send and drey_chan_try_recv of a
 * `.foreign` channel (any). Calls without a result abort elsewhere, others return -EPERM.
 *
 *     drey_chan *jobs;
 *     int rc = drey_chan_new((drey_chan_options){.message_bytes = sizeof(job), .capacity = 64}, &jobs);
 *     ...
 *     rc = drey_chan_send(jobs, &next);                       // the producer; waits while 64 are queued
 *     drey_chan_close(jobs);
 *     ...
 *     while ((rc = drey_chan_recv(jobs, &mine)) == 0)         // each consumer
 *         work(&mine);
 *     return rc == -EPIPE ? 0 : rc;                           // closed and empty: done
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct drey_chan_options {
    size_t message_bytes; /* size of one message */
    size_t capacity;      /* messages queued at most, grown as needed; 0: sender and receiver meet */
    bool foreign;         /* try_send and try_recv are legal from any thread */
    const char *name;     /* shown in dumps; borrowed as long as the channel lives */
} drey_chan_options;

/**
 * Make a channel.
 *
 * @param out_chan  the caller owns one reference
 * @return 0.
 *         -EINVAL  message_bytes is above 64 KB, or capacity above 2^31
 *         -ENOMEM  no memory
 *
 * Threads: any.
 */
DREY_API DREY_MUST_USE
int drey_chan_new(drey_chan_options options, drey_chan **out_chan);

/** Take one more reference, which the caller owns; returns chan. Threads: any. */
DREY_API
drey_chan *drey_chan_ref(drey_chan *chan);

/** Give one reference back (consumed). Drain before the last one: in tests, leftover messages abort. Threads: any. */
DREY_API
void drey_chan_unref(drey_chan *chan);

/**
 * Send a message, waiting for room (capacity 0: for a receiver).
 *
 * @param message  message_bytes of them; copied if 0 is returned, else what it stands for is still the caller's
 * @return 0: moved.
 *         -EPIPE      the channel is closed; not sent
 *         -ECANCELED  the scope was cancelled; not sent
 *
 * Suspends: when there is no room.
 * Cancel:   all or nothing; a message taken before the cancellation counts as sent, and 0 is returned.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_chan_send(drey_chan *chan, const void *message);

/**
 * Receive a message, waiting for one.
 *
 * @param out_message  message_bytes of room
 * @return 0: received; what it stands for is the caller's.
 *         -EPIPE      the channel is closed and empty
 *         -ECANCELED  the scope was cancelled; none was taken
 *
 * Suspends: when it is empty.
 * Cancel:   all or nothing; a message handed over before the cancellation is kept, and 0 is returned.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_chan_recv(drey_chan *chan, void *out_message);

/** Send if there is room; never refused by cancellation. @return 0, -EAGAIN: no room, -EPIPE. Threads: see .foreign. */
DREY_API DREY_MUST_USE
int drey_chan_try_send(drey_chan *chan, const void *message);

/** Receive if there is a message; as drey_chan_try_send. @return 0, -EAGAIN: empty, -EPIPE. Threads: see .foreign. */
DREY_API DREY_MUST_USE
int drey_chan_try_recv(drey_chan *chan, void *out_message);

/** Close: senders get -EPIPE at once, receivers drain what is queued first. Closing again does nothing. */
DREY_API
void drey_chan_close(drey_chan *chan);

/** Messages queued now. */
DREY_API
size_t drey_chan_length(const drey_chan *chan);

/**
 * Make a broadcast.
 *
 * @param message_bytes  size of one message
 * @param capacity       messages kept for the slowest subscriber, at least 1
 * @param out_broadcast  the caller owns one reference
 * @return 0.
 *         -EINVAL  capacity is 0 or above 2^31, or message_bytes is above 64 KB
 *         -ENOMEM  no memory
 */
DREY_API DREY_MUST_USE
int drey_broadcast_new(size_t message_bytes, size_t capacity, drey_broadcast **out_broadcast);

/** Take one more reference, which the caller owns; returns broadcast. */
DREY_API
drey_broadcast *drey_broadcast_ref(drey_broadcast *broadcast);

/** Give one reference back (consumed). */
DREY_API
void drey_broadcast_unref(drey_broadcast *broadcast);

/** Send a copy to every subscriber; never waits. @return 0, or -EPIPE: closed. */
DREY_API DREY_MUST_USE
int drey_broadcast_send(drey_broadcast *broadcast, const void *message);

/** Close: subscribers read what is kept, then get -EPIPE. Closing again does nothing. */
DREY_API
void drey_broadcast_close(drey_broadcast *broadcast);

/** One reader of a broadcast; one task at a time. */
struct drey_subscription {
    DREY_INTERNAL(8);
};

/** Subscribe to what is sent from now on. Keeps a reference on the broadcast until closed; must stay where it is. */
DREY_API
void drey_subscription_open(drey_subscription *subscription, drey_broadcast *broadcast);

/** End a subscription; aborts if a task waits on it. */
DREY_API
void drey_subscription_close(drey_subscription *subscription);

/**
 * Receive the next message.
 *
 * @param out_message  message_bytes of room
 * @param out_missed   set with -EOVERFLOW only: how many were dropped
 * @return 0: received.
 *         -EOVERFLOW  the subscriber was too slow, messages were dropped; the next call gives the oldest kept
 *         -EPIPE      closed, and all was read
 *         -ECANCELED  the scope was cancelled; none was taken
 *
 * Suspends: when there is none.
 * Cancel:   all or nothing.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_broadcast_recv(drey_subscription *subscription, void *out_message, uint64_t *out_missed);

/**
 * Make a watch.
 *
 * @param value_bytes  size of the value
 * @param initial      its first value, copied; this is version 1
 * @param out_watch    the caller owns one reference
 * @return 0, or -ENOMEM.
 */
DREY_API DREY_MUST_USE
int drey_watch_new(size_t value_bytes, const void *initial, drey_watch **out_watch);

/** Take one more reference, which the caller owns; returns watch. */
DREY_API
drey_watch *drey_watch_ref(drey_watch *watch);

/** Give one reference back (consumed). */
DREY_API
void drey_watch_unref(drey_watch *watch);

/** Change the value, copied, and wake all who wait for a newer one. */
DREY_API
void drey_watch_set(drey_watch *watch, const void *value);

/** Copy the newest value out; returns its version. */
DREY_API
uint64_t drey_watch_get(drey_watch *watch, void *out_value);

/**
 * Wait for a value newer than one has seen. Values in between may be skipped, the newest never is.
 *
 * @param version    the version seen last, 0 for none; set to the new one with 0
 * @param out_value  value_bytes of room
 * @return 0: a newer value was copied.
 *         -EPIPE      closed, and nothing newer
 *         -ECANCELED  the scope was cancelled; version and value are untouched
 *
 * Suspends: when there is nothing newer.
 * Cancel:   no effect.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_watch_wait(drey_watch *watch, uint64_t *version, void *out_value);

/** Close: who has seen the newest value gets -EPIPE. Closing again does nothing. */
DREY_API
void drey_watch_close(drey_watch *watch);

#ifdef __cplusplus
}
#endif
