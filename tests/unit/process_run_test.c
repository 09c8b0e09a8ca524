/* SPDX-License-Identifier: MIT */
/* drey_process_run: input, output, and their limits (R19). */
#include <stdint.h>

#include "processes.h"

enum { LARGE = 3 << 20 }; /* many pipes full */

static DREY_ASYNC int run(drey_process_options options, drey_process_talk talk, drey_process_result *result)
{
    *result = (drey_process_result){.out = NULL, .err = NULL};
    return drey_process_run(options, talk, result);
}

static void end(drey_process_result *result)
{
    free(result->out);
    free(result->err);
}

/* Both ways at once, and more than the pipes hold: neither side waits for the other for ever. */
TEST_ON_BOTH(r19_more_than_pipes_hold)
{
    drey_process_result result;
    char *input = malloc(LARGE);
    DREY_CHECK(input != NULL);
    for (size_t i = 0; i < LARGE; i++)
        input[i] = (char)(i * 7 % 251);
    int rc =
        run(SH("tee /dev/stderr"),
            (drey_process_talk){.input = input, .input_bytes = LARGE, .out_max = LARGE, .err_max = LARGE}, &result);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(result.status.code, 0);
    DREY_CHECK_EQ(result.out_bytes, LARGE);
    DREY_CHECK_EQ(result.err_bytes, LARGE);
    DREY_CHECK(memcmp(result.out, input, LARGE) == 0 && memcmp(result.err, input, LARGE) == 0);
    DREY_CHECK(result.out[LARGE] == '\0' && result.err[LARGE] == '\0' && !result.err_cut);
    end(&result);
    free(input);
    return 0;
}

DREY_TEST(nothing_said_and_nothing_asked)
{
    drey_process_result result;
    DREY_CHECK_EQ(run(SH("cat; echo lost; echo lost >&2; exit 3"), (drey_process_talk){0}, &result), 0);
    DREY_CHECK_EQ(result.status.code, 3);
    DREY_CHECK(result.out == NULL && result.err == NULL && result.out_bytes == 0);
    return 0;
}

DREY_TEST(an_answer_of_nothing_is_an_empty_string)
{
    drey_process_result result;
    DREY_CHECK_EQ(run(SH("kill -9 $$"), (drey_process_talk){.out_max = 1, .err_max = 1}, &result), 0);
    DREY_CHECK_EQ(result.status.signal, SIGKILL);
    DREY_CHECK_STR(result.out, "");
    DREY_CHECK_STR(result.err, "");
    end(&result);
    return 0;
}

TEST_ON_BOTH(r19_limits)
{
    drey_process_result result;
    drey_process_talk talk = {.out_max = 10, .err_max = 4};
    DREY_CHECK_EQ(run(SH("printf 0123456789; printf abcd >&2"), talk, &result), 0);
    DREY_CHECK_STR(result.out, "0123456789");
    DREY_CHECK_STR(result.err, "abcd");
    DREY_CHECK(!result.err_cut);
    end(&result);
    DREY_CHECK_EQ(run(SH("printf abcdefghijklmnopqrstuvwxyz >&2; printf 1"), talk, &result), 0);
    DREY_CHECK_STR(result.out, "1");
    DREY_CHECK_STR(result.err, "abcd");
    DREY_CHECK(result.err_cut);
    end(&result);
    DREY_CHECK_EQ(run(SH("printf 0123456789x"), talk, &result), -EMSGSIZE);
    DREY_CHECK_EQ(run(SH("while :; do echo 0123456789; done"), talk, &result), -EMSGSIZE);
    DREY_CHECK_EQ(run(SH("yes >&2 & sleep 0.2; kill %1; printf 2"), talk, &result), 0);
    DREY_CHECK_STR(result.out, "2");
    end(&result);
    DREY_CHECK(no_children());
    return 0;
}

/* What a program leaves unread is no failure; it is not ended by a signal either way. */
TEST_ON_BOTH(a_program_that_does_not_read)
{
    drey_process_result result;
    char *input = calloc(1, LARGE);
    DREY_CHECK(input != NULL);
    drey_process_talk talk = {.input = input, .input_bytes = LARGE, .out_max = 10};
    DREY_CHECK_EQ(run(SH("head -c 3 > /dev/null; printf read"), talk, &result), 0);
    DREY_CHECK_STR(result.out, "read");
    end(&result);
    DREY_CHECK_EQ(run(SH("exec 0<&-; sleep 0.1; printf closed"), talk, &result), 0);
    DREY_CHECK_STR(result.out, "closed");
    end(&result);
    free(input);
    return 0;
}

/* The end of the program itself is what counts: its group ends with it, and whoever left the group is not waited for.
   */
TEST_ON_BOTH(others_that_hold_the_output)
{
    drey_process_result result;
    drey_process_talk talk = {.out_max = 100};
    DREY_CHECK_EQ(run(SH("sleep 1000 & echo $!"), talk, &result), 0);
    DREY_CHECK(goes((pid_t)atoi(result.out)));
    end(&result);
    DREY_CHECK_EQ(run(SH("setsid sleep 1000 & echo $!; sleep 0.3"), talk, &result), 0);
    pid_t away = (pid_t)atoi(result.out);
    DREY_CHECK(!is_gone(away));
    kill(away, SIGKILL);
    end(&result);
    return 0;
}

/* All that was written before the end is there, however late it is read. */
TEST_ON_BOTH(the_last_words)
{
    drey_process_result result;
    for (int i = 0; i < 20; i++) {
        DREY_CHECK_EQ(run(SH("printf %060000d 0; exit 1"), (drey_process_talk){.out_max = 60000}, &result), 0);
        DREY_CHECK_EQ(result.out_bytes, 60000);
        DREY_CHECK_EQ(result.status.code, 1);
        end(&result);
    }
    return 0;
}

DREY_TEST(other_streams_stay_as_asked)
{
    drey_process_result result;
    int ends[2];
    char text[16] = "";
    DREY_CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    DREY_CHECK_EQ(write(ends[1], "given", 5), 5);
    close(ends[1]);
    DREY_CHECK_EQ(run(SH("cat; echo err >&2", .in = DREY_STDIO_FD, .in_fd = ends[0], .err = DREY_STDIO_OUT),
                      (drey_process_talk){.out_max = 100}, &result),
                  0);
    DREY_CHECK_STR(result.out, "givenerr\n");
    DREY_CHECK_EQ(read(ends[0], text, sizeof text), 0);
    close(ends[0]);
    end(&result);
    DREY_CHECK_EQ(run(SH("", .in = DREY_STDIO_PIPE), (drey_process_talk){0}, &result), -EINVAL);
    DREY_CHECK_EQ(run(SH("", .out = DREY_STDIO_PIPE), (drey_process_talk){.out_max = 1}, &result), -EINVAL);
    DREY_CHECK_EQ(run(SH("", .err = DREY_STDIO_PIPE), (drey_process_talk){0}, &result), -EINVAL);
    return 0;
}

DREY_TEST(outside_a_task, .no_runtime = true)
{
    drey_process_result result;
    drey_process process;
    DREY_CHECK_EQ(drey_process_run(SH(""), (drey_process_talk){.out_max = 1}, &result), -EPERM);
    DREY_CHECK_EQ(drey_process_kill(&process, SIGTERM), -EPERM);
    return 0;
}

DREY_TEST_MAIN()
