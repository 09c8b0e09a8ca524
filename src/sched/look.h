/* SPDX-License-Identifier: MIT */
/* Held by a thread that looks at the workers from outside, and by drey_run while it makes them or takes them apart. */
#pragma once

void drey__look_begin(void);
void drey__look_end(void);
