"""Classification of texts: find a network for made-up reviews, and let it judge new ones."""

import csv
import random

import tuner

WORDS = {"good": ["fine", "lovely", "happy"], "bad": ["awful", "poor", "grim"]}
draw = random.Random(0)
with open("reviews.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["text", "label"])
    for number in range(300):
        label = draw.choice(list(WORDS))
        rows.writerow([f"the {' '.join(draw.choices(WORDS[label] + ['film', 'plot'], k=6))} no {number}", label])

study = tuner.run(
    {
        "name": "reviews",
        "adapter": "nlp/classification",
        "data": {"path": "reviews.csv"},
        "search_space": {"cell": ["gru", "lstm"], "hidden_size": {"low": 8, "high": 64, "log": True}},
        "budget": {"trials": 8, "epochs": 10},
    }
)
print(study.trials_dataframe()[["number", "state", "value", "cell", "hidden_size"]])
print(study.model().predict(["a lovely film", "a grim plot"], proba=True))
