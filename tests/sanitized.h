/* SPDX-License-Identifier: MIT */
/* Whether this build is checked by a sanitizer, or made for a processor that is emulated here: ten times slower. */
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if SANITIZED || !defined(__x86_64__)
#define SLOW 1
#else
#define SLOW 0
#endif
