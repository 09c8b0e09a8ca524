#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a command with a PostgreSQL server of its own: with_postgres.py COMMAND...

The server lives in a temporary directory, listens at a Unix socket there and nowhere else, and ends with the command.
PGHOST, PGUSER and PGDATABASE tell the command where it is. The status is the command's, or 77 (skipped) if
PostgreSQL is not installed. It does not run as root: as root it is started as another user.
"""
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIPPED = 77
START_SECONDS = 60
PR_SET_PDEATHSIG = 1
# Nothing of it has to survive.
SETTINGS = {'listen_addresses': '', 'fsync': 'off', 'synchronous_commit': 'off', 'full_page_writes': 'off',
            'shared_buffers': '16MB', 'max_connections': '20', 'autovacuum': 'off'}


def programs():
    """The folder of the newest server's programs, or None."""
    found = sorted(Path('/usr/lib/postgresql').glob('*/bin/initdb'), key=lambda path: int(path.parts[-3]))
    there = found[-1] if found else shutil.which('initdb')
    return Path(there).parent if there else None


def other_user():
    """Who runs the server: nobody in particular, unless we are root."""
    if os.getuid() != 0:
        return {}
    for name in ('postgres', 'nobody'):
        try:
            user = pwd.getpwnam(name)
            return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}
        except KeyError:
            continue
    sys.exit('with_postgres: there is no user that the server could run as')


def die_with_us():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


class Server:
    def __init__(self, folder, bin_folder):
        self.folder, self.bin, self.user = Path(folder), bin_folder, other_user()
        if self.user:
            os.chown(folder, self.user['user'], self.user['group'])
        self.log = open(self.folder / 'log', 'w+b')
        self.process = None

    def run(self, command):
        subprocess.run([str(word) for word in command], stdout=self.log, stderr=self.log, cwd=self.folder, check=True,
                       **self.user)

    def start(self):
        data = self.folder / 'data'
        self.run([self.bin / 'initdb', '-D', data, '-U', 'example', '-A', 'trust', '-E', 'UTF8', '--locale=C',
                  '--no-sync', '--no-instructions'])
        settings = [word for name, value in SETTINGS.items() for word in ('-c', f'{name}={value}')]
        self.process = subprocess.Popen([self.bin / 'postgres', '-D', data, '-k', self.folder, *settings],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder,
                                        preexec_fn=die_with_us, **self.user)
        limit = time.monotonic() + START_SECONDS
        ready = [self.bin / 'pg_isready', '-q', '-h', self.folder]
        while subprocess.run(ready, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError('the server does not start')
            time.sleep(0.05)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)  # ends connections
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()

    def told(self):
        self.log.seek(0)
        return self.log.read().decode(errors='replace')


def terminate(number, frame):
    raise SystemExit(128 + number)


def main():
    bin_folder = programs()
    if bin_folder is None:
        print('1..0 # skip PostgreSQL is not installed')
        return SKIPPED
    signal.signal(signal.SIGTERM, terminate)
    with tempfile.TemporaryDirectory(prefix='pg-', dir='/tmp') as folder:  # a short path, for the socket's sake
        server = Server(folder, bin_folder)
        try:
            server.start()
            env = {**os.environ, 'PGHOST': folder, 'PGUSER': 'example', 'PGDATABASE': 'postgres'}
            return subprocess.run(sys.argv[1:], env=env, check=False).returncode
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            print(f'with_postgres: {error}\n{server.told()}')
            return 1
        finally:
            server.stop()


if __name__ == '__main__':
    sys.exit(main())
