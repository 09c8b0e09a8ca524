/* SPDX-License-Identifier: MIT */
/* Whether the running test has given up: its early return may leave scopes open, which is then no misuse. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/* Set by a failed check, cleared by the kit between tests; relaxed, since it orders nothing. */
extern _Atomic bool drey__failing;
