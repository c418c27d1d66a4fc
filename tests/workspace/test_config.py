"""Presets: every section is read strictly, and what is wrong is named."""

import dataclasses
from typing import Any, Literal, get_origin, get_type_hints

import pytest
from unihm.config import SECTIONS, from_mapping, load_section, parse_yaml, read_yaml
from unihm.control.config import ControlConfig
from unihm.control.verification import VerificationConfig
from unihm.errors import ErrorCode, UnihmError
from unihm.generator import GeneratorConfig, GeneratorTraining
from unihm.grasps import GraspConfig
from unihm.grasps.contact_vae import ContactVaeConfig
from unihm.grasps.masked_transformer import MaskedTransformerConfig
from unihm.grasps.part_tokenizer import PartTokenizerConfig
from unihm.paths import config_dir
from unihm.perception.camera import CaptureConfig
from unihm.perception.language import LanguageConfig
from unihm.perception.planner import PlannerConfig
from unihm.perception.planner.cliport import CliportConfig
from unihm.perception.segmentation import SegmenterConfig
from unihm.perception.segmentation.pointsam import PointSamConfig
from unihm.perception.segmentation.pointsam.large import LargeConfig
from unihm.perception.segmentation.snowflake import SnowflakeConfig
from unihm.refinement import RefinementConfig
from unihm.retargeting.retargeter import RetargetingConfig
from unihm.tokenizer import TokenizerConfig

CLASSES = {
    "capture": CaptureConfig,
    "cliport": CliportConfig,
    "contact_vae": ContactVaeConfig,
    "control": ControlConfig,
    "generator": GeneratorConfig,
    "grasps": GraspConfig,
    "language": LanguageConfig,
    "masked_transformer": MaskedTransformerConfig,
    "part_tokenizer": PartTokenizerConfig,
    "planner": PlannerConfig,
    "pointsam": PointSamConfig,
    "pointsam_vit_l": LargeConfig,
    "refinement": RefinementConfig,
    "retargeting": RetargetingConfig,
    "segmentation": SegmenterConfig,
    "snowflake": SnowflakeConfig,
    "tokenizer": TokenizerConfig,
    "verification": VerificationConfig,
}
PRESETS = sorted(path.stem for path in (config_dir() / "presets").glob("*.yaml"))
WRONG = {int: 2.5, float: "fast", bool: "perhaps", str: 7, tuple: 3.0, dict: 3.0, Literal: "none"}


def settings_of(cls: type, parents: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every key of a section, and of the sections within it, with its type."""
    found = []
    for name, kind in get_type_hints(cls).items():
        if dataclasses.is_dataclass(kind):
            found += settings_of(kind, (*parents, name))
        else:
            found.append(((*parents, name), kind))
    return found


EVERY_SETTING = [
    pytest.param(section, keys, kind, id=".".join((section, *keys)))
    for section, cls in CLASSES.items()
    for keys, kind in settings_of(cls)
]


def nested(keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return value


def refused(section: str, values: Any) -> str:
    with pytest.raises(UnihmError) as caught:
        from_mapping(CLASSES[section], values, f"mine.{section}")
    assert caught.value.code is ErrorCode.INVALID_CONFIG
    assert "\n" not in caught.value.message
    return caught.value.message


def test_every_section_has_its_class():
    assert tuple(CLASSES) == SECTIONS


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("section", SECTIONS)
def test_the_shipped_presets_are_read(preset, section):
    assert isinstance(load_section(preset, section, CLASSES[section]), CLASSES[section])


@pytest.mark.parametrize(("section", "keys", "kind"), EVERY_SETTING)
def test_a_wrong_type_is_refused(section, keys, kind):
    wrong = WRONG[get_origin(kind) or kind]
    assert ".".join(("mine", section, *keys)) in refused(section, nested(keys, wrong))
    owner = CLASSES[section]
    for key in keys[:-1]:
        owner = get_type_hints(owner)[key]
    with pytest.raises(UnihmError, match=keys[-1]):  # and where Python gives it
        owner(**{keys[-1]: wrong})


@pytest.mark.parametrize(("section", "keys", "kind"), EVERY_SETTING)
def test_what_is_no_number_is_refused(section, keys, kind):
    if kind in (int, float):
        for value in (float("nan"), True, None, "1e-3"):
            assert ".".join(("mine", section, *keys)) in refused(section, nested(keys, value))


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_names_those_there_are(section):
    fields = [field.name for field in dataclasses.fields(CLASSES[section])]
    message = refused(section, {"colour": 1})
    assert f"mine.{section}.colour" in message
    assert all(name in message for name in fields)
    for name, kind in get_type_hints(CLASSES[section]).items():
        if dataclasses.is_dataclass(kind):
            message = refused(section, {name: {"colour": 1}})
            assert f"mine.{section}.{name}.colour" in message
            assert all(field.name in message for field in dataclasses.fields(kind))


@pytest.mark.parametrize(
    ("section", "keys", "value"),
    [
        ("capture", ("min_valid",), 1.5),
        ("capture", ("max_range",), 0.1),  # less than min_range
        ("cliport", ("x",), [0.8, 0.2]),
        ("cliport", ("crop",), 25),
        ("cliport", ("training", "rate"), 0.0),
        ("contact_vae", ("near",), 0.0),
        ("control", ("speed",), 1.01),
        ("control", ("rate",), -100.0),
        ("control", ("safety", "workspace_lower"), [0.0, 0.0, 5.0]),
        ("generator", ("heads",), 3),
        ("generator", ("training", "keep_share"), 0.9),  # with ramp_share more than a whole
        ("generator", ("training", "phase_weights"), [1.0]),
        ("masked_transformer", ("heads",), 3),
        ("masked_transformer", ("patches",), 2000),  # of 1024 points
        ("planner", ("reach",), [0.8, 0.2]),
        ("planner", ("workspace", "stride"), 0),
        ("pointsam", ("patch_width",), [32]),
        ("pointsam_vit_l", ("patch_hidden",), [128, 512, 3]),
        ("refinement", ("iterations",), 0),
        ("retargeting", ("pinch_near",), 0.2),  # more than pinch_far
        ("segmentation", ("min_iou",), -0.1),
        ("snowflake", ("group_widths",), [[32, 64], [64, 96]]),
        ("tokenizer", ("levels",), 0),
        ("tokenizer", ("carry",), 1.1),
        ("tokenizer", ("training", "window"), 0),
        ("tokenizer", ("reference",), "tentacle"),
        ("verification", ("blocked",), 2.0),
    ],
)
def test_what_makes_no_sense_is_refused(section, keys, value):
    message = refused(section, nested(keys, value))
    assert message.startswith(f"mine.{section}")
    assert keys[-1] in message


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("values", [[], "text", 3])
def test_a_section_that_is_no_mapping_is_refused(section, values):
    assert "must be a mapping" in refused(section, values)


def write_preset(folder, text: str) -> None:
    (folder / "hands").mkdir()
    (folder / "presets").mkdir()
    (folder / "presets" / "mine.yaml").write_text(text)


def test_an_unknown_section_names_those_there_are(tmp_path, monkeypatch):
    write_preset(tmp_path, "contrl: {rate: 50}")
    monkeypatch.setenv("UNIHM_CONFIG_DIR", str(tmp_path))
    with pytest.raises(UnihmError, match=r"mine: no such section: contrl. Known: .*control"):
        load_section("mine", "control", ControlConfig)
    with pytest.raises(UnihmError, match="There are: mine"):
        load_section("theirs", "control", ControlConfig)


def test_an_empty_section_is_the_defaults(tmp_path, monkeypatch):
    write_preset(tmp_path, "control:\n# rate: 50\n")
    monkeypatch.setenv("UNIHM_CONFIG_DIR", str(tmp_path))
    assert load_section("mine", "control", ControlConfig) == ControlConfig()


@pytest.mark.parametrize("text", ["1e-3", "2e-1", "1.e3", ".5e1", "-1E+2", "1.5e3", "0.1", "-2."])
def test_numbers_of_yaml_are_numbers(text):
    assert parse_yaml(text) == float(text)


def test_words_that_look_like_numbers_stay_words():
    assert parse_yaml("[e3, 1e, a1e3, '1e3', 1e3x]") == ["e3", "1e", "a1e3", "1e3", "1e3x"]


@pytest.mark.parametrize("text", ["a: [", "- 1", ""])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UnihmError, match=r"mine\.yaml") as caught:
        read_yaml(path)
    assert caught.value.code is ErrorCode.INVALID_CONFIG


def test_changes_replace_what_the_preset_says():
    changes = ["generator.training.epochs=2", "generator.hidden=64", "tokenizer.latent=8"]
    config = load_section("tiny", "generator", GeneratorConfig, changes)
    shipped = load_section("tiny", "generator", GeneratorConfig)
    training = dataclasses.replace(shipped.training, epochs=2)
    assert config == dataclasses.replace(shipped, hidden=64, training=training)
    untouched = load_section("paper", "retargeting", RetargetingConfig, ["retargeting.rest=1e-3"])
    assert untouched == RetargetingConfig(rest=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("generator.training.epochs=soon", "tiny.generator.training.epochs must be"),
        ("generator.training.epochs=2.5", "tiny.generator.training.epochs must be"),
        ("generator.training.epoks=2", "epoks: no such setting. Known: .*epochs"),
        ("generatr.hidden=2", "no such section: generatr"),
        ("generator.hidden.size=2", "has no settings"),
        ("generator.hidden", "section.key=value"),
        ("hidden=2", "section.key=value"),
        ("generator.=2", "section.key=value"),
        ("generator.training.epochs=[", "not YAML"),
    ],
)
def test_a_wrong_change_is_refused(change, words):
    with pytest.raises(UnihmError, match=words) as caught:
        load_section("tiny", "generator", GeneratorConfig, [change])
    assert caught.value.code is ErrorCode.INVALID_CONFIG


def test_a_wrong_value_is_refused_where_python_gives_it():
    with pytest.raises(UnihmError, match=r"GeneratorTraining\.epochs must be greater"):
        GeneratorTraining(epochs=0)
    with pytest.raises(UnihmError, match="hidden must be a multiple"):
        dataclasses.replace(GeneratorConfig(), heads=3)
    assert GeneratorTraining(learning_rate=1) == GeneratorTraining(learning_rate=1.0)
