/* SPDX-License-Identifier: MIT */
/* A watched disk for stores of files: in the place of sq_files_system. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/dir/files.h"
#include "watched_record.h"

enum { FDS_MAX = 1024, NO_NAME = -1 };

/* The number of the name of what a descriptor has open. */
static struct {
    pthread_mutex_t lock;
    int names[FDS_MAX];
} open_ = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const sq_files *below;

static int fault(void)
{
    return watched_fault_now() == WATCHED_FAILS ? -EIO : -ENOSPC;
}

static int name_of(int fd)
{
    pthread_mutex_lock(&open_.lock);
    int name = fd < FDS_MAX ? open_.names[fd] - 1 : NO_NAME;
    pthread_mutex_unlock(&open_.lock);
    return name;
}

static void set_name(int fd, int name)
{
    pthread_mutex_lock(&open_.lock);
    if (fd < FDS_MAX)
        open_.names[fd] = name + 1;
    pthread_mutex_unlock(&open_.lock);
}

/* What is open goes with its name. */
static void move_names(int from, int to, bool both)
{
    pthread_mutex_lock(&open_.lock);
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (open_.names[fd] == from + 1)
            open_.names[fd] = to + 1;
        else if (open_.names[fd] == to + 1)
            open_.names[fd] = both ? from + 1 : 0;
    }
    pthread_mutex_unlock(&open_.lock);
}

static void note(int fd, watched_operation operation)
{
    operation.file = name_of(fd);
    if (watched_state.record && operation.file >= 0)
        watched_add(operation);
}

static DREY_ASYNC int open_file(const char *path, int flags, mode_t mode)
{
    if (watched_fails(WATCHED_OPEN))
        return fault() == -EIO ? -EIO : -EMFILE;
    bool there = access(path, F_OK) == 0;
    int fd = below->open(path, flags, mode);
    if (fd < 0 || !watched_state.record || flags & O_DIRECTORY)
        return fd;
    set_name(fd, watched_name(path, !there && flags & O_CREAT));
    if (there && flags & O_TRUNC)
        note(fd, (watched_operation){.what = WATCHED_OP_TRUNCATE});
    return fd;
}

static DREY_ASYNC ssize_t read_file(int fd, void *buffer, size_t bytes, off_t at)
{
    return watched_fails(WATCHED_READ) ? -EIO : below->read(fd, buffer, bytes, at);
}

static DREY_ASYNC ssize_t write_file(int fd, const void *data, size_t bytes, off_t at)
{
    bool failed = watched_fails(WATCHED_WRITE), full = watched_fault_now() == WATCHED_FULL;
    if (failed && watched_fault_now() == WATCHED_FAILS)
        return -EIO;
    if (failed && (!full || bytes > 1))
        bytes = (bytes + 1) / 2;
    note(fd, (watched_operation){.what = WATCHED_OP_WRITE, .at = at, .bytes = bytes, .data = data});
    ssize_t moved = below->write(fd, data, bytes, at);
    return failed && full ? -ENOSPC : moved;
}

static DREY_ASYNC int truncate_file(int fd, off_t bytes)
{
    if (watched_fails(WATCHED_TRUNCATE))
        return fault();
    note(fd, (watched_operation){.what = WATCHED_OP_TRUNCATE, .at = bytes});
    return below->truncate(fd, bytes);
}

static DREY_ASYNC int sync_file(int fd)
{
    if (watched_fails(WATCHED_SYNC))
        return fault();
    int rc = watched_state.sync_for_real ? below->sync(fd) : 0;
    if (!watched_state.ignore_files)
        note(fd, (watched_operation){.what = WATCHED_OP_SYNC});
    return rc;
}

static DREY_ASYNC int close_file(int fd)
{
    set_name(fd, NO_NAME);
    return below->close(fd);
}

static DREY_ASYNC int rename_file(const char *from, const char *to, unsigned flags)
{
    if (watched_fails(WATCHED_RENAME))
        return fault();
    int rc = below->rename(from, to, flags);
    if (rc < 0 || !watched_state.record)
        return rc;
    bool both = flags & RENAME_EXCHANGE;
    int old = watched_number(from), new = watched_number(to);
    watched_add((watched_operation){.what = both ? WATCHED_OP_EXCHANGE : WATCHED_OP_RENAME, .file = old, .at = new});
    move_names(old, new, both);
    return 0;
}

static DREY_ASYNC int link_file(const char *from, const char *to)
{
    if (watched_fails(WATCHED_RENAME))
        return fault();
    int rc = below->link(from, to);
    if (rc == 0 && watched_state.record)
        watched_add(
            (watched_operation){.what = WATCHED_OP_LINK, .file = watched_number(from), .at = watched_number(to)});
    return rc;
}

static DREY_ASYNC int unlink_file(const char *path)
{
    if (watched_fails(WATCHED_DELETE))
        return fault();
    int rc = below->unlink(path);
    if (rc == 0 && watched_state.record)
        watched_add((watched_operation){.what = WATCHED_OP_DELETE, .file = watched_number(path)});
    return rc;
}

static DREY_ASYNC int make_folder(const char *path, mode_t mode)
{
    return below->make_folder(path, mode);
}

static DREY_ASYNC int sync_folder(const char *path)
{
    if (watched_fails(WATCHED_SYNC))
        return fault();
    int rc = watched_state.sync_for_real ? below->sync_folder(path) : 0;
    if (rc == 0 && watched_state.record && !watched_state.ignore_folders)
        watched_add((watched_operation){.what = WATCHED_OP_SYNC_FOLDER, .at = watched_number(path)});
    return rc;
}

static ssize_t read_here(int fd, void *buffer, size_t bytes, off_t at)
{
    return watched_fails(WATCHED_READ) ? -EIO : below->read_here(fd, buffer, bytes, at);
}

void watched_register(void)
{
    static const sq_files files = {
        .open = open_file,
        .read = read_file,
        .write = write_file,
        .truncate = truncate_file,
        .sync = sync_file,
        .close = close_file,
        .rename = rename_file,
        .link = link_file,
        .unlink = unlink_file,
        .make_folder = make_folder,
        .sync_folder = sync_folder,
        .read_here = read_here,
    };
    below = &sq_files_system;
    sq_files_used = &files;
}
