#!/bin/sh
# SPDX-License-Identifier: MIT
# A tour of squirrel with the example contexts, in a fresh store that is removed in the end: tour.sh SQUIRREL CONTEXTS
set -eu
squirrel=$1 contexts=$2
folder=$(mktemp -d)
export SQUIRREL_STORE="sqlite:$folder/tour.db" SQUIRREL_PROJECT=webshop-9b20e4
trap '"$squirrel" stop >"$folder/stop" 2>&1 || true; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

step()
{
    printf '\n== %s\n' "$1"
    shift
    if [ $# -gt 0 ]; then
        printf '$ squirrel %s\n' "$*"
        "$squirrel" "$@"
    fi
}

# Some of the examples are broken on purpose: with status 1, and what is wrong with each, all others are done.
some_may_fail()
{
    status=0
    step "$@" || status=$?
    if [ $status -gt 1 ]; then
        exit $status
    fi
    echo "(The failures are expected: a few of the examples are broken on purpose.)"
}

some_may_fail "Check, resolve and fingerprint files, without a store" process "$contexts"
some_may_fail "Read them into a fresh store; whoever comes first starts its owner" import "$contexts"
step "What projects there are" projects
step "Search by words, prefixes and paths, newest first" search "checkout" "path:status" --limit 5 --no-data
step "Process some of what is stored: checked, resolved, fingerprinted and counted, as files are" \
    process --stored charter task-checkout-1 task-checkout-2
step "A context with all that it inherits" resolve task-checkout-1
step "Change it: a merge patch needs nothing to be known, and goes to what is there" \
    update task-checkout-1 --data '{"status": "reopened", "note": "a tour came by"}'
step "A search right after a write finds it" search "tour" --no-data
step "Its history" history task-checkout-1
step "Undo is a new revision with the older content" undo task-checkout-1 --force
step "The history has both" history task-checkout-1
step "The store and its owner" status
step "The owner would end by itself; here it is told to" stop
