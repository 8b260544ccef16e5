"""What a class needs: exercises that check themselves, and tests of a student's own engine."""

from .engine_report import EngineReport
from .exercises import Exercise, exercise
from .trial import check_engine

__all__ = ["EngineReport", "Exercise", "check_engine", "exercise"]
