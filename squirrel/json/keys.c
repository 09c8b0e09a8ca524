/* SPDX-License-Identifier: MIT */
/* Duplicate keys. An object's keys are kept until it closes and compared then: pairwise while they are few, sorted
 * otherwise, so that no input takes quadratic time. Keys are compared as text: "a" and "\u0061" are the same. */
#include "json/scan.h"

#include <stdlib.h>
#include <string.h>

#include "json/stop.h"

enum { PAIRWISE_MAX = 12 };

bool sq_scan_key_add(sq_scan *scan, const sq_key *key)
{
    if (scan->key_count == scan->key_room) {
        size_t room = scan->key_room ? scan->key_room * 2 : 64;
        sq_key *keys = realloc(scan->keys, room * sizeof *keys);
        if (!keys)
            return sq_scan_fail(scan, SQ_JSON_NO_MEMORY, scan->at, "out of memory");
        scan->keys = keys;
        scan->key_room = room;
    }
    scan->keys[scan->key_count++] = *key;
    return true;
}

/* Four hex digits that the scan has accepted. */
static unsigned utf16_unit(const unsigned char *at)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = at[i];
        value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

unsigned sq_scan_character(const unsigned char **at)
{
    static const char names[] = "b\bf\fn\nr\rt\t";
    const unsigned char *c = *at;
    unsigned value = c[0], more = c[0] < 0xc0 ? 0 : c[0] < 0xe0 ? 1 : c[0] < 0xf0 ? 2 : 3;
    if (c[0] == '\\' && c[1] == 'u') {
        value = utf16_unit(c + 2);
        *at += 6;
        if ((value & 0xfc00) != 0xd800)
            return value;
        *at += 6;
        return 0x10000 + ((value & 0x3ff) << 10) + (utf16_unit(c + 8) & 0x3ff);
    }
    if (c[0] == '\\') {
        const char *name = strchr(names, c[1]);
        *at += 2;
        return name ? (unsigned char)name[1] : c[1];
    }
    if (more > 0)
        value &= 0x3fu >> more;
    for (unsigned i = 1; i <= more; i++)
        value = value << 6 | (c[i] & 0x3f);
    *at += more + 1;
    return value;
}

static int key_compare_text(const sq_key *a, const sq_key *b)
{
    if (!a->escaped && !b->escaped) {
        int order = memcmp(a->text, b->text, a->bytes < b->bytes ? a->bytes : b->bytes);
        return order ? order : (a->bytes > b->bytes) - (a->bytes < b->bytes);
    }
    const unsigned char *left = a->text, *right = b->text;
    while (left < a->text + a->bytes && right < b->text + b->bytes) {
        unsigned x = sq_scan_character(&left), y = sq_scan_character(&right);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (left < a->text + a->bytes) - (right < b->text + b->bytes);
}

static int key_compare(const void *left, const void *right)
{
    const sq_key *a = left, *b = right;
    int order = key_compare_text(a, b);
    return order ? order : (a->text > b->text) - (a->text < b->text);
}

static bool report(sq_scan *scan, const sq_key *key)
{
    scan->steps[scan->depth - 1].key = *key;
    int bytes = key->bytes < 64 ? (int)key->bytes : 64;
    return sq_scan_fail(scan, SQ_JSON_DUPLICATE_KEY, key->text - 1,
                        "the key \"%.*s\" occurs twice in one object: remove or rename one of them", bytes,
                        (const char *)key->text);
}

bool sq_scan_keys_differ(sq_scan *scan, size_t first)
{
    size_t count = scan->key_count - first;
    if (count == 0)
        return true;
    sq_key *keys = scan->keys + first;
    const sq_key *twice = NULL;
    if (count <= PAIRWISE_MAX) {
        for (size_t i = 1; i < count && !twice; i++) {
            for (size_t j = 0; j < i && !twice; j++)
                twice = key_compare_text(&keys[i], &keys[j]) == 0 ? &keys[i] : NULL;
        }
    } else {
        if (!sq_sort(keys, count, sizeof *keys, key_compare))
            return sq_scan_stop(scan);
        for (size_t i = 1; i < count; i++) {
            if (key_compare_text(&keys[i - 1], &keys[i]) == 0 && (!twice || keys[i].text < twice->text))
                twice = &keys[i];
        }
    }
    scan->key_count = first;
    return twice ? report(scan, twice) : true;
}
