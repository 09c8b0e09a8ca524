/* SPDX-License-Identifier: MIT */
#include "store/unicode.h"

#include "json/text.h"

sq_letter sq_unicode_letter(uint32_t point)
{
    if (point < 0x80) {
        uint32_t lower = point | 0x20;
        return (lower >= 'a' && lower <= 'z') || (point >= '0' && point <= '9') ? SQ_LETTER_WORD : SQ_LETTER_NONE;
    }
    size_t low = 0, high = sq_unicode_letter_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const sq_unicode_letters *range = &sq_unicode_letter_table[middle];
        if (point < range->first)
            high = middle;
        else if (point > range->last)
            low = middle + 1;
        else
            return (sq_letter)range->kind;
    }
    return SQ_LETTER_NONE;
}

uint32_t sq_unicode_folded(uint32_t point)
{
    if (point < 0x80)
        return point >= 'A' && point <= 'Z' ? point | 0x20 : point;
    size_t low = 0, high = sq_unicode_fold_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const sq_unicode_fold *range = &sq_unicode_fold_table[middle];
        if (point < range->first)
            high = middle;
        else if (point > range->last)
            low = middle + 1;
        else
            return (point - range->first) % range->step ? point : (uint32_t)((int32_t)point + range->delta);
    }
    return point;
}

uint32_t sq_unicode_decode(const unsigned char *at, const unsigned char *end, unsigned *out_bytes)
{
    unsigned length = sq_utf8_length(at, end);
    *out_bytes = length ? length : 1;
    if (length <= 1)
        return length ? at[0] : 0xfffd;
    uint32_t point = at[0] & (0x7fu >> length);
    for (unsigned i = 1; i < length; i++)
        point = point << 6 | (at[i] & 0x3f);
    return point;
}

unsigned sq_unicode_encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    unsigned length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (unsigned i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)((0xf00 >> length & 0xff) | point);
    return length;
}
