"""Does the car's profile load, does the camera's calibration, and how much of either is still a guess?"""

from __future__ import annotations

from sim2real_ad.config import find_config
from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.doctor.calibrate_notes import values_to_calibrate
from sim2real_ad.doctor.finding import Finding, failed, ok, warning
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.errors import CalibrationError, ConfigError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.vehicle.profile import load_vehicle

SHOWN = 4
"""So many keys are named; the file has the rest."""


def check_vehicle(survey: Survey, listen: Listen) -> Finding:
    """Load the profile and its pedal maps."""
    try:
        profile = load_vehicle(survey.vehicle)
        PedalMap.load(profile)
    except ConfigError as error:
        return failed("vehicle", str(error), "correct the file; config/vehicles has examples")
    dbw = profile.drive_by_wire
    below = f"{dbw.protocol.protocol} over {dbw.bus.kind}" if dbw is not None else "Autoware's vehicle interface"
    found = f"{profile.name}: wheelbase {profile.wheelbase:g} m, {profile.mass:g} kg, {below}"
    remedy = "s2r calibrate steering DRIVE --vehicle " + survey.vehicle + " --out FILE (docs/calibration.md)"
    return judge_notes("vehicle", found, _notes(survey.vehicle, "vehicles"), remedy)


def check_camera(survey: Survey, listen: Listen) -> Finding:
    """Load the camera's calibration."""
    try:
        camera = load_camera(survey.camera)
    except CalibrationError as error:
        return failed("camera", str(error), "s2r calibrate camera --boards DIR --out FILE (docs/calibration.md)")
    mount = camera.mount
    found = f"{survey.camera}: {camera.width}x{camera.height}, {camera.fov_deg:.0f} deg wide, {mount.z:g} m high"
    remedy = "s2r calibrate camera --boards DIR, then --drive DRIVE (docs/calibration.md)"
    return judge_notes("camera", found, _notes(survey.camera, "cameras"), remedy)


def judge_notes(check: str, found: str, keys: list[str], remedy: str) -> Finding:
    """Judge a file that loads by the keys of the values that its comments say are to be calibrated."""
    if not keys:
        return ok(check, f"{found}; no value is marked 'calibrate'")
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    are = "value is" if len(keys) == 1 else "values are"
    return warning(check, f"{found}; {len(keys)} {are} marked 'calibrate': {', '.join(keys[:SHOWN])}{more}", remedy)


def _notes(name_or_path: str, folder: str) -> list[str]:
    return values_to_calibrate(find_config(name_or_path, folder).read_text(encoding="utf-8"))
