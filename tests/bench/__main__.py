"""`./run bench NAME [--json]`: run `bench_NAME.py`'s `run()` and print its figures."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from tests.bench.harness import Report


def main(argv: list[str]) -> int:
    """Run one benchmark; exit 1 where a floor is missed, 2 where the name is unknown."""
    names = sorted(p.stem.removeprefix("bench_") for p in Path(__file__).parent.glob("bench_*.py"))
    wanted = [a for a in argv if not a.startswith("-")]
    if len(wanted) != 1 or wanted[0].replace("-", "_") not in names:
        known = ", ".join(n.replace("_", "-") for n in names)
        sys.stderr.write(f"usage: ./run bench NAME [--json]; names: {known}\n")
        return 2
    module = importlib.import_module(f"tests.bench.bench_{wanted[0].replace('-', '_')}")
    report: Report = module.run()
    if "--json" in argv:
        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False) + "\n")
    else:
        show(report)
    return 0 if all(figure.ok for figure in report.figures) else 1


def show(report: Report) -> None:
    """Print the figures for a person."""
    print(f"{report.name}  load: {report.load}")
    for f in report.figures:
        floor = "" if f.floor is None else f"  floor {f.floor:,.6g} {'met' if f.ok else 'MISSED'}"
        raw = "" if f.raw is None else f"  raw {f.raw:,.6g} (ratio {f.ratio})"
        print(f"  {f.metric:<40} {f.figure:>14,.6g} {f.unit}{floor}{raw}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
