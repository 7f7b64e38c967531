"""What people in made-up conversations say, and what is asked about it. `{p}` is a person, `{v}` a value."""

from dataclasses import dataclass

__all__ = [
    "CHATTER",
    "CITIES",
    "DOGS",
    "ELLIPTIC",
    "EVENTS",
    "FRIENDS",
    "JOBS",
    "ONCE",
    "PEOPLE",
    "PLACES",
    "REACTIONS",
    "STATES",
    "Elliptic",
    "Event",
    "Once",
    "State",
]

PEOPLE = (
    "Amara Brenda Caspar Dalia Emeka Farid Greta Hamid Ilse Jonas Keiko Lorenzo Marit Nadim Odile Pavel Quentin "
    "Rosalind Soren Tamsin Ulrike Viggo Wanda Xavier Yusra Zoltan Anselm Birgit Cosima Dragan Elspeth Fabian "
    "Gudrun Hector Imke Jarek Katya Linus Mirela Nestor Oskar Petra Rufus Sunniva Tariq Ursula Valter Wilma "
    "Yannick Zelda"
).split()
FRIENDS = (
    "Abel Bettina Cedric Dorothea Egon Flora Gideon Hanna Ivo Judith Kaspar Leonie Matteo Nora Orla Paolo Renata "
    "Silvio Tilda Ugo Verena Wim Ylva Zeno Adele Bruna Corin Daphne Erwin Frida Gero Hedda Isolde Joel Klara "
    "Lothar Mona Niels Ottilie Philipp"
).split()
DOGS = (
    "Bruno Daisy Pepper Biscuit Rusty Olive Mango Ziggy Cocoa Nutmeg Waffle Pickle Truffle Marble Domino Hazel "
    "Clover Banjo Ginger Pebble Noodle Tango Maple Juno Otis Fudge Sprout Comet Dusty Poppy Ace Basil Cleo Dash "
    "Echo Fern Gus Iris Jet Kip"
).split()
CITIES = (
    "Lisbon Leeds Turin Graz Malmo Ghent Porto Bergen Tartu Zadar Nantes Bilbao Krakow Aarhus Basel Cork Utrecht "
    "Siena Lyon Dundee Split Bremen Girona Padua Linz Bruges Galway Leipzig Tampere Sofia"
).split()
JOBS = (
    "the harbour office,Nordlicht Books,a bicycle workshop,the city archive,Halden Robotics,a solar company,the zoo,"
    "Kestrel Airways,a bakery on the square,the botanical garden,Orbis Insurance,the opera house,a dental clinic,"
    "Vantage Maps,the water board,a chocolate factory,Larkspur School,the tram depot,Quill and Partners,a vineyard"
).split(",")
PLACES = (
    "Iceland,Crete,the Dolomites,Madeira,Corsica,the Lofoten islands,Sardinia,Cornwall,the Azores,Slovenia,Brittany,"
    "Malta,the Black Forest,Gotland,Cyprus,Sicily,the Hebrides,Mallorca,the Tatra mountains,Normandy"
).split(",")


@dataclass(frozen=True, slots=True)
class State:
    """Something of a person that changes.

    Attributes:
        name: What it is.
        values: What it can be.
        says: First statements.
        changes: Statements that it has changed.
        questions: Questions for it, without a time.
    """

    name: str
    values: tuple[str, ...]
    says: tuple[str, ...]
    changes: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person does more than once. `{t}` is a time."""

    name: str
    values: tuple[str, ...]
    says: tuple[str, ...]
    when: str
    which: str


@dataclass(frozen=True, slots=True)
class Elliptic:
    """Something that a person says in answer to a question, without its words."""

    name: str
    values: tuple[str, ...]
    asks: tuple[str, ...]
    answers: tuple[str, ...]
    question: str


@dataclass(frozen=True, slots=True)
class Once:
    """Something that a person says once."""

    name: str
    values: tuple[str, ...]
    says: tuple[str, ...]
    question: str


STATES = (
    State(
        "home",
        tuple(CITIES),
        ("I live in {v}, not far from the station.", "We have a small flat in {v}.", "I am based in {v}, as you know."),
        (
            "I moved to {v} last week.",
            "Guess what: we packed everything and {v} is home now.",
            "We finally live in {v}, boxes everywhere.",
        ),
        ("Where does {p} live?", "Which city does {p} live in?", "In which town is {p}'s home?"),
    ),
    State(
        "work",
        tuple(JOBS),
        ("I work for {v}, mostly mornings.", "My job is at {v}.", "They pay me at {v}, so I cannot complain."),
        (
            "I started a new job at {v} on Monday.",
            "I quit, and {v} hired me for a better job.",
            "Since this month I work for {v}.",
        ),
        ("Where does {p} work?", "Who employs {p}?", "What is {p}'s workplace?"),
    ),
    State(
        "sport",
        tuple("rowing,fencing,climbing,badminton,judo,swimming,archery,curling,cycling,volleyball,skating".split(",")),
        ("My sport is {v}, twice a week.", "I do {v} with a sports club.", "For exercise I do {v}."),
        (
            "I gave up my old sport and took up {v} instead.",
            "My sport is {v} now, much better for the knees.",
            "I changed my sports club, we do {v}.",
        ),
        ("Which sport does {p} do?", "What does {p} do for exercise?", "Which sports club is {p} in?"),
    ),
    State(
        "instrument",
        tuple("cello,oboe,banjo,harp,trumpet,accordion,viola,flute,mandolin,clarinet".split(",")),
        ("I am learning the {v}.", "I play the {v} in the evenings.", "The instrument I play is the {v}."),
        (
            "I sold my instrument and bought a {v} to play.",
            "I play the {v} now, a present from my aunt.",
            "My music teacher made me change to the {v}.",
        ),
        ("Which instrument does {p} play?", "What does {p} play in the evenings?", "What is {p}'s instrument?"),
    ),
    State(
        "car",
        tuple("Volvo,Fiat,Skoda,Peugeot,Mazda,Subaru,Renault,Opel,Seat,Toyota".split(",")),
        ("I drive an old {v}.", "My {v} needs new tyres.", "We have a {v}, nothing fancy."),
        (
            "I sold the car and got a {v}.",
            "We have a new car since Friday, a {v}.",
            "I drive a {v} now.",
        ),
        ("Which car does {p} drive?", "What kind of car does {p} have?", "What make is {p}'s car?"),
    ),
    State(
        "holiday",
        tuple(PLACES),
        ("We plan to spend the summer in {v}.", "I booked {v} for the holidays.", "This summer it will be {v} for us."),
        (
            "Change of plan: in the summer we go to {v} instead.",
            "I cancelled the booking, for the holidays we go to {v} after all.",
            "My mother talked us into {v} for the summer holidays.",
        ),
        (
            "Where does {p} plan to spend the holidays?",
            "Where is {p} going in the summer?",
            "Where will {p} spend the summer?",
        ),
    ),
)

EVENTS = (
    Event(
        "museum",
        tuple(
            "glass museum,tram museum,maritime museum,puppet museum,clock museum,salt museum,textile museum,"
            "museum of printing,railway museum,aviation museum,museum of toys,fishing museum".split(",")
        ),
        ("{t} I went to the {v}.", "We visited the {v} {t}.", "I was at the {v} {t}, quite a crowd."),
        "When did {p} visit the {v}?",
        "Which museum did {p} visit {t}?",
    ),
    Event(
        "concert",
        tuple(
            "Lantern Choir,Blue Heron Trio,Sandpiper Band,Copper Street Orchestra,Winter Garden Quartet,Juniper Brass,"
            "Paper Kites Ensemble,Old Mill Singers,Tidewater Duo,Saffron Drummers".split(",")
        ),
        ("{t} I heard the {v} live.", "I had tickets for the {v} {t}.", "The {v} played {t}, and I was there."),
        "When did {p} hear the {v}?",
        "Which concert did {p} go to {t}?",
    ),
    Event(
        "hike",
        tuple(
            "Heron Ridge,Wolf Gorge,Saddle Peak,Mirror Lake,Raven Rock,Fox Valley,Thunder Falls,Larch Pass,"
            "Amber Cliffs,Willow Moor".split(",")
        ),
        ("I hiked to {v} {t}.", "{t} we walked all the way to {v}.", "My legs still hurt from {v}, that was {t}."),
        "When did {p} hike to {v}?",
        "Where did {p} hike {t}?",
    ),
    Event(
        "repair",
        tuple("dishwasher,boiler,garage door,washing machine,roof,chimney,fridge,heating,front door,fence".split(",")),
        ("The {v} broke, and I had it repaired {t}.", "{t} somebody came to fix our {v}.", "I fixed the {v} {t}."),
        "When did {p} have the {v} repaired?",
        "What did {p} have repaired {t}?",
    ),
)

ELLIPTIC = (
    Elliptic(
        "dish",
        tuple("mushroom risotto,lentil soup,plum dumplings,fish pie,ratatouille,pumpkin curry".split(",")),
        ("{p}, what is your favourite dish?", "If you could eat one dish for ever, {p}, what would it be?"),
        ("Definitely {v}.", "Easy: {v}.", "It has to be {v}, my grandmother made it."),
        "What is {p}'s favourite dish?",
    ),
    Elliptic(
        "colour",
        tuple("turquoise,mustard yellow,dark green,coral,burgundy,lavender,ochre,teal".split(",")),
        ("Which colour will you paint the bedroom, {p}?", "Did you decide on a colour for the bedroom, {p}?"),
        ("We went for {v} in the end.", "I think {v}.", "{v}, and no discussion."),
        "Which colour did {p} choose for the bedroom?",
    ),
    Elliptic(
        "fear",
        tuple("spiders,thunderstorms,lifts,deep water,clowns,heights,moths,needles".split(",")),
        ("Is there anything that you are really afraid of, {p}?", "What scares you most, {p}?"),
        ("Do not laugh: {v}.", "Honestly? {v}.", "That would be {v}, ever since I was small."),
        "What is {p} afraid of?",
    ),
    Elliptic(
        "gift",
        tuple("a telescope,a fountain pen,a hammock,a chess set,an atlas,a coffee grinder,a kite,a globe".split(",")),
        ("What did you get for your birthday, {p}?", "So, {p}, which present did you like best at your birthday?"),
        ("{v}, can you believe it?", "The best was {v}.", "My brother gave me {v}."),
        "What did {p} get for the birthday?",
    ),
    Elliptic(
        "subject",
        tuple("geography,chemistry,Latin,music,history,biology,drawing,algebra".split(",")),
        ("Which subject did you hate at school, {p}?", "What was your worst subject at school, {p}?"),
        ("{v}, without a doubt.", "Oh, {v}. I still have bad dreams.", "I was hopeless at {v}."),
        "Which school subject did {p} hate?",
    ),
)

ONCE = (
    Once(
        "sister",
        tuple("medicine,law,architecture,theology,physics,dentistry,forestry,journalism".split(",")),
        ("My sister studies {v} in the second year.", "My sister is going to read {v} at university."),
        "What does {p}'s sister study?",
    ),
    Once(
        "allergy",
        tuple("walnuts,shellfish,penicillin,strawberries,pollen,sesame,celery,wasps".split(",")),
        ("I must be careful, I am allergic to {v}.", "Doctors found out that {v} make me swell up, an allergy."),
        "What is {p} allergic to?",
    ),
    Once(
        "childhood",
        tuple(CITIES),
        ("I grew up in {v}, by the way.", "My childhood was in {v}, near the river."),
        "Where did {p} grow up?",
    ),
    Once(
        "father",
        tuple("a carpenter,a pilot,a butcher,a judge,a florist,a miner,a watchmaker,a lighthouse keeper".split(",")),
        ("My father was {v}, you know.", "Before he retired my father was {v}."),
        "What was the job of {p}'s father?",
    ),
    Once(
        "shoe",
        tuple("38,39,40,41,42,43,44,45".split(",")),
        ("If you order shoes for me: size {v}.", "I take shoes in size {v}."),
        "Which shoe size does {p} take?",
    ),
    Once(
        "novel",
        tuple(
            "The Salt Road,A Winter in Ink,The Glass Orchard,Nine Bridges,The Quiet Harbour,Letters to Nobody,"
            "The Cartographer's Niece,Ashes of June".split(",")
        ),
        ('The novel that I love most is "{v}".', 'I have read "{v}" four times, no novel is better.'),
        "What is {p}'s favourite novel?",
    ),
    Once(
        "tea",
        tuple("rooibos,jasmine tea,Earl Grey,mint tea,chai,oolong,nettle tea,green tea".split(",")),
        ("In the morning I drink {v} and nothing else.", "No coffee for me, {v} is what I drink."),
        "What does {p} drink in the morning?",
    ),
)

CHATTER = (
    "It has been raining here since the morning.",
    "I could not sleep, the street was so loud.",
    "They say {city} is lovely at this time of year.",
    "My cousin is thinking about a trip to {place}.",
    "Did you see the documentary about {city} on television?",
    "I still have to do the laundry.",
    "The bus was late again, typical.",
    "I read an article about {thing} and had to think of you.",
    "Somebody at the market sold cheese from {place}.",
    "{friend} says hello, we met at the supermarket.",
    "I burnt the toast, twice.",
    "The queue at the post office was endless.",
    "My phone is nearly empty, so I may be gone suddenly.",
    "We should meet again soon, it has been too long.",
    "I have a slight cold, nothing serious.",
    "The news from {city} were on all day.",
    "Work was exhausting, too many meetings.",
    "I found an old photo of us, look how young we were.",
    "Prices are mad at the moment, even for bread.",
    "The neighbours from {city} are moving out, I think.",
    "I am thinking of cutting my hair short.",
    "A colleague talked about {thing} for an hour.",
    "Do you remember {friend}? They opened a shop in {city}.",
    "The heating makes strange noises again.",
    "I tried a recipe with far too much garlic.",
    "My brother wants to try {sport}, of all things.",
    "Somebody played the {instrument} under my window.",
    "The train to {city} was cancelled.",
)
REACTIONS = (
    "Oh, really? That sounds good.",
    "I am happy for you!",
    "Tell me more when we meet.",
    "That is so typical of you.",
    "No way!",
    "Good for you, honestly.",
    "I wish I could say the same.",
    "Ha, I can imagine.",
    "How nice!",
    "Well, that was about time.",
    "Interesting, I would never have guessed.",
    "I see.",
)
