"""What a class needs: exercises that check themselves, and tests of a student's own engine."""

from .bank import SUBJECTS
from .engine_report import EngineReport
from .exercises import Exercise, exercise, worksheet
from .trial import check_engine

__all__ = ["SUBJECTS", "EngineReport", "Exercise", "check_engine", "exercise", "worksheet"]
