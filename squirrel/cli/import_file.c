/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/import.h"
#include "context/id.h"
#include "process/load.h"
#include "store/heavy.h"

enum { WHOLE_BYTES = 16 << 20 };

typedef struct reading {
    const char *path;
    sq_import_take *take;
    void *arg;
    sq_memory_graph *graph;
    /* For the deep stack. */
    const char *line;
    size_t bytes, number;
} reading;

static sq_import_item item_at(const reading *r, size_t number)
{
    sq_import_item item = {0};
    const char *name = strcmp(r->path, "-") == 0 ? "standard input" : r->path;
    if (number > 0)
        snprintf(item.where, sizeof item.where, "%.480s:%zu", name, number);
    else
        snprintf(item.where, sizeof item.where, "%.500s", name);
    return item;
}

static DREY_ASYNC int give(const reading *r, size_t number, const char *text, size_t bytes)
{
    sq_import_item item = item_at(r, number);
    if (number <= 1 && !sq_id_from_path(r->path, item.default_id))
        item.default_id[0] = '\0';
    item.text = malloc(bytes + 1);
    if (!item.text)
        return -ENOMEM;
    memcpy(item.text, text, bytes);
    item.text[bytes] = '\0';
    item.bytes = bytes;
    return r->take(r->arg, &item);
}

static DREY_ASYNC int give_error(const reading *r, size_t number, const sq_error *error)
{
    sq_import_item item = item_at(r, number);
    item.error = *error;
    return r->take(r->arg, &item);
}

static int add_to_graph(void *arg)
{
    reading *r = arg;
    return sq_memory_graph_add(r->graph, r->line, r->bytes, r->number);
}

static bool is_blank(const char *line, size_t bytes)
{
    return strspn(line, " \t\r") >= bytes;
}

static DREY_ASYNC int take_line(reading *r)
{
    if (is_blank(r->line, r->bytes))
        return 0;
    int rc = 0;
    if (strncmp(r->line, "{\"type\"", 7) == 0) /* as that server writes them; a context has no such member */
        rc = drey_call_deep(add_to_graph, r);
    return rc < 0 ? rc : rc > 0 ? 0 : give(r, r->number, r->line, r->bytes);
}

static DREY_ASYNC int give_entities(const reading *r)
{
    sq_text text = {0};
    size_t number;
    int rc = 0;
    while (rc == 0 && sq_memory_graph_next(r->graph, &text, &number)) {
        rc = text.failed ? -ENOMEM : give(r, number, text.data, text.bytes);
        sq_text_clear(&text);
    }
    sq_text_free(&text);
    return rc;
}

static DREY_ASYNC int read_lines(reading *r, int fd)
{
    drey_reader reader;
    char *line;
    int rc;
    sq_error error;
    drey_reader_init(&reader, drey_stream_of(fd), SQ_IMPORT_LINE);
    while ((rc = drey_reader_line(&reader, &line, &r->bytes)) > 0) {
        r->line = line;
        r->number++;
        rc = take_line(r);
        if (rc < 0)
            break;
    }
    if (rc == -ENODATA) { /* the last line may lack its end */
        char *rest = malloc(SQ_IMPORT_LINE + 1);
        ssize_t got = rest ? drey_reader_read(&reader, rest, SQ_IMPORT_LINE) : -ENOMEM;
        rc = got < 0 ? (int)got : 0;
        if (rc == 0) {
            rest[got] = '\0';
            r->line = rest;
            r->bytes = (size_t)got;
            r->number++;
            rc = take_line(r);
        }
        free(rest);
    }
    drey_reader_deinit(&reader);
    if (rc == -EMSGSIZE) {
        sq_fail(&error, SQ_TOO_LARGE, "a line has over %d bytes", SQ_IMPORT_LINE);
        rc = give_error(r, r->number + 1, &error);
    }
    return rc < 0 ? rc : give_entities(r);
}

/* The first line is JSON by itself, or the file is one document over several lines. */
typedef struct looking {
    const char *text;
    size_t bytes;
    bool lines;
} looking;

static int look(void *arg)
{
    looking *l = arg;
    sq_json *value = NULL;
    sq_json_error refused;
    const char *end = memchr(l->text, '\n', l->bytes);
    size_t bytes = end ? (size_t)(end - l->text) : l->bytes;
    l->lines = sq_json_parse(l->text, bytes, SQ_JSON_DEPTH_MAX + 1, &value, &refused) == 0;
    sq_json_unref(value);
    return 0;
}

/* A document over several lines is read whole. 1: it was given; 0: read it by lines. */
static DREY_ASYNC int try_whole(const reading *r)
{
    struct stat stat;
    char *text;
    size_t bytes;
    sq_error error;
    if (drey_file_stat(r->path, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_size > WHOLE_BYTES)
        return 0;
    int rc = sq_load_text(r->path, WHOLE_BYTES, &text, &bytes, &error);
    if (rc < 0)
        return rc == -ECANCELED ? rc : 0;
    looking l = {.text = text, .bytes = bytes};
    rc = sq_heavy(bytes, look, &l);
    if (rc == 0 && !l.lines)
        rc = give(r, 0, text, bytes);
    free(text);
    return rc < 0 ? rc : !l.lines;
}

static DREY_ASYNC int open_and_read(reading *r)
{
    sq_error error;
    if (strcmp(r->path, "-") == 0)
        return read_lines(r, 0);
    int rc = try_whole(r);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    int fd = drey_file_open(r->path, O_RDONLY | O_NOCTTY, 0);
    if (fd == -ECANCELED)
        return fd;
    if (fd < 0) {
        sq_fail_errno(&error, fd, "opening the file");
        return give_error(r, 0, &error);
    }
    rc = read_lines(r, fd);
    drey_close(fd);
    if (rc == -EISDIR) {
        sq_fail_errno(&error, rc, "reading the file");
        rc = give_error(r, 0, &error);
    }
    return rc;
}

int sq_import_file(const char *path, sq_import_take *take, void *arg)
{
    reading r = {.path = path, .take = take, .arg = arg, .graph = sq_memory_graph_new()};
    int rc = r.graph ? open_and_read(&r) : -ENOMEM;
    sq_memory_graph_free(r.graph);
    return rc;
}
