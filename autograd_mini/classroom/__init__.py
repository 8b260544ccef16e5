"""What a class needs: exercises that check themselves, and tests of a student's own engine."""

from .bank import SUBJECTS
from .engine_report import EngineReport
from .exercises import Exercise, exercise, worksheet
from .grading import FORBIDDEN, Grade, Grades, grade
from .limits import Limits
from .trial import check_engine

__all__ = ["FORBIDDEN", "SUBJECTS", "EngineReport", "Exercise", "Grade", "Grades", "Limits",
           "check_engine", "exercise", "grade", "worksheet"]
