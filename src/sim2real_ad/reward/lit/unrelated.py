"""Sentences that have nothing to do with what the picture shows: the negative control, and what it is trained against.

Both lists of pairs come from other topics than the BANK (pets, food, sports, furniture, ...); no training sees them or
anything like them. CHOOSING_PAIRS were looked at while the relevance was being worked on, HELD_OUT_PAIRS are only for
the published figures. Things of the road about which a bird's-eye view says nothing (the weather, a car's price)
count as unrelated too.
"""

from __future__ import annotations

BANK: tuple[str, ...] = (
    # music, theatre, books
    "[a pianist|a violinist|the orchestra|a choir] [rehearses|performs|tunes up for] [a sonata|a symphony|a waltz]",
    "[the singer|a tenor|the band] [records|releases|sings] [a song|an album|a ballad]",
    "[a guitar|a cello|an old organ] [is out of tune|with broken strings|sounds warm]",
    "[the novel|a poem|the biography] [tells of|is about] [a lost love|a lonely widow|two sisters]",
    "[the librarian|a bookseller] [sorts|lends|orders] [books|manuscripts|magazines]",
    "[an actor|the playwright|a dancer] [bows to the audience|forgets the lines|waits behind the curtain]",
    "[a comic book|a dictionary|an encyclopaedia] [on a shelf|with torn pages|in three volumes]",
    # money, law, offices
    "[interest rates|share prices|bond yields] [rose|fell|stayed the same] [on Monday|this quarter|in spring]",
    "[the bank|an insurer|a pension fund] [publishes|checks|loses] [its accounts|a contract|a claim]",
    "[the judge|a lawyer|the jury] [reads the verdict|asks for a delay|signs the papers]",
    "[an invoice|a receipt|a tax form] [was never paid|lies in a drawer|must be filed]",
    "[the secretary|our manager|a clerk] [answers the phone|plans a meeting|writes a letter]",
    "[the committee|the board|a union] [votes on|discusses|rejects] [a proposal|the budget|new rules]",
    "[an auction|a sale] of [stamps|coins|antique clocks|jewellery]",
    # science
    "[a telescope|an astronomer|a probe] [observes|photographs] [a distant galaxy|the rings of Saturn|a comet]",
    "[the moon|Jupiter|a star] [rises at midnight|has a faint halo|is seen in the east]",
    "[an acid|a salt|a catalyst] [dissolves|reacts|is heated] [in a flask|in water|in the laboratory]",
    "[a chemist|a biologist|a physicist] [measures|describes|doubts] [a reaction|a cell|a particle]",
    "[a protein|an enzyme|a gene] [is folded|is switched off|binds to a receptor]",
    "[fossils|crystals|minerals] [in limestone|from a mine|in a museum case]",
    "[a volcano|a glacier|an earthquake] [shaped the valley|was measured by geologists]",
    "[a microscope|a thermometer|a balance] [on the workbench|with a cracked lens|needs calibration]",
    # medicine, body
    "[a nurse|a surgeon|the dentist] [washes her hands|examines a patient|writes a prescription]",
    "[a broken arm|a sore throat|a fever] [heals slowly|needs treatment|kept her at home]",
    "[vitamins|antibiotics|vaccines] [are stored cold|were prescribed|are sold in a pharmacy]",
    "[the hospital|a clinic] [opens a new ward|hires doctors|is being painted]",
    # computing
    "[a programmer|an engineer|a student] [debugs|compiles|rewrites] [a parser|a database|a web page]",
    "[the password|a file|an email] [was deleted|is encrypted|could not be found]",
    "[a printer|a keyboard|a laptop] [is out of order|needs a new cable|was shipped]",
    "[the spreadsheet|a mailing list|the calendar] [has too many columns|was updated|is shared]",
    # gardens, plants, farming
    "[roses|tulips|lilies] [bloom in|are planted in] [the garden|May|a window box]",
    "[a gardener|my aunt] [waters|prunes|plants] [the hedge|an apple tree|tomatoes]",
    "[an oak|a birch|a pine] [loses its leaves|grows beside the barn|is two hundred years old]",
    "[wheat|barley|cotton] [is harvested|grows well|needs rain]",
    # textiles, clothing, crafts
    "[a tailor|a seamstress] [sews|mends|irons] [a coat|a silk dress|curtains]",
    "[a woollen scarf|a leather belt|a linen shirt] [in a shop window|is on sale|has a stain]",
    "[a potter|a carpenter|a blacksmith] [shapes|polishes|sells] [a vase|a bowl of clay|a gate]",
    "[needles|buttons|ribbons] in a [tin|basket|drawer]",
    # home, buildings
    "[the plumber|an electrician|a painter] [repairs|replaces|forgets] [a tap|the wiring|the wallpaper]",
    "[a chimney|a staircase|the attic] [needs cleaning|is full of dust|was rebuilt]",
    "[a candle|a lamp|the fireplace] [flickers|goes out|warms the room]",
    "[the cathedral|a castle|an old tower] [was built|was restored|was painted] in the [Middle Ages|last century]",
    # school, language, history
    "[the teacher|a professor] [explains|corrects|repeats] [grammar|an essay|the alphabet]",
    "[pupils|students] [learn|study|recite] [Latin|history|geography]",
    "[the emperor|a queen|the senate] [signed|broke|celebrated] [a treaty|an alliance|a victory]",
    "[an archaeologist|a historian] [finds|dates|translates] [a coin|an inscription|a scroll]",
    "[Christmas|a wedding|a birthday] is [celebrated|being prepared] [at home|with guests]",
    # weather and seasons
    "[it is raining|it is snowing|the sun is shining|it is foggy|a thunderstorm is near]",
    "[a cold wind|a warm breeze|heavy rain] [from the north|in the evening|all week long]",
    "[the forecast|the radio] [promises|warns of] [snow|frost|a heat wave]",
    "[a rainbow|clouds|a red sunset] [over the hills|above the village]",
    # transport that the picture knows nothing of
    "[a train|an express|the night train] [leaves the station|is late|arrives at platform four]",
    "[a ship|a ferry|a sailing boat] [is in the harbour|crosses the ocean|is being painted]",
    "[an aeroplane|a helicopter|a balloon] [takes off|lands|is refuelled]",
    "[the price|the insurance|the tax] of [a car|a motorcycle|a van] [has risen|is too high]",
    "[a mechanic|the garage] [changes|checks|orders] [the oil|spark plugs|a new exhaust]",
    "[a car|a truck] [in a showroom|advertised in a magazine|painted red|made in 1960]",
    "[a bicycle|a scooter] [with a flat tyre|in the cellar|is for sale]",
    "[the bus|the tram] [timetable|ticket|driver's uniform]",
    "a [museum|model|photograph|drawing] of [old cars|steam engines|carriages]",
    "[petrol|diesel|electricity] [became cheaper|is sold here|is taxed]",
    # people, feelings
    "[my grandmother|his uncle|the twins] [tell stories|write postcards|laugh]",
    "[she|he] [feels|was|seems] [lonely|happy|proud|tired] [today|after the party|as always]",
    "[a baby|a toddler] [sleeps|cries|smiles] [in the cradle|at night]",
    "[a sailor|a monk|a soldier] [remembers his youth|prays|writes home]",
    # abstract
    "[freedom|justice|beauty] is [a matter of|more than] [opinion|words|law]",
    "[the colour|the sound|the smell] of [lavender|silence|old paper]",
    "[seven|twelve|a hundred] [pens|envelopes|glass beads] in a [box|jar]",
    "[lorem ipsum|blah blah|asdf qwerty|hello world]",
    "[yes|no|maybe|thank you very much|good morning|see you tomorrow]",
    # lands, peoples, travel
    "[a desert|an island|a fjord|a lake] [lies in the north|is shown on a globe|has salty water]",
    "[the capital|the population|the flag] of [Portugal|Mongolia|Peru]",
    "[a tourist|a pilgrim|a guide] [books a hotel|buys a postcard|loses a suitcase]",
    "[the mayor's office|the embassy|a consulate] [is closed on Fridays|issues passports]",
    # power, industry, tools
    "[a wind farm|a dam|a refinery] [produces electricity|was inspected|is for sale]",
    "[a hammer|a drill|a saw] [hangs on the wall|lies in the toolbox|is blunt]",
    "[steel|glass|paper|rubber] is [made in a factory|recycled|exported]",
    "[the telephone|a radio|a television] [rings|is silent|shows the news]",
    "[a newspaper|a blog|a reporter] [prints|writes about] [a scandal|a strike|an interview]",
    "[the moonlight|a shadow|a mirror] [falls on the wall|reflects a face]",
)

CHOOSING_PAIRS: tuple[tuple[str, str], ...] = (
    ("a dog on a sofa", "a bowl of soup"),
    ("a cat sleeping in a basket", "a parrot in a cage"),
    ("fried eggs with bacon", "a slice of chocolate cake"),
    ("a football match in a stadium", "two people playing chess"),
    ("a wooden table with four chairs", "an unmade bed"),
    ("a romantic comedy at the cinema", "a horror film"),
    ("a teddy bear", "a box of building blocks"),
    ("children building a sand castle at the beach", "a diver among corals"),
    ("a portrait in oil paint", "a marble statue"),
    ("the square root of two", "a prime number"),
    ("a president gives a speech", "a parliament in session"),
    ("a herd of elephants", "a butterfly on a leaf"),
    ("a cup of green tea", "a glass of red wine"),
    ("a swimmer in a pool", "a skier on a slope"),
    ("a barber cuts hair", "a woman puts on lipstick"),
    ("pizza fresh from the oven", "sushi on a plate"),
    ("a goldfish in a bowl", "a horse in a stable"),
    ("a wristwatch", "a pair of sunglasses"),
    ("a robot vacuum cleaner", "a washing machine"),
    ("a wizard casts a spell", "a dragon guards its treasure"),
    ("campers round a fire", "a tent in the rain"),
    ("a jar of strawberry jam", "a sack of potatoes"),
    ("a tattoo on a shoulder", "a hat with a feather"),
    ("a lion roars", "penguins on the ice"),
)

HELD_OUT_PAIRS: tuple[tuple[str, str], ...] = (
    ("a dog on a sofa", "a bowl of soup"),
    ("a puppy chews a slipper", "a plate of spaghetti"),
    ("a basketball hoop", "a tennis racket"),
    ("an armchair by the window", "a bunk bed for two"),
    ("a kitten drinks milk", "a hamster in its wheel"),
    ("roast chicken with rice", "a fruit salad"),
    ("a gymnast on the rings", "a wrestler in the ring"),
    ("a cartoon for children", "a spy thriller"),
    ("a rubber duck", "a jigsaw puzzle"),
    ("a mermaid", "a knight in armour"),
    ("surfers wait for a wave", "sunbathers under a parasol"),
    ("an abstract painting", "a bronze bust"),
    ("three plus four is seven", "an equilateral triangle"),
    ("voters queue to cast a ballot", "a minister resigns"),
    ("a giraffe eats leaves", "a shark in an aquarium"),
    ("a bottle of lemonade", "a mug of cocoa"),
    ("a toothbrush and a comb", "a bar of soap"),
    ("a refrigerator full of cheese", "a coffee machine"),
    ("a clown juggles", "a magician with a rabbit"),
    ("honey on toast", "pickled cucumbers"),
    ("a cow in a meadow", "a beehive"),
    ("a golf club", "a pair of boxing gloves"),
    ("grilled fish with lemon", "an onion"),
    ("a moustache", "painted fingernails"),
    ("a doll's house", "a kite made of paper"),
)

NEAR_DOMAIN_PAIRS: tuple[tuple[str, str], ...] = (
    ("a vintage car at an exhibition", "a taxi company's phone number"),
    ("the car has leather seats", "the car has a sunroof"),
    ("a traffic jam reported on the radio", "road works are planned for next year"),
    ("a child plays with toy cars", "a racing game on a console"),
    ("the driver listens to jazz", "the driver drinks coffee"),
)
"""Of the road in words, yet of nothing in the picture: harder than the gate's pairs, reported apart."""
