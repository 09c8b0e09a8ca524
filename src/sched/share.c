/* SPDX-License-Identifier: MIT */
/* How fresh tasks get from a busy worker to an idle one (fresh.h has the protocol). */
#include "sched/share.h"

#include "sched/worker.h"

enum { SHARE_MAX = 256, STEAL_AFTER_NS = 50000 };

void drey__share_answer(struct drey__worker *w)
{
    struct drey_task *loot[SHARE_MAX];
    int32_t request = atomic_load_explicit(&w->fresh.request, memory_order_relaxed);
    if (request <= 0 || drey__fresh_count(&w->fresh) < 2)
        return; /* a single task stays: its spawner may be about to join it */
    if (!atomic_compare_exchange_strong_explicit(&w->fresh.request, &request, 0, memory_order_relaxed,
                                                 memory_order_relaxed))
        return;
    struct drey__worker *to = drey__rt.workers[request - 1];
    uint32_t n = drey__fresh_share(&w->fresh, loot, SHARE_MAX);
    drey__mail_push_all(&to->mail, (void **)loot, n, DREY__MAIL_FRESH);
    drey__wake_worker(to);
}

static bool ask_somebody(struct drey__worker *w, struct drey__search *s)
{
    unsigned first = drey__random_below(&w->rng, drey__rt.count);
    for (unsigned i = 0; i < drey__rt.count; i++) {
        struct drey__worker *other = drey__rt.workers[(first + i) % drey__rt.count];
        if (other != w && drey__fresh_count(&other->fresh) > 0 && drey__fresh_ask(&other->fresh, w->index)) {
            s->victim = other;
            s->asked_at = drey__clock_real();
            return true;
        }
    }
    return false;
}

static bool steal(struct drey__worker *w, struct drey__worker *victim)
{
    struct drey_task *loot[SHARE_MAX];
    uint32_t n = drey__fresh_steal(&victim->fresh, w->index, loot, SHARE_MAX);
    for (uint32_t i = 0; i < n; i++)
        drey__queue_fresh(w, loot[i]);
    w->steals += n;
    return n > 0;
}

void drey__share_give_up(struct drey__worker *w, struct drey__search *s)
{
    if (s->victim != NULL)
        drey__fresh_withdraw(&s->victim->fresh, w->index);
    s->victim = NULL;
}

bool drey__share_search(struct drey__worker *w, struct drey__search *s)
{
    if (s->victim == NULL) {
        ask_somebody(w, s);
        return false;
    }
    if (atomic_load_explicit(&s->victim->fresh.request, memory_order_relaxed) != (int32_t)w->index + 1) {
        s->victim = NULL; /* answered: the tasks are in the mail */
        return false;
    }
    if (drey__fresh_count(&s->victim->fresh) == 0) {
        drey__share_give_up(w, s);
    } else if (drey__clock_real() - s->asked_at > STEAL_AFTER_NS) {
        struct drey__worker *victim = s->victim;
        s->victim = NULL;
        return steal(w, victim);
    }
    return false;
}
