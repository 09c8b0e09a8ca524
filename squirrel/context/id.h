/* SPDX-License-Identifier: MIT */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { SQ_ID_BYTES = 128 };

#define SQ_ID_RULE "1 to 128 of A-Z a-z 0-9 . _ -, starting with a letter, a digit or _"

/* Ids and projects match [A-Za-z0-9_][A-Za-z0-9._-]{0,127}. */
bool sq_id_valid(const char *id, size_t bytes);

/* The id that a file's name gives: without folders and ".json". False: the name makes no valid id. */
bool sq_id_from_path(const char *path, char out[SQ_ID_BYTES + 1]);
