"""For a class: exercises that check themselves, tests of a student's engine, and grading."""

from .bank import SUBJECTS
from .engine_report import EngineReport
from .exercises import Exercise, exercise, worksheet
from .grading import FORBIDDEN, Grade, Grades, grade
from .limits import Limits
from .trial import check_engine

__all__ = ["FORBIDDEN", "SUBJECTS", "EngineReport", "Exercise", "Grade", "Grades", "Limits",
           "check_engine", "exercise", "grade", "worksheet"]
