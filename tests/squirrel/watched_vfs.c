/* SPDX-License-Identifier: MIT */
#include "watched.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "watched_record.h"

typedef struct watched_file {
    sqlite3_file base;
    int number;         /* in the record; -1: not recorded */
    bool sync_folder;   /* the first sync of a new journal syncs the folder too */
    sqlite3_file *real; /* behind this struct */
} watched_file;

static sqlite3_vfs vfs;
static sqlite3_vfs *below;

static int code_of(int otherwise)
{
    return watched_fault_now() == WATCHED_FAILS ? otherwise : SQLITE_FULL;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return ((watched_file *)file)->real;
}

static void note(sqlite3_file *file, watched_operation operation)
{
    operation.file = ((watched_file *)file)->number;
    if (operation.file >= 0 && watched_state.record)
        watched_add(operation);
}

static int file_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int file_read(sqlite3_file *file, void *out, int bytes, sqlite3_int64 at)
{
    if (watched_fails(WATCHED_READ))
        return SQLITE_IOERR_READ;
    return real(file)->pMethods->xRead(real(file), out, bytes, at);
}

static int file_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 at)
{
    if (watched_fails(WATCHED_WRITE)) {
        if (watched_fault_now() == WATCHED_SHORT)
            (void)!real(file)->pMethods->xWrite(real(file), data, bytes / 2, at);
        return code_of(SQLITE_IOERR_WRITE);
    }
    note(file, (watched_operation){.what = WATCHED_OP_WRITE, .at = at, .bytes = (size_t)bytes, .data = data});
    return real(file)->pMethods->xWrite(real(file), data, bytes, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (watched_fails(WATCHED_TRUNCATE))
        return code_of(SQLITE_IOERR_TRUNCATE);
    note(file, (watched_operation){.what = WATCHED_OP_TRUNCATE, .at = size});
    return real(file)->pMethods->xTruncate(real(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    watched_file *w = (watched_file *)file;
    if (watched_fails(WATCHED_SYNC))
        return code_of(SQLITE_IOERR_FSYNC);
    int code = watched_state.sync_for_real ? real(file)->pMethods->xSync(real(file), flags) : SQLITE_OK;
    note(file, (watched_operation){.what = WATCHED_OP_SYNC});
    if (w->sync_folder && !watched_state.ignore_folders)
        note(file, (watched_operation){.what = WATCHED_OP_SYNC_FOLDER, .at = WATCHED_EVERYWHERE});
    w->sync_folder = false;
    return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real(file)->pMethods->xFileSize(real(file), out);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int file_reserved(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int file_control(sqlite3_file *file, int what, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), what, arg);
}

static int file_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int file_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int file_map(sqlite3_file *file, int region, int bytes, int extend, void volatile **out)
{
    if (watched_fails(WATCHED_SHARED))
        return SQLITE_IOERR_SHMMAP;
    return real(file)->pMethods->xShmMap(real(file), region, bytes, extend, out);
}

static int file_map_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void file_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int file_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_map,
    .xShmLock = file_map_lock,
    .xShmBarrier = file_barrier,
    .xShmUnmap = file_unmap,
};

static int open_file(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    watched_file *w = (watched_file *)file;
    (void)self;
    file->pMethods = NULL;
    if (watched_fails(WATCHED_OPEN))
        return SQLITE_CANTOPEN;
    int there = 0;
    if (name)
        below->xAccess(below, name, SQLITE_ACCESS_EXISTS, &there);
    w->real = (sqlite3_file *)(w + 1);
    int code = below->xOpen(below, name, w->real, flags, out_flags);
    if (code != SQLITE_OK)
        return code;
    file->pMethods = &methods;
    w->number = name && watched_state.record ? watched_name(name, !there) : -1;
    w->sync_folder = !there && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *self, const char *name, int sync_folder)
{
    (void)self;
    if (watched_fails(WATCHED_DELETE))
        return SQLITE_IOERR_DELETE;
    int code = below->xDelete(below, name, watched_state.sync_for_real && sync_folder);
    if (code == SQLITE_OK && watched_state.record) {
        watched_add((watched_operation){.what = WATCHED_OP_DELETE, .file = watched_name(name, false)});
        if (sync_folder && !watched_state.ignore_folders)
            watched_add((watched_operation){.what = WATCHED_OP_SYNC_FOLDER, .at = WATCHED_EVERYWHERE});
    }
    return code;
}

void watched_register(void)
{
    below = sqlite3_vfs_find(NULL);
    vfs = *below;
    vfs.szOsFile = (int)sizeof(watched_file) + below->szOsFile;
    vfs.pNext = NULL;
    vfs.zName = "watched";
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    sqlite3_vfs_register(&vfs, 0);
}
