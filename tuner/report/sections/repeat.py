"""How to repeat it: commands, versions, data, the task file."""

from __future__ import annotations

from tuner.report.section import Section
from tuner.report.study import ReportedStudy
from tuner.report.templates import filled
from tuner.reporting.commands import of_study


def repeat(study: ReportedStudy) -> Section:
    """The section with all that is needed to repeat the study."""
    winner, sweep = study.winner, study.sweep
    commands = [study.again("run")]
    if winner is not None and winner >= 0:
        commands.append(study.again("rerun", str(winner)))
    commands.append(of_study("report", study.folder))
    data = sweep.get("data") or {}
    facts = [
        ("adapter", sweep.get("adapter")),
        ("data", data.get("source")),
        ("digest of the data", data.get("digest")),
        ("items", ", ".join(f"{split} {count}" for split, count in (sweep.get("counts") or {}).items())),
        ("sampler", sweep.get("sampler")),
        ("pruner", sweep.get("pruner")),
        ("seed", sweep.get("seed")),
        ("versions", ", ".join(f"{package} {version}" for package, version in (sweep.get("versions") or {}).items())),
    ]
    body = filled(
        "repeat.html",
        commands=commands,
        facts=[(key, str(value)) for key, value in facts if value not in (None, "")],
        task=study.task,
    )
    return Section("repeat", "How do I repeat it?", "Repeat", body)
