/* SPDX-License-Identifier: MIT */
/*
 * A question to a worker travels as mail. It may be answered late, after the asker has gone, or never, when the runtime
 * ends first: so questions are never freed, but kept in a list and used again once they have been answered.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/alloc.h"
#include "observe/observe.h"
#include "sched/leaf.h"

enum state {
    FREE,
    ASKED,     /* the asker waits; the first to change this decides: */
    ANSWERING, /*   the worker runs fn, */
    GIVEN_UP,  /*   or the asker has gone; the worker then frees it without running anything */
};

struct question {
    struct drey__call call;
    struct question *next;
    _Atomic uint32_t state;
    void (*fn)(struct drey__worker *w, void *arg); /* valid unless GIVEN_UP */
    void *arg;
};

static struct question *questions; /* under the lock of who asks */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void answer(struct drey__worker *w, struct drey__call *self)
{
    struct question *q = drey__container(self, struct question, call);
    uint32_t asked = ASKED;
    if (atomic_compare_exchange_strong_explicit(&q->state, &asked, ANSWERING, memory_order_acq_rel,
                                                memory_order_relaxed))
        q->fn(w, q->arg);
    atomic_store_explicit(&q->state, FREE, memory_order_release);
}

static struct question *question_get(void)
{
    struct question *q = questions;
    while (q != NULL && atomic_load_explicit(&q->state, memory_order_acquire) != FREE)
        q = q->next;
    if (q == NULL && (q = drey__alloc_zero(sizeof *q)) != NULL) {
        q->next = questions;
        questions = q;
    }
    return q;
}

/* True once answered. */
static bool wait_for_answer(struct question *q)
{
    enum { NAP_NS = 200 * 1000, NAPS = DREY__PATIENCE_MS * 5 };
    const struct timespec nap = {.tv_nsec = NAP_NS};
    for (unsigned i = 0; atomic_load_explicit(&q->state, memory_order_acquire) != FREE; i++) {
        uint32_t asked = ASKED;
        if (i >= NAPS && atomic_compare_exchange_strong_explicit(&q->state, &asked, GIVEN_UP, memory_order_acq_rel,
                                                                 memory_order_relaxed))
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

static bool ask(struct drey__worker *w, void (*fn)(struct drey__worker *, void *), void *arg)
{
    struct question *q = question_get();
    if (q == NULL)
        return false;
    q->call.fn = answer;
    q->fn = fn;
    q->arg = arg;
    atomic_store_explicit(&q->state, ASKED, memory_order_relaxed); /* the mail publishes it */
    drey__mail_push(&w->mail, &q->call, DREY__MAIL_CALL);
    drey__wake_worker(w);
    return wait_for_answer(q);
}

bool drey__ask(struct drey__worker *w, void (*fn)(struct drey__worker *, void *), void *arg)
{
    if (w == drey__self) {
        drey__leaf_settle(w); /* who asks shows in the answer */
        fn(w, arg);
        return true;
    }
    pthread_mutex_lock(&one_at_a_time);
    bool answered = ask(w, fn, arg);
    pthread_mutex_unlock(&one_at_a_time);
    return answered;
}
