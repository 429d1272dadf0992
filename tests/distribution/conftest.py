"""The programs of distribution/, and the readers of templates, as the tests import them."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "distribution"), str(ROOT / "tests" / "template"), str(ROOT / "tests")]
