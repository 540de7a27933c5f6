"""The terms that a report explains in place."""

from __future__ import annotations

from markupsafe import Markup

from tuner.report.svg import tag

GLOSSARY = {
    "baseline": "The configuration to beat, named in the task file; trained on the same fresh seeds as the best.",
    "configuration": "One choice for every parameter of the search space.",
    "confirmation": "After the search, the best trials and the baseline are trained again on fresh seeds, "
    "since the best of many trials is partly the luckiest.",
    "diverged": "A loss or a prediction was no longer a finite number.",
    "epoch": "One pass over the training data.",
    "failed": "The trial's own code raised an error.",
    "fresh seed": "A random seed that the search did not use; it determines initial weights and the order of the data.",
    "gate": "A part of a gated cell that controls, with values from 0 (shut) to 1 (open), what is kept and read.",
    "hopeless": "A rule ended the trial early because it learned nothing and the cause was known.",
    "importance": "A parameter's share in whether a trial is among the best tenth (PED-ANOVA).",
    "interval": "A range that contains the true value with the stated confidence, over the choice of seeds or trials.",
    "pruned": "Ended early at a rung because other trials were better after as many epochs.",
    "rung": "An epoch after which trials are compared and the worse ones pruned.",
    "test data": "Data that neither training nor search saw; read once, after the winner was chosen.",
    "trial": "One training with one configuration.",
    "trivial predictor": "A predictor that learns nothing: it answers the most frequent class or last season's value.",
    "validation data": "Data that are not trained on; trials are compared by them.",
    "vanishing gradient": "The gradient shrinks on its way back through the steps, so that long dependencies are "
    "not learned.",
}
"""Term -> what it means."""


def term(name: str, words: str = "") -> Markup:
    """A term with its explanation as hover text.

    Args:
        name: Its name in the glossary.
        words: The text in the sentence; by default its name.
    """
    return tag("dfn", words or name, tabindex="0", data_tip=GLOSSARY[name])
