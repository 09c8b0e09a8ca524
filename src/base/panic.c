/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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
