"""Starts MiniStack with its gaps closed."""

import os
import signal
import sys
import threading

import ministack.app

from . import buckets, conditions, encryption, organizations, saved_queries, sessions, stacks, state_machines


def _stop_with_the_parent():
    """Ends when standard input does, which is when the process that started this has ended in any way."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    for gaps in (buckets, conditions, encryption, organizations, saved_queries, sessions, stacks, state_machines):
        gaps.close()
    ministack.app.main()


if __name__ == "__main__":
    main()
