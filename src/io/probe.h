/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether the system lets this process make rings: 0, or a negative errno. */
int drey__uring_probe(void);
