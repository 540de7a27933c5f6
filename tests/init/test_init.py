"""`init`: what it warns of, what it refuses, and where it writes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from tests.support.command import tuner
from tests.support.users_files import KINDS, sentences
from tuner.cli import main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drafted(*arguments: str) -> tuple[dict[str, Any], str]:
    """The task that `init` prints, and what it says."""
    told = tuner("init", *arguments, "--no-timing")
    return yaml.safe_load(told.stdout), told.stderr


class TestWarnings:
    """What would spoil the result."""

    def test_an_id_and_a_copy_of_the_label(self) -> None:
        """Both are told and are no inputs."""
        rng = np.random.default_rng(0)
        rows = [f"{i},{'ab'[i % 2]},{i % 2},{','.join(f'{x:.3f}' for x in rng.normal(size=6))}" for i in range(40)]
        Path("beats.csv").write_text("\n".join([f"id,label,code,{','.join(f't{i}' for i in range(6))}", *rows]))
        _, told = drafted("beats.csv")
        assert "note: column 'id' left out: it counts rows" in told
        assert "note: column 'code' left out: it repeats the label in other words" in told

    def test_equal_items_in_two_splits(self) -> None:
        """They are told with the places of two of them."""
        rows = [f"{'ab'[i % 2]},{','.join(str(float(i % 4 * j)) for j in range(6))}" for i in range(40)]
        Path("beats.csv").write_text("\n".join([f"label,{','.join(f't{i}' for i in range(6))}", *rows]))
        assert "equal items in two splits make scores too good" in drafted("beats.csv")[1]

    def test_gaps_in_time(self) -> None:
        """They are counted, and it is told what is done about them."""
        rows = [f"2024-01-{1 + i // 24:02} {i % 24:02}:00,{i % 7}.5" for i in range(400) if i not in (100, 200)]
        Path("load.csv").write_text("\n".join(["time,load", *rows]))
        _, told = drafted("load.csv")
        assert "2 gaps in time (2 rows missing at a step of 1 hour)" in told

    @pytest.mark.parametrize("word", ["", "NA", "?"])
    def test_missing_values_of_what_is_to_be_forecast(self, word: str) -> None:
        """The column stays the target, the flag beside it a covariate, though some of its cells are missing, too."""
        sold = [f"{i % 7},5" if i % 90 else word for i in range(400)]
        promo = [i % 5 // 4 if i % 80 else word for i in range(400)]
        rows = [f"2024-01-{1 + i // 24:02} {i % 24:02}:00;{sold[i]};{promo[i]}" for i in range(400)]
        Path("shop.csv").write_text("\n".join(["time;sold;promo", *rows]))
        task, told = drafted("shop.csv")
        assert task["data"]["known_covariates"] == ["promo"]
        assert "targets" not in task["data"]
        assert "note: values are missing: sold in 5 rows; these rows are taken for gaps" in told
        assert "note: covariates are missing: promo in 5 rows (filled with the value before)" in told

    @pytest.mark.parametrize("form", ["a row per series", "a list of JSON", "a row per word"])
    def test_advice_on_a_form_that_is_not_read_works(self, form: str) -> None:
        """Followed literally."""
        names = [f"{2015 + month // 12}-{month % 12 + 1:02}" for month in range(48)]
        if form == "a list of JSON":
            name, wanted = "a.json", "nlp/classification"
            Path(name).write_text(json.dumps([{"text": text, "label": label} for text, label in sentences()]))
        elif form == "a row per word":
            name, wanted = "ner.csv", "nlp/tagging"
            rows = [
                f"{'' if place else f'Sentence: {number}'};{word};NN;{'B-city' if place == 2 else 'O'}"
                for number, (text, _) in enumerate(sentences(), 1)
                for place, word in enumerate([*text.split(), "NA"])
            ]
            Path(name).write_text("\n".join(["Sentence #;Word;POS;Tag", *rows]))
        else:
            name, wanted = "sales.csv", "time_series/forecasting"
            sold = np.random.default_rng(0).normal(50, 5, (9, 48)).round(2)
            rows = [f"s{shop},{','.join(map(str, row))}" for shop, row in enumerate(sold.tolist())]
            Path(name).write_text("\n".join(["shop," + ",".join(names), *rows]))
        told = tuner("init", name, "--no-timing", status=2)
        command = re.search(r'python (-c) "(.*)"', told.stderr.replace("\n", " "))
        assert command is not None, told.stderr
        subprocess.run([sys.executable, *command.groups()], check=True)
        (made,) = set(os.listdir()) - {name}
        assert drafted(made)[0]["adapter"] == wanted
        if form == "a row per word":
            read = [json.loads(line) for line in Path(made).read_text().splitlines()]
            assert [row["tokens"] for row in read] == [[*text.split(), "NA"] for text, _ in sentences()]
            assert all(row["tags"] == ["O", "O", "B-city", "O", "O", "O", "O"] for row in read)

    def test_few_items_of_a_class(self) -> None:
        """The rarest class is named, and how often it occurs."""
        rows = [f"{'rare' if i < 4 else 'usual' if i % 2 else 'other'},some words stand here {i}" for i in range(60)]
        Path("texts.csv").write_text("\n".join(["label,text", *rows]))
        task, told = drafted("texts.csv")
        assert "warning: 1 of 3 classes have fewer than 10 texts, such as 'rare' with 4" in told
        assert task["data"]["label"] == "label"

    def test_accuracy_says_little_where_a_class_is_nearly_all(self) -> None:
        """Another objective is named, which the adapter knows."""
        rows = [f"{'rare' if i % 20 == 0 else 'usual'},some words stand here {i}" for i in range(300)]
        Path("texts.csv").write_text("\n".join(["label,text", *rows]))
        assert "set objective.metric to val/macro_f1" in drafted("texts.csv")[1]
        drafted("texts.csv", "--set", "objective.metric=val/macro_f1")

    @pytest.mark.parametrize("astray", ["README.txt", "wet/more/1.txt"])
    def test_a_file_that_lies_outside_of_the_labels(self, astray: str) -> None:
        """Folders of texts are running text with it, which is told; without it they are labels."""
        for number, (text, label) in enumerate(sentences()):
            Path("texts", label).mkdir(parents=True, exist_ok=True)
            Path("texts", label, f"{number}.txt").write_text(text)
        path = Path("texts", astray)
        path.parent.mkdir(exist_ok=True)
        path.write_text("these are the texts of some days")
        task, told = drafted("texts")
        assert task["adapter"] == "nlp/language_modelling"
        assert f"may be labels of the texts in them, but for {astray}: if so, move that away" in told
        path.unlink()
        assert drafted("texts")[0]["adapter"] == "nlp/classification"

    def test_measurements_that_are_no_steps(self) -> None:
        """Columns with names that do not count are told to be taken for steps."""
        rng = np.random.default_rng(0)
        rows = [f"{x:.2f},{y:.2f},{z:.2f},s{i % 2}" for i, (x, y, z) in enumerate(rng.normal(size=(40, 3)))]
        Path("iris.csv").write_text("\n".join(["sepal length,sepal width,petal length,species", *rows]))
        task, told = drafted("iris.csv")
        assert task["data"]["label"] == "species"
        assert "are taken for the steps of one measurement" in told


class TestGuesses:
    """What is not settled is told, and can be said."""

    def test_days_and_months_that_may_be_either(self) -> None:
        """The reading with even steps is taken, called a guess, and the other one is named."""
        rows = [f"{1 + i % 12:02}/01/{2010 + i // 12},{i % 12}.5" for i in range(96)]
        Path("sales.csv").write_text("\n".join(["date,sales", *rows]))
        task, told = drafted("sales.csv")
        assert task["data"]["time_format"] == "%m/%d/%Y"
        assert task["data"]["horizon"] == 12
        assert "it may also be %d/%m/%Y" in told

    def test_what_is_said_beforehand_holds(self) -> None:
        """A column and a budget that are given by --set stand in the file, and are no guesses."""
        rows = [f"{'ab'[i % 2]},{'xyz'[i % 3]},some words stand here {i}" for i in range(60)]
        Path("texts.csv").write_text("\n".join(["first,second,text", *rows]))
        told = tuner(
            "init", "texts.csv", "--no-timing", "--set", "data.label=second", "--set", "budget.trials=3"
        ).stdout
        task = yaml.safe_load(told)
        assert (task["data"]["label"], task["budget"]["trials"]) == ("second", 3)
        assert "label: second  # as asked for" in told

    def test_another_adapter_is_asked_for(self) -> None:
        """--adapter settles what a file is taken for."""
        KINDS["labelled lines"].make(Path())
        task, told = drafted("lines.txt")
        assert "it could also be running text" in told
        assert task["adapter"] == "nlp/classification"
        assert drafted("lines.txt", "--adapter", "nlp/language_modelling")[0]["adapter"] == "nlp/language_modelling"

    def test_labels_in_lists(self) -> None:
        """Of JSON lines, by their name or named; with the texts that have each."""
        rows = [
            {"text": text, "topics": [["wet", "cold"], [], ["wet"]][i % 3]} for i, (text, _) in enumerate(sentences())
        ]
        Path("a.jsonl").write_text("\n".join(map(json.dumps, rows)))
        for named in ("topics", "areas"):
            Path("a.jsonl").write_text("\n".join(json.dumps(row).replace("topics", named) for row in rows))
            sets = [] if named == "topics" else ["--set", "data.label=areas"]
            task, told = drafted("a.jsonl", *sets)
            assert (task["data"]["label"], task["data"]["labels"]) == (named, "many")
            assert "2 labels, any number of them per text, in 60 texts: 'wet' 67%, 'cold' 33%; 20 have none" in told

    @pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("True", "False"), ("1.0", "0.0"), ("yes", "no")])
    def test_columns_of_labels(self, yes: str, no: str) -> None:
        """As programs write them; a column with another role is none; labels that exclude each other are told."""
        rows = [f"{text},{[yes, no][i % 2]},{[yes, no][i // 2 % 2]},{[yes, no][i // 4 % 2]},{i % 2}"
                for i, (text, _) in enumerate(sentences())]  # fmt: skip
        Path("a.csv").write_text("\n".join(["text,toxic,obscene,insult,fold", *rows]))
        task, told = drafted("a.csv")
        assert task["data"]["label_columns"] == ["toxic", "obscene", "insult"]
        assert "exactly one" not in told
        assert "8 have none" in told or "7 have none" in told
        rows = [
            f"{text},{','.join(yes if i % 3 == k else no for k in range(3))}" for i, (text, _) in enumerate(sentences())
        ]
        Path("b.csv").write_text("\n".join(["text,red,green,blue", *rows]))
        assert "warning: each text has exactly one of these labels" in drafted("b.csv")[1]

    def test_a_name_with_a_comma_is_one_label(self) -> None:
        """Categories, some of two words that others share."""
        names = ["Men, Shoes", "Men, Shirts", "Women, Shoes", "Women, Shirts", "Women, Bags", "Bags"]
        rows = [f'{text},"{names[i % 6]}"' for i, (text, _) in enumerate(sentences())]
        Path("a.csv").write_text("\n".join(["text,category", *rows]))
        task, told = drafted("a.csv")
        assert "labels" not in task["data"]
        assert "6 classes in 60 texts" in told

    def test_names_tell_train_from_test(self) -> None:
        """The order of the files does not matter where their names say it."""
        KINDS["ts"].make(Path())
        task, _ = drafted("Gun_TEST.ts", "Gun_TRAIN.ts")
        assert (task["data"]["path"], task["data"]["test_path"]) == ("Gun_TRAIN.ts", "Gun_TEST.ts")

    def test_a_group_that_cannot_be_kept_whole_is_left_out(self) -> None:
        """A guess that the data refuse is dropped, which is told, and the file is accepted."""
        rows = [f"l{i // 5},u{i // 5},some words stand here {i}" for i in range(60)]
        Path("texts.csv").write_text("\n".join(["label,author,text", *rows]))
        task, told = drafted("texts.csv")
        assert "group" not in task["data"]
        assert "data.group was tried and left out" in told


class TestPlaces:
    """Where the file goes."""

    def test_without_a_place_only_the_task_file_is_printed(self) -> None:
        """Standard output is YAML alone, the rest is on standard error."""
        Path("a.csv").write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in sentences())]))
        told = tuner("init", "a.csv", "--no-check")
        assert yaml.safe_load(told.stdout)["data"] == {
            "path": "a.csv",
            "text": "text",
            "label": "label",
            "unit": "word",
        }
        assert "trivial score" not in told.stderr
        assert "labelled texts" in told.stderr

    def test_a_file_that_is_there_is_kept(self) -> None:
        """It is written over by --force alone, and a folder never is."""
        Path("a.csv").write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in sentences())]))
        Path("task.yaml").write_text("mine")
        error = tuner("init", "a.csv", "-o", "task.yaml", "--no-check", status=2).stderr
        assert error == (
            "the task file must not exist yet, but got 'task.yaml'. Name another one, or overwrite it with --force.\n"
        )
        assert Path("task.yaml").read_text() == "mine"
        tuner("init", "a.csv", "-o", "task.yaml", "--no-check", "--force")
        assert yaml.safe_load(Path("task.yaml").read_text())["name"] == "a"
        assert "It is a folder" in tuner("init", "a.csv", "-o", ".", "--force", status=2).stderr

    def test_a_task_file_in_another_folder_finds_its_data(self, tmp_path: Path) -> None:
        """The path is from the task file's folder where that holds the data, else a whole one."""
        for folder in ("tasks", "data"):
            Path(folder).mkdir()
        rows = ["text,label", *(f"{text},{label}" for text, label in sentences())]
        Path("data/a.csv").write_text("\n".join(rows))
        for out, path in (("tasks/a.yaml", str(tmp_path / "data/a.csv")), ("data/a.yaml", "a.csv")):
            tuner("init", "data/a.csv", "-o", out, "--no-check")
            assert yaml.safe_load(Path(out).read_text())["data"]["path"] == path
            tuner("validate", out, "--no-timing")

    def test_names_that_yaml_takes_for_something_else(self) -> None:
        """Columns and files with odd names come back as they are."""
        name = 'a "b": {no} #1 \\.csv'
        rows = [f"{'yn'[i % 2]},some words stand here {i}" for i in range(40)]
        Path(name).write_text("\n".join(["no,text: 1", *rows]))
        task, _ = drafted(name)
        assert task["data"] == {"path": name, "text": "text: 1", "label": "no", "unit": "word"}

    def test_timing_tells_how_long_a_sweep_takes(self) -> None:
        """Steps are measured, and the time is told."""
        Path("a.csv").write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in sentences())]))
        told = tuner("init", "a.csv", "--set", "budget.trials=2", "--set", "search_space=quick").stderr
        assert "on one processor at most, for 4 trainings of 10 epochs" in told


@pytest.mark.parametrize("cell", ["1,003.5", "12.5 €", "$3", "-7%", "2\u202f000", "1'234'567.5", "USD 20"])
def test_numbers_that_are_not_plain_are_proposed_and_told(cell: str) -> None:
    """As values of the series; a date, a version and a code are none."""
    rows = [f"2020-01-{day:02},{day % 7 + 0.5},{cell},2.7.{day},ABC{day}" for day in range(1, 31)]
    Path("a.csv").write_text("\n".join(["day,load,price,version,code", *rows]).replace("1,003.5", '"1,003.5"'))
    told = tuner("init", "a.csv", "--no-timing").stderr
    assert "2 columns to forecast" in told
    assert f"numbers that are not plain, read so: price {cell!r} as " in told


@pytest.mark.parametrize("cell", ["€5", "12.5.3", "7%", "n/k"])
def test_a_column_that_is_left_out_for_one_cell_is_told(cell: str) -> None:
    """With the cell, as it may be the column that matters."""
    rows = [f"2020-01-{day:02},{day % 7 + 0.5},${day}.25" for day in range(1, 31)]
    rows[20] = f"2020-01-21,1.5,{cell}"
    Path("a.csv").write_text("\n".join(["day,load,price", *rows]))
    told = tuner("init", "a.csv", "--no-timing").stderr
    assert "columns with cells that are no numbers are left out: 'price'" in told
    assert f"to keep these columns, correct the others: 'price ({cell})'" in told


def test_numbers_in_doubt_are_proposed_with_the_mark_as_a_guess() -> None:
    """1,003 alone may be 1003 or 1.003: the line says so, and can be taken out or changed."""
    rows = [f'2020-01-{day:02},"{day},{day % 7}03"' for day in range(1, 31)]
    Path("a.csv").write_text("\n".join(["day,sold", *rows]))
    task, proposal = drafted("a.csv")
    assert task["data"]["decimal"] == "."
    assert "a guess: thousands are apart in sold '1,103'; if these are decimals, set ','" in proposal


class TestRefusals:
    """One line each, and status 2."""

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("noise.csv", bytes(range(256)) * 50, "must be of a form that some adapter reads"),
            ("noise.parquet", bytes(range(256)) * 50, "the file must be readable Parquet"),
            ("noise.npz", bytes(range(256)) * 50, "must be a readable .npz"),
            ("noise.ts", bytes(range(256)) * 50, "must be of a form that some adapter reads"),
            ("book.xlsx", b"PK\x03\x04" + bytes(50), "a ZIP archive or a workbook"),
            ("empty.csv", b"\n", "the file must not be empty"),
            ("header.csv", b"text,label\n", "must be of a form that some adapter reads"),
            ("bare.csv", b"1.5,2.5,3.5\n2.5,3.5,4.5\n" * 9, "the first line must name the columns"),
            ("broken.jsonl", b'{"text": ', "must be of a form that some adapter reads"),
            ("lone.csv", b"text,author\n" + b"some words stand here,me\n" * 9, "must have a label to learn"),
            (
                "words.conll",
                b"EU NNP B-ORG\nrejects VBZ O\nthe DT O\ncall NN O\n\n" * 9,
                "at least 3 different sentences",
            ),
            (
                "unended.conll",
                b"EU NNP B-ORG\nrejects VBZ O\nthe DT O\ncall NN O\n" * 30,
                "must be in several sentences",
            ),
            ("numbers.txt", b"1\n2\n3\n" * 99, "must be of a form that some adapter reads"),
            ("speech.csv", b"file,label\na.wav,x\nb.wav,y\n", "must have the columns path and label"),
            (
                "sales.csv",
                b"Month,Sales\n" + b'Jan 2020,"1,003.77"\nFeb 2020,"1,108.04"\nMar 2020,998.1\n' * 9,
                "sales.csv:5: Month must differ from row to row",
            ),
            (
                "odd.csv",
                b"day,sold\n"
                + b"".join(b"2024-01-%02d,$%d.5\n" % (day, day) for day in range(1, 25))
                + b"2024-01-25,low\n",
                "odd.csv: sold must hold numbers, as nearly all of its cells do, but got 'low'. Correct the cell",
            ),
            (
                "lists.jsonl",
                b'{"review": ["some words"]}\n' * 9,
                "got 'review with null or lists'. Write a key for each value: review_text.",
            ),
        ],
    )
    def test_files_that_cannot_be_read(self, name: str, content: bytes, said: str) -> None:
        """The last line tells the file and why; nothing is written."""
        Path(name).write_bytes(content)
        error = tuner("init", name, "-o", "task.yaml", status=2).stderr
        assert said in error.splitlines()[-1]
        assert name in error.splitlines()[-1]
        assert "Traceback" not in error
        assert not Path("task.yaml").exists()

    @pytest.mark.parametrize(
        ("adapter", "header", "keys", "named"),
        [
            ("time_series/classification", "who,t,level,kind", "id= time= label=", "id=who time=t label=kind"),
            ("nlp/regression", "remark,worth,more,kind", "text= target=", "text=remark target=worth"),
        ],
    )
    def test_columns_that_are_not_recognized(self, adapter: str, header: str, keys: str, named: str) -> None:
        """A table with a header is not told to get one: the adapter's keys are told, and work."""
        rows = [f"p{n % 30},{n // 30},{n / 7},{'ab'[n % 2]}" for n in range(150)]
        if adapter == "nlp/regression":
            rows = [f"some words stand here {n},{n / 7},{n},x" for n in range(150)]
        Path("a.csv").write_text("\n".join([header, *rows]))
        told = tuner("init", "a.csv", "--adapter", adapter, status=2).stderr.splitlines()[-1]
        wanted = ", ".join(f"data.{key}COLUMN" for key in keys.split())
        assert told == (
            f"a.csv: the table must have columns that {adapter} recognizes, but got '{header.replace(',', ', ')}'. "
            f"Name those that it has by --set: {wanted}."
        )
        sets = [word for each in named.split() for word in ("--set", f"data.{each}")]
        tuner("init", "a.csv", "--adapter", adapter, *sets)

    def test_an_option_chooses_the_adapter_that_has_it(self) -> None:
        """Of texts with a label and a number, the adapter for numbers where the number is named."""
        rows = [f"some words stand here {n},{n / 7},{'ab'[n % 2]}" for n in range(150)]
        Path("a.csv").write_text("\n".join(["remark,worth,kind", *rows]))
        assert drafted("a.csv")[0]["adapter"] == "nlp/classification"
        task, _ = drafted("a.csv", "--set", "data.target=worth")
        assert (task["adapter"], task["data"]["target"]) == ("nlp/regression", "worth")

    @pytest.mark.parametrize("labelled", [True, False])
    def test_texts_in_a_format_that_is_not_read(self, labelled: bool) -> None:
        """Told with how they are converted; that works."""
        table = pd.DataFrame(sentences(), columns=["text", "label"])
        (table if labelled else table[["text"]]).to_parquet("a.parquet")
        told = tuner("init", "a.parquet", status=2).stderr.splitlines()[-1]
        assert told.startswith("a.parquet: texts must be in CSV or JSON lines, but got 'a Parquet file'. ")
        if labelled:
            pd.read_parquet("a.parquet").to_json("a.jsonl", orient="records", lines=True)
            assert drafted("a.jsonl")[0]["adapter"] == "nlp/classification"

    @pytest.mark.parametrize(
        ("name", "lines", "adapter"),
        [
            ("melody.txt", ["C4 quarter", "E4 quarter", "G4 half", "C5 whole"], "nlp/language_modelling"),
            ("log.txt", ["service3 request alpha ok", "service1 request beta ok", "db reply gamma failed"], None),
            ("words.csv", ["word,label", "cat,noun", "run,verb", "dog,noun", "sit,verb", "see,verb"], None),
        ],
    )
    def test_what_is_no_tagged_text(self, name: str, lines: list[str], adapter: str | None) -> None:
        """Rows of as many words, or words with a class each, are not taken for a sentence without an end."""
        head = lines[:1] if name.endswith(".csv") else []
        Path(name).write_text("\n".join([*head, *(lines[len(head) :] * 60)]) + "\n")
        result = CliRunner().invoke(main, ["init", name, "--no-check"])
        assert "sentence" not in result.stderr
        assert "tagged words" not in result.stderr
        if adapter:
            assert yaml.safe_load(result.stdout)["adapter"] == adapter

    def test_what_is_no_file(self) -> None:
        """A pipe is not waited for; a device is not read; nothing there is told."""
        os.mkfifo("pipe.csv")
        Path("folder").mkdir()
        assert "a named pipe" in tuner("init", "pipe.csv", status=2).stderr
        assert "a device" in tuner("init", "/dev/zero", status=2).stderr
        assert "No such file" in tuner("init", "missing.csv", status=2).stderr
        assert "must hold a file" in tuner("init", "folder", status=2).stderr

    def test_a_huge_file_is_looked_at_in_part(self) -> None:
        """A terabyte of which nothing is on the disk is answered at once."""
        rows = "\n".join(f"{i},{i % 7}.5" for i in range(600_000))
        with Path("huge.csv").open("w") as file:
            file.write(f"step,load\n{rows}\n")
        os.truncate("huge.csv", 1 << 40)
        task, told = drafted("huge.csv", "--no-check")
        assert task["data"]["time"] == "step"
        assert "looked at: the first 4 MB of the file" in told

    def test_data_that_the_reader_refuses(self) -> None:
        """Its own line is the last one."""
        Path("a.csv").write_text(
            "text,label\n" + "".join(f"some words stand here {i},{'ab'[i % 2]}\n" for i in range(4))
        )
        error = tuner("init", "a.csv", "-o", "task.yaml", status=2).stderr
        assert "a.csv:2: label 'a' must occur at least 3 times" in error.splitlines()[-1]
        assert not Path("task.yaml").exists()

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ("data.label=nothing", "data.label must be a column"),
            ("data.labels=several", "data.labels must be"),
            ("data.path=b.csv", "--set must not name what"),
            ("adapter=x", "It is --adapter NAME"),
            ("trials", "--set must be key=value"),
            ("data.labl=label", "--set must name an option of an adapter, but got 'data.labl'. Did you mean 'label'"),
            ("data.vocabulary=x", "the proposed task file: data.vocabulary must be a whole number, but got 'x'."),
        ],
    )
    def test_what_is_said_wrongly(self, change: str, said: str) -> None:
        """Each is one line."""
        Path("a.csv").write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in sentences())]))
        error = tuner("init", "a.csv", "--set", change, status=2).stderr
        assert said in error
        assert "/tmp" not in error.splitlines()[-1]

    def test_options_of_several_adapters(self) -> None:
        """Nobody has all of them."""
        Path("a.csv").write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in sentences())]))
        sets = ["--set", "data.text=text", "--set", "data.horizon=3"]
        told = tuner("init", "a.csv", *sets, status=2).stderr.splitlines()[-1]
        assert told == (
            "the options of --set must be those of one adapter, but got 'data.text, data.horizon'. Leave one out."
        )


def test_an_adapter_of_ones_own_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its `propose` is asked where it is named by --adapter, and its reason stands in the file."""
    monkeypatch.syspath_prepend(".")
    Path("own_kind.py").write_text(
        "from tuner.adapters.nlp.classification import TextClassification\n"
        "from tuner.adapters.nlp.text_options import TextClassificationOptions\n"
        "from tuner.adapters.proposal import Fit, Line, Proposal\n"
        "def look(seen):\n"
        "    lines = [Line(('data', 'format'), 'lines', 'own reason')]\n"
        "    return Proposal(Fit.SURE, 'lines of my own', lines) if seen.suffix == '.own' else None\n"
        "class Own(TextClassification):\n"
        "    'My own.'\n"
        "    Options = TextClassificationOptions\n"
        "    propose = staticmethod(look)\n"
    )
    Path("a.own").write_text("\n".join(f"{label}\t{text}" for text, label in sentences()))
    told = tuner("init", "a.own", "--adapter", "own_kind:Own", "--no-timing").stdout
    task = yaml.safe_load(told)
    assert task["adapter"] == "own_kind:Own"
    assert "format: lines  # own reason" in told


def test_the_adapter_of_the_page_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of docs/extending.md proposes a task where it is named; classes are shown, and a wrong one refused."""
    monkeypatch.syspath_prepend(".")
    monkeypatch.delitem(sys.modules, "my_adapter", raising=False)
    page = (Path(__file__).parents[2] / "docs/extending.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"<!-- file: (my_adapter.py|lines.txt) -->\n```\w+\n(.*?)```", page, re.DOTALL):
        Path(name).write_text(text, encoding="utf-8")
    told = tuner("init", "lines.txt", "--adapter", "my_adapter:Lines", "-o", "task.yaml", "--no-timing").stderr
    assert "labelled numbers, a line each" in told
    told = tuner("validate", "task.yaml", "--no-timing").stdout
    assert '2 classes in the training split: "flat"' in told
    tuner("validate", "task.yaml", "--no-timing", "--set", "data.positive=sine", "--set", "objective.metric=val/f1")
    refused = tuner("validate", "task.yaml", "--no-timing", "--set", "data.positive=square", status=2).stderr
    assert refused.count("\n") == 1
    assert "data.positive must be one of the classes, but got 'square'" in refused


def test_the_quick_start_shows_what_is_written() -> None:
    """The page's task file is, letter for letter, that of its table."""
    page = (Path(__file__).parents[2] / "docs/quick-start.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- file: (\S+) -->\n```csv\n(.*?)```", page, re.DOTALL)
    shown = re.search(r"<!-- task -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert table
    assert shown
    Path(table[1]).write_text(table[2], encoding="utf-8")
    tuner("init", table[1], "-o", "task.yaml", "--no-timing")
    assert Path("task.yaml").read_text(encoding="utf-8") == shown[1]
