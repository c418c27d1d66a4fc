import pytest
from rendered_scenes import make_item, render


@pytest.fixture(scope="session")
def three():
    """A red box on the left, a blue ball in the middle far away, a green can on the right."""
    return render(
        make_item("box", "red", 0.45, 0.20, x=0.06, y=0.045, z=0.10),
        make_item("sphere", "blue", 0.60, 0.0, radius=0.035),
        make_item("cylinder", "green", 0.45, -0.20, radius=0.03, height=0.12),
    )


@pytest.fixture(scope="session")
def with_tray():
    return render(
        make_item("box", "red", 0.45, 0.25, x=0.05, y=0.045, z=0.09),
        make_item("tray", "grey", 0.52, -0.15, yaw=0.1, x=0.24, y=0.18, z=0.035),
        make_item("cup", "yellow", 0.42, 0.08, radius=0.038, height=0.1, base=0.028),
    )
