"""What every benchmark returns: figures beside the machine's own figure for the same kind of work."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One measured figure; `raw` is the machine's own figure for the same kind of work, in the same unit."""

    metric: str
    figure: float
    unit: str
    floor: float | None = None
    better: Literal["higher", "lower"] = "higher"
    raw: float | None = None

    @property
    def ratio(self) -> float | None:
        """The figure against the machine's own."""
        return None if not self.raw else round(self.figure / self.raw, 4)

    @property
    def ok(self) -> bool:
        """Whether the floor is met."""
        if self.floor is None:
            return True
        return self.figure >= self.floor if self.better == "higher" else self.figure <= self.floor


@dataclass(frozen=True)
class Report:
    """The outcome of one benchmark: its name, its load and its figures."""

    name: str
    load: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Render for `--json`."""
        rows = [{**asdict(f), "ratio": f.ratio, "ok": f.ok} for f in self.figures]
        return {"name": self.name, "load": self.load, "figures": rows}
