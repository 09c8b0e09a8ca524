/* SPDX-License-Identifier: MIT */
#pragma once
#include "json/json.h"

/* JSON merge patch, RFC 7396: returns the value after `patch` was applied to `target`, or NULL without memory.
 * `target` is consumed and may be changed in place, so it must not be shared; NULL stands for an absent value.
 * `patch` is borrowed and copied from. */
sq_json *sq_merge(sq_json *target, sq_json *patch);
