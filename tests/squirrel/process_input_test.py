#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""squirrel process: which files are inputs, and what is made of them."""
import contextlib
import hashlib
import json
import os
import subprocess
import sys

from kit import ENV, EXAMPLES, folder, has, main, process, same, test, write


# What a fingerprint is, written a second time.
def number(value):
    if isinstance(value, int):
        return str(value)
    if value == int(value) and abs(value) < 2**63:
        return str(int(value))
    text = repr(value)
    if "e" in text:
        digits, exponent = text.split("e")
        if -7 <= int(exponent) < 0:
            return f"{value:.25f}".rstrip("0")
        return f"{digits}e{int(exponent):+d}"
    return text


def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda k: k.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(k)}:{canonical(value[k])}" for k in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def fingerprint(data):
    return "sha256:" + hashlib.sha256(canonical(data).encode()).hexdigest()


def walked(root):
    paths = []
    for name in sorted(os.listdir(root), key=os.fsencode):
        path = os.path.join(root, name)
        paths += walked(path) if os.path.isdir(path) else [path] if name.endswith(".json") else []
    return paths


BROKEN = {
    "duplicate-key": "duplicate_key", "huge-number": "bad_number", "lone-surrogate": "bad_text",
    "missing-data": "invalid", "missing-parent": "broken_parent", "not-utf8": "bad_text", "own-ancestor": "cycle",
    "too-deep": "too_deep", "trailing-comma": "invalid_json", "truncated": "invalid_json", "unknown-member": "invalid",
}


@test
def the_examples_are_processed_in_order():
    done = process(EXAMPLES)
    same(done.status, 1)
    same([line["input"] for line in done.lines], walked(EXAMPLES))
    failed = {os.path.basename(x["input"])[:-5]: x["error"]["code"] for x in done.lines if "error" in x}
    same(failed, BROKEN)
    for line in done.lines:
        if "error" in line and line["error"]["code"] not in ("cycle", "broken_parent"):
            assert line["error"]["line"] >= 1 and line["error"]["column"] >= 1, line
            assert line["error"]["path"].startswith("$"), line
    has(done.err, "211 processed, 11 failed")


@test
def fingerprints_are_of_the_resolved_data():
    documents = {}
    for path in walked(EXAMPLES):
        with contextlib.suppress(ValueError):
            if "/broken/" not in path:
                document = json.load(open(path, encoding="utf-8"))
                name = document.get("id", os.path.basename(path)[:-5])
                documents[document.get("project", "default"), name] = document
    for line in process(EXAMPLES).lines:
        if "error" in line:
            continue
        chain, key = [], (line["project"], line["id"])
        while key[1]:
            chain.append(documents[key])
            key = key[0], documents[key].get("parent_id")
        same(line["ancestors"], len(chain) - 1, line["input"])
        data = chain.pop()["data"]
        while chain:
            data = merge(data, chain.pop()["data"])
        same(line["fingerprint"], fingerprint(data), line["input"])
        same(line["bytes"], len(canonical(data).encode()), line["input"])
        same(line["tokens"], (line["bytes"] + 3) // 4)


@test
def every_limit_gives_the_same_output():
    wanted = process(EXAMPLES).out
    for limit in ("1", "2", "7", "4096"):
        same(process(EXAMPLES, "--limit", limit).out, wanted, limit)
    for extra in ({"DREY_WORKERS": "1"}, {"DREY_WORKERS": "2"}, {"DREY_WORKERS": "4"}, {"DREY_IO": "epoll"}):
        same(process(EXAMPLES, env={**ENV, **extra}).out, wanted, extra)


@test
def places_are_exact():
    cases = {
        "a.json": ('{"data": {},\n  "dta": 1}', "invalid", 2, 3, "$.dta"),
        "b.json": ('{"data": {"x": [1, 2,]}}', "invalid_json", 1, 21, "$.data.x[1]"),
        "c.json": ('{"data": {"é": 1, "é": 2}}', "duplicate_key", 1, 19, '$.data["é"]'),
        "d.json": ('{"data": {"n": 12345678901234567890}}', "bad_number", 1, 16, "$.data.n"),
        "e.json": ('{"data": NaN}', "bad_number", 1, 10, "$.data"),
        "f.json": ("", "invalid_json", 1, 1, "$"),
        "g.json": (b'{"data": {"a": "\xff"}}', "bad_text", 1, 17, "$.data.a"),
        "h.json": (b'\xef\xbb\xbf{"data": {}}', "bad_text", 1, 1, "$"),
        "i.json": ('{"data": {}} x', "invalid_json", 1, 14, "$"),
        "j.json": ("[" * 100000, "too_deep", 1, 66, None),
        "k.json": ('{"data": {"a": "\\u0000"}}', "bad_text", 1, 17, "$.data.a"),
    }
    with folder({name: case[0] for name, case in cases.items()}) as path:
        done = process(path)
        same(done.status, 1)
        for line, (_, code, row, column, where) in zip(done.lines, cases.values()):
            error = line["error"]
            same((error["code"], error["line"], error["column"]), (code, row, column), line)
            if where:
                same(error["path"], where)


@test
def what_was_not_found_is_told():
    with folder({"a.json": {"data": {}}}) as path:
        os.symlink("nowhere", os.path.join(path, "b.json"))
        done = process(path, os.path.join(path, "missing.json"), os.path.join(path, "a.json", "x"))
        same((done.status, done.codes), (1, ["ok", "not_found", "not_found", "not_found"]))


@test
def only_json_files_are_taken_from_directories():
    with folder({"b.json": {"data": {}}, "sub/a.json": {"data": {}}, "x.txt": "no", ".hidden.json": "no",
                 ".git/c.json": "no", "explicit.txt": {"data": {}}}) as path:
        os.symlink(path, os.path.join(path, "sub", "loop"))
        os.symlink("..", os.path.join(path, "sub", "up.d"))
        os.mkfifo(os.path.join(path, "pipe.json"))
        os.symlink("b.json", os.path.join(path, "link.json"))
        done = process(path, os.path.join(path, "explicit.txt"))
        taken = [os.path.relpath(x["input"], path) for x in done.lines]
        same(taken, ["b.json", "link.json", "sub/a.json", "explicit.txt"])
        same(done.codes, ["ok"] * 4)
        same([x["id"] for x in done.lines], ["b", "link", "a", "explicit.txt"])
        done = process(os.path.join(path, "pipe.json"), os.path.join(path, "sub", "loop"))
        same(done.codes[0], "invalid")
        has(done.lines[0]["error"]["message"], "regular files")
        same(len(done.lines), 4)


@test
def an_empty_directory_is_no_failure():
    with folder() as path:
        done = process(path)
        same((done.status, done.out), (0, ""))


@test
def odd_names_are_escaped_and_exact():
    with folder() as path:
        names = [b"new\nline.json", b"bad\xff\xfe.json", "é 🐿.json".encode(), b"quote\".json", b"esc\x1b[2J.json"]
        for name in names:
            write(os.path.join(os.fsencode(path).decode(), os.fsdecode(name)), {"id": "named", "data": {}})
        done = process(path)
        same((done.status, len(done.lines)), (0, 5))
        found = {bytes.fromhex(x["input_hex"]) if "input_hex" in x else x["input"].encode() for x in done.lines}
        same(found, {os.path.join(path.encode(), name) for name in names})
        assert any("\ufffd\ufffd" in x["input"] for x in done.lines)
        write(os.path.join(path, "no id.json"), {"data": {}})
        same(process(os.path.join(path, "no id.json")).codes, ["bad_id"])


@test
def sizes_are_limited_before_reading():
    with folder({"a.json": {"data": {"x": "y" * 2000}}}) as path:
        with open(os.path.join(path, "b.json"), "wb") as file:
            file.truncate(2 << 30)
        done = process(path)
        same(done.codes, ["ok", "too_large"])
        has(done.lines[1]["error"]["message"], "--max-bytes")
        assert done.seconds < 10, done.seconds
        same(process(path, "--max-bytes", "1000").codes, ["too_large", "too_large"])


@test
def files_that_change_are_read_whole_or_refused():
    with folder({"a.json": {"data": {}}}) as path:
        name = os.path.join(path, "a.json")
        writer = subprocess.Popen([sys.executable, "-c", f"""
import json
while True:
    for size in (10, 300000, 5):
        with open({name!r}, "w") as file:
            file.write(json.dumps({{"data": {{"x": "y" * size}}}}))
            file.flush()
"""])
        try:
            for _ in range(30):
                done = process(name)
                assert done.codes[0] in ("ok", "conflict", "invalid_json"), done.out
        finally:
            writer.kill()
            writer.wait()


@test
def parents_are_found_anywhere_among_the_inputs():
    with folder({"x/leaf.json": {"parent_id": "mid", "data": {"c": 3, "a": None}},
                 "a/m.json": {"id": "mid", "parent_id": "root", "data": {"b": 2}},
                 "z/root.json": {"data": {"a": 1, "b": 1}}}) as path:
        done = process(path, "--limit", "1")
        same(done.status, 0, done.out)
        leaf = [x for x in done.lines if x["id"] == "leaf"][0]
        same((leaf["fingerprint"], leaf["ancestors"], leaf["parent_id"]), (fingerprint({"b": 2, "c": 3}), 2, "mid"))
        same(process(os.path.join(path, "x")).codes, ["broken_parent"])
        same(process(path, path).status, 0)


@test
def broken_lines_of_parents_are_told():
    child = {"parent_id": "p", "data": {}}
    with folder({"c.json": child, "p.json": {"project": "other", "data": {}}}) as path:
        same(process(path).codes, ["broken_parent", "ok"])
    with folder({"c.json": child, "1/p.json": {"data": {}}, "2/p.json": {"data": {}}}) as path:
        done = process(path)
        same(done.codes, ["ok", "ok", "broken_parent"])
        has(done.lines[2]["error"]["message"], "two inputs")
    with folder({"c.json": child, "p.json": {"data": {}, "expires_at": "2001-01-01T00:00:00Z"}}) as path:
        done = process(path)
        same(done.codes, ["broken_parent", "ok"])
        same(done.lines[1]["expired"], True)
    around = {f"{name}.json": {"parent_id": parent, "data": {}} for name, parent in ("ab", "ba", "ca")}
    with folder(around) as path:
        same(process(path).codes, ["cycle"] * 3)
    chain = {f"n{i:02}.json": {"data": {str(i): i}, **({"parent_id": f"n{i - 1:02}"} if i else {})} for i in range(34)}
    with folder(chain) as path:
        same(process(path).codes, ["ok"] * 33 + ["too_deep"])


@test
def schemas_are_checked():
    schema = {"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "maxLength": 3}}}
    with folder({"c/a.json": {"data": {"title": "abc"}}, "c/b.json": {"data": {"title": "abcd"}},
                 "c/c.json": {"data": {}}, "s": schema, "bad": {"pattern": "x"}, "broken": "{"}) as path:
        inputs, at = os.path.join(path, "c"), lambda name: os.path.join(path, name)
        done = process(inputs, "--schema", at("s"))
        same((done.status, done.codes), (1, ["ok", "invalid", "invalid"]))
        has(done.lines[1]["error"]["path"], "title")
        has(done.lines[2]["error"]["message"], "title")
        done = process(inputs, "--schema", at("bad"))
        same((done.status, done.out), (3, ""))
        has(done.err, "pattern")
        same(process(inputs, "--schema", at("broken")).status, 3)
        same(process(inputs, "--schema", at("missing")).status, 4)


sys.exit(main())
