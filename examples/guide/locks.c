/* SPDX-License-Identifier: MIT */
/*
 * Locks and what else tasks meet at: a condition, a semaphore of one permit, a once, and what a deadlock looks like.
 *
 * Prints:
 *     balance: 100
 *     appended in turn: 3 lines
 *     set up once
 *     locking it twice: Resource deadlock avoided
 */
#include <drey.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct account {
    drey_mutex lock;
    drey_cond changed;
    int balance;                                      /* under lock */
} account;

static DREY_ASYNC int pay_in(void *arg)
{
    account *a = arg;
    DREY_LOCKED(&a->lock);
    a->balance += 50;
    drey_cond_all(&a->changed);
    return 0;
}

/* A condition lets the mutex go while it waits, so the lock rule is kept. */
static DREY_ASYNC int wait_for_balance(account *a, int wanted)
{
    int rc = 0;
    DREY_LOCKED(&a->lock);
    while (rc == 0 && a->balance < wanted)
        rc = drey_cond_wait(&a->changed, &a->lock);
    if (rc == 0)
        printf("balance: %d\n", a->balance);
    return rc;
}

static DREY_ASYNC int use_account(void)
{
    account a = {0};
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = drey_go(&scope, pay_in, &a);
    if (rc == 0)
        rc = wait_for_balance(&a, 100);
    rc = drey_scope_close(&scope, rc);
    drey_cond_deinit(&a.changed);
    drey_mutex_deinit(&a.lock);
    return rc;
}

typedef struct journal {
    drey_sem writer;                                  /* one permit: who may append */
    int lines;                                        /* by whoever holds the permit */
} journal;

/* What must be held across a suspension point is a semaphore of one permit. */
static DREY_ASYNC int append(void *arg)
{
    journal *j = arg;
    int rc = drey_sem_acquire(&j->writer, 1);
    if (rc < 0)
        return rc;
    rc = drey_sleep(DREY_MS(1));                      /* stands for the write and the sync */
    if (rc == 0)
        j->lines++;
    drey_sem_release(&j->writer, 1);
    return rc;
}

static DREY_ASYNC int use_journal(void)
{
    journal j = {0};
    drey_sem_init(&j.writer, 1, 1);
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = drey_go(&scope, append, &j);
    rc = drey_scope_close(&scope, rc);
    printf("appended in turn: %d lines\n", j.lines);
    drey_sem_deinit(&j.writer);
    return rc;
}

static DREY_ASYNC int set_up(void *arg)
{
    (void)arg;
    puts("set up once");
    return 0;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    drey_once once = {0};
    drey_mutex lock = {0};
    int rc = use_account();
    if (rc == 0)
        rc = use_journal();
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = drey_once_do(&once, set_up, NULL);
    drey_once_deinit(&once);
    if (rc == 0) {
        DREY_LOCKED(&lock);
        printf("locking it twice: %s\n", strerror(-drey_mutex_try_lock(&lock)));
    }
    drey_mutex_deinit(&lock);
    return rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
