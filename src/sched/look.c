/* SPDX-License-Identifier: MIT */
#include "sched/look.h"

#include <pthread.h>

static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;

void drey__look_begin(void)
{
    pthread_mutex_lock(&looking);
}

void drey__look_end(void)
{
    pthread_mutex_unlock(&looking);
}
