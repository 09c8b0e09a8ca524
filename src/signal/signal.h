/* SPDX-License-Identifier: MIT */
#pragma once

/* At the end of drey_run, when no task is left: stop with a sentence if signals were left open. */
void drey__signals_end(void);
