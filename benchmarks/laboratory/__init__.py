"""The laboratory: the same configurations trained to their end on small tasks of all families, and what replays them.

`records` has the format and reads it, `tasks` names the tasks and what they may be read for, `recorder` trains.
"""
