/* SPDX-License-Identifier: MIT */
/* The manager over the socket of a store's owner. */
#pragma once
#include "manager/manager.h"
#include "transport/client.h"

/* Connects with the first call. Changes without an operation key get one, so that each is carried out once, however
 * often it has to be sent (S3); watches go on where they were. Its link is a daemon of `scope`; close it first. */
DREY_ASYNC DREY_MUST_USE
int sq_remote_open(drey_scope *scope, sq_connector connector, sq_manager **out, sq_error *error);
