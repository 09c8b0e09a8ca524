/* SPDX-License-Identifier: MIT */
#include "watched_record.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAMES_MAX = 4096, CONTENTS_MAX = 1 << 16 };

static struct {
    pthread_mutex_t lock;
    watched_operation *operations;
    size_t count, room;
    char *names[NAMES_MAX];
    int name_count;
    const char *root;
} log_ = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void add_locked(watched_operation operation)
{
    if (log_.count == log_.room) {
        log_.room = log_.room ? 2 * log_.room : 1024;
        log_.operations = must(realloc(log_.operations, log_.room * sizeof *log_.operations));
    }
    if (operation.what == WATCHED_OP_WRITE)
        operation.data = memcpy(must(malloc(operation.bytes + 1)), operation.data, operation.bytes);
    log_.operations[log_.count++] = operation;
}

void watched_add(watched_operation operation)
{
    pthread_mutex_lock(&log_.lock);
    add_locked(operation);
    pthread_mutex_unlock(&log_.lock);
}

static int number_locked(const char *path, bool *out_new)
{
    int number = 0;
    while (number < log_.name_count && strcmp(log_.names[number], path) != 0)
        number++;
    *out_new = number == log_.name_count;
    if (*out_new) {
        if (number == NAMES_MAX)
            abort();
        log_.names[log_.name_count++] = must(strdup(path));
    }
    return number;
}

int watched_number(const char *path)
{
    bool new;
    pthread_mutex_lock(&log_.lock);
    int number = number_locked(path, &new);
    pthread_mutex_unlock(&log_.lock);
    return number;
}

int watched_name(const char *path, bool made)
{
    bool new;
    pthread_mutex_lock(&log_.lock);
    int number = number_locked(path, &new);
    if (new || made) /* what was there before is on the disk, and empty */
        add_locked((watched_operation){.what = WATCHED_OP_CREATE, .file = number, .at = !made});
    pthread_mutex_unlock(&log_.lock);
    return number;
}

void watched_forget(void)
{
    for (size_t i = 0; i < log_.count; i++) {
        if (log_.operations[i].what == WATCHED_OP_WRITE)
            free((void *)(uintptr_t)log_.operations[i].data);
    }
    for (int i = 0; i < log_.name_count; i++)
        free(log_.names[i]);
    free(log_.operations);
    log_.operations = NULL;
    log_.count = log_.room = 0;
    log_.name_count = 0;
}

void watched_root(const char *folder)
{
    log_.root = folder;
}

size_t watched_operations(void)
{
    return log_.count;
}

/* What a file holds: what is on the disk for sure, and the operations since its last sync. */
typedef struct content {
    unsigned char *data;
    size_t bytes, room;
    size_t *pending; /* indices of operations */
    size_t pending_count, pending_room;
} content;

/* A name, the content that it has now, and the one it has on the disk for sure: NULL is none. */
typedef struct name {
    content *now, *durable;
} name;

/* What an operation does to one name or two. */
typedef struct naming {
    int count, names[2];
    content *contents[2];
    bool durable;
} naming;

struct watched_player {
    size_t at; /* operations that were played */
    name names[NAMES_MAX];
    naming *pending; /* that are not durable yet */
    size_t pending_count, pending_room;
    content *all[CONTENTS_MAX]; /* every content that was ever made, to be freed */
    size_t all_count;
};

static void resize(content *c, size_t bytes)
{
    if (bytes > c->room) {
        c->room = 2 * bytes;
        c->data = must(realloc(c->data, c->room));
    }
    if (bytes > c->bytes)
        memset(c->data + c->bytes, 0, bytes - c->bytes);
    c->bytes = bytes;
}

static void put(content *c, size_t at, const unsigned char *data, size_t bytes)
{
    if (bytes == 0)
        return;
    if (at + bytes > c->bytes)
        resize(c, at + bytes);
    memcpy(c->data + at, data, bytes);
}

static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Those sectors of the write that the disk has by chance. */
static void put_torn(content *c, const watched_operation *o, uint64_t *seed)
{
    size_t at = (size_t)o->at, end = at + o->bytes;
    const unsigned char *data = o->data;
    while (at < end) {
        size_t stop = (at / WATCHED_SECTOR + 1) * WATCHED_SECTOR;
        if (stop > end)
            stop = end;
        if (draw(seed) & 1)
            put(c, at, data, stop - at);
        data += stop - at;
        at = stop;
    }
}

static void apply(content *c, const watched_operation *o, watched_loss loss, uint64_t *seed)
{
    bool lost = loss == WATCHED_ALL || (loss == WATCHED_SOME && (draw(seed) & 1));
    if (lost)
        return;
    if (o->what == WATCHED_OP_TRUNCATE && loss == WATCHED_TORN && (draw(seed) & 1))
        return;
    if (o->what == WATCHED_OP_TRUNCATE)
        resize(c, (size_t)o->at);
    else if (loss == WATCHED_TORN)
        put_torn(c, o, seed);
    else
        put(c, (size_t)o->at, o->data, o->bytes);
}

static content *make(watched_player *player)
{
    if (player->all_count == sizeof player->all / sizeof *player->all)
        abort();
    return player->all[player->all_count++] = must(calloc(1, sizeof(content)));
}

static void sync_content(content *c)
{
    uint64_t seed = 0;
    for (size_t i = 0; i < c->pending_count; i++)
        apply(c, &log_.operations[c->pending[i]], WATCHED_NONE, &seed);
    c->pending_count = 0;
}

static naming naming_of(watched_player *player, const watched_operation *o)
{
    name *names = player->names;
    int other = (int)o->at;
    switch (o->what) {
    case WATCHED_OP_CREATE:
        return (naming){1, {o->file}, {make(player)}, false};
    case WATCHED_OP_DELETE:
        return (naming){1, {o->file}, {NULL}, false};
    case WATCHED_OP_RENAME:
        return (naming){2, {other, o->file}, {names[o->file].now, NULL}, false};
    case WATCHED_OP_EXCHANGE:
        return (naming){2, {other, o->file}, {names[o->file].now, names[other].now}, false};
    case WATCHED_OP_LINK:
        return (naming){1, {other}, {names[o->file].now}, false};
    default:
        return (naming){.count = 0};
    }
}

static bool is_in(int file, int folder)
{
    const char *slash = strrchr(log_.names[file], '/');
    size_t bytes = slash ? (size_t)(slash - log_.names[file]) : 0;
    return folder == WATCHED_EVERYWHERE ||
           (strlen(log_.names[folder]) == bytes && strncmp(log_.names[folder], log_.names[file], bytes) == 0);
}

/* What touches the folder becomes durable, and what was done before to the same names: never the later alone. */
static void sync_names(watched_player *player, int folder)
{
    static bool needed[NAMES_MAX];
    size_t kept = 0;
    memset(needed, 0, sizeof needed);
    for (size_t i = player->pending_count; i > 0; i--) {
        naming *n = &player->pending[i - 1];
        for (int k = 0; k < n->count; k++)
            n->durable = n->durable || needed[n->names[k]] || is_in(n->names[k], folder);
        for (int k = 0; n->durable && k < n->count; k++)
            needed[n->names[k]] = true;
    }
    for (size_t i = 0; i < player->pending_count; i++) {
        naming n = player->pending[i];
        for (int k = 0; n.durable && k < n.count; k++)
            player->names[n.names[k]].durable = n.contents[k];
        if (!n.durable)
            player->pending[kept++] = n;
    }
    player->pending_count = kept;
}

static void play_naming(watched_player *player, const watched_operation *o)
{
    naming n = naming_of(player, o);
    for (int k = 0; k < n.count; k++)
        player->names[n.names[k]].now = n.contents[k];
    if (o->what == WATCHED_OP_CREATE && o->at) {
        player->names[o->file].durable = n.contents[0];
        return;
    }
    if (player->pending_count == player->pending_room) {
        player->pending_room = player->pending_room ? 2 * player->pending_room : 64;
        player->pending = must(realloc(player->pending, player->pending_room * sizeof *player->pending));
    }
    player->pending[player->pending_count++] = n;
}

static void play_one(watched_player *player, size_t index)
{
    const watched_operation *o = &log_.operations[index];
    content *c = player->names[o->file].now;
    switch (o->what) {
    case WATCHED_OP_CREATE:
    case WATCHED_OP_DELETE:
    case WATCHED_OP_RENAME:
    case WATCHED_OP_EXCHANGE:
    case WATCHED_OP_LINK:
        play_naming(player, o);
        break;
    case WATCHED_OP_SYNC:
        if (c)
            sync_content(c);
        break;
    case WATCHED_OP_SYNC_FOLDER:
        sync_names(player, (int)o->at);
        break;
    default:
        if (!c)
            break;
        if (c->pending_count == c->pending_room) {
            c->pending_room = c->pending_room ? 2 * c->pending_room : 64;
            c->pending = must(realloc(c->pending, c->pending_room * sizeof *c->pending));
        }
        c->pending[c->pending_count++] = index;
    }
}

watched_player *watched_play(void)
{
    return must(calloc(1, sizeof(watched_player)));
}

void watched_play_to(watched_player *player, size_t operation, void (*marked)(uint32_t what, uint32_t value))
{
    for (; player->at < operation && player->at < log_.count; player->at++) {
        const watched_operation *o = &log_.operations[player->at];
        if (o->what == WATCHED_OP_MARK)
            marked((uint32_t)o->at, (uint32_t)o->bytes);
        else
            play_one(player, player->at);
    }
}

/* Where a file of the record is in an image; the folders above it are made. */
static void target_of(const char *folder, const char *path, char out[2048])
{
    const char *slash = strrchr(path, '/');
    size_t root = log_.root ? strlen(log_.root) : 0;
    const char *rest = root ? path + root + 1 : slash ? slash + 1 : path;
    snprintf(out, 2048, "%s/%s", folder, rest);
    for (char *at = out + strlen(folder) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(out, 0700);
        *at = '/';
    }
}

static bool write_content(const content *c, watched_loss loss, uint64_t *seed, const char *folder, const char *path)
{
    char target[2048];
    content image = {0};
    target_of(folder, path, target);
    put(&image, 0, c->data ? c->data : (const unsigned char *)"", c->bytes);
    for (size_t i = 0; i < c->pending_count; i++)
        apply(&image, &log_.operations[c->pending[i]], loss, seed);
    FILE *file = fopen(target, "wb");
    bool good = file && fwrite(image.data ? image.data : (unsigned char *)"", 1, image.bytes, file) == image.bytes;
    if (file && fclose(file) != 0)
        good = false;
    free(image.data);
    return good;
}

bool watched_image(watched_player *player, watched_loss loss, uint64_t seed, const char *folder)
{
    static content *image[NAMES_MAX];
    bool good = true;
    for (int i = 0; i < log_.name_count; i++)
        image[i] = player->names[i].durable;
    for (size_t i = 0; i < player->pending_count; i++) {
        const naming *n = &player->pending[i];
        bool kept = loss == WATCHED_NONE || (loss != WATCHED_ALL && (draw(&seed) & 1));
        for (int k = 0; kept && k < n->count; k++)
            image[n->names[k]] = n->contents[k];
    }
    for (int i = 0; i < log_.name_count && good; i++) {
        if (image[i])
            good = write_content(image[i], loss, &seed, folder, log_.names[i]);
    }
    return good;
}

void watched_play_end(watched_player *player)
{
    for (size_t i = 0; i < player->all_count; i++) {
        free(player->all[i]->data);
        free(player->all[i]->pending);
        free(player->all[i]);
    }
    free(player->pending);
    free(player);
}
