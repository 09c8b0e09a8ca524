/* SPDX-License-Identifier: MIT */
/* Linked before the library's own, this makes a squirrel of a later version, for the tests of hand-over. */
#include "transport/version.h"

const char sq_version[] = "99.0.0";
