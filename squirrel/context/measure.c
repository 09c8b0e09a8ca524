/* SPDX-License-Identifier: MIT */
#include "context/measure.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "json/stop.h"
#include "json/write.h"

enum { PIECE_BYTES = 1 << 20 };

static void count(sq_json *value, size_t depth, sq_measure *out)
{
    sq_json_type type = sq_json_typeof(value);
    if (sq_stopped(1) || (type != SQ_JSON_ARRAY && type != SQ_JSON_OBJECT))
        return;
    if (depth > out->depth)
        out->depth = depth;
    if (type == SQ_JSON_ARRAY) {
        for (size_t i = 0; i < sq_json_size(value); i++)
            count(sq_json_at(value, i), depth + 1, out);
        return;
    }
    out->keys += sq_json_size(value);
    for (sq_json_member m = sq_json_first(value); m.key; m = sq_json_next(value, m))
        count(m.value, depth + 1, out);
}

static int fingerprint(const sq_text *text, char out[SQ_FINGERPRINT_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t at = 0; good && at < text->bytes; at += PIECE_BYTES) {
        size_t left = text->bytes - at;
        good = !sq_stopped(PIECE_BYTES) && EVP_DigestUpdate(context, text->data + at,
                                                            left < PIECE_BYTES ? left : PIECE_BYTES) == 1;
    }
    good = good && EVP_DigestFinal_ex(context, digest, &bytes) == 1;
    EVP_MD_CTX_free(context);
    if (!good)
        return -ENOMEM;
    memcpy(out, "sha256:", 8);
    for (unsigned i = 0; i < bytes; i++) {
        out[7 + 2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[8 + 2 * i] = "0123456789abcdef"[digest[i] & 15];
    }
    out[7 + 2 * bytes] = '\0';
    return 0;
}

int sq_measure_take(sq_json *data, sq_measure *out)
{
    sq_measure made = {0};
    sq_text text = {0};
    sq_json_write(&text, data, SQ_JSON_CANONICAL);
    int rc = text.failed ? -ENOMEM : fingerprint(&text, made.fingerprint);
    made.bytes = text.bytes;
    made.tokens = (text.bytes + 3) / 4;
    sq_text_free(&text);
    if (rc < 0)
        return rc;
    count(data, 1, &made);
    if (sq_stopped(0))
        return -ENOMEM;
    *out = made;
    return 0;
}
