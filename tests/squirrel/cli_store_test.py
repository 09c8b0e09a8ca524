#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands on a store, as people and programs use them: what they print, what they say, and with which status."""
import json
import os
import subprocess
import sys

from kit import EXAMPLES, SQUIRREL, has, main, same, terminal, test
from store_kit import store


@test
def a_context_from_its_creation_to_its_purge():
    with store() as s:
        [made] = s.ok("create", "plan", "--data", '{"goal":"ship","n":1}', "--name", "The plan", "--meta", "a=b").lines
        same((made["id"], made["project"], made["rev"], made["op"]), ("plan", "p", 1, "create"))
        [got] = s.ok("get", "plan").lines
        same((got["data"], got["name"], got["metadata"], got["parent_id"]),
             ({"goal": "ship", "n": 1}, "The plan", {"a": "b"}, None))
        same("op" in got, False)
        same(s.ok("get", "plan", "--data-only").out, '{"goal":"ship","n":1}\n')
        [patched] = s.ok("update", "plan", "--data", '{"n":null,"step":2}').lines
        same((patched["rev"], patched["op"]), (2, "patch"))
        same(json.loads(s.ok("get", "plan", "--data-only").out), {"goal": "ship", "step": 2})
        s.ok("update", "plan", "--replace", "--rev", "2", "--data", '{"tags":["a"]}')
        s.ok("update", "plan", "--append", "--data", '{"tags":["b"]}')
        same(json.loads(s.ok("get", "plan", "--data-only").out), {"tags": ["a", "b"]})
        same(json.loads(s.ok("get", "plan", "--rev", "1", "--data-only").out), {"goal": "ship", "n": 1})
        same([line["op"] for line in s.ok("history", "plan").lines], ["append", "replace", "patch", "create"])
        s.ok("undo", "plan", "--to", "1", "--force")
        same(json.loads(s.ok("get", "plan", "--data-only").out), {"goal": "ship", "n": 1})
        s.ok("delete", "plan", "--rev", "5")
        has(s.fails(4, "get", "plan").err, "undo")
        s.ok("undo", "plan", "--force")
        same(json.loads(s.ok("get", "plan", "--data-only").out), {"goal": "ship", "n": 1})
        s.ok("purge", "plan", "--wait")
        s.fails(4, "get", "plan")


@test
def a_history_tells_what_each_revision_changed():
    with store() as s:
        s.ok("create", "a", "--data", '{"goal":"ship","n":1,"tags":["x"]}', "--name", "First")
        s.ok("update", "a", "--data", '{"n":null,"goal":"sail","step":2}')
        s.ok("update", "a", "--append", "--data", '{"tags":["y"]}', "--meta", "k=v")
        s.ok("delete", "a", "--force")
        s.ok("undo", "a", "--force", "--to", "1")
        lines = s.ok("history", "a", "--diff").lines
        same([line["rev"] for line in lines], [5, 4, 3, 2, 1])
        assert all("data" not in line for line in lines), lines
        same(lines[1]["diff"], [])
        same(lines[2]["diff"], [{"path": "/data/tags/1", "new": "y"}, {"path": "/metadata/k", "new": "v"}])
        same(lines[3]["diff"], [{"path": "/data/goal", "old": "ship", "new": "sail"},
                                {"path": "/data/n", "old": 1}, {"path": "/data/step", "new": 2}])
        same(lines[4]["diff"], lines[0]["diff"], "what is new, and what comes back")
        same({change["path"] for change in lines[0]["diff"]}, {"/name", "/data/goal", "/data/n", "/data/tags"})
        page = s.ok("history", "a", "--diff", "--limit", "3").lines
        same(page, lines[:3], "the page's last revision is compared with the next page's first")


@test
def what_a_history_tells_of_a_change_is_bounded():
    with store() as s:
        s.ok("create", "a", give=json.dumps({"text": "x" * 9000, **{f"k{i}": "y" * 100 for i in range(1000)}}))
        s.ok("update", "a", "--data", '{"text":null}')
        short, long = s.ok("history", "a", "--diff").lines
        same((short["diff"], "diff_more" in short), ([{"path": "/data/text", "old_bytes": 9002}], False))
        same(long["diff_more"], True)
        assert 60_000 < len(json.dumps(long["diff"], separators=(",", ":"))) <= 65_536 + 2
        status, text = terminal("history", "a", "--diff", "--store", s.url, "--project", "p")
        same(status, 0)
        rows = text.decode().split("\r\n")
        has(rows[1], "patch")
        has(rows[2], '  - /data/text  "xxxx')
        assert all(len(row) <= 200 for row in rows), "rows are short"
        same(sum(row.startswith("  + ") for row in rows), 50)
        has(rows[-2], "and more")


@test
def a_history_that_has_forgotten_does_not_guess():
    with store() as s:
        s.ok("import", "-", give="".join(f'{{"id":"a","data":{{"n":{n}}}}}\n' for n in range(110)))
        lines = s.ok("history", "a", "--diff", "--all").lines
        same((len(lines), lines[-1]["diff"]), (100, None), "the revision before was pruned")
        changes = [line["diff"][0] for line in lines[:-1]]
        same({change["path"] for change in changes}, {"/data/n"})
        same([change["old"] for change in changes[:-1]], [change["new"] for change in changes[1:]])


@test
def an_id_is_made_if_none_is_given_and_data_comes_from_standard_input():
    with store() as s:
        [made] = s.ok("create", give='{"a":1}').lines
        same(len(made["id"]), 36)
        same(json.loads(s.ok("get", made["id"], "--data-only").out), {"a": 1})
        with open(os.path.join(s.path, "d.json"), "w", encoding="utf-8") as file:
            file.write('{"b":\n2}')
        s.ok("create", "f", "--file", "d.json")
        same(s.ok("get", "f", "--data-only").out, '{"b":2}\n')


@test
def what_fails_has_its_status_and_says_what_to_do():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        s.ok("create", "child", "--parent", "a", "--data", "{}")
        for status, part, args in [
                (2, "exclude each other", ["create", "--data", "{}", "--file", "x"]),
                (2, "did you mean --force", ["delete", "a", "--forse"]),
                (2, "needs more", ["get"]),
                (2, "takes no", ["status", "x"]),
                (2, "at most 1000", ["list", "--limit", "2000"]),
                (2, "--idle", ["serve", "--idle", "soon"]),
                (3, "line 1", ["create", "b", "--data", "{"]),
                (3, "", ["create", "b", "--data", "[]"]),
                (3, "", ["create", "b", "--data", '{"a":1,"a":2}']),
                (3, "", ["create", ".b", "--data", "{}"]),
                (3, "project", ["list", "--project", "a/b"]),
                (3, "", ["list", "--cursor", "AAAA"]),
                (3, "exist", ["create", "b", "--parent", "nobody", "--data", "{}"]),
                (4, "project p, from SQUIRREL_PROJECT", ["get", "nobody"]),
                (4, "no such file", ["create", "b", "--file", "nowhere"]),
                (5, "squirrel update", ["create", "a", "--data", "{}"]),
                (5, "--force", ["delete", "a"]),
                (5, "now at rev 1", ["delete", "a", "--rev", "7"]),
                (5, "--cascade", ["delete", "a", "--force"])]:
            done = s.fails(status, *args)
            has(done.err, part)
            same(done.out, "", "nothing goes to standard output")
        has(s.fails(4, "get", "nobody", "--json").err, '{"error":{"code":"not_found"')
        s.fails(124, "watch", "--timeout", "50ms")


@test
def an_operation_key_makes_a_repeat_harmless():   # S19
    with store() as s:
        first = s.ok("create", "a", "--data", '{"n":1}', "--key", "k1").lines
        same(s.ok("create", "a", "--data", '{"n":1}', "--key", "k1").lines, first)
        has(s.fails(3, "create", "a", "--data", '{"n":2}', "--key", "k1").err, "--key")


@test
def lists_and_searches_come_in_pages():
    with store() as s:
        lines = "".join(json.dumps({"id": f"c{i:03}", "data": {"word": "alpha" if i % 2 else "beta"}}) + "\n"
                        for i in range(50))
        same(len(s.ok("import", "-", give=lines).lines), 50)
        page = s.ok("list", "--limit", "30", "--json").lines
        same(len(page), 31)
        rest = s.ok("list", "--limit", "30", "--json", "--cursor", page[-1]["cursor"]).lines
        same(sorted(line["id"] for line in page[:-1] + rest), [f"c{i:03}" for i in range(50)])
        same(len(s.ok("list", "--all").lines), 50)
        same({line["data"]["word"] for line in s.ok("search", "alph*", "--all").lines}, {"alpha"})
        same(len(s.ok("search", "path:word", "beta", "--all", "--no-data").lines), 25)
        has(s.run("list").err, "--cursor")
        same(s.ok("list", "--project", "empty").out, "")


@test
def parents_are_inherited_from():
    with store() as s:
        s.ok("create", "base", "--data", '{"a":1,"b":{"c":1}}')
        s.ok("create", "leaf", "--parent", "base", "--data", '{"b":{"d":2}}')
        same(json.loads(s.ok("resolve", "leaf", "--data-only").out), {"a": 1, "b": {"c": 1, "d": 2}})
        same([line["id"] for line in s.ok("list", "--parent", "base").lines], ["leaf"])


@test
def stored_contexts_are_processed_like_files():
    with store() as s:
        s.fails(1, "import", EXAMPLES)   # a few are broken on purpose
        project = ["--project", "webshop-9b20e4"]
        lines = s.ok("process", "--stored", *project).lines
        same([line["id"] for line in lines], sorted(line["id"] for line in lines))
        assert "charter" in [line["id"] for line in lines], lines
        same(len(lines), len(s.ok("list", "--all", *project).lines))
        of_files = {line["id"]: line for line in map(json.loads, subprocess.run(
            [SQUIRREL, "process", EXAMPLES], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, check=False, timeout=60).stdout.splitlines())
            if line.get("project") == "webshop-9b20e4"}
        for line in lines:
            same([line[key] for key in ("fingerprint", "bytes", "keys", "depth", "tokens")],
                 [of_files[line["id"]][key] for key in ("fingerprint", "bytes", "keys", "depth", "tokens")])
        some = s.fails(1, "process", "--stored", "charter", "nope", *project)
        same([line.get("error", {}).get("code") for line in some.lines], [None, "not_found"])
        schema = os.path.join(s.path, "schema.json")
        with open(schema, "w") as file:
            file.write('{"required":["goal"]}')
        refused = s.fails(1, "process", "--stored", "--schema", schema, *project)
        assert {"invalid"} <= {line["error"]["code"] for line in refused.lines if "error" in line}, refused.out
        with open(schema, "w") as file:
            file.write('{"required"')
        has(s.fails(3, "process", "--stored", "--schema", schema, *project).err, schema)
        has(s.fails(2, "process", "x", "--stored").err, "first")


@test
def what_is_large_is_processed_alone():
    with store() as s:
        for i in range(12):
            path = os.path.join(s.path, "large.json")
            with open(path, "w") as file:
                json.dump({"text": "x" * 1000000}, file)
            s.ok("create", f"c{i}", "--file", path)
        same(len(s.ok("process", "--stored").lines), 12)


@test
def a_watch_shows_what_is_written():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        watch = s.start("watch", "--after", "0", "--limit", "3")
        s.ok("update", "a", "--data", '{"n":1}')
        s.ok("delete", "a", "--force")
        out, _ = watch.communicate(timeout=60)
        events = [json.loads(line) for line in out.splitlines()]
        same([(event["seq"], event["op"]) for event in events], [(1, "create"), (2, "patch"), (3, "delete")])


@test
def what_is_exported_can_be_imported():
    with store() as s, store() as other:
        done = s.fails(1, "import", EXAMPLES)
        broken = [line for line in done.lines if "error" in line]
        assert all("/broken/" in line["input"] for line in broken), broken
        s.ok("export", "--all", "--out", "all.jsonl")
        path = os.path.join(s.path, "all.jsonl")
        other.ok("import", path)
        other.ok("export", "--all", "--out", "again.jsonl")
        with open(path, encoding="utf-8") as a, open(os.path.join(other.path, "again.jsonl"), encoding="utf-8") as b:
            first, second = [[json.loads(line) for line in file] for file in (a, b)]
        drop = ("rev", "seq", "updated_at", "source")
        same([{k: v for k, v in line.items() if k not in drop} for line in first],
             [{k: v for k, v in line.items() if k not in drop} for line in second])
        same(len(other.ok("projects").lines), len({line["project"] for line in first}))
        again = other.ok("import", path).lines
        same({line["rev"] for line in again}, {1}, "what is equal is not written again")


@test
def the_file_of_the_memory_server_is_imported():
    with store() as s:
        text = "\n".join(map(json.dumps, [
            {"type": "relation", "from": "Ada Lovelace", "to": "engine", "relationType": "programs"},
            {"type": "entity", "name": "Ada Lovelace", "entityType": "person", "observations": ["wrote notes"]},
            {"type": "entity", "name": "engine", "entityType": "machine", "observations": []},
            {"type": "relation", "from": "Ada Lovelace", "to": "Babbage", "relationType": "knows"}]))
        lines = s.ok("import", "-", give=text).lines
        same(len(lines), 2)
        [found] = s.ok("search", "lovelace").lines
        same(found["name"], "Ada Lovelace")
        same(found["id"][:12], "Ada_Lovelace")
        same(found["data"]["observations"], ["wrote notes"])
        same(sorted(r["to"] for r in found["data"]["relations"]), ["Babbage", "engine"])
        same(json.loads(s.ok("get", "engine", "--data-only").out),
             {"entityType": "machine", "observations": [], "relations": []})


@test
def the_project_is_that_of_the_repository():   # S29
    with store() as s:
        env = {k: v for k, v in s.env.items() if k != "SQUIRREL_PROJECT"}
        [made] = s.ok("create", "a", "--data", "{}", env=env).lines
        same(made["project"], "default")
        os.makedirs(os.path.join(s.path, ".git"))
        [made] = s.ok("create", "b", "--data", "{}", env=env).lines
        name = os.path.basename(os.path.realpath(s.path))
        assert made["project"].startswith(name.replace("-", "-")) and made["project"][-7] == "-", made
        same(s.ok("list", env=env).lines[0]["project"], made["project"])
        [made] = s.ok("create", "c", "--data", "{}", "--project", "mine", env=env).lines
        same(made["project"], "mine")


def complete(*words):
    script = f"source <({SQUIRREL} completion bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($#-1)); _squirrel; " \
             "printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(["bash", "-c", script, "bash", *words], stdout=subprocess.PIPE, check=True, timeout=60)
    return done.stdout.decode().split()


@test
def bash_completes_commands_and_options():
    same(complete("squirrel", "cre"), ["create"])
    same(complete("squirrel", "help", "hist"), ["history"])
    same(complete("squirrel", "delete", "x", "--ca"), ["--cascade"])
    same(complete("squirrel", "process", "x", "--fail"), ["--fail-fast"])
    same(complete("squirrel", "list", "--store", "sq"), ["sqlite:"])
    has(complete("squirrel", "import", os.path.dirname(EXAMPLES) + "/"), EXAMPLES)
    commands = complete("squirrel", "")
    for name in ("create get update delete list search history undo purge resolve watch import export projects backup "
                 "restore verify status stop serve process").split():
        assert name in commands, name


@test
def every_command_has_a_page():
    for name in complete("squirrel", "")[:21]:
        done = subprocess.run([SQUIRREL, name, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        same((done.returncode, done.stderr), (0, b""), name)
        has(done.stdout.decode(), "Usage: squirrel " + name)


if __name__ == "__main__":
    sys.exit(main())
