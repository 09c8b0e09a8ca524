/* SPDX-License-Identifier: MIT */
#pragma once

void sharing_count(void);                            /* from here on; what came before is not counted */
void sharing_report(double operations);
