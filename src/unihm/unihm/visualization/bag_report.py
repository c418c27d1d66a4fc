"""The report of :mod:`unihm.evaluation.bags` as a page: one file and the pictures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; color: #222 }
h2 { margin-top: 3rem } table { border-collapse: collapse; margin: 1rem 0 }
td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: left }
figure { display: inline-block; margin: .5rem 1rem .5rem 0 } img { width: 31rem }
figcaption { color: #666 } .bad { color: #b00 }
"""


def write_report(folder: Path, report: Mapping[str, Any]) -> Path:
    """Write ``index.html``; pictures are those that are in the folder.

    Args:
        folder: made where it is missing.
        report: with the keys ``tasks``, ``stages`` and ``differences``.
    """
    parts = [f"<!doctype html><meta charset=utf-8><title>Recordings</title><style>{_STYLE}</style>"]
    parts.append("<h1>Recordings, planned again</h1>")
    parts.append(_table([_ends(task) for task in report["tasks"]]))
    for number, task in enumerate(report["tasks"]):
        name = task["task"]
        parts.append(f"<h2>{escape(name)}: “{escape(task['instruction'])}” ({task['hand']})</h2>")
        for path in sorted(folder.glob(f"{number + 1:02d}_*.png")):
            by, what = path.stem.split("_", 1)[1].rsplit("_", 1)
            parts.append(
                f'<figure><img src="{escape(path.name)}" alt=""><figcaption>{escape(by)}: {what}'
                "</figcaption></figure>"
            )
        for title, key in (("Differences", "differences"), ("Stages", "stages")):
            rows = [row for row in report[key] if row["task"] == name]
            for stage in dict.fromkeys(row["stage"] for row in rows):
                own = [
                    {k: v for k, v in row.items() if k != "task"}
                    for row in rows
                    if row["stage"] == stage
                ]
                parts.append(f"<h3>{title}: {stage}</h3>{_table(own)}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def _ends(task: Mapping[str, Any]) -> dict[str, Any]:
    row = {"task": task["task"], "instruction": task["instruction"], "hand": task["hand"]}
    for by, end in {"recorded": task["recorded"], **task["planned"]}.items():
        row[by] = "" if end is None else end["message"] or "planned"
    return row


def _table(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = "".join(f"<th>{escape(column)}" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_words(row.get(column, '')))}" for column in columns)
        for row in rows
    )
    return f"<table><tr>{head}{body}</table>"


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(each)}" for key, each in value.items())
    return str(value)
