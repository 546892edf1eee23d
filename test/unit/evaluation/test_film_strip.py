from pathlib import Path

import cv2
import pytest

from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.film_strip import GAP, ROW_HEIGHT, write_film_strip


def test_the_strip_has_a_row_for_each_scenario(run_maker, drive, tmp_path: Path) -> None:
    second = drive(scenario="car_following", start_ns=60 * 10**9)
    run = run_maker.write([drive(), second, drive(seed=8, start_ns=120 * 10**9)])
    write_film_strip(run, tmp_path / "strip.png")
    picture = cv2.imread(str(tmp_path / "strip.png"))
    assert picture.shape[0] == 2 * (ROW_HEIGHT + 30) + GAP
    assert picture.std() > 20


def test_a_run_without_pictures_is_named(run_maker, drive, tmp_path: Path) -> None:
    run = run_maker.write([drive()])
    for recording in run.rglob("*.mcap"):
        recording.unlink()
    with pytest.raises(SourceError, match="no pictures"):
        write_film_strip(run, tmp_path / "strip.png")
    assert not (tmp_path / "strip.png").exists()
