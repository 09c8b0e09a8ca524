#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""backup, restore and verify as people and programs use them, through the owner of a store and with damage in it."""
import glob
import json
import os
import subprocess
import sys
import threading

from kit import SQUIRREL, has, main, same, terminal, test
from store_kit import SCHEME, store, until


def on_terminal(s, *args):
    status, text = terminal(*args, "--store", s.url)
    return status, text.decode().replace("\r\n", "\n")


def url(path):
    return f"{SCHEME}:{path}"


def ids(s, **kw):
    return sorted(line["id"] for line in s.ok("list", "--all", **kw).lines)


def damage(s, old, new):
    """Changes bytes in the store's file, with nobody at it and nothing in the WAL."""
    s.ok("stop")
    same(os.path.exists(s.base + "-wal"), False, "the owner moved the WAL into the file")
    with open(s.base, "r+b") as file:
        content = file.read()
        at = content.index(old)
        file.seek(at)
        file.write(new)
    same(len(old), len(new))


@test
def a_backup_has_what_was_answered_before_it():
    with store() as s:
        s.ok("import", "-", give="".join(json.dumps({"id": f"c{i}", "data": {"n": i}}) + "\n" for i in range(300)))
        [pid] = s.owners()
        [told] = s.ok("backup", "copy.db").lines
        same(told, {"backup": os.path.join(s.path, "copy.db")}, "a relative path is one from here")
        same(s.owners(), [pid], "the owner made it, and goes on")
        s.ok("create", "later", "--data", "{}")
        copy = os.path.join(s.path, "copy.db")
        same(os.stat(copy).st_mode & 0o777, 0o600)
        same([name for name in os.listdir(s.path) if name.startswith("copy.db.part")], [])
        with_copy = ["--store", url(copy), "--no-daemon"]
        same(len(s.ok("list", "--all", *with_copy).lines), 300)
        s.fails(4, "get", "later", *with_copy)
        same(s.ok("verify", *with_copy).lines[0]["problems"], 0)
        found = s.ok("search", "c299", *with_copy).lines
        same([line["data"] for line in found], [{"n": 299}], "its index, too")


@test
def backups_are_made_while_clients_write():
    with store() as s:
        s.ok("create", "a", "--data", '{"n":0}')
        stop, failures, answered = threading.Event(), [], [0]

        def work():
            while not stop.is_set():
                done = s.run("update", "a", "--data", f'{{"n":{answered[0] + 1}}}')
                if done.status:
                    failures.append(done.err)
                    return
                answered[0] += 1
        thread = threading.Thread(target=work)
        thread.start()
        seen = []
        for i in range(5):
            before = answered[0]
            s.ok("backup", f"b{i}.db")
            seen.append((before, os.path.join(s.path, f"b{i}.db")))
        stop.set()
        thread.join()
        same(failures, [])
        for before, path in seen:
            [got] = s.ok("get", "a", "--store", url(path), "--no-daemon").lines
            assert before <= got["data"]["n"] <= answered[0], (before, got, answered)
            same(got["data"]["n"], got["rev"] - 1)


@test
def a_backup_overwrites_nothing_and_says_where_it_cannot_be_written():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        with open(os.path.join(s.path, "there"), "w", encoding="utf-8") as file:
            file.write("precious")
        err = s.fails(5, "backup", "there").err
        has(err, "there: File exists")
        assert "squirrel update" not in err, err
        with open(os.path.join(s.path, "there"), encoding="utf-8") as file:
            same(file.read(), "precious")
        has(s.fails(4, "backup", "nowhere/b.db").err, "nowhere/b.db: No such file")
        has(s.fails(4, "backup", "nowhere/b.db", "--json").err, '{"error":{"code":"not_found"')
        has(s.fails(8, "backup", "there/b.db").err, "there/b.db")
        has(s.fails(2, "backup").err, "needs more")
        same(s.ok("status").lines[0]["condition"], "ok", "a backup that fails is no harm to the store")


@test
def people_are_told_what_was_done():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        status, text = on_terminal(s, "backup", os.path.join(s.path, "b.db"))
        same((status, text.count("\n")), (0, 1))
        has(text, f"Copied to {s.path}/b.db")
        status, text = on_terminal(s, "verify")
        same(status, 0)
        has(text, "1 contexts")
        status, text = on_terminal(s, "restore", os.path.join(s.path, "b.db"))
        same(status, 0)
        has(text, "kept beside the store")


@test
def what_is_restored_is_what_was_backed_up():
    with store() as s:
        s.ok("create", "a", "--data", '{"n":1}')
        s.ok("update", "a", "--data", '{"n":2}')
        before = s.ok("history", "a").lines
        s.ok("backup", "b.db")
        s.ok("update", "a", "--data", '{"n":3}')
        s.ok("create", "b", "--data", "{}")
        [pid] = s.owners()
        same(s.ok("restore", "b.db").lines, [{"restored": True}])
        assert pid not in s.owners(), "the old owner has ended"
        same(s.ok("history", "a").lines, before)
        same(ids(s), ["a"])
        [made] = s.ok("create", "b", "--data", "{}").lines
        same((made["rev"], made["seq"]), (1, 3))
        # What was there is a store as well, with all that was in its WAL.
        [kept] = [path for path in glob.glob(s.base + ".before-restore-*") if not path.endswith(("-wal", "-shm"))]
        same(ids(s, env={**s.env, "SQUIRREL_STORE": url(kept)}), ["a", "b"])
        s.ok("stop", "--store", url(kept))
        same(s.ok("verify").lines[0]["problems"], 0)


@test
def clients_that_are_connected_go_on_after_a_restore():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        s.ok("backup", "b.db")
        client = s.start("import", "-", stdin=subprocess.PIPE)
        client.stdin.write(b'{"id":"b","data":{}}\n')
        client.stdin.flush()
        same(json.loads(client.stdout.readline())["id"], "b")
        s.ok("restore", "b.db")
        client.stdin.write(b'{"id":"c","data":{}}\n')
        client.stdin.flush()
        same(json.loads(client.stdout.readline())["rev"], 1)
        client.stdin.close()
        same(client.wait(timeout=60), 0)
        client.stdout.close()
        client.stderr.close()
        same(ids(s), ["a", "c"])


@test
def a_store_that_is_gone_is_restored():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        s.ok("backup", "b.db")
        s.ok("stop")
        for path in glob.glob(s.base + "*"):
            os.unlink(path)
        s.ok("restore", "b.db")
        same(ids(s), ["a"])
        same(glob.glob(s.base + ".before-restore-*"), [])


@test
def what_is_no_backup_is_refused_and_changes_nothing():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        for name, content in ("text", b"no database at all, and more than a header of it\n" * 100), ("empty", b""):
            with open(os.path.join(s.path, name), "wb") as file:
                file.write(content)
            err = s.fails(8, "restore", name).err
            has(err, f"/{name} is damaged or no backup, take another one")
            has(err, "file is not a database" if name == "text" else "it is empty")
            same(ids(s), ["a"])
        has(s.fails(4, "restore", "nowhere").err, "nowhere")
        same(ids(s), ["a"])
        same(glob.glob(s.base + ".before-restore-*") + glob.glob(s.base + ".restoring*"), [])


@test
def a_backup_that_is_damaged_is_refused():
    with store() as s:
        s.ok("import", "-", give="".join(json.dumps({"id": f"c{i}", "data": {"t": "x" * 500}}) + "\n"
                                         for i in range(99)))
        s.ok("backup", "b.db")
        with open(os.path.join(s.path, "b.db"), "r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\xff" * 4096)
        has(s.fails(8, "restore", "b.db").err, "b.db is damaged or no backup, take another one: ")
        same(len(ids(s)), 99)


@test
def verify_names_damage_and_restore_mends_it():
    with store() as s:
        s.ok("create", "secret", "--data", '{"word":"abracadabra"}')
        s.ok("create", "other", "--data", '{"word":"open sesame"}')
        same(s.ok("verify").lines, [{"projects": 1, "contexts": 2, "revisions": 2, "problems": 0, "report": ""}])
        s.ok("backup", "b.db")
        damage(s, b'{"word":"abracadabra"}', b'{"word":"abracadabrA"}')
        [told] = s.fails(8, "verify").lines
        same(told["problems"], 1)
        has(told["report"], "the data of revision 1 is not what was written")
        status, text = on_terminal(s, "verify")
        same(status, 8)
        has(text, "the data of revision 1 is not what was written")
        same(s.ok("get", "other", "--data-only").out, '{"word":"open sesame"}\n', "the rest is read")
        s.ok("restore", "b.db")
        same(s.ok("verify").lines[0]["problems"], 0)
        same(s.ok("get", "secret", "--data-only").out, '{"word":"abracadabra"}\n')


@test
def a_page_that_is_lost_is_named_and_mended():
    with store() as s:
        s.ok("import", "-", give="".join(
            json.dumps({"id": f"c{i:03}", "data": {"t": f"text of c{i:03} " + "x" * 900}}) + "\n" for i in range(200)))
        s.ok("backup", "b.db")
        s.ok("stop")
        with open(s.base, "r+b") as file:
            file.seek(file.read().index(b"text of c100") // 4096 * 4096)
            file.write(b"\0" * 4096)
        assert s.fails(8, "verify").lines[0]["problems"] > 0
        has(s.fails(8, "get", "c100").err, "squirrel restore")
        s.ok("restore", "b.db")
        same(s.ok("verify").lines[0]["problems"], 0)
        same(len(ids(s)), 200)


@test
def without_an_owner_it_is_done_in_this_process():
    with store() as s:
        s.ok("create", "a", "--data", "{}", "--no-daemon")
        s.ok("backup", "b.db", "--no-daemon")
        same(s.ok("verify", "--no-daemon").lines[0]["contexts"], 1)
        s.ok("restore", "b.db")
        same(s.owners(), [], "nobody was started")
        same(s.locked(), False)
        has(s.fails(3, "backup", "x", "--store", "memory:").err, "export it")


@test
def readers_of_one_snapshot_do_not_wait_for_writers():
    with store() as s:
        s.ok("import", "-", give="".join(json.dumps({"id": f"c{i}", "data": {"n": i}}) + "\n" for i in range(500)))
        writer = s.start("import", "-", stdin=subprocess.PIPE)
        feed = "".join(json.dumps({"id": f"d{i}", "data": {"n": i}}) + "\n" for i in range(3000)).encode()
        thread = threading.Thread(target=lambda: (writer.stdin.write(feed), writer.stdin.close()))
        thread.start()
        checks = [s.ok("verify").lines[0] for _ in range(3)]
        same([check["problems"] for check in checks], [0, 0, 0], "a store that is being written to is sound")
        writer.stdout.read()
        thread.join()
        same(writer.wait(timeout=60), 0, writer.stderr.read().decode())
        writer.stdout.close()
        writer.stderr.close()
        until(lambda: s.ok("verify").lines[0]["contexts"] == 3500, "all of it")


if __name__ == "__main__":
    assert SQUIRREL
    sys.exit(main())
