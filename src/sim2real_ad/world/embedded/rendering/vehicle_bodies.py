"""The shapes of cars, as numbers, and which blueprint gets which."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Body:
    """A car body. All in m, x from the middle; profile: (x, top of the lower body, half width's share) from rear to
    front; cabin: x of the foot's rear and front, the roof's rear and front; belt, roof: heights; axles: x of each."""

    size: tuple[float, float, float]
    profile: tuple[tuple[float, float, float], ...]
    cabin: tuple[float, float, float, float]
    belt: float
    axles: tuple[float, float]
    wheel: float = 0.33
    floor: float = 0.22
    rails: bool = False


BODIES = {
    "saloon": Body(
        size=(4.7, 1.84, 1.45),
        profile=(
            (-2.35, 0.80, 0.86),
            (-2.2, 0.98, 0.97),
            (-1.4, 1.0, 1.0),
            (0.85, 0.97, 1.0),
            (1.9, 0.82, 0.97),
            (2.25, 0.70, 0.90),
            (2.35, 0.58, 0.80),
        ),
        cabin=(-1.75, 1.15, -1.05, 0.25),
        belt=0.96,
        axles=(-1.38, 1.4),
    ),
    "hatchback": Body(
        size=(4.1, 1.78, 1.5),
        profile=(
            (-2.05, 0.85, 0.88),
            (-1.95, 1.0, 0.97),
            (0.9, 0.98, 1.0),
            (1.65, 0.86, 0.97),
            (1.98, 0.72, 0.9),
            (2.05, 0.6, 0.82),
        ),
        cabin=(-1.98, 1.2, -1.6, 0.3),
        belt=0.97,
        axles=(-1.28, 1.28),
    ),
    "suv": Body(
        size=(4.6, 1.92, 1.72),
        profile=(
            (-2.3, 0.95, 0.9),
            (-2.2, 1.12, 0.98),
            (1.0, 1.12, 1.0),
            (1.95, 1.04, 0.97),
            (2.22, 0.86, 0.92),
            (2.3, 0.7, 0.85),
        ),
        cabin=(-2.2, 1.2, -1.95, 0.45),
        belt=1.1,
        axles=(-1.38, 1.4),
        wheel=0.38,
        floor=0.3,
        rails=True,
    ),
    "estate": Body(
        size=(4.8, 1.84, 1.5),
        profile=(
            (-2.4, 0.85, 0.88),
            (-2.3, 1.0, 0.97),
            (0.9, 0.98, 1.0),
            (1.95, 0.83, 0.97),
            (2.33, 0.7, 0.9),
            (2.4, 0.58, 0.8),
        ),
        cabin=(-2.3, 1.2, -1.95, 0.3),
        belt=0.97,
        axles=(-1.4, 1.42),
        rails=True,
    ),
    "van": Body(
        size=(5.4, 2.0, 2.3),
        profile=(
            (-2.7, 1.25, 0.96),
            (-2.65, 1.3, 0.99),
            (1.75, 1.3, 1.0),
            (2.35, 1.12, 0.95),
            (2.68, 0.92, 0.9),
            (2.7, 0.7, 0.85),
        ),
        cabin=(-2.66, 2.05, -2.62, 1.25),
        belt=1.28,
        axles=(-1.65, 1.75),
        wheel=0.36,
        floor=0.28,
    ),
}
BY_NAME = {
    "truck": ("firetruck", "carlacola", "truck", "lorry"),
    "van": ("sprinter", "van", "t2", "ambulance", "fusorosa", "bus"),
    "suv": ("patrol", "wrangler", "cybertruck", "etron", "rubicon", "suv", "nissan.micra_x"),
    "hatchback": ("micra", "mini", "leon", "a2", "c3", "isetta", "microlino", "cooper", "prius"),
    "estate": ("estate", "touring", "lincoln.mkz_2017"),
    "cycle": ("bike", "crossbike", "century", "omafiets", "diamondback", "harley", "yamaha", "vespa", "kawasaki"),
}


def vehicle_style(blueprint: str, size: tuple[float, float, float]) -> str:
    """Return which body a blueprint gets; one that no name tells, by its size (length, width, height) in m."""
    length, width, height = size
    if width < 1.0:
        return "cycle"
    if length > 6.5 or height > 2.7:
        return "truck"
    name = blueprint.lower()
    for style, words in BY_NAME.items():
        if style not in ("cycle", "truck") and any(word in name for word in words):
            return style
    return "van" if height > 1.95 else "suv" if height > 1.62 else "hatchback" if length < 4.3 else "saloon"
