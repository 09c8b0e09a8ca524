/* SPDX-License-Identifier: MIT */
#pragma once

extern const char sq_help_main[];
extern const char sq_help_process[];
