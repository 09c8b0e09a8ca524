/* SPDX-License-Identifier: MIT */
#include "process/interrupt.h"

#include <signal.h>

/* A handler gets no argument. Written before the handler is installed. */
static const sq_tokens *current;
static _Atomic int signals;

static void on_signal(int number)
{
    bool first = atomic_fetch_add(&signals, 1) == 0;
    bool gently = first && (number == SIGINT || number == SIGTERM);
    drey_token_cancel_from_signal(gently ? current->drain : current->stop);
}

/* What is ignored stays so: nohup means it. */
static void handle(int number, void (*handler)(int), bool even_if_ignored)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;
    if (even_if_ignored || (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN))
        sigaction(number, &action, NULL);
}

static void handle_all(void (*handler)(int))
{
    handle(SIGINT, handler, true);
    handle(SIGTERM, handler, true);
    handle(SIGHUP, handler, false);
    handle(SIGQUIT, handler, false);
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
    handle_all(on_signal);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* whoever inherits it ignored cannot wait for programs */
    return 0;
}

void sq_interrupt_close(sq_tokens *tokens)
{
    handle_all(SIG_DFL);
    drey_token *all[] = {tokens->quit, tokens->drain, tokens->stop};
    for (int i = 0; i < 3; i++) {
        if (all[i])
            drey_token_unref(all[i]);
    }
}
