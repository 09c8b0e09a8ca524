/* SPDX-License-Identifier: MIT */
#include "process/interrupt.h"

#include <signal.h>

/* A handler gets no argument. Written before the handler is installed. */
static const sq_tokens *current;
static _Atomic int signals;

static void on_signal(int number)
{
    (void)number;
    drey_token_cancel_from_signal(atomic_fetch_add(&signals, 1) == 0 ? current->drain : current->stop);
}

static void handle(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int sq_interrupt_open(sq_tokens *out)
{
    int rc = drey_token_new(NULL, &out->stop);
    if (rc == 0)
        rc = drey_token_new(out->stop, &out->drain);
    if (rc == 0)
        rc = drey_token_new(out->stop, &out->quit);
    if (rc < 0)
        return rc;
    current = out;
    atomic_store(&signals, 0);
    handle(on_signal);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

void sq_interrupt_close(sq_tokens *tokens)
{
    handle(SIG_DFL);
    drey_token *all[] = {tokens->quit, tokens->drain, tokens->stop};
    for (int i = 0; i < 3; i++) {
        if (all[i])
            drey_token_unref(all[i]);
    }
}
