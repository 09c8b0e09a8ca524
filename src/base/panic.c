/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args)
{
    char line[1024];
    int n = snprintf(line, sizeof line, "drey: ");
    int more = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    size_t used = (size_t)n + (more < 0 ? 0 : (size_t)more);
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    line[used++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, used); /* one write: lines of several threads do not mix */
    (void)ignored;
}

void drey__panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    abort();
}

void drey__report(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

const char *drey__place_name(const void *place, char *buffer, size_t n)
{
    Dl_info info;
    if (place == NULL) {
        snprintf(buffer, n, "an unknown place");
    } else if (dladdr(place, &info) != 0 && info.dli_fname != NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        const char *module = slash != NULL ? slash + 1 : info.dli_fname;
        size_t module_offset = (size_t)((const char *)place - (const char *)info.dli_fbase);
        if (info.dli_sname != NULL)
            snprintf(buffer, n, "%s+0x%zx (%s+0x%zx)", info.dli_sname,
                     (size_t)((const char *)place - (const char *)info.dli_saddr), module, module_offset);
        else
            snprintf(buffer, n, "%s+0x%zx", module, module_offset);
    } else {
        snprintf(buffer, n, "%p", place);
    }
    return buffer;
}

const char *drey__symbol_name(const void *address)
{
    Dl_info info;
    if (address == NULL || dladdr(address, &info) == 0 || info.dli_saddr != address)
        return NULL;
    return info.dli_sname;
}
