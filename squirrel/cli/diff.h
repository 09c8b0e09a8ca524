/* SPDX-License-Identifier: MIT */
/* `history --diff`: what each revision changed. */
#pragma once
#include "cli/client.h"

/* Adds a line of JSON a revision, with its "diff" in the place of its data; or for people its row, and below it a line
 * a change. What is shown is bounded, however much was changed. 0, or negative with cli->error set.
 * Suspends: to get the revision before the page's last one. */
DREY_ASYNC DREY_MUST_USE int sq_cli_diffs(sq_cli *cli, const sq_page *page, sq_text *out);
