"""Sentences that no training sees, by statement, in other words than the patterns.

CHOOSING sentences were looked at while the patterns and the head were being worked on, HELD_OUT ones are only for the
published figures.
"""

from __future__ import annotations

CHOOSING: dict[str, tuple[str, ...]] = {
    "collision": (
        "any moment now our vehicle slams into the one in front",
        "the driver is on course to bump into an object",
        "impact with the car ahead cannot be avoided any longer",
        "a crash between two automobiles",
    ),
    "no_collision": (
        "traffic moves along and nobody is at risk of crashing",
        "the automobile keeps clear of all other things",
        "the street is safe and free of any crash",
    ),
    "too_close": (
        "the driver leaves hardly any gap to the vehicle ahead",
        "we are driving right up against the car in front",
    ),
    "safe_distance": ("the driver leaves a healthy gap", "we keep well back from the car in front"),
    "way_clear": ("free passage lies before us", "there is lots of open road to drive into"),
    "on_road": ("the tyres are on the tarmac where they ought to be", "we keep inside the borders of the carriageway"),
    "lane_kept": ("the driver sticks to the lane", "our car goes along neatly between its lane markings"),
    "leaving_road": (
        "we are drifting out over the side of the road",
        "the driver loses the road and goes towards the grass",
        "the vehicle departs from the roadway",
    ),
    "off_road": ("the tyres are in the grass next to the road", "part of our car hangs outside of the carriageway"),
    "line_run": (
        "the driver takes no notice of the stop sign",
        "we go straight past the stop line at full speed",
        "no halt is made where the stop line demands one",
    ),
    "line_obeyed": ("the driver does what the stop sign demands", "the stop sign is treated as the law wants it"),
    "line_halting": ("we ease to a stop ahead of the painted stop line",),
    "unsafe": (
        "this driver takes a terrible risk",
        "what the car does here is perilous",
        "a situation that threatens harm",
    ),
    "safe": (
        "this driver takes no risk at all",
        "what the car does here is harmless",
        "a situation without any threat",
    ),
}


HELD_OUT: dict[str, tuple[str, ...]] = {
    "collision": (
        "a bump with the traffic in front will occur within the blink of an eye",
        "the saloon is going to rear-end another motorist",
        "two motor vehicles bang into one another",
        "contact with an object ahead can no longer be prevented",
    ),
    "no_collision": (
        "every road user gets by without a scratch",
        "the saloon has no one to run into",
        "no vehicles have had a collision on this road",
    ),
    "too_close": ("the saloon hangs on the rear bumper of its predecessor", "the headway is dangerously tight"),
    "safe_distance": ("the saloon gives its predecessor a wide berth", "the headway is comfortable"),
    "way_clear": (
        "the saloon faces a stretch of road without anything in it",
        "one could accelerate, nothing is there",
    ),
    "on_road": ("the saloon stands with all of its tyres on the carriageway", "within the limits of the roadway"),
    "lane_kept": ("the saloon respects its lane", "lane discipline is good"),
    "leaving_road": (
        "the saloon strays towards the grass beside the street",
        "before long the wheels will be off the tarmac",
        "an excursion from the roadway has begun",
    ),
    "off_road": ("the saloon has gone into the verge", "one of the tyres hangs beyond the side of the street"),
    "line_run": (
        "the saloon charges over the line where it ought to have halted",
        "a stop sign is passed as if it were not there",
        "the obligation to stop at the line is neglected",
    ),
    "line_obeyed": ("the saloon never runs a stop sign", "the obligation to stop at the line is fulfilled"),
    "line_halting": (
        "the saloon sheds speed so as to stand at the line",
        "a proper halt at the stop sign is under way",
    ),
    "unsafe": (
        "the saloon is being driven in a hazardous way",
        "people could get hurt here",
        "an alarming state of affairs",
    ),
    "safe": (
        "the saloon is being driven in a prudent way",
        "nobody can get hurt here",
        "a reassuring state of affairs",
    ),
}
