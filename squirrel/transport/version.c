/* SPDX-License-Identifier: MIT */
#include "transport/version.h"

const char sq_version[] = SQ_VERSION;
