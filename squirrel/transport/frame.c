/* SPDX-License-Identifier: MIT */
#include "transport/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 4, ID_BYTES = 8, READ_MIN = 16384 };

static void put(unsigned char *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const char *data, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)data[i] << (8 * i);
    return value;
}

void sq_frame_add(sq_text *out, sq_frame_type type, uint64_t id, const char *payload, size_t bytes)
{
    unsigned char head[SQ_FRAME_HEAD_BYTES];
    put(head, SQ_FRAME_HEAD_BYTES - LENGTH_BYTES + bytes, LENGTH_BYTES);
    head[LENGTH_BYTES] = (unsigned char)type;
    put(head + LENGTH_BYTES + 1, id, ID_BYTES);
    sq_text_add(out, head, sizeof head);
    if (bytes > 0)
        sq_text_add(out, payload, bytes);
}

/* Moves what is left to the front, so that all the free memory is behind it. */
static void settle(sq_frames *frames)
{
    if (frames->from == 0)
        return;
    memmove(frames->data, frames->data + frames->from, frames->to - frames->from);
    frames->to -= frames->from;
    frames->from = 0;
}

int sq_frames_room(sq_frames *frames, char **out, size_t *out_bytes)
{
    settle(frames);
    if (frames->room - frames->to < READ_MIN) {
        size_t room = frames->room * 2 > frames->to + READ_MIN ? frames->room * 2 : frames->to + READ_MIN;
        char *data = realloc(frames->data, room);
        if (!data)
            return -ENOMEM;
        frames->data = data;
        frames->room = room;
    }
    *out = frames->data + frames->to;
    *out_bytes = frames->room - frames->to;
    return 0;
}

void sq_frames_came(sq_frames *frames, size_t bytes)
{
    frames->to += bytes;
}

int sq_frames_next(sq_frames *frames, sq_frame *out)
{
    size_t have = frames->to - frames->from;
    if (have < SQ_FRAME_HEAD_BYTES)
        return 0;
    const char *at = frames->data + frames->from;
    size_t length = (size_t)get(at, LENGTH_BYTES), head = SQ_FRAME_HEAD_BYTES - LENGTH_BYTES;
    unsigned type = (unsigned char)at[LENGTH_BYTES];
    if (length < head || type < SQ_FRAME_HELLO || type >= SQ_FRAME_TYPES)
        return -EINVAL;
    if (length - head > frames->max)
        return -EMSGSIZE;
    if (have < LENGTH_BYTES + length)
        return 0;
    *out = (sq_frame){.type = (sq_frame_type)type,
                      .id = get(at + LENGTH_BYTES + 1, ID_BYTES),
                      .payload = at + SQ_FRAME_HEAD_BYTES,
                      .bytes = length - head};
    frames->from += LENGTH_BYTES + length;
    return 1;
}

size_t sq_frames_announced(const sq_frames *frames)
{
    if (frames->to - frames->from < SQ_FRAME_HEAD_BYTES)
        return 0;
    return (size_t)get(frames->data + frames->from, LENGTH_BYTES) - (SQ_FRAME_HEAD_BYTES - LENGTH_BYTES);
}

size_t sq_frames_rest(sq_frames *frames)
{
    size_t left = frames->to - frames->from;
    if (left == 0)
        sq_frames_free(frames);
    return left;
}

void sq_frames_free(sq_frames *frames)
{
    free(frames->data);
    *frames = (sq_frames){.max = frames->max};
}
