/* SPDX-License-Identifier: MIT */
/* Contexts as commands print them: a line of JSON for programs, a row or a page for people. */
#pragma once
#include "json/text.h"
#include "store/store.h"

/* {"id", "project", "name", "data", ...}, as a context is everywhere: what import reads. Without data: "data_bytes"
 * instead. `data`, with its bytes, stands for that of the revision if it is not NULL. */
void sq_show_context(sq_text *out, const sq_revision *revision, const char *data, size_t data_bytes);

/* The same with "op", which made it; a revision that ended the context has no more than who and when. */
void sq_show_revision(sq_text *out, const sq_revision *revision);

/* The same with "diff" in the place of the data: JSON text, and what follows it. */
void sq_show_changed(sq_text *out, const sq_revision *revision, const char *diff);

/* Who, when, and the data, indented. Needs a deep stack. */
void sq_show_page(sq_text *out, const sq_revision *revision, const char *data, size_t data_bytes);

/* Columns, and their heads; of a history with what was done, else with the name. */
void sq_show_heads(sq_text *out, bool history);
void sq_show_row(sq_text *out, const sq_revision *revision, bool history);
