/* SPDX-License-Identifier: MIT */
/* A seam for tests: what to call at every suspension point, before it looks whether the task is cancelled. */
#pragma once

/* Written while no runtime runs. While it is set no point takes the short way, since none is remembered as clear. */
extern void (*drey__point_hook)(const void *place);
