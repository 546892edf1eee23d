"""The tests of calibration share made-up drives and pictures."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
