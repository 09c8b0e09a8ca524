/* SPDX-License-Identifier: MIT */
#pragma once
#include "store/store.h"

/* The stores that there are: store.c lists them, each folder below has one. */
extern const sq_scheme sq_scheme_memory;
extern const sq_scheme sq_scheme_dir;
extern const sq_scheme sq_scheme_sqlite;
