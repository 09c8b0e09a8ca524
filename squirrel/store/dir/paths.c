/* SPDX-License-Identifier: MIT */
/* All paths of a store; the folder's is 512 bytes shorter than the room that there is. */
#include <stdio.h>

#include "store/dir/keeper.h"

enum { FOLDER = SQ_DIR_PATH_BYTES - 512 };

void sq_own_path(const sq_dir *dir, const char *name, char out[SQ_DIR_PATH_BYTES])
{
    snprintf(out, SQ_DIR_PATH_BYTES, "%.*s/%.128s", FOLDER, dir->own, name);
}

void sq_folder_path(const sq_dir *dir, const char *project, char out[SQ_DIR_PATH_BYTES])
{
    snprintf(out, SQ_DIR_PATH_BYTES, "%.*s/%.*s", FOLDER, dir->path, SQ_ID_BYTES, project);
}

void sq_sheet_path(const sq_dir *dir, const char *project, const char *id, const char *end, char out[SQ_DIR_PATH_BYTES])
{
    snprintf(out, SQ_DIR_PATH_BYTES, "%.*s/%.*s/%.*s%.64s", FOLDER, dir->path, SQ_ID_BYTES, project, SQ_ID_BYTES, id,
             end);
}

void sq_swap_path(const sq_dir *dir, const char *project, const char *id, const char *end, char out[SQ_DIR_PATH_BYTES])
{
    snprintf(out, SQ_DIR_PATH_BYTES, "%.*s/swap/%.*s/%.*s%.64s", FOLDER, dir->own, SQ_ID_BYTES, project, SQ_ID_BYTES,
             id, end);
}

void sq_swap_folder_path(const sq_dir *dir, const char *project, char out[SQ_DIR_PATH_BYTES])
{
    snprintf(out, SQ_DIR_PATH_BYTES, "%.*s/swap/%.*s", FOLDER, dir->own, SQ_ID_BYTES, project);
}
