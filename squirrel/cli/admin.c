/* SPDX-License-Identifier: MIT */
/* projects, backup, restore, verify, status, stop. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "process/report.h"
#include "service/lock.h"
#include "transport/client.h"

enum { PROJECTS = 100, STOP_SECONDS = 30, PAUSE_MS = 10 };

static DREY_ASYNC int print(sq_cli *cli, sq_text *out)
{
    int rc = sq_cli_write(cli, out);
    sq_text_free(out);
    return rc;
}

static void add_project(const sq_cli *cli, const sq_project *p, sq_text *out)
{
    char created[SQ_TIME_BYTES];
    sq_time_write(p->created_at, created);
    if (cli->json)
        sq_text_format(out,
                       "{\"project\":\"%s\",\"contexts\":%lld,\"bytes\":%lld,\"seq\":%lld,\"created_at\":\"%s\"}\n",
                       p->name, (long long)p->live, (long long)p->bytes, (long long)p->seq, created);
    else
        sq_text_format(out, "%9lld %12lld %10lld  %s\n", (long long)p->live, (long long)p->bytes, (long long)p->seq,
                       p->name);
}

static DREY_ASYNC int projects(sq_cli *cli)
{
    char after[SQ_ID_BYTES + 1] = "";
    sq_project *page = calloc(PROJECTS, sizeof *page);
    size_t count = PROJECTS;
    int rc = page ? 0 : sq_fail_memory(&cli->error);
    for (bool first = true; rc == 0 && count == PROJECTS; first = false) {
        sq_text out = {0};
        rc = cli->manager->ops->projects(cli->manager, after, page, &count, &cli->error);
        if (rc == 0 && first && !cli->json)
            sq_text_format(&out, "%9s %12s %10s  %s\n", "CONTEXTS", "BYTES", "CHANGES", "PROJECT");
        for (size_t i = 0; rc == 0 && i < count; i++)
            add_project(cli, &page[i], &out);
        if (rc == 0 && count > 0)
            strcpy(after, page[count - 1].name);
        if (rc == 0)
            rc = sq_cli_write(cli, &out);
        sq_text_free(&out);
    }
    free(page);
    return rc;
}

/* The owner works in another directory: paths go to it whole. */
static int absolute(sq_cli *cli, const char *path, char out[PATH_MAX])
{
    char here[PATH_MAX];
    if (path[0] == '/') {
        if (snprintf(out, PATH_MAX, "%s", path) < PATH_MAX)
            return 0;
    } else if (getcwd(here, sizeof here) && snprintf(out, PATH_MAX, "%s/%s", here, path) < PATH_MAX) {
        return 0;
    }
    return sq_fail(&cli->error, SQ_TOO_LARGE, "the path %.100s is too long", path);
}

static DREY_ASYNC int backup(sq_cli *cli)
{
    char path[PATH_MAX];
    int rc = absolute(cli, cli->args.plain[0], path);
    if (rc == 0)
        rc = cli->manager->ops->backup(cli->manager, path, &cli->error);
    if (rc < 0)
        return rc;
    sq_text out = {0};
    if (cli->json) {
        sq_text_string(&out, "{\"backup\":");
        sq_text_quote(&out, path, strlen(path));
        sq_text_string(&out, "}\n");
    } else {
        sq_text_string(&out, "Copied to ");
        sq_text_printable(&out, path);
        sq_text_string(&out, ". Try it: squirrel verify --store with that path.\n");
    }
    return print(cli, &out);
}

static DREY_ASYNC int verify(sq_cli *cli)
{
    sq_verified v;
    int rc = cli->manager->ops->verify(cli->manager, &v, &cli->error);
    if (rc < 0)
        return rc;
    sq_text out = {0};
    if (cli->json) {
        sq_text_format(&out, "{\"projects\":%lld,\"contexts\":%lld,\"revisions\":%lld,\"problems\":%lld,\"report\":",
                       (long long)v.projects, (long long)v.contexts, (long long)v.revisions, (long long)v.problems);
        sq_text_quote(&out, v.report.data ? v.report.data : "", v.report.bytes);
        sq_text_string(&out, "}\n");
    } else {
        sq_text_add(&out, v.report.data ? v.report.data : "", v.report.bytes);
        sq_text_format(&out, "Looked at %lld revisions of %lld contexts in %lld projects: %s.\n",
                       (long long)v.revisions, (long long)v.contexts, (long long)v.projects,
                       v.problems == 0 ? "all is well" : "there are problems; squirrel restore puts a backup in place");
    }
    bool bad = v.problems > 0;
    sq_text_free(&v.report);
    rc = print(cli, &out);
    return rc < 0 ? rc : sq_code_exit(bad ? SQ_STORE_FAILED : SQ_OK);
}

static void add_store(const sq_cli *cli, const sq_status *s, sq_text *out)
{
    if (cli->json) {
        sq_text_format(out,
                       ",\"store\":\"%s\",\"condition\":\"%s\",\"projects\":%lld,\"contexts\":%lld,\"bytes\":%lld,"
                       "\"writes\":%lld,\"groups\":%lld,\"queued\":%lld,\"index_lag\":%lld,\"scrubs\":%lld,"
                       "\"conflicts\":%lld,\"last_error\":",
                       s->store, s->condition, (long long)s->projects, (long long)s->live, (long long)s->bytes,
                       (long long)s->writes, (long long)s->groups, (long long)s->queued, (long long)s->index_lag,
                       (long long)s->scrubs, (long long)s->conflicts);
        sq_text_quote(out, s->last_error, strlen(s->last_error));
        return;
    }
    sq_text_format(out, "condition  %s\n", s->condition);
    sq_text_format(out, "contexts   %lld in %lld projects, %lld bytes with history\n", (long long)s->live,
                   (long long)s->projects, (long long)s->bytes);
    sq_text_format(out, "writes     %lld in %lld groups, %lld queued\n", (long long)s->writes, (long long)s->groups,
                   (long long)s->queued);
    sq_text_format(out, "search     %lld changes are not yet in the index\n", (long long)s->index_lag);
    if (s->scrubs > 0)
        sq_text_format(out, "purged     %lld, whose bytes are not yet gone from the files\n", (long long)s->scrubs);
    if (s->conflicts > 0)
        sq_text_format(out, "conflicts  %lld files were kept as .conflict\n", (long long)s->conflicts);
    if (s->last_error[0]) {
        sq_text_string(out, "error      ");
        sq_text_printable(out, s->last_error);
        sq_text_char(out, '\n');
    }
}

static void add_owner(const sq_cli *cli, const sq_hello *owner, const sq_lock_info *info, sq_text *out)
{
    const char *url = cli->session.site.url;
    if (cli->json) {
        sq_text_string(out, "{\"url\":");
        sq_text_quote(out, url, strlen(url));
        if (owner)
            sq_text_format(out,
                           ",\"owner\":{\"pid\":%lld,\"version\":\"%s\",\"protocol\":%lld,\"schema\":%lld,"
                           "\"clients\":%lld,\"started\":\"%s\"}",
                           (long long)owner->pid, owner->version, (long long)owner->protocol, (long long)owner->schema,
                           (long long)owner->clients - 1, info->started);
        else
            sq_text_string(out, ",\"owner\":null");
        return;
    }
    sq_text_string(out, "store      ");
    sq_text_printable(out, url);
    if (owner)
        sq_text_format(out, "\nowner      process %lld, squirrel %s, since %s, %lld other clients\nsocket     %s\n",
                       (long long)owner->pid, owner->version, info->started, (long long)owner->clients - 1,
                       info->socket);
    else
        sq_text_string(out, "\nowner      none is running; the next command starts one\n");
}

/* Whoever is there is asked; nobody is started. */
static DREY_ASYNC int status(sq_cli *cli)
{
    sq_hello owner;
    sq_lock_info info = {0};
    sq_status s;
    sq_text out = {0};
    int fd, rc = sq_discover(&cli->session.discovery, &fd, &owner, &cli->error);
    if (rc == -EINVAL && cli->error.code == SQ_STORE_UNREACHABLE) {
        add_owner(cli, NULL, &info, &out);
        sq_text_string(&out, cli->json ? "}\n" : "");
        return print(cli, &out);
    }
    if (rc < 0)
        return rc;
    drey_close(fd);
    (void)sq_lock_read(cli->session.site.lock, &info);
    rc = cli->manager->ops->status(cli->manager, &s, &cli->error);
    if (rc < 0)
        return rc;
    add_owner(cli, &owner, &info, &out);
    add_store(cli, &s, &out);
    sq_text_string(&out, cli->json ? "}\n" : "");
    rc = print(cli, &out);
    return rc < 0 ? rc : sq_code_exit(strcmp(s.condition, "failed") == 0 ? SQ_STORE_FAILED : SQ_OK);
}

static int try_lock(void *arg)
{
    sq_cli *cli = arg;
    return sq_lock_take(cli->session.site.lock, &cli->session.lock, &cli->error);
}

/* Until the owner has let go of the lock: it is ours then, or already another's, if a client starts the next owner. */
static DREY_ASYNC int wait_for_end(sq_cli *cli, int64_t pid)
{
    drey_time deadline = drey_now() + DREY_SEC(STOP_SECONDS);
    sq_lock_info info;
    int rc;
    while ((rc = drey_offload(try_lock, cli)) == -EAGAIN) {
        if (sq_lock_read(cli->session.site.lock, &info) == 0 && info.pid != pid)
            return 0;
        if (drey_now() > deadline)
            return sq_fail(&cli->error, SQ_STORE_BUSY, "the owner of the store did not end within %d s", STOP_SECONDS);
        rc = drey_sleep(DREY_MS(PAUSE_MS));
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* 1: it was told to, and has ended. 0: there was none. */
static DREY_ASYNC int stop_owner(sq_cli *cli, sq_hello *owner)
{
    int fd, rc = sq_discover(&cli->session.discovery, &fd, owner, &cli->error);
    if (rc < 0)
        return rc == -EINVAL && cli->error.code == SQ_STORE_UNREACHABLE ? 0 : rc;
    rc = sq_client_leave(fd, NULL);
    drey_close(fd);
    if (rc == 0)
        return sq_fail(&cli->error, SQ_FORBIDDEN, "the owner of the store, process %lld, refuses to stop",
                       (long long)owner->pid);
    if (rc == -ECANCELED)
        return rc;
    rc = wait_for_end(cli, owner->pid);
    return rc < 0 ? rc : 1;
}

/* Until the lock is ours. Clients may start the next owner as soon as the last one has ended. */
static DREY_ASYNC int take_over(sq_cli *cli)
{
    drey_time deadline = drey_now() + DREY_SEC(STOP_SECONDS);
    sq_hello owner;
    while (cli->session.lock < 0) {
        int rc = stop_owner(cli, &owner);
        if (rc >= 0 && cli->session.lock < 0)
            rc = drey_offload(try_lock, cli);
        if (rc < 0 && rc != -EAGAIN)
            return rc;
        if (rc == -EAGAIN && drey_now() > deadline)
            return sq_fail(&cli->error, SQ_STORE_BUSY,
                           "clients of the store start owners again and again: end them first");
    }
    sq_lock_info info = {.pid = getpid(), .changing = true}; /* clients are to wait */
    snprintf(info.version, sizeof info.version, "%s", sq_version);
    (void)sq_lock_write(cli->session.lock, &info);
    return 0;
}

static DREY_ASYNC int stop(sq_cli *cli)
{
    sq_hello owner;
    sq_text out = {0};
    int rc = stop_owner(cli, &owner);
    if (rc < 0)
        return rc;
    if (cli->json)
        sq_text_format(&out, "{\"stopped\":%s}\n", rc ? "true" : "false");
    else if (rc)
        sq_text_format(&out, "The owner of the store, process %lld, has ended.\n", (long long)owner.pid);
    else
        sq_text_string(&out, "No owner of the store was running.\n");
    return print(cli, &out);
}

/* With nobody at the store, and the lock in our hands. */
static DREY_ASYNC int restore(sq_cli *cli)
{
    sq_text out = {0};
    char path[PATH_MAX];
    int rc = absolute(cli, cli->args.plain[0], path);
    if (rc == 0)
        rc = take_over(cli);
    if (rc == 0)
        rc = sq_store_restore(cli->session.site.url, path, &cli->error);
    if (rc < 0)
        return rc;
    sq_text_string(&out,
                   cli->json ? "{\"restored\":true}\n" : "Restored. What was there before is kept beside the store.\n");
    return print(cli, &out);
}

static const sq_option options[] = {SQ_ARGS_STORE};

#define STORE_COMMAND .options = options, .option_count = sizeof options / sizeof *options

const sq_command sq_command_projects = {
    .name = "projects",
    .arguments = "",
    .summary = "Lists the projects of the store.",
    .body = projects,
    STORE_COMMAND,
    .help = "",
};

const sq_command sq_command_backup = {
    .name = "backup",
    .arguments = "PATH",
    .plain_least = 1,
    .plain_most = 1,
    .body = backup,
    STORE_COMMAND,
    .summary = "Copies the store, as it is at one moment, to PATH, which must not exist. It can go on being used.",
    .help = "",
};

const sq_command sq_command_restore = {
    .name = "restore",
    .arguments = "PATH",
    .plain_least = 1,
    .plain_most = 1,
    .body = restore,
    .no_start = true,
    STORE_COMMAND,
    .summary = "Puts a backup in the place of the store. Its owner is stopped; what was there is kept.",
    .help = "",
};

const sq_command sq_command_verify = {
    .name = "verify",
    .arguments = "",
    .body = verify,
    STORE_COMMAND,
    .summary = "Checks all that can be checked without changing anything. Exit status 8 if there are problems.",
    .help = "",
};

const sq_command sq_command_status = {
    .name = "status",
    .arguments = "",
    .body = status,
    .no_start = true,
    STORE_COMMAND,
    .summary = "Shows the store, its owner, and how they are. Starts nothing.",
    .help = "",
};

const sq_command sq_command_stop = {
    .name = "stop",
    .arguments = "",
    .body = stop,
    .no_start = true,
    STORE_COMMAND,
    .summary = "Ends the owner of the store, once it has answered what it is working on.",
    .help = "",
};
