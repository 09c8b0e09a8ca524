/* SPDX-License-Identifier: MIT */
/* How fresh tasks get from a busy worker to an idle one (fresh.h has the protocol). */
#include "sched/share.h"

#include "sched/worker.h"

enum {
    STEAL_AFTER_NS = 50000,
    FETCH_AHEAD = 8,
    LOOKS_APART = 16, /* between two at the victim's queue: its owner writes that line all the time */
    SMALL_NS = 200,   /* about what it costs to move a task here and report its end */
    JUDGED = 32,      /* tasks at least: fewer say little */
    REST_NS = 50000,
};

static void receive(struct drey__worker *w, struct drey__call *letter)
{
    struct drey__handout *h = drey__container(letter, struct drey__handout, letter);
    h->due = false;
    h->since = drey__clock_real();
    for (uint32_t i = 0; i < h->n; i++) {
        if (i + FETCH_AHEAD < h->n)
            __builtin_prefetch(h->tasks[i + FETCH_AHEAD], 1);
        drey__fresh_push(&w->fresh, h->tasks[i]);
    }
    drey__share_work(w);
}

void drey__share_answer(struct drey__worker *w)
{
    int32_t request = atomic_load_explicit(&w->fresh.request, memory_order_relaxed);
    if (request <= 0 || drey__fresh_count(&w->fresh) < 2)
        return; /* a single task stays: its spawner may be about to join it */
    if (!atomic_compare_exchange_strong_explicit(&w->fresh.request, &request, 0, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    struct drey__worker *to = drey__rt.workers[request - 1];
    struct drey__handout *h = &to->handout;
    h->n = drey__fresh_share(&w->fresh, h->tasks, DREY__SHARE_MAX);
    h->letter.fn = receive;
    drey__send(to, &h->letter, DREY__MAIL_CALL);
}

/* If the last tasks took less time than moving them, more of their kind are left to who has them, for a while. */
static bool rests(struct drey__handout *h)
{
    int64_t now = drey__clock_real();
    if (h->since != 0 && h->n >= JUDGED && now - h->since < (int64_t)h->n * SMALL_NS)
        h->rest_until = now + REST_NS;
    h->since = 0;
    return now < h->rest_until;
}

static void ask_somebody(struct drey__worker *w, struct drey__search *s)
{
    unsigned first = drey__random_below(&w->rng, drey__rt.count);
    for (unsigned i = 0; i < drey__rt.count; i++) {
        struct drey__worker *other = drey__rt.workers[(first + i) % drey__rt.count];
        if (other != w && drey__fresh_count(&other->fresh) > 0 && drey__fresh_ask(&other->fresh, w->index)) {
            *s = (struct drey__search){.victim = other, .asked_at = drey__clock_real()};
            w->handout.due = true;
            return;
        }
    }
}

/* True if tasks were taken. */
static bool steal(struct drey__worker *w, struct drey__worker *victim)
{
    struct drey_task *loot[DREY__SHARE_MAX];
    uint32_t n;
    if (!drey__fresh_steal(&victim->fresh, w->index, loot, DREY__SHARE_MAX, &n))
        return false;
    w->handout.due = false;
    for (uint32_t i = 0; i < n; i++)
        drey__queue_fresh(w, loot[i]);
    w->steals += n;
    return n > 0;
}

void drey__share_give_up(struct drey__worker *w, struct drey__search *s)
{
    if (s->victim != NULL && drey__fresh_withdraw(&s->victim->fresh, w->index))
        w->handout.due = false;
    s->victim = NULL;
}

bool drey__share_search(struct drey__worker *w, struct drey__search *s)
{
    struct drey__worker *victim = s->victim;
    if (victim == NULL) {
        if (!w->handout.due && !rests(&w->handout))
            ask_somebody(w, s);
        return false;
    }
    if (atomic_load_explicit(&victim->fresh.request, memory_order_relaxed) != (int32_t)w->index + 1) {
        s->victim = NULL; /* answered: the letter is under way */
        return false;
    }
    if (++s->looks % LOOKS_APART != 0)
        return false;
    if (drey__fresh_count(&victim->fresh) == 0) {
        drey__share_give_up(w, s);
    } else if (drey__clock_real() - s->asked_at > STEAL_AFTER_NS) {
        s->victim = NULL;
        return steal(w, victim);
    }
    return false;
}
