/* SPDX-License-Identifier: MIT */
/* Layout, then base64url without padding:
 *
 *     version 1, phase 1, upper 8, last 8, bytes of the id 1, the id, the first 16 bytes of an HMAC-SHA-256
 *
 * The HMAC covers these bytes and what the cursor is bound to; the latter is not in the text. */
#include "store/cursor.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { VERSION = 1, FIXED_BYTES = 19, MAC_BYTES = 16, RAW_MAX = FIXED_BYTES + SQ_ID_BYTES + MAC_BYTES };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

_Static_assert((RAW_MAX * 8 + 5) / 6 < SQ_CURSOR_BYTES, "the longest cursor has room");

static void encode(const uint8_t *raw, size_t bytes, char *out)
{
    unsigned bits = 0, value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | raw[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *out++ = alphabet[value >> (bits - 6) & 63];
    }
    if (bits > 0)
        *out++ = alphabet[value << (6 - bits) & 63];
    *out = '\0';
}

/* False: not what encode makes. */
static bool decode(const char *text, uint8_t *out, size_t room, size_t *out_bytes)
{
    unsigned bits = 0, value = 0;
    size_t count = 0;
    for (; *text; text++) {
        const char *digit = strchr(alphabet, *text);
        if (!digit)
            return false;
        value = value << 6 | (unsigned)(digit - alphabet);
        bits += 6;
        if (bits < 8)
            continue;
        if (count == room)
            return false;
        bits -= 8;
        out[count++] = (uint8_t)(value >> bits);
    }
    *out_bytes = count;
    return bits < 6 && (value & ((1u << bits) - 1)) == 0;
}

static void put_number(uint8_t *at, int64_t number)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
}

static int64_t get_number(const uint8_t *at)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return (int64_t)number;
}

static void bind_text(sq_text *bound, const char *text)
{
    sq_text_char(bound, text ? '+' : '-');
    if (text)
        sq_text_add(bound, text, strlen(text) + 1);
}

static void bind_list(sq_text *bound, const sq_list *list)
{
    sq_text_string(bound, "squirrel cursor list");
    bind_text(bound, list->project);
    bind_text(bound, list->query ? list->query : "");
    bind_text(bound, list->parent_id);
    bind_text(bound, list->name_prefix);
    bind_text(bound, list->principal);
    sq_text_format(bound, "%lld %d", (long long)list->updated_since, (int)list->order);
}

static void bind_history(sq_text *bound, const sq_history *history)
{
    sq_text_string(bound, "squirrel cursor history");
    bind_text(bound, history->project);
    bind_text(bound, history->id);
    bind_text(bound, history->principal);
}

/* Consumes `bound`. */
static bool sign(const uint8_t secret[SQ_DIGEST_BYTES], sq_text *bound, const uint8_t *raw, size_t bytes,
                 uint8_t out[MAC_BYTES])
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_bytes = 0;
    sq_text_add(bound, raw, bytes);
    bool good = !bound->failed && HMAC(EVP_sha256(), secret, SQ_DIGEST_BYTES, (const unsigned char *)bound->data,
                                       bound->bytes, mac, &mac_bytes) != NULL;
    sq_text_free(bound);
    if (good)
        memcpy(out, mac, MAC_BYTES);
    return good;
}

static int write_bound(const uint8_t secret[SQ_DIGEST_BYTES], sq_text *bound, const sq_cursor *cursor,
                       char out[SQ_CURSOR_BYTES])
{
    uint8_t raw[RAW_MAX] = {VERSION, (uint8_t)cursor->phase};
    size_t id_bytes = strlen(cursor->last_id), bytes = FIXED_BYTES + id_bytes;
    put_number(raw + 2, cursor->upper);
    put_number(raw + 10, cursor->last);
    raw[18] = (uint8_t)id_bytes;
    memcpy(raw + FIXED_BYTES, cursor->last_id, id_bytes);
    if (!sign(secret, bound, raw, bytes, raw + bytes))
        return -ENOMEM;
    encode(raw, bytes + MAC_BYTES, out);
    return 0;
}

static int read_bound(const uint8_t secret[SQ_DIGEST_BYTES], sq_text *bound, const char *text, sq_cursor *out,
                      sq_error *error)
{
    uint8_t raw[RAW_MAX], mac[MAC_BYTES];
    size_t bytes = 0;
    bool good = decode(text, raw, sizeof raw, &bytes) && bytes >= FIXED_BYTES + MAC_BYTES && raw[0] == VERSION &&
                bytes == (size_t)FIXED_BYTES + raw[18] + MAC_BYTES;
    if (!good)
        sq_text_free(bound);
    else if (!sign(secret, bound, raw, bytes - MAC_BYTES, mac))
        return sq_fail_memory(error);
    if (!good || CRYPTO_memcmp(mac, raw + bytes - MAC_BYTES, MAC_BYTES) != 0)
        return sq_fail(error, SQ_BAD_CURSOR, "the cursor is not one of this store for this request: pass it on as it "
                       "came, with the same request, or start again without it");
    *out = (sq_cursor){.phase = raw[1], .upper = get_number(raw + 2), .last = get_number(raw + 10)};
    memcpy(out->last_id, raw + FIXED_BYTES, raw[18]);
    return 0;
}

int sq_cursor_write(const uint8_t secret[SQ_DIGEST_BYTES], const sq_list *list, const sq_cursor *cursor,
                    char out[SQ_CURSOR_BYTES])
{
    sq_text bound = {0};
    bind_list(&bound, list);
    return write_bound(secret, &bound, cursor, out);
}

int sq_cursor_read(const uint8_t secret[SQ_DIGEST_BYTES], const sq_list *list, sq_cursor *out, sq_error *error)
{
    sq_text bound = {0};
    bind_list(&bound, list);
    return read_bound(secret, &bound, list->cursor, out, error);
}

int sq_cursor_write_history(const uint8_t secret[SQ_DIGEST_BYTES], const sq_history *history, const sq_cursor *cursor,
                            char out[SQ_CURSOR_BYTES])
{
    sq_text bound = {0};
    bind_history(&bound, history);
    return write_bound(secret, &bound, cursor, out);
}

int sq_cursor_read_history(const uint8_t secret[SQ_DIGEST_BYTES], const sq_history *history, sq_cursor *out,
                           sq_error *error)
{
    sq_text bound = {0};
    bind_history(&bound, history);
    return read_bound(secret, &bound, history->cursor, out, error);
}
