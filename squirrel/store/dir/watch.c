/* SPDX-License-Identifier: MIT */
/* inotify: one watch on PATH for new projects, one on each project's folder. A file counts once it has its name and was
 * closed: moved here, or closed after writing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store/dir/keeper.h"

enum {
    BUFFER = 64 << 10,
    IN_PATH = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR,
    IN_FOLDER = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR,
};

typedef struct watched {
    int wd;
    char project[SQ_ID_BYTES + 1];
} watched;

struct sq_watches {
    int fd, path_wd;
    const char *path;
    watched *items;
    size_t count, room;
};

sq_watches *sq_watches_open(const char *path)
{
    sq_watches *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->path = path;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    w->path_wd = w->fd < 0 ? -1 : inotify_add_watch(w->fd, path, IN_PATH);
    if (w->path_wd >= 0)
        return w;
    if (w->fd >= 0)
        close(w->fd);
    free(w);
    return NULL;
}

void sq_watches_close(sq_watches *watches)
{
    if (!watches)
        return;
    (void)drey_close(watches->fd);
    free(watches->items);
    free(watches);
}

int sq_watches_fd(const sq_watches *watches)
{
    return watches->fd;
}

static watched *find(const sq_watches *w, int wd)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].wd == wd)
            return &w->items[i];
    }
    return NULL;
}

bool sq_watches_add(sq_watches *w, const char *project)
{
    char path[SQ_DIR_PATH_BYTES];
    snprintf(path, sizeof path, "%.*s/%s", SQ_DIR_PATH_BYTES - SQ_ID_BYTES - 8, w->path, project);
    int wd = inotify_add_watch(w->fd, path, IN_FOLDER);
    if (wd < 0)
        return errno == ENOENT || errno == ENOTDIR; /* it is told of again when it comes */
    watched *known = find(w, wd);
    if (known) { /* perhaps by another name, before it was moved */
        memcpy(known->project, project, strlen(project) + 1);
        return true;
    }
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 16;
        watched *items = realloc(w->items, room * sizeof *items);
        if (!items)
            return false;
        w->items = items;
        w->room = room;
    }
    w->items[w->count].wd = wd;
    memcpy(w->items[w->count++].project, project, strlen(project) + 1);
    return true;
}

/* What an event is about; false: nothing of ours. */
static bool read_event(sq_watches *w, const struct inotify_event *event, sq_event *out)
{
    *out = (sq_event){0};
    if (event->wd == w->path_wd) {
        if (!(event->mask & IN_ISDIR) || event->len == 0 || !sq_id_valid(event->name, strlen(event->name)))
            return false;
        memcpy(out->project, event->name, strlen(event->name) + 1);
        return true;
    }
    watched *folder = find(w, event->wd);
    if (!folder)
        return false;
    if (event->mask & IN_IGNORED) {
        *folder = w->items[--w->count];
        return false;
    }
    size_t bytes = event->len ? strlen(event->name) : 0;
    if (bytes <= 5 || strcmp(event->name + bytes - 5, ".json") != 0 || !sq_id_valid(event->name, bytes - 5))
        return false;
    memcpy(out->project, folder->project, sizeof out->project);
    memcpy(out->id, event->name, bytes - 5);
    return true;
}

int sq_watches_take(sq_watches *w, sq_event **out, size_t *out_count)
{
    _Alignas(struct inotify_event) static _Thread_local char buffer[BUFFER];
    sq_event *events = NULL, *more;
    size_t count = 0, room = 0;
    int missed = 0;
    ssize_t got = read(w->fd, buffer, sizeof buffer);
    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *event = (const void *)(buffer + at);
        at += (ssize_t)(sizeof *event + event->len);
        missed |= (event->mask & IN_Q_OVERFLOW) != 0;
        if (count == room) {
            room = room ? 2 * room : 16;
            more = realloc(events, room * sizeof *events);
            if (!more) {
                free(events);
                return -ENOMEM;
            }
            events = more;
        }
        count += read_event(w, event, &events[count]);
    }
    *out = events;
    *out_count = count;
    return missed;
}
