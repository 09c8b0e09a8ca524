/* SPDX-License-Identifier: MIT */
/*
 * An async trait: a table of DREY_ASYNC functions. Who uses a manager does not know what keeps the contexts: here it is
 * memory under a lock, or a directory with a file for each context.
 *
 * Prints:
 *     memory: {"step": 2}
 *     directory: {"step": 2}
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ID_MAX = 63, DATA_MAX = 1023, CONTEXTS_MAX = 16 };

typedef struct context {
    char id[ID_MAX + 1];
    char data[DATA_MAX + 1];
} context;

/* Every function may suspend, whatever is behind it, so the table says so. */
typedef struct context_manager context_manager;
struct context_manager {
    DREY_ASYNC int (*create)(context_manager *self, const char *id, const char *data);  /* -EEXIST */
    DREY_ASYNC int (*update)(context_manager *self, const char *id, const char *data);  /* -ENOENT */
    DREY_ASYNC int (*get)(context_manager *self, const char *id, context *out);         /* -ENOENT */
};

typedef struct memory_manager {
    context_manager base;          /* first, so that a context_manager * is a memory_manager * */
    drey_rwlock lock;
    size_t count;                  /* under lock */
    context contexts[CONTEXTS_MAX];
} memory_manager;

/* Under the lock. */
static context *find(memory_manager *m, const char *id)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->contexts[i].id, id) == 0)
            return &m->contexts[i];
    return NULL;
}

static int fill(context *c, const char *id, const char *data)
{
    if (strlen(id) > ID_MAX || strlen(data) > DATA_MAX)
        return -E2BIG;
    snprintf(c->id, sizeof c->id, "%s", id);
    snprintf(c->data, sizeof c->data, "%s", data);
    return 0;
}

static DREY_ASYNC int memory_create(context_manager *self, const char *id, const char *data)
{
    memory_manager *m = (memory_manager *)self;
    DREY_WRITING(&m->lock);
    if (find(m, id) != NULL)
        return -EEXIST;
    if (m->count == CONTEXTS_MAX)
        return -ENOSPC;
    int rc = fill(&m->contexts[m->count], id, data);
    if (rc == 0)
        m->count++;
    return rc;
}

static DREY_ASYNC int memory_update(context_manager *self, const char *id, const char *data)
{
    memory_manager *m = (memory_manager *)self;
    DREY_WRITING(&m->lock);
    context *c = find(m, id);
    return c == NULL ? -ENOENT : fill(c, id, data);
}

static DREY_ASYNC int memory_get(context_manager *self, const char *id, context *out)
{
    memory_manager *m = (memory_manager *)self;
    DREY_READING(&m->lock);
    const context *c = find(m, id);
    if (c == NULL)
        return -ENOENT;
    *out = *c;
    return 0;
}

typedef struct dir_manager {
    context_manager base;
    const char *path;
} dir_manager;

static int path_of(const dir_manager *m, const char *id, char *out, size_t bytes)
{
    if (strchr(id, '/') != NULL || id[0] == '.')
        return -EINVAL;
    return snprintf(out, bytes, "%s/%s.json", m->path, id) < (int)bytes ? 0 : -ENAMETOOLONG;
}

static DREY_ASYNC int dir_put(context_manager *self, const char *id, const char *data, bool exists)
{
    char path[512];
    struct stat st;
    int rc = path_of((dir_manager *)self, id, path, sizeof path);
    if (rc < 0)
        return rc;
    rc = drey_file_stat(path, &st);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    if ((rc == 0) != exists)
        return exists ? -ENOENT : -EEXIST;
    return drey_file_store(path, data, strlen(data), 0644);
}

static DREY_ASYNC int dir_create(context_manager *self, const char *id, const char *data)
{
    return dir_put(self, id, data, false);
}

static DREY_ASYNC int dir_update(context_manager *self, const char *id, const char *data)
{
    return dir_put(self, id, data, true);
}

static DREY_ASYNC int dir_get(context_manager *self, const char *id, context *out)
{
    char path[512];
    void *text;
    size_t bytes;
    int rc = path_of((dir_manager *)self, id, path, sizeof path);
    if (rc == 0)
        rc = drey_file_load(path, DATA_MAX, &text, &bytes);
    if (rc < 0)
        return rc;
    rc = fill(out, id, text);
    free(text);
    return rc;
}

/* Knows the trait, and no implementation. */
static DREY_ASYNC int use(context_manager *manager, const char *name)
{
    context c;
    int rc = manager->create(manager, "task-1", "{\"step\": 1}");
    if (rc == 0)
        rc = manager->update(manager, "task-1", "{\"step\": 2}");
    if (rc == 0)
        rc = manager->get(manager, "task-1", &c);
    if (rc == 0)
        printf("%s: %s\n", name, c.data);
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    memory_manager memory = {.base = {memory_create, memory_update, memory_get}};
    dir_manager dir = {.base = {dir_create, dir_update, dir_get}, .path = arg};
    int rc = use(&memory.base, "memory");
    return rc < 0 ? rc : use(&dir.base, "directory");
}

int main(void)
{
    char path[] = P_tmpdir "/contexts-XXXXXX", file[64];
    if (mkdtemp(path) == NULL) {
        perror(path);
        return EXIT_FAILURE;
    }
    int rc = drey_run(NULL, run, path);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    snprintf(file, sizeof file, "%s/task-1.json", path);
    unlink(file);
    rmdir(path);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
