/* SPDX-License-Identifier: MIT */
/* Frames of the store protocol: 4 bytes of length, little-endian, of what follows; 1 byte of type; 8 bytes of id,
 * little-endian; a payload, which is JSON (docs/reference/squirrel-protocol.md). Pure: no I/O here. */
#pragma once
#include "json/text.h"

enum {
    SQ_FRAME_HEAD_BYTES = 13,
    SQ_FRAME_PAYLOAD_MAX = 16 << 20,
    SQ_FRAME_HELLO_MAX = 4096,          /* payload of the frames before the hello is answered */
};

typedef enum sq_frame_type {
    SQ_FRAME_HELLO = 1,     /* client: the first frame; versions */
    SQ_FRAME_WELCOME,       /* owner: the answer; versions */
    SQ_FRAME_REFUSED,       /* owner: instead of a welcome; the error; then it closes */
    SQ_FRAME_CALL,          /* client: id of its choice, a request */
    SQ_FRAME_ITEM,          /* owner: a part of the answer to a call that streams */
    SQ_FRAME_ANSWER,        /* owner: the end of the call */
    SQ_FRAME_CANCEL,        /* client: the call is not wanted any more; it is answered all the same */
    SQ_FRAME_LEAVE,         /* client: end, and if a program is named, make it the next owner; answered */
    SQ_FRAME_TYPES
} sq_frame_type;

typedef struct sq_frame {
    sq_frame_type type;
    uint64_t id;
    const char *payload;
    size_t bytes;
} sq_frame;

/* Adds a whole frame; a failed allocation shows in out->failed. */
void sq_frame_add(sq_text *out, sq_frame_type type, uint64_t id, const char *payload, size_t bytes);

/* Bytes that came, and the frames in them. {.max = N}: payloads of N bytes at most. */
typedef struct sq_frames {
    char *data;
    size_t from, to, room;  /* data[from, to) is not taken yet */
    size_t max;
} sq_frames;

/* Where to put what comes next: memory grows with what has come, not with what was announced. 0 or -ENOMEM. */
int sq_frames_room(sq_frames *frames, char **out, size_t *out_bytes);
void sq_frames_came(sq_frames *frames, size_t bytes);

/* 1: *out is the next frame, its payload valid until the next call of sq_frames_room or sq_frames_rest. 0: more must
 * come. -EMSGSIZE: its payload is above the limit. -EINVAL: it is none. After these two nothing more can be read. */
int sq_frames_next(sq_frames *frames, sq_frame *out);

/* Payload bytes that the frame at hand announces; 0: none has begun, or its head is not whole. Only after
 * sq_frames_next returned 0. */
size_t sq_frames_announced(const sq_frames *frames);

/* Gives the memory back if nothing is in it; what is left. */
size_t sq_frames_rest(sq_frames *frames);
void sq_frames_free(sq_frames *frames);
