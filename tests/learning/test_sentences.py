"""Sentences that the grammar writes, and a training on them that may be interrupted."""

from collections import Counter

import numpy as np
import pytest
import torch
from unihm.config import from_mapping
from unihm.learning.synthesis.sentences import sentence
from unihm.learning.training import loop
from unihm.learning.training.tagger import train_tagger
from unihm.perception.language import LanguageConfig
from unihm.perception.language.tagger import INTENTS, TAGS


def written(count, seed=0):
    rng = np.random.default_rng(seed)
    return [sentence(rng) for _ in range(count)]


def test_the_grammar_writes_tagged_sentences_of_every_kind():
    some = written(2000)
    assert {s.intent for s in some} == set(INTENTS)
    assert {tag for s in some for tag in s.tags} == set(TAGS)
    assert len({s.words for s in some}) > 1900
    for said in some:
        assert len(said.words) == len(said.tags)
        for before, tag in zip(("nothing", *said.tags), said.tags, strict=False):
            place, _, kind = tag.partition(" ")
            if place == "inside":
                assert kind in before or before == "nothing"  # a slip of the tongue in between
        asks = any("action" in tag for tag in said.tags)
        assert asks == (said.intent == "request")
    assert Counter(s.intent for s in some)["request"] > 1000


def test_the_same_state_writes_the_same_sentences():
    assert written(50, 3) == written(50, 3) != written(50, 4)


def test_a_training_that_was_interrupted_ends_with_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY", 1)
    monkeypatch.setattr("unihm.learning.training.tagger._HELD_OUT", 4)
    settings = {"tagger": {"layers": 1, "training": {"steps": 3, "batch": 2}}}
    config = from_mapping(LanguageConfig, settings, "test")
    whole, figures = train_tagger(config, tmp_path / "whole")
    assert figures["sentences"] == 6
    assert 0 <= figures["held_out"]["words_tagged_right"] <= 1

    saved = loop.save_checkpoint

    def interrupt(path, model, optimizer, progress):
        saved(path, model, optimizer, progress)
        if progress["step"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "save_checkpoint", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_tagger(config, tmp_path / "parts")
    monkeypatch.setattr(loop, "save_checkpoint", saved)
    parts, _ = train_tagger(config, tmp_path / "parts")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name
