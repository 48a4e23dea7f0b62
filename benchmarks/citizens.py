"""The real messages of 2019: are the great mass complaints told in time, and is a shuffled year quiet?

    python benchmarks/citizens.py

Replays the messages as they came, and once more with each caller's messages moved together to a random time of the
year, which breaks every burst. Reads `../shared/data` (or SENTINEL_SHARED); says so and ends where it is absent.
Writes benchmarks/results/citizens.json.
"""

import json
import os
import random
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sentinel.replay_command import run_replay

RESULTS = Path(__file__).parent / "results"
SHARED = Path(os.environ.get("SENTINEL_SHARED", Path(__file__).parents[2] / "shared"))
MAP = "ticket_id=id,caller=user,created_at=time"
GREAT = {"伊景园滨河苑": "2019-07-01", "丽发新城": "2019-11-01"}
"""The two great mass complaints by the name in their texts, and when they began."""
YEAR = timedelta(days=365)
START = datetime(2019, 1, 1)  # noqa: DTZ001  # local, as the file's own times
SEED = 2019


def shuffled(rows: list[dict[str, object]], seed: int) -> list[dict[str, object]]:
    """Move each caller's messages together to a random time of the year, round its end."""
    chance = random.Random(seed)
    moved = {user: chance.random() * YEAR for user in sorted({str(row["user"]) for row in rows})}
    out = []
    for row in rows:
        at = START + (datetime.fromisoformat(str(row["time"])) - START + moved[str(row["user"])]) % YEAR
        out.append({**row, "time": at.isoformat(sep=" ", timespec="seconds")})
    return out


def callers_within_a_week(members: list[dict[str, object]], until: str) -> int:
    """Distinct callers of a complaint in the seven days up to a moment."""
    end = datetime.fromisoformat(until).replace(tzinfo=None)
    times = [(datetime.fromisoformat(str(m["time"])), m["user"]) for m in members]
    return len({user for at, user in times if end - timedelta(days=7) < at <= end})


def main() -> None:
    console = Console()
    data = SHARED / "data" / "citizen_messages"
    if not (data / "messages_2019.jsonl").is_file():
        console.print(f"skipped: the real messages are not at {data}")
        return
    rows = [json.loads(line) for line in (data / "messages_2019.jsonl").read_text("utf-8").splitlines()]
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        summary = run_replay((data / "messages_2019.jsonl",), root / "real", None, MAP, 0.0, 0, True, console)
        alerts = [json.loads(line) for line in (root / "real" / "alerts.jsonl").read_text("utf-8").splitlines()]
        for name, since in GREAT.items():
            members = [r for r in rows if name in r["title"] + r["text"] and r["time"] >= since]
            ids = {r["id"] for r in members}
            first = next(a for a in alerts if a["opened_at"] >= since and 2 * len(ids & set(a["ticket_ids"])) >= 4)
            figures[f"{name}: callers in seven days when told"] = callers_within_a_week(members, first["updated_at"])
        figures["seconds"] = summary["seconds"]
        moved = root / "shuffled.jsonl"
        moved.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in shuffled(rows, SEED)), encoding="utf-8"
        )
        quiet = run_replay((moved,), root / "quiet", None, MAP, 0.0, 0, True, console)
        basis = quiet["alerts_by_basis"]
        assert isinstance(basis, dict)
        figures["shuffled: statistical alerts a week"] = round(basis.get("statistical", 0) / 52.14, 3)
    table = Table(title="real messages of 2019", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for label, value in figures.items():
        table.add_row(label, str(value))
    console.print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "citizens.json").write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
