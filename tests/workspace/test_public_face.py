"""What `import unihm` gives, and the snippet in the README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import unihm

ROOT = Path(__file__).parents[2]


def test_every_name_is_there_and_others_are_not():
    for name in unihm.__all__:
        assert getattr(unihm, name) is not None
    assert set(dir(unihm)) == set(unihm.__all__)
    with pytest.raises(AttributeError, match="teapot"):
        _ = unihm.teapot


@pytest.mark.parametrize("what", ["unihm", "unihm.cli.main; unihm.cli.main.build_parser()"])
def test_neither_it_nor_the_help_of_its_commands_imports_what_takes_long(what):
    code = f"import sys, {what}; sys.exit(bool({{'numpy', 'torch', 'yaml'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.render
@pytest.mark.slow
def test_the_snippet_of_the_readme_runs(capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    try:
        exec(snippet, {})
    except unihm.UnihmError as error:
        if error.code != unihm.ErrorCode.MISSING_DEPENDENCY:
            raise
        pytest.skip(error.message)
    shape, seconds = capsys.readouterr().out.split(") ")
    assert shape == "(40, 12"
    assert "refiner" in seconds
