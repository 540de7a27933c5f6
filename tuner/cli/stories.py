"""The output of `diagnose` on the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console

from tuner.cli.tables import make_console, make_table, parameters, print_table, say, say_command
from tuner.cli.values import duration, number
from tuner.diagnostics.finding import changes_in_words
from tuner.disk.folder import StudyFolder
from tuner.reporting.about import About
from tuner.reporting.commands import of_study
from tuner.reporting.drawing import short
from tuner.reporting.study_story import Association, StudyStory, Symptom
from tuner.reporting.trial_story import TrialStory
from tuner.words import counted

_MOST_NUMBERS = 8
_MOST_LINKS = 5


def print_study(story: StudyStory, folder: StudyFolder) -> None:
    """Print symptoms, associated choices, repairs and trials that were ended early."""
    console = make_console()
    about = story.about
    states = ", ".join(f"{count} {state.lower()}" for state, count in sorted(story.states.items()))
    _say(
        console, f"study {about.study}: {counted(sum(story.states.values()), 'trial')} ({states}); {_objective(about)}"
    )
    if story.rejudged:
        _say(
            console,
            f"recorded without findings (an older version, or an error in their own code): {story.rejudged} of "
            f"{counted(story.judged, 'trial')}, judged now, by their records and the study's thresholds.",
        )
    if not story.judged:
        _say(console, "no trial is over yet: there is nothing to report.")
    elif not story.symptoms:
        _say(console, f"nothing was found in {counted(story.judged, 'trial')}.")
    else:
        _print_symptoms(console, story)
    if story.repairs:
        _print_repairs(console, story)
    _print_hopeless(console, story)
    example = story.symptoms[0].numbers[0] if story.symptoms else 0
    if story.judged:
        _say(console, "")
        say_command(console, "the story of one trial", of_study("diagnose", folder, "--trial", str(example)))


def _print_symptoms(console: Console, story: StudyStory) -> None:
    table = make_table("symptom", "trials (95 % interval)", "which")
    for symptom in story.symptoms:
        table.add_row(_words(symptom.name), str(symptom.share), _numbers(symptom.numbers))
    print_table(console, table)
    linked = [(symptom, link) for symptom in story.symptoms for link in symptom.links[:_MOST_LINKS] if link.significant]
    test = f"Fisher's exact test, corrected for {counted(story.comparisons, 'comparison')}"
    if not linked:
        few = "too few trials to say which choices are associated with a symptom."
        _say(console, f"no choice is associated with a symptom beyond chance ({test})." if story.comparisons else few)
        return
    _say(console, "choices associated with a symptom:")
    table = make_table("symptom", "choice", "with it (95 % interval)", "with others", "p")
    for symptom, link in linked:
        table.add_row(*_linked(symptom, link))
    print_table(console, table)
    _say(console, f"p: {test}. An association is only a hint at a cause: a search does not draw its choices evenly.")


def _linked(symptom: Symptom, link: Association) -> tuple[str, ...]:
    choice = f"{link.parameter} {link.choice}"
    return _words(symptom.name), choice, str(link.having), str(link.others), f"{link.probability:.1g}"


def _print_repairs(console: Console, story: StudyStory) -> None:
    _say(console, "effect of repairs, at the epochs that both trials have:")
    table = make_table("repair", "of", "change", story.about.objective.metric, "outcome")
    for repair in story.repairs:
        outcome = f"{repair.outcome}, finding {'gone' if repair.cured else 'still there'}"
        change = changes_in_words(repair.change)
        table.add_row(f"{repair.number} for {repair.repaired}", _words(repair.finding), change, repair.values, outcome)
    print_table(console, table)
    if story.helped is not None:
        times = counted(story.helped.trials, "time")
        _say(console, f"a repair helped {story.helped.hits} of {times}: by more than the seed alone changes a score.")


def _print_hopeless(console: Console, story: StudyStory) -> None:
    hopeless = story.hopeless
    if not hopeless.numbers:
        return
    count = len(hopeless.numbers)
    _say(
        console,
        f"{counted(count, 'hopeless trial')} ended early ({_numbers(hopeless.numbers)}), after "
        f"{counted(hopeless.epochs, 'epoch')}{' together' if count > 1 else ''}; not spent: "
        f"{counted(hopeless.saved_epochs, 'more epoch')}, about {duration(hopeless.saved_seconds)}.",
    )


def print_trial(story: TrialStory) -> None:
    """Print outcome, learning curve, findings, layers and figures."""
    console = make_console()
    _say(console, f"{story.title}: {story.outcome}")
    _say(console, parameters(story.params))
    if story.repairs:
        repairs = story.repairs
        change = changes_in_words(repairs["change"])
        _say(console, f"it repairs trial {repairs['number']}, {_words(repairs['finding'])}: {change}")
    if story.repaired_by:
        _say(console, f"repaired by trial {_numbers(story.repaired_by)}")
    _say(console, f"\n{_objective(story.about)}")
    for sentence in story.learning:
        _say(console, sentence)
    _print_findings(console, story)
    _print_layers(console, story)
    if story.figures:
        _say(console, "figures:")
        for figure in story.figures:
            _say(console, f"  {os.path.relpath(figure)}")
    elif story.learning:
        _say(console, "no figures: their folder cannot be written.")


def _print_findings(console: Console, story: TrialStory) -> None:
    _say(console, "")
    if not story.recorded:
        _say(console, "recorded without findings: judged now, by the study's thresholds.")
    if not story.findings:
        _say(console, "nothing was found." if story.look else "nothing was found; little was measured.")
    for place, finding in enumerate(story.findings, 1):
        where = f" in {short(finding['where'])}" if finding["where"] else ""
        hopeless = " (hopeless)" if finding["fatal"] else ""
        step = f" (step {finding['step']})" if finding["step"] else ""
        _say(console, f"{place}. {finding['title']}{where}{hopeless}, from epoch {finding['epoch']}{step}")
        _say(console, f"   {finding['evidence']}")
        _say(console, f"   threshold: {finding['threshold']} ({finding['source']})")
        if finding["remedies"]:
            _say(console, f"   try: {'; '.join(finding['remedies'])}")


def _print_layers(console: Console, story: TrialStory) -> None:
    if not story.look:
        return
    over = f"{story.lag:g} steps" if story.lag else "the task's lag"
    if story.layers:
        _say(console, f"\nlayers in epoch {story.look}:")
        table = make_table(
            "layer",
            f"gradient left over {over}",
            "remembers for",
            "dead units",
            "saturated",
            "largest state",
        )
        for cell, values in story.layers.items():
            table.add_row(
                short(cell),
                _power(values.get("attenuation")),
                _steps(values.get("memory_time")),
                _percent(values.get("dead")),
                _percent(values.get("saturated")),
                number(values.get("state_max")),
            )
        print_table(console, table)
    if story.gates:
        _say(console, f"gates in epoch {story.look}:" if story.layers else f"\ngates in epoch {story.look}:")
        table = make_table("gate", "mean", "shut (< 0.1)", "open (> 0.9)", "largest singular value", "least")
        for gate, values in story.gates.items():
            table.add_row(
                short(gate),
                number(values.get("mean")),
                _percent(values.get("shut")),
                _percent(values.get("open")),
                number(values.get("singular_largest")),
                number(values.get("singular_least")),
            )
        print_table(console, table)


def _say(console: Console, text: str) -> None:
    say(console, text)


def _objective(about: About) -> str:
    return f"objective {about.objective.metric}, {about.objective.words}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _numbers(numbers: Sequence[int]) -> str:
    told = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
    return told if len(numbers) <= _MOST_NUMBERS else f"{told}, …"


def _power(exponent: float | None) -> str:
    if exponent is None:
        return "-"
    return f"10^{exponent:.1f}" if abs(exponent) > 3 else f"{10**exponent:.2g}"


def _steps(steps: float | None) -> str:
    return "-" if steps is None else f"{steps:.3g} steps"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
