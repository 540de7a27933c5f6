"""Measurements that take long; each script prints what it claims. Not part of the tests."""
