"""Words of the field that a report uses, explained where they stand."""

from __future__ import annotations

from markupsafe import Markup

from tuner.report.svg import tag

GLOSSARY = {
    "baseline": "The configuration that the task file names as the one to beat, trained as often as the best trials.",
    "configuration": "One choice for every parameter of the search space.",
    "confirmation": "After the search, the best trials and the baseline are trained again on fresh seeds, "
    "since the best of many trials is partly the luckiest.",
    "diverged": "A loss or a prediction was no longer a finite number.",
    "epoch": "One pass over the training data.",
    "failed": "The trial's own code raised an error.",
    "fresh seed": "A seed of random numbers that the search did not use; start values and order of data follow it.",
    "gate": "A part of a gated cell that decides, with values 0 (shut) to 1 (open), what is kept and read.",
    "hopeless": "A rule ended the trial early, as nothing was learned and the cause was known.",
    "importance": "The share of a parameter in reaching the best tenth of the trials (PED-ANOVA).",
    "interval": "A range that holds the true value with the named probability, over the choice of seeds or trials.",
    "pruned": "Ended at a rung, as other trials were better after as many epochs.",
    "rung": "An epoch after which trials are compared and the worse ones pruned.",
    "test data": "Data that neither training nor search saw; read once, after the choice.",
    "trial": "One training with one configuration.",
    "trivial predictor": "What predicts without looking at the input: the most frequent class, last season's value.",
    "validation data": "Data that is not trained on and by which trials are chosen.",
    "vanishing gradient": "The training signal fades on its way back through the steps, so that long dependencies are "
    "not learned.",
}
"""Term -> what it means."""


def term(name: str, words: str = "") -> Markup:
    """A term that explains itself where it is pointed at or focused.

    Args:
        name: Its name in the glossary.
        words: How it stands in the sentence; by default its name.
    """
    return tag("dfn", words or name, tabindex="0", data_tip=GLOSSARY[name])
