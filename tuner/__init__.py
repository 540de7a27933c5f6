"""Hyperparameter optimization for recurrent networks: one task file, an Optuna study over Ray, MLflow as the record."""
