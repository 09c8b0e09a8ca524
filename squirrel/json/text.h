/* SPDX-License-Identifier: MIT */
/* A growing byte buffer. A failed allocation sticks in `failed`, so callers check once at the end. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sq_text {
    char *data;       /* always NUL-terminated once anything was added; NULL before */
    size_t bytes;     /* without the NUL */
    size_t room;      /* allocated */
    bool failed;      /* an allocation failed: the contents are incomplete */
} sq_text;

void sq_text_free(sq_text *text);
void sq_text_clear(sq_text *text);                                /* keeps the memory */
void sq_text_add(sq_text *text, const void *data, size_t bytes);
void sq_text_string(sq_text *text, const char *string);
void sq_text_char(sq_text *text, char c);
void sq_text_integer(sq_text *text, int64_t value);
__attribute__((format(printf, 2, 3))) void sq_text_format(sq_text *text, const char *format, ...);

/* The decimal digits of value, without a NUL: how many. */
enum { SQ_TEXT_DIGITS = 20 };
size_t sq_text_digits(uint64_t value, char out[SQ_TEXT_DIGITS]);

/* Adds a JSON string, quotes included. Every byte that is not part of valid UTF-8 becomes U+FFFD. */
void sq_text_quote(sq_text *text, const char *data, size_t bytes);

/* The length, 1 to 4, of the valid UTF-8 sequence at `at`, or 0. */
unsigned sq_utf8_length(const unsigned char *at, const unsigned char *end);
bool sq_utf8_valid(const char *data, size_t bytes);
