/* SPDX-License-Identifier: MIT */
#pragma once
#include "json/json.h"

/* JSON merge patch, RFC 7396: returns the value after `patch` was applied to `target`, or NULL without memory.
 * `target` is consumed and may be changed in place, so it must not be shared; NULL stands for an absent value.
 * `patch` is borrowed and copied from. */
sq_json *sq_merge(sq_json *target, sq_json *patch);

/* The same, but where both sides are arrays the elements of the patch are added at the end of the target's. */
sq_json *sq_merge_append(sq_json *target, sq_json *patch);
