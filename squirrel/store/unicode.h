/* SPDX-License-Identifier: MIT */
/* Which code points make up words, and how they fold. The tables are written by tools/unicode.py. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum sq_letter {
    SQ_LETTER_NONE,    /* separates words */
    SQ_LETTER_WORD,    /* letters, marks and numbers: runs of them are words */
    SQ_LETTER_ALONE,   /* of scripts that put no space between words: each is a word */
} sq_letter;

typedef struct sq_unicode_letters {
    uint32_t first, last;
    uint32_t kind;                     /* sq_letter */
} sq_unicode_letters;

typedef struct sq_unicode_fold {
    uint32_t first, last, step;        /* every step-th code point from first to last */
    int32_t delta;                     /* folds to itself plus this */
} sq_unicode_fold;

/* In order, without overlap, from U+0080 on. */
extern const size_t sq_unicode_letter_count, sq_unicode_fold_count;
extern const sq_unicode_letters sq_unicode_letter_table[];
extern const sq_unicode_fold sq_unicode_fold_table[];

sq_letter sq_unicode_letter(uint32_t point);
uint32_t sq_unicode_folded(uint32_t point);                          /* simple case folding: one code point to one */

/* The code point of the valid UTF-8 sequence at `at`, and its length in *out_bytes; what is not valid gives U+FFFD, a
 * byte at a time. at < end. */
uint32_t sq_unicode_decode(const unsigned char *at, const unsigned char *end, unsigned *out_bytes);

/* 1 to 4 bytes; how many. */
unsigned sq_unicode_encode(uint32_t point, char out[4]);
