"""The reader by rules: clauses, verbs and noun phrases, every word accounted for or reported.

A sentence is cut into clauses. A clause with a verb of action is read from left to right into
phrases, relations, directions and manner; what fits nowhere is kept in ``unknown``. Which of it is
carried out is not decided here but in `unihm.perception.language.gate`.
"""

from unihm.perception.language.grammar.clause import Clause, Mood
from unihm.perception.language.grammar.clauses import (
    THE_ONE,
    clauses_of,
    read_clause,
    sentences_of,
)
from unihm.perception.language.grammar.cursor import Cursor
from unihm.perception.language.grammar.interruptions import correction_of, stops
from unihm.perception.language.grammar.noun_phrases import OPPOSITES, merged, noun_phrase
from unihm.perception.language.grammar.steps import attach, steps_of
from unihm.perception.language.grammar.words import gerunds, is_verb, singular

__all__ = [
    "OPPOSITES",
    "THE_ONE",
    "Clause",
    "Cursor",
    "Mood",
    "attach",
    "clauses_of",
    "correction_of",
    "gerunds",
    "is_verb",
    "merged",
    "noun_phrase",
    "read_clause",
    "sentences_of",
    "singular",
    "steps_of",
    "stops",
]
