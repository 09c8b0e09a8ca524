/* SPDX-License-Identifier: MIT */
/* A local store needs locks that every process sees and memory that two processes share. File systems that live
 * elsewhere promise neither: a lock may be local to the machine, or gone after the server's restart. */
#include "store/filesystem.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

static const struct {
    unsigned type;
    const char *name;
} refused[] = {
    {NFS_SUPER_MAGIC, "NFS"},  {SMB_SUPER_MAGIC, "SMB"},   {CIFS_SUPER_MAGIC, "CIFS"},
    {SMB2_SUPER_MAGIC, "SMB"}, {V9FS_MAGIC, "9p"},         {FUSE_SUPER_MAGIC, "FUSE or virtiofs"},
    {AFS_SUPER_MAGIC, "AFS"},  {AFS_FS_MAGIC, "AFS"},      {CEPH_SUPER_MAGIC, "CephFS"},
    {0x0bd00bd0, "Lustre"},    {CODA_SUPER_MAGIC, "Coda"},
};

const char *sq_filesystem_refused(long type)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (refused[i].type == (unsigned)type)
            return refused[i].name;
    }
    return NULL;
}

int sq_filesystem_check(const char *path, sq_error *error)
{
    struct statfs stat;
    int rc;
    do {
        rc = statfs(path, &stat);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return sq_fail(error, errno == ENOENT || errno == ENOTDIR ? SQ_NOT_FOUND : SQ_STORE_FAILED,
                       "%.120s: its file system cannot be told: %s", path, strerror(errno));
    const char *name = sq_filesystem_refused((long)stat.f_type);
    if (name)
        return sq_fail(error, SQ_STORE_FAILED,
                       "%.100s is on %s, whose locks cannot be trusted: put the store on a local disk (--store "
                       "sqlite:PATH), or use a server that all machines reach",
                       path, name);
    return 0;
}
