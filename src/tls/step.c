/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <openssl/err.h>

#include <drey/run.h>

#include "tls/tls.h"

struct step {
    drey_tls *tls;
    drey_fn *fn;
    void *arg;
};

/* On the large stack. The queue is this thread's: whatever another task left there is not ours, and nothing of ours is
 * left (R16). */
static int on_large_stack(void *arg)
{
    const struct step *s = arg;
    if (s->tls->broken < 0)
        return s->tls->broken;
    ERR_clear_error();
    int rc = s->fn(s->arg);
    ERR_clear_error();
    return rc;
}

int drey__tls_step(drey_tls *c, drey_fn *fn, void *arg)
{
    struct step s = {.tls = c, .fn = fn, .arg = arg};
    DREY_LOCKED(&c->lock);
    return drey_call_deep(on_large_stack, &s);
}
