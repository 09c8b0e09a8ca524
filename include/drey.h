/* SPDX-License-Identifier: MIT */
/**
 * drey: structured async for C. A program is a tree of tasks, held together by scopes.
 *
 * Start with drey/run.h, then drey/scope.h. <drey/test.h>, for tests, is included on its own.
 */
#pragma once

#include <drey/base.h>
#include <drey/chan.h>
#include <drey/fs.h>
#include <drey/local.h>
#include <drey/net.h>
#include <drey/observe.h>
#include <drey/offload.h>
#include <drey/process.h>
#include <drey/rate.h>
#include <drey/reader.h>
#include <drey/run.h>
#include <drey/scope.h>
#include <drey/select.h>
#include <drey/signal.h>
#include <drey/stream.h>
#include <drey/sync.h>
#include <drey/time.h>
#include <drey/token.h>
