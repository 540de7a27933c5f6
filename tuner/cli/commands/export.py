"""`export`: copy a model to use it elsewhere."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tuner.cli.options import ENSEMBLE, OWN_CODE, STORAGE, examples
from tuner.cli.studies import model_folder


@click.command(short_help="Copy a model to use it elsewhere; also as ONNX.")
@click.argument("model", metavar="STUDY|MODEL")
@click.option(
    "-o", "--output", "folder", required=True, type=click.Path(path_type=Path), help="Folder to write; new or empty."
)
@click.option("--onnx", is_flag=True, help="Also write model.onnx and preprocess.json, for onnxruntime.")
@click.option("--mlflow", is_flag=True, help="Write it as an MLflow model, for mlflow.pyfunc.load_model.")
@OWN_CODE
@ENSEMBLE
@STORAGE
@examples(
    "python -m tuner export digits -o digits-model",
    "python -m tuner export digits -o digits-onnx --onnx",
    "python -m tuner export digits --ensemble -o digits-ensemble",
)
def export(model: str, folder: Path, onnx: bool, mlflow: bool, own_code: bool, ensemble: bool, storage: str) -> None:
    """Copy a model to use it elsewhere: a study's confirmed winner, a model's folder, MLflow's models:/NAME@ALIAS.

    With --onnx the network becomes a graph that other programs run. Before it is written, it is run at four sizes of
    batch and length and must give the model's answers.
    """
    from tuner.predict.exporting import check_new
    from tuner.predict.exporting import export as copied

    check_new(folder)
    source = model_folder(model, storage, ensemble=ensemble)
    if mlflow:
        from tuner.recording.model_form import save

        with TemporaryDirectory(prefix="tuner-export-") as made:
            copied(source, Path(made) / "model", onnx=onnx, own_code=own_code)
            save(Path(made) / "model", folder)
    else:
        copied(source, folder, onnx=onnx, own_code=own_code)
    click.echo(f"model written to {folder}")
    if onnx:
        click.echo(
            "model.onnx gives the model's answers, tried at four sizes of batch and length; preprocess.json says how"
        )
