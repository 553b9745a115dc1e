"""``kill -9`` while traces are written."""

import subprocess
import sys
from pathlib import Path

from tailsampler.testing.spans import trace_id_of
from tests.needs import ROOT
from tests.store.opened import opened

WRITER = """
import sys
from pathlib import Path
from tailsampler.clock import SystemClock
from tailsampler.store.options import Options
from tailsampler.store.traces import TraceStore
from tailsampler.testing.spans import request, resource, trace

store = TraceStore.open(Path(sys.argv[1]), Options(), SystemClock())
for batch in range(int(sys.argv[2]), 1_000_000):
    spans = [one for n in range(20) for one in trace(batch * 20 + n + 1)]
    store.write(request(resource("shop", *spans)).SerializeToString())
    print(batch, flush=True)
"""
ROUNDS = 3
BATCHES = 15


def test_what_a_write_returned_for_survives_kill_9(tmp_path: Path) -> None:
    """Killed again and again in mid-write, the store opens, has every such trace, and whole."""
    path = tmp_path / "traces.sqlite"
    first, returned = 0, set[int]()
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", WRITER, str(path), str(first)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(BATCHES):
                returned.add(int(writer.stdout.readline()))
            writer.kill()
            returned |= {int(line) for line in writer.stdout if line.endswith("\n")}
        first = max(returned) + 1
        with opened(tmp_path) as store:
            for batch in returned:
                for number in range(batch * 20 + 1, batch * 20 + 21):
                    stored = store.get(trace_id_of(number))
                    assert stored is not None
                    assert stored.row.spans == 3
            # One batch more may have been written than was told of, and never a part of one.
            assert store.totals().traces % 20 == 0
            assert store.totals().traces <= 20 * (first + 1)
    assert list(tmp_path.glob("*.damaged-*")) == []
