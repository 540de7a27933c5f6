"""The task file: read strictly and checked completely; every message names the place of the key."""

from tuner.config.given import as_sets
from tuner.config.load import LoadedTask, load_task_file
from tuner.config.messages import OptionsError, Place, validate_options
from tuner.config.options import Options
from tuner.config.ready import ready_folder, ready_portfolio, ready_search_spaces, ready_tasks
from tuner.config.schema import task_schema
from tuner.config.task import TaskFile
from tuner.config.yaml_file import Document, parse_value, parse_yaml, read_yaml

__all__ = [
    "Document",
    "LoadedTask",
    "Options",
    "OptionsError",
    "Place",
    "TaskFile",
    "as_sets",
    "load_task_file",
    "parse_value",
    "parse_yaml",
    "read_yaml",
    "ready_folder",
    "ready_portfolio",
    "ready_search_spaces",
    "ready_tasks",
    "task_schema",
    "validate_options",
]
