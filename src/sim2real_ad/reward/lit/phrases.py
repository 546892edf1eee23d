"""How people say it: patterns for every statement, with "[a|b]" for alternatives, which may be nested.

TRAINING patterns make the captions. No training sees the others: CHOOSING sentences were looked at while the patterns
and the head were being worked on, HELD_OUT ones are only for the published figures.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_CAR = "[the car|our car|the vehicle|the ego car|the white car|the ego vehicle|the automobile]"

TRAINING: dict[str, tuple[str, ...]] = {
    "collision": (
        "{car} is [about|going] to [crash|collide|smash] into [something|an obstacle|another car|what stands ahead]",
        "{car} is [about|going] to [hit|strike|ram] [something|another vehicle|the thing in its path]",
        "a [crash|collision|impact] is [about to happen|unavoidable|moments away|coming]",
        "an accident [is happening|with another road user|on the road|is imminent]",
        "{car} [crashes|collides|is colliding] with [another car|something|an obstacle]",
        "[cars|vehicles|two vehicles] [crash|collide|have crashed] into each other on the [road|street]",
        "[there has been|there is] a [car crash|traffic accident|collision between cars]",
        "{car} will [hit|run into] [it|the car ahead|what is ahead] within a second",
        "imminent [crash|collision] with [a car|an object|an obstacle]",
        "{car} does not brake and [hits|crashes into] [what is ahead|the vehicle ahead]",
        "danger of [collision|a crash]",
        "[brake now|emergency], {car} is going to hit [something|someone]",
        "[we|you] are [about|going] to [crash|hit something|have an accident]",
        "[the driver|whoever drives] is [about|going] to [crash into something|cause an accident|hit the car in front]",
        "[the front|the bumper|the bonnet] of {car} [meets|is about to meet] [something|another car]",
        "{car} [keeps going|goes on] [towards|into] [an obstacle|a stopped car] "
        "[without braking|and cannot stop in time]",
        "it is [too late|no longer possible] to [brake|stop|avoid the crash]",
        "{car} [ploughs|bumps|drives straight] into [something|the car ahead|an obstacle]",
        "[a rear-end collision|a pile-up|a smash]",
        "[on a|on] collision course [with|towards] [another car|an object]",
        "the time to [collision|impact] is [below a second|almost zero]",
    ),
    "no_collision": (
        "[no|there is no] [crash|collision|accident] [is about to happen|is near|in sight]",
        "{car} [will not|is not about to] [hit|run into|collide with] anything",
        "[no accident|no crash] [on the road|here|anywhere]",
        "the [road|street] is free of [accidents|crashes|collisions]",
        "the [road|street|traffic] [is calm|flows] [without any crash|with no accident]",
        "{car} is [clear of|well away from] [everything around it|all others]",
        "there is no danger of [a crash|hitting anything|collision]",
        "nobody [crashes|collides]",
        "[we|the driver] [will not|do not] [crash|hit anything]",
        "[there is|] no [risk|chance|danger] of [a crash|an accident|colliding]",
        "[an accident-free|a crash-free] [road|drive|moment]",
        "[no one|nothing] is about to be hit",
        "{car} [can still stop|has time to stop] before [anything|whatever is ahead]",
        "{car} passes [everything|others] without touching",
        "a [quiet|peaceful] [road|street]",
    ),
    "touching": (
        "{car} [touches|is touching|overlaps] [another car|an obstacle|something]",
        "{car} has [hit|struck|run into] [something|another car|an obstacle]",
        "[a crash|a collision|an accident] has [happened|occurred]",
        "two cars [have crashed|have smashed into each other|touch]",
        "{car} is [wrecked against|jammed against] [an obstacle|another vehicle]",
        "[bumpers touch|the cars are in contact] after [a crash|an impact]",
    ),
    "too_close": (
        "{car} [is|drives] [far too|dangerously|too] close to [what is ahead|the car ahead|the vehicle in front]",
        "{car} is tailgating",
        "[there is no|not enough] [room|distance|space] [to brake|to the car ahead|left in front]",
        "the [gap|distance] ahead is [too small|too short|dangerously short] for this speed",
        "{car} [follows|drives behind another] at much too short a [distance|gap]",
        "less than a second to [the car in front|what is ahead]",
        "{car} [has come|is getting] dangerously near [to something|to the thing ahead]",
        "{car} is on the bumper of the car in front",
        "[the driver|whoever drives] [keeps|leaves] [too little|no] [distance|gap|room] [ahead|to the car in front|]",
        "[hardly any|next to no|almost no] [distance|space|room] [remains|is left] [ahead|in front]",
        "[we|you] are [much too|way too|too] [close|near] [to the car ahead|to what is in front|]",
        "[unsafe|insufficient|inadequate] [following distance|distance|headway|clearance]",
        "{car} [crowds|presses|sits on the tail of] the [car|vehicle] [ahead|in front]",
    ),
    "way_clear": (
        "the [road|way|path|lane] [ahead|in front of the car] is [clear|free|open]",
        "the [road|way|path] is [clear|free] and {car} can [go on|drive on|proceed]",
        "[nothing blocks|no object blocks|there is nothing on] the [way|path|lane|road ahead]",
        "{car} has [plenty of|lots of|enough] [room|space] [ahead|in front|to go on]",
        "[free|open|clear] [road|lane|way] ahead",
        "an unobstructed [road|way|path]",
        "the [street|road] lies open before {car}",
        "there is [space|room] in front of {car}",
        "a clear [road|street] without [obstacles|obstructions|accidents]",
        "[we|the driver] [can|may] [go on|drive on|proceed] [freely|without hindrance]",
        "[nothing|no obstacle|no car] [in our way|in the way|in front|in its path]",
        "{car} can [drive on|move on|continue] [unhindered|undisturbed|freely]",
        "the [path|road|way|lane] is not [blocked|obstructed]",
        "[unhindered|free|open] [travel|driving] ahead",
    ),
    "safe_distance": (
        "{car} [keeps|holds|maintains] [a safe|enough|plenty of] [distance|gap|clearance] [ahead|to the others|]",
        "the [gap|distance] [ahead|to the car in front] is [safe|large enough|sufficient]",
        "{car} [follows|drives] at a [safe|comfortable|proper] distance",
        "there is [enough|ample] [distance|clearance] [around|in front of] {car}",
        "{car} stays well [away from|clear of] [others|everything]",
        "a [safe|generous] following distance",
        "[the driver|whoever drives] [keeps|leaves] [plenty of|enough|a large] [distance|gap|room] "
        "[ahead|to the car in front|]",
        "[we|you] [keep|leave|hold] [a good|a safe|enough] distance [to the car ahead|to others|]",
        "[ample|sufficient|adequate] [following distance|distance|headway|clearance]",
        "{car} leaves [a buffer|a margin|time to react] [to the car in front|]",
    ),
    "nothing_ahead": (
        "[no other car|nobody|no vehicle] is in the lane ahead",
        "the lane ahead is [empty|deserted]",
        "an empty [road|lane|street] [ahead|in front]",
        "{car} has the lane to itself",
        "[nothing|no one] [at all|whatsoever] ahead in the lane",
    ),
    "gap_short": (
        "[something|an object|a thing] is [a few metres|just|right] [ahead|in front] [in the lane|]",
        "the gap ahead is only a few metres",
        "[a thing|something] stands [close ahead|right in front of {car}]",
        "[very near|close] ahead there is [something|somebody]",
        "a short gap of some five metres",
    ),
    "gap_medium": (
        "[something|a road user] is about a dozen metres ahead",
        "the gap ahead is some [ten|twelve] metres",
        "a moderate [gap|distance] to [what is ahead|the next thing]",
        "[somewhat|a little] farther ahead the lane is taken",
    ),
    "gap_long": (
        "[something|a thing] is far ahead in the lane",
        "the gap ahead is [long|wide|about twenty metres]",
        "a long [gap|distance] to the next [thing|road user]",
        "[some|a good] way off there is something in the lane",
    ),
    "ahead_vehicle": (
        "[a car|another car|a vehicle] [drives|is|is driving] [ahead|in front] [in the lane|of the car|]",
        "{car} [follows|is behind] [a car|another vehicle]",
        "a lead vehicle [ahead|is in front]",
        "behind [a car|a vehicle] in [the same|its] lane",
    ),
    "ahead_obstacle": (
        "[an obstacle|a barrier|boxes|cones] [in the lane|block the lane|ahead in the lane]",
        "the lane ahead is [blocked|obstructed] by [an obstacle|things on the road]",
        "[an obstruction|a roadblock] lies ahead",
    ),
    "lane_kept": (
        "{car} [stays|remains|is] [in|within] its [lane|own lane]",
        "{car} [holds|follows|does not leave] its lane",
        "{car} [keeps to|drives in] [the|its] [correct|proper|right] lane",
        "[good|proper|neat] lane keeping",
        "{car} [tracks|stays with] the lane [nicely|properly|well]",
        "the lane is kept",
        "{car} [drives|goes] [where it should|along its lane] [on the road|]",
        "[the driver|whoever drives] [keeps|holds|stays in] [the|their] lane",
        "[we|you] [keep|stay in|follow] [the|our] lane",
        "{car} does not [wander|stray|drift] [from|out of] its lane",
        "{car} [stays|runs] between [the lines|the lane markings]",
    ),
    "lane_middle": (
        "{car} is [centred|centered|in the centre|in the middle] [in|of] [its|the] lane",
        "{car} [drives|keeps to|runs along] the [centre|middle] of [its|the] lane",
        "{car} is [well|perfectly|nicely] [centred|placed] between the [lane lines|markings]",
        "[centred|centered] driving [in the lane|between the lines]",
        "the lane's [centre line|middle] runs under {car}",
    ),
    "lane_left": (
        "{car} is [a bit|too far|somewhat] to the left [in its lane|of the lane's middle|]",
        "{car} [has drifted|drifts|sits] [left|to the left] [in|of] its lane",
        "{car} [hugs|is near] the left [line|marking|edge of the lane]",
    ),
    "lane_right": (
        "{car} is [a bit|too far|somewhat] to the right [in its lane|of the lane's middle|]",
        "{car} [has drifted|drifts|sits] [right|to the right] [in|of] its lane",
        "{car} [hugs|is near] the right [line|marking|edge of the lane]",
    ),
    "other_lane": (
        "{car} [is|drives] in the [oncoming|opposite|other|neighbouring] lane",
        "{car} [has crossed|is over] the centre line into [oncoming traffic's|the other] lane",
        "{car} [overtakes|passes|goes round something] on the left side of the road",
        "wrong-way side of the road",
    ),
    "on_road": (
        "{car} is [fully|wholly|entirely|] on the [road|road surface|carriageway|tarmac]",
        "{car} [stays|remains|keeps] on the [road|road surface|pavement of the road|asphalt]",
        "all [four wheels|wheels] are on the [road|asphalt|tarmac]",
        "{car} [does not|will not] leave the [road|roadway]",
        "{car} is [inside|between] the road's edges",
        "{car} belongs on the road and is there",
        "safely on the [road|carriageway]",
        "[the driver|whoever drives] [keeps|holds] {car} on the road",
        "[we|you] [stay|are|remain] on the [road|asphalt|street]",
        "no wheel [leaves|is off] the [road|asphalt]",
        "{car} keeps away from the [verge|ditch|grass|edge]",
        "the road [holds|carries] the whole car",
        "[nothing of the car|no part of the car] is off the road",
    ),
    "leaving_road": (
        "{car} is [leaving|about to leave|going off|departing from|coming off] the [road|roadway|carriageway|street]",
        "{car} [veers|drifts|slides|heads|steers|swerves] off the [road|roadway|tarmac|street]",
        "{car} [is running|runs|is going] off the [road|road's edge|carriageway]",
        "{car} [heads|steers|is bound] for the [ditch|verge|grass|roadside|edge of the road]",
        "[road|roadway] departure",
        "{car} [crosses|is crossing|is about to cross] the [edge|border] of the road",
        "the [wheels|tyres] are [about to leave|leaving] the [road|asphalt]",
        "{car} leaves its lane and [the road|goes into the grass|ends up beside the road]",
        "{car} will be [off the road|in the ditch|on the grass] in a moment",
        "[the driver|whoever drives] [steers|drives|is about to drive] off the [road|street|asphalt]",
        "[we|you] are [leaving|going off|about to leave] the [road|street]",
        "[soon|in a moment|at once] {car} [will leave|leaves] the [road|asphalt]",
        "{car} [misses the bend|does not follow the bend] and [goes straight on off the road|leaves the road]",
        "{car} is [headed|aimed|steered] [away from|off] the road",
        "[straight|right] into the [ditch|grass|field]",
        "{car} is losing the road",
    ),
    "off_road": (
        "{car} is [partly|half|with a wheel] [off|beside] the [road|carriageway|asphalt]",
        "{car} has [left|come off|gone off|run off] the [road|carriageway|street]",
        "{car} [is|drives] on the [grass|verge|pavement|sidewalk|shoulder]",
        "[one wheel|two wheels|some wheels] [is|are] [on the grass|off the asphalt|over the road's edge]",
        "{car} [overhangs|sticks out over] the edge of the road",
        "{car} is [beyond|outside] the road's edge",
        "not on the road [any more|]",
        "[the driver|whoever drives] has [left|lost] the [road|street]",
        "[we|you] are [off|beside|next to] the [road|asphalt]",
        "[the wheels|the tyres|a tyre] [roll|are|is] [on grass|on the verge|beside the asphalt]",
        "[a corner|one side|the side|part] of {car} is [off|over the edge of|outside] the [road|asphalt|carriageway]",
        "{car} [ended up|finds itself] [beside|next to|off] the road",
        "out of the [road|carriageway]",
    ),
    "wholly_off": (
        "{car} is [entirely|completely|wholly] [off the road|in the field|on the grass]",
        "{car} [drives|is] through the [grass|field|meadow] far from the road",
        "{car} has [completely|entirely] left the [road|street]",
    ),
    "heading_along": (
        "{car} [points|heads|faces] [along|down] the [road|lane]",
        "{car} is [aligned with|parallel to] the [lane|road]",
    ),
    "heading_left": (
        "{car} [points|heads|is turned|faces] to the left of the [road|lane]",
        "{car} is [angled|skewed] [left|to the left] across the lane",
    ),
    "heading_right": (
        "{car} [points|heads|is turned|faces] to the right of the [road|lane]",
        "{car} is [angled|skewed] [right|to the right] across the lane",
    ),
    "standing": (
        "{car} [stands still|is stopped|is at a standstill|does not move|has halted|is waiting]",
        "{car} is [stationary|at rest]",
        "zero speed",
    ),
    "creeping": ("{car} [creeps|crawls|inches] [along|forward|ahead]", "at walking pace", "{car} barely moves"),
    "slow": ("{car} [drives|goes|moves] [slowly|at low speed]", "a slow [drive|pace]"),
    "brisk": ("{car} [drives|goes] at [town|moderate|medium] speed", "a [steady|moderate] pace"),
    "fast": ("{car} [drives|goes|moves] [fast|quickly|at high speed]", "[high|full] speed", "{car} is speeding along"),
    "steering_straight": ("{car} [steers|goes] straight [on|ahead]", "the steering wheel is straight"),
    "steering_left": ("{car} [turns|steers|is turning] [left|to the left]", "the steering wheel is turned left"),
    "steering_right": ("{car} [turns|steers|is turning] [right|to the right]", "the steering wheel is turned right"),
    "road_straight": ("the road [is|runs|goes] straight", "a straight [road|stretch]"),
    "road_left": ("the road [bends|curves|turns] [left|to the left]", "a [left-hand|left] [bend|curve]"),
    "road_right": ("the road [bends|curves|turns] [right|to the right]", "a [right-hand|right] [bend|curve]"),
    "vehicles_none": ("no other [cars|vehicles] [are around|in sight|]", "[no traffic|without traffic]"),
    "vehicles_one": ("[one|a single] other [car|vehicle] [is near|in sight|on the road]",),
    "vehicles_many": (
        "[several|many|a number of] [cars|vehicles] [around|on the road|in sight]",
        "[dense|busy] traffic",
    ),
    "pedestrians_none": ("[no pedestrians|no people|nobody on foot] [around|in sight|near the road]",),
    "pedestrians_some": (
        "[a pedestrian|pedestrians|people|someone on foot] [near|beside|at] the [road|street]",
        "[people|walkers] are [in sight|about]",
    ),
    "pedestrian_near": (
        "a [pedestrian|person] is [close to|right beside|near] {car}",
        "{car} passes a [walker|person]",
    ),
    "obstacles_none": ("no [obstacles|barriers|cones] [on the road|anywhere]",),
    "obstacles_some": ("[obstacles|barriers|cones|boxes] [on the road|stand on the road|in sight]",),
    "line_none": ("no [stop line|stop sign] [here|ahead|in sight]", "a road without [stop lines|stop signs]"),
    "line_far": ("a stop [line|sign] [farther ahead|some way ahead|in the distance]",),
    "line_near": ("a stop [line|sign] [just ahead|close ahead|right in front]", "{car} [nears|approaches] a stop line"),
    "line_stood": (
        "{car} [stands|waits|has stopped|has halted] [at|before|in front of] the stop [line|sign]",
        "{car} [made|makes] a full stop [at|before] the line",
    ),
    "line_halting": (
        "{car} [brakes|slows|is slowing|is braking] for the stop [line|sign]",
        "{car} [comes to a halt|is stopping|pulls up] [before|at] the [stop line|line|stop sign]",
        "{car} [stops|will stop|is stopping] [at|before] the stop [line|sign] [as it should|]",
        "{car} [approaches the stop line slowly|can still stop at the line]",
        "{car} [respects|honours|heeds] the stop [line|sign]",
        "[the driver|whoever drives] [brakes|slows down|stops] for the stop [line|sign]",
        "[we|you] [brake|slow down|stop|halt] [before|at|ahead of] the stop [line|sign]",
        "{car} [reduces its speed|decelerates] [towards|before|ahead of] the stop [line|sign]",
        "{car} [slowly|gently|calmly] [rolls up|comes up] to the stop line",
        "a [halt|stop] [before|at|in front of] the [stop line|line]",
        "{car} is ready to [stop|halt] at the [line|stop sign]",
        "[stopping|braking|slowing] [for|ahead of|before] the stop [line|sign]",
        "[we|you|the driver] [come|comes|roll|rolls] to a [halt|stop|standstill] "
        "[at|before|short of] the [line|stop line|stop sign]",
        "[a full stop|a halt|a stop] is made [at|before] the [stop line|stop sign|line]",
        "{car} [stops|halts|brakes] [in time|softly|smoothly|properly] [at|before] the [painted|white|] line",
        "{car} [lets its speed drop|is slow enough] [for|before] the stop [line|sign]",
        "the car's nose [stops|halts|comes to rest] [just before|short of] the line",
    ),
    "line_run": (
        "{car} [runs|blows through|shoots past|is running] [the|a] stop [line|sign]",
        "{car} [crosses|passes|is crossing] the stop line [at speed|without a stop|without halting|unstopped]",
        "{car} [does not|fails to|will not] stop [at|for|before] the stop [line|sign]",
        "{car} [violates|disregards|disobeys|overruns|neglects] the stop [line|sign]",
        "{car} is too fast to [halt|stop] [at|before] the [stop line|line]",
        "a stop [line|sign] [violation|offence]",
        "the stop [line|sign] is [being run|run|overrun|not obeyed]",
        "{car} rolls [over|across] the stop line without having stopped",
        "[the driver|whoever drives] [runs|crosses|ignores] [the|a] stop [line|sign]",
        "[the driver|whoever drives] does not [stop|brake|halt] for the stop [line|sign]",
        "[we|you] [run|are running|drive through|rush over] the stop [line|sign]",
        "[without|with no] [stopping|a stop|a halt] [over|across|past] the [stop line|line]",
        "{car} [keeps going|goes on|carries on] where it [should|must|has to] stop",
        "{car} [rushes|races|flies|sails|speeds] [over|across|past|through] the stop [line|sign]",
        "{car} [pays no attention|gives no heed|is blind] to the stop [line|sign]",
        "the stop [line|sign] [means nothing to|does not halt] the driver",
        "the rule [to stop|of the stop sign] is [broken|violated|flouted]",
        "{car} [will overshoot|overshoots|is past] the [stop line|line] without [a stop|having halted]",
        "a [missed|skipped|forgotten] stop at the [line|sign]",
        "[no stop|no halt|no full stop] is made [at|before] the [stop line|stop sign|line]",
        "[nobody|the driver] [stops|halts|brakes] at the [stop line|stop sign|line]",
        "{car} [drives|goes|rolls] [on|through] [although|even though] there is a stop [line|sign]",
        "the stop [line|sign] is [ignored|disregarded|overlooked|missed|disobeyed|skipped|violated]",
        "the [law|traffic code] [demands|asks for] a stop here, and {car} [does not|will not] stop",
        "[illegal|unlawful|forbidden] [crossing|passing] of the stop line",
        "speeding [across|over|through] a stop [line|sign]",
    ),
    "line_obeyed": (
        "[no|there is no] stop [line|sign] is [run|ignored|violated|disregarded]",
        "{car} [breaks|violates|runs] no stop [line|sign]",
        "{car} [complies with|follows|keeps to|obeys] [the stop rule|the rules at the stop line|stop signs]",
        "stop [lines|signs] are [obeyed|respected|heeded]",
        "{car} [behaves|acts] correctly at the stop [line|sign]",
        "[the driver|whoever drives] [obeys|respects|follows] [stop lines|stop signs|the stop rule]",
        "[we|you] [obey|respect|heed] the stop [line|sign]",
        "no rule about [stop lines|stop signs] is [broken|violated]",
        "the stop [line|sign] is [taken seriously|given its due|not run]",
        "[lawful|correct|proper] [behaviour|conduct] at [the stop line|stop signs]",
        "{car} does as the stop [line|sign] says",
        "{car} does not [run|ignore|cross] the stop [line|sign]",
        "the stop [line|sign] is [obeyed|respected|heeded|honoured|observed]",
        "{car} [handles|treats|meets] the stop [line|sign] [properly|correctly|as the rules ask]",
        "[legal|lawful|rule-abiding] [crossing|passing] of the stop line",
        "the [law|traffic code] [about|on] stop [lines|signs] is [kept|followed]",
        "wherever a stop is demanded {car} [makes one|stops]",
        "[no|not a single] stop [line|sign] [offence|violation]",
    ),
    "unsafe": (
        "[a|this is a] [dangerous|hazardous|risky|perilous|critical|unsafe] [situation|moment|manoeuvre|scene]",
        "{car} [drives|is driving|is] [dangerously|recklessly|unsafely|badly]",
        "{car} is in [danger|trouble|a dangerous situation]",
        "[dangerous|reckless|bad|terrible|careless] driving",
        "[something bad|a serious mistake] is [about to happen|happening]",
        "{car} [breaks the rules|makes a grave mistake]",
        "[not safe|unsafe]",
        "[the driver|whoever drives] [is reckless|drives badly|makes a mistake|endangers people|is careless]",
        "[we|you] are in [danger|trouble|peril]",
        "[there is|a] [great|grave|serious|acute] [danger|risk|hazard|peril]",
        "[harm|damage|an injury|a disaster] is [likely|near|to be feared]",
        "{car} [endangers|puts at risk|threatens] [itself|others|its passengers]",
        "[dangerous|risky|hazardous|perilous|alarming]",
        "what {car} does is [wrong|dangerous|risky|forbidden]",
        "a driving [error|fault|mistake|offence]",
        "{car} is out of control",
        "[one must|the safety driver must] [take over|intervene|stop the car] now",
        "[a|this is a] [terrible|grave|bad|dangerous|risky|reckless] [choice|decision|action|idea]",
        "[the driver|whoever drives] [risks|gambles with|endangers] [lives|everything|the passengers]",
        "{car} [takes|runs] [a big|too much|a huge] risk",
        "[a|the] [threat|danger|hazard] [to life|to others|is real]",
        "[the car's behaviour|this behaviour|this action] is [dangerous|reckless|risky|harmful|hazardous]",
        "[a|the] situation [full of danger|with great risk|that may end badly|that is dangerous]",
        "[passengers|passers-by|people] are [in danger|at risk|under threat]",
    ),
    "safe": (
        "[a|this is a] [safe|calm|harmless|uncritical|normal] [situation|moment|scene|drive]",
        "{car} [drives|is driving] [safely|carefully|well|correctly|properly]",
        "{car} is [safe|out of danger|in no danger]",
        "[safe|good|careful|proper|sensible] driving",
        "[all|everything] is [well|fine|in order|under control]",
        "{car} [sticks to|follows] the rules",
        "nothing [bad|dangerous] [happens|is happening]",
        "[the driver|whoever drives] [is careful|drives well|does everything right|is cautious]",
        "[we|you] are [safe|in no danger]",
        "[there is|] no [danger|risk|hazard|threat] [at all|]",
        "[no harm|no damage] is [likely|near|to be feared]",
        "{car} [endangers|threatens|puts at risk] nobody",
        "[safe|harmless|riskless|uneventful|unproblematic]",
        "what {car} does is [right|safe|allowed|fine]",
        "driving [without error|without fault|as it should be]",
        "{car} is [fully|well] under control",
        "no need to [intervene|take over|worry]",
        "[a|this is a] [good|wise|safe|sensible|prudent] [choice|decision|action|idea]",
        "[the driver|whoever drives] [risks|endangers] [nothing|nobody|no lives]",
        "{car} [takes|runs] [no|hardly any|little] risk",
        "[without|free from|free of] [threat|danger|hazard|risk|harm]",
        "[the car's behaviour|this behaviour|this action] is [safe|careful|harmless|prudent|sound]",
        "[a|the] situation [without danger|with no risk|that is harmless|that is safe]",
        "[passengers|passers-by|people] are [safe|out of danger|in good hands]",
    ),
}

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


def all_sentences(pattern: str) -> Iterator[str]:
    """Yield every sentence that a pattern stands for."""
    for sentence in _expanded(pattern.replace("{car}", _CAR)):
        yield " ".join(sentence.split())


def some_sentences(pattern: str, count: int, random: np.random.Generator) -> list[str]:
    """Return up to `count` different sentences of a pattern."""
    found = list(dict.fromkeys(all_sentences(pattern)))
    chosen = random.permutation(len(found))[:count]
    return [found[int(index)] for index in chosen]


def _expanded(pattern: str) -> Iterator[str]:
    opened = pattern.find("[")
    if opened < 0:
        yield pattern
        return
    depth, parts, start = 0, [], opened + 1
    for at in range(opened, len(pattern)):
        mark = pattern[at]
        depth += (mark == "[") - (mark == "]")
        if (mark == "|" and depth == 1) or depth == 0:
            parts.append(pattern[start:at])
            start = at + 1
        if depth == 0:
            break
    for part in parts:
        for rest in _expanded(part + pattern[start:]):
            yield pattern[:opened] + rest
