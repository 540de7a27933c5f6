import os
import shutil
from pathlib import Path

import pytest

from tuner.recording.uri import QUIET

os.environ.update(QUIET)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """MLflow itself uses what SQLAlchemy has deprecated; only here is that let through."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"))


@pytest.fixture
def uri(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh database in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"
