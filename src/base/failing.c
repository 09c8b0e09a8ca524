/* SPDX-License-Identifier: MIT */
#include "base/failing.h"

_Atomic bool drey__failing;
