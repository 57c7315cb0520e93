"""What the synthesizers say: sentences made from word lists and frames written for this recipe.

English sentences for training come from a grammar of frames; the ones for measuring are fixed, written out and
never made by the grammar, so that no phrase is shared between the two.
"""

from __future__ import annotations

import random
from collections.abc import Iterator


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> list[str]:
    return [phrase.strip() for phrase in text.replace("\n", "|").split("|") if phrase.strip()]


_NOUNS = _words(
    """
anchor apple arrow attic badge bakery balloon basket beach bell bench bicycle blanket boat bottle bowl branch
bridge brush bucket bush butter button cabin cage candle canyon carpet castle cellar chain chair cheese cherry
church circle cliff cloud coat coffee coin corner cotton cousin crayon creek crown cup curtain daisy desert
desk doctor donkey door drawer drum dust eagle earth elbow engine envelope errand farmer feather fence field
finger fire flag flour forest fork fountain fox garage garden gate giant ghost glass glove goose grape guitar
hammer harbour hat heart hedge hill honey hook horse hotel house island jacket jar jewel joke journey judge
juice jungle kettle key kitchen kite knife ladder lake lamp lantern leaf leather lemon letter library lion
lizard machine mail map marble market meadow measure medal melon merchant milk mirror mole monkey moon mother
mountain mouse mouth museum music nail neighbour needle nest noise nurse oak ocean office onion orange oven
owl oyster package paint palace paper parrot path peach pearl pebble pencil pepper piano picture pillow pipe
pirate plum pocket pool pot potato prison pudding puppy puzzle quarry queen question rabbit radio rain ranger
ribbon ring river road robe rocket roof rope rose rug saddle sailor salad sand scarf school scissors shadow
sheep shelf shepherd shirt shoe shore shoulder shovel silver singer sister skirt sky snow soldier song soup
spoon square squirrel stair statue stone storm story stove street sugar sword table tailor teacher thief
thimble thread throne thumb thunder tiger toad tomato tooth towel tower toy train treasure trousers trumpet
tunnel turtle uncle valley vase vegetable vest village vineyard violin visitor voice volcano voyage wagon wall
watch water wave weather wheel whistle window wing winter wolf wood wool yard yarn year yoke youth zebra
zipper
"""
)
_ADJECTIVES = _words(
    """
able angry awful azure bitter blue bold brave bright broad broken busy calm casual cheap clean clear clever
cold cosy crooked curly cruel damp dark deep dirty dull dusty early easy empty faint fair false famous fancy
fierce fine flat foolish foreign fresh friendly full fuzzy gentle giant glad golden good grand gray greedy
green happy hard harsh heavy hollow honest huge hungry icy jolly joyful juicy keen kind large late lazy light
little lively lonely long loose loud loyal lucky mild modern muddy narrow nasty neat new noisy odd old orange
pale plain pleasant polite poor precious pretty proud pure purple quick quiet rare raw red rich ripe rough
round royal rude sad salty sharp short shy silent silly silver sleepy slim slow small smooth soft sour spare
square steep strange strong sturdy sweet tall tender thick thin thirsty tidy tiny tired tough unusual useful
usual vague vain vast warm weak weary wet white whole wicked wide wild wise wooden worthy yellow young zealous
"""
)
_ACTIONS = _words(
    """
admired ate avoided baked borrowed bought broke brought brushed built buried burned called carried caught
changed chased chose cleaned copied counted covered crossed cut described divided drew dropped enjoyed
examined fetched filled finished fixed followed forgot found gathered gave guarded guessed hid held hit joined
judged kept kicked kissed lifted liked lost loved made measured mentioned missed moved needed noticed offered
opened ordered owned packed painted passed picked placed played pleased pulled pushed raised reached read
refused rescued sang saw searched sewed shaped shared showed shut sold sought spoiled stole studied taught
thanked threw tied told took touched towed traced used valued viewed visited wanted warned washed watched
weighed wore wrapped wrote yanked
"""
)
_MOTIONS = _words(
    """
arrived bowed climbed crawled danced dozed drove fell fished flew giggled hurried jogged joked jumped knelt
laughed leaned lingered marched mourned paused played prayed raced rested returned rode rose rushed sailed
sang sat shouted slept slid smiled snored sneezed sobbed spoke stayed stood stumbled swam talked thought
travelled turned vanished waited walked wandered whispered whistled woke worked yawned
"""
)
_MANNERS = _words(
    """
again already always badly boldly calmly carefully early easily eagerly finally gently gladly happily heavily
here honestly hourly largely later lightly loudly never now often once outside quickly quietly rarely roughly
sadly shyly silently slowly softly somewhere soon suddenly there thoroughly today together tomorrow twice
usually weekly wisely yearly yesterday
"""
)
_PLACES = _phrases(
    """
above the roof|across the bay|after the show|against the wall|along the shore|among the bushes|around the square
at the edge of town|before the storm|behind the barn|below the bridge|beneath the ledge|beside the fire|between two oaks
beyond the hedge|by the south gate|down the narrow path|during the long voyage|for an hour|from the other shore
in the thick fog|in a quiet lounge|inside the cave|into the yard|near the old mill|next to the garage|on the north side
on the beige rug|outside the church|over the hill|past the orchard|through the woods|toward the village|under the moon
until the bell rang|up the stairs|with great pleasure|within the castle|without any fuss|without a sound
"""
)
_NUMBERS = _words(
    """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty forty
fifty sixty seventy eighty ninety
"""
)
_FRAMES = (
    "The {adj} {noun} {motion} {place}.",
    "{num} {adj} {noun}s and {num} {noun}s were {manner} {action} {place}.",
    "Did the {noun} {manner} see a {adj}, {adj} {noun}?",
    "My {noun} {action} your {adj} {noun} {manner}.",
    "Why should the {noun} and the {noun} share their {noun}?",
    "She {action} the {noun} and he {action} the {noun}.",
    "They {motion} {place}, then {motion} {place}.",
    "Which {noun} {motion} {manner}, the {adj} or the {adj} one?",
    "If the {noun} is {adj}, both of us would choose the {noun}.",
    "There were {num} hundred and {num} {noun}s {place}.",
    "Oh, what a {adj} {noun}! I {action} it {manner}.",
    "We {manner} {action} this {noun}, although the {noun} was {adj}.",
    "Her {adj} {noun} is for the {noun}, not for that {noun}.",
    "{place}, a {noun} {action} each {adj} {noun}.",
    "You could hear the {noun} while the {noun} {motion}.",
    "Put the {noun}, the {noun} and the {adj} {noun} {place}.",
    "Nothing is as {adj} as a {noun} that {motion} {manner}.",
    "Who {action} him {num} times {place}?",
)

_OTHER: dict[str, list[str]] = {
    "de": _phrases(
        """
        der alte Baum|die kleine Stadt|das warme Brot|ein neues Haus|meine Mutter|unser Garten|jeder gute Freund
        die dunkle Nacht|viele bunte Vögel|zwei schwere Koffer|kein langer Weg|dieser Fluss|liegt am Abend|singt im Wald
        kommt morgen wieder|steht neben der Tür|fährt durch das Tal|sucht einen Schlüssel|bleibt heute zu Hause
        wächst auf dem Feld|und dann|aber niemals|weil es regnet|ohne Eile|mit großer Freude|über den hohen Berg
        hört die Musik|kauft frisches Obst|schläft bis neun Uhr|trägt eine Jacke|findet das richtige Wort
        """
    ),
    "es": _phrases(
        """
        la casa blanca|un perro pequeño|el camino largo|mi hermana mayor|los niños contentos|una noche tranquila
        nuestro jardín|tres manzanas verdes|el viejo barco|toda la ciudad|canta por la mañana|busca su sombrero
        llega muy tarde|duerme cerca del fuego|compra pan fresco|vive en el campo|mira las estrellas|y después
        pero nunca|porque llueve|sin prisa|con mucho gusto|sobre la mesa|entre dos montañas|bebe agua fría
        escucha la radio
        """
    ),
    "it": _phrases(
        """
        la vecchia strada|un piccolo cane|il mare calmo|mia sorella|i bambini felici|una sera tranquilla
        il nostro giardino
        tre mele verdi|quella finestra|tutta la famiglia|canta ogni mattina|cerca il cappello|arriva molto tardi
        dorme vicino al fuoco|compra il pane fresco|vive in campagna|guarda le stelle|e dopo|ma non sempre|perché piove
        senza fretta|con molto piacere|sopra il tavolo|fra due montagne|beve acqua fredda|ascolta la musica
        """
    ),
}

MEASURING: tuple[str, ...] = (
    "Both brothers took the ferry home through thick morning fog.",
    "A measure of sour cream makes the beet soup richer.",
    "Joyce usually jogs around the reservoir before going to work.",
    "Few people knew that the vault held only a faded photograph.",
    "Shallow water hides sharp stones, so wear your sturdy boots.",
    "The choir rehearsed until the janitor switched off the lights.",
    "Please hang those five yellow jackets beside the garage.",
    "An honest mechanic charged us less than forty dollars.",
    "Our youngest daughter collects foreign stamps and shiny buttons.",
    "Without thinking, he poured the boiling tea over the ice.",
    "The village baker gave each child a warm cinnamon roll.",
    "How would you paint the sound of rain against glass?",
    "Zebras and gazelles drank together at the dusty watering hole.",
    "She chose an azure dress, though beige was the usual choice.",
    "That stubborn goat chewed through the leather strap again.",
    "Several judges agreed the third pianist deserved the prize.",
    "Turn left at the church and cross the covered bridge.",
    "We watched the huge orange moon rise above the orchard.",
    "Nobody noticed the gentle tremor that shook the cupboards.",
    "Birds gather on the wire whenever the weather turns cold.",
    "Could you teach me to fold a paper boat this evening?",
    "The nurse whispered that visiting hours were nearly over.",
    "Fresh mushrooms grow beneath the oaks after heavy rain.",
    "He coughed twice, sat down, and opened the worn journal.",
    "Their television shows old movies and nothing else.",
    "Push the wooden chair closer, then reach for the top shelf.",
    "The pilot announced a smooth flight and a slight delay.",
    "Cheap shoes hurt, but good ones last for years.",
    "My uncle enjoys loud jazz, quiet rivers, and spicy food.",
    "Seven tired hikers huddled under one leaking tent.",
    "What pleasure there is in finishing a difficult puzzle!",
    "They argued about the treasure map from dusk until dawn.",
    "A thousand candles shimmered along the marble stairs.",
    "Put vinegar on the window and wipe it with newspaper.",
    "The clown juggled four knives and bowed to the crowd.",
    "Every Thursday the butcher sharpens his favourite tools.",
    "I thought the noise came from beneath the floorboards.",
    "Young voices echoed along the empty school corridor.",
    "Does your cousin still own that vicious little dog?",
    "The engine choked, rattled, and finally fell silent.",
)
"""Sentences kept for measuring: training never says them."""


def english(count: int, seed: int) -> Iterator[str]:
    """`count` sentences of the grammar, the same ones for the same seed."""
    chance = random.Random(seed)
    words = {
        "noun": _NOUNS,
        "adj": _ADJECTIVES,
        "action": _ACTIONS,
        "motion": _MOTIONS,
        "manner": _MANNERS,
        "place": _PLACES,
        "num": _NUMBERS,
    }
    for _ in range(count):
        frame = chance.choice(_FRAMES)
        for name, choices in words.items():
            while "{" + name + "}" in frame:
                frame = frame.replace("{" + name + "}", chance.choice(choices), 1)
        yield frame[0].upper() + frame[1:]


def other(language: str, count: int, seed: int) -> Iterator[str]:
    """`count` strings of five phrases in German, Spanish or Italian (de, es, it); sense is not needed for sounds."""
    chance = random.Random(seed)
    phrases = _OTHER[language]
    for _ in range(count):
        yield ", ".join(" ".join(chance.sample(phrases, 2)) for _ in range(3)) + "."


LANGUAGES: tuple[str, ...] = tuple(_OTHER)
"""Languages besides English that the recipe speaks."""
