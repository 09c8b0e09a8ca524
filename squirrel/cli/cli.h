/* SPDX-License-Identifier: MIT */
#pragma once

/* The whole command line; returns the exit status. */
int sq_cli_main(int argc, char **argv);

/* The commands; argv begins after the command's name and ends with NULL; they may change it. */
int sq_cli_process(int argc, char **argv);
