"""The words that instructions are made of, and what each stands for."""

from __future__ import annotations

from unihm.perception.language.command import Action


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Verbs of what can be done, in their plain form.
ACTIONS: dict[str, Action] = {
    **dict.fromkeys(_words(
        "pick grab grasp take lift get hold raise seize catch clutch retrieve collect snatch "
        "grip "
        "pluck hoist elevate extract choose select remove pickup capture clasp acquire obtain "
        "snag nab procure"
    ), Action.GRAB),
    **dict.fromkeys(_words(
        "put place set drop move lay stand deposit stack insert return deliver leave carry tidy "
        "store slip position relocate transfer transport pop stick stow rest situate plop dump "
        "arrange park settle balance sit chuck bung tuck slot nestle plonk plunk stash drape perch "
        "fit pack load wedge lodge prop lean nest ease reposition dock cram"
    ), Action.PLACE),
    **dict.fromkeys(_words(
        "push slide shove nudge shift sweep poke scoot budge scooch shimmy"
    ), Action.PUSH),
    **dict.fromkeys(_words("pull drag tug draw haul lug yank"), Action.PULL),
    "open": Action.OPEN, "close": Action.CLOSE, "shut": Action.CLOSE,
    "release": Action.RELEASE,
    **dict.fromkeys(_words("hand give pass bring fetch lend loan"), Action.HAND_OVER),
}  # fmt: skip
# Verbs that move a thing along the table where only a direction is said.
MOVES = _words("move shift slide push drag transfer haul")
# "Go to the ball and pick it up": the first clause says only where.
APPROACH = _words("go reach find locate look approach drive navigate walk search come get")

# Verbs of what cannot be done; a verb that is in neither list is refused too, if less well.
OTHER = _words(
    "pour cut throw toss wash clean wipe turn rotate shake cook point show examine remember "
    "learn "
    "sort count dance search look go peel break fill empty screw unscrew tilt flip feed drive "
    "visit walk run jump fly sing tell say speak talk name call save stir squeeze fold unfold "
    "paint draw write read play build make assemble disassemble rinse dry iron chop slice dice "
    "mix "
    "heat cool boil bake fry grill toast brew serve eat drink taste smell touch tap hit kick "
    "punch "
    "smash crush bend twist spin roll bounce juggle swing wave nod clap point press click type "
    "switch toggle activate deactivate start stop restart reboot reprogram program teach train "
    "explain describe identify recognize recognise detect inspect check measure weigh compare "
    "organize organise categorize group separate split combine connect disconnect attach detach "
    "tie untie glue tape pin nail hammer drill saw sand polish scrub dust mop vacuum water spray "
    "sprinkle scatter spread spill hide bury dig plant pick-pocket steal buy sell pay order wear "
    "dress undress pet hug kiss shoot kill destroy burn light extinguish charge plug unplug wrap "
    "unwrap unpack unload restock clear undo redo repeat try help define memorize "
    "memorise add delete forget wake sleep sit rise lower climb crawl swim follow lead "
    "visualize watch listen hear think guess answer ask draw sharpen erase crack butter season "
    "knock topple tip invert upend stab pierce scoop ladle sift strain squash mash grind unlock "
    "lock buckle zip unzip button strike whisk blend dip soak drain refill swap exchange "
    "reset calibrate scan photograph record replay print download upload install uninstall "
    "update "
    "clap salute bow laugh cry smile imagine consider sum multiply divide translate change "
    "adjust "
    "align face hover move-on avoid ignore refrain cover uncover hang straighten level center "
    "centre deliver-food put-on fix repair use operate demonstrate study observe track follow "
    "mark label highlight outline trace spell greet welcome rub stroke scratch caress massage "
    "tickle"
)

# Relations of one thing to another; the longest expression wins.
RELATIONS: dict[str, str] = {
    "on top of": "on", "on the top of": "on", "on to": "on", "onto": "on", "on": "on",
    "upon": "on", "over": "on", "above": "on", "atop": "on", "to the top of": "on",
    "into": "in", "in to": "in", "inside of": "in", "inside": "in", "in": "in", "within": "in",
    "under": "under", "underneath": "under", "beneath": "under", "below": "under",
    "in front of": "front", "before": "front", "at the front of": "front",
    "to the front of": "front", "on the front side of": "front",
    "behind": "behind", "in back of": "behind", "at the back of": "behind",
    **dict.fromkeys((f"{how} {by}" for how in ("hidden", "obscured", "occluded", "concealed")
                     for by in ("by", "behind")), "behind"),
    "to the left of": "left", "left of": "left", "on the left of": "left",
    "on the left side of": "left", "to the left side of": "left", "left from": "left",
    "to the right of": "right", "right of": "right", "on the right of": "right",
    "on the right side of": "right", "to the right side of": "right", "right from": "right",
    "at the left of": "left", "at the right of": "right", "left to": "left", "right to": "right",
    "to the top side of": "behind", "to the top left side of": "behind left",
    "to the top right side of": "behind right", "to the bottom side of": "front",
    "to the bottom left side of": "front left", "to the bottom right side of": "front right",
    "to the top left of": "behind left", "to the top right of": "behind right",
    "to the bottom left of": "front left", "to the bottom right of": "front right",
    "to the bottom of": "front", "to the northwest of": "behind left",
    "to the northeast of": "behind right", "to the southwest of": "front left",
    "to the southeast of": "front right", "to the north of": "behind", "to the south of": "front",
    "to the west of": "left", "to the east of": "right",
    "next to": "beside", "right next to": "beside", "beside": "beside", "besides": "beside",
    "near to": "beside", "near": "beside", "close to": "beside", "closest to": "beside",
    "nearest to": "beside", "nearest": "beside", "closer to": "beside", "by": "beside",
    "alongside": "beside", "adjacent to": "beside", "touching": "beside", "at": "beside",
    "to the side of": "beside", "at the side of": "beside", "by the side of": "beside",
    "nearer to": "beside", "next": "beside", "against": "beside", "along": "beside",
    "between": "between", "in between": "between", "in the middle of": "between",
    "far from": "apart", "far away from": "apart", "farthest from": "apart",
    "furthest from": "apart", "away from": "apart", "farthest away from": "apart",
    "furthest away from": "apart", "farther from": "apart", "further from": "apart",
}  # fmt: skip
# What somebody thinks of a thing; which one it is nobody can see by that.
OPINIONS = _words("lovely nice pretty beautiful cute silly ugly gorgeous wonderful poor")
# "Directly to the left of": nothing changes.
DEGREES = _words("directly just right immediately almost completely slightly exactly straight all "
                 "somewhat quite very partially partly mostly half fully currently")  # fmt: skip

# How far something is opened.
SHARES = _words("half halfway wide entirely partway partly percent degree degrees")

# Parts of a thing that have a colour of their own.
PARTS = _words("lid cap cover label sticker stripe dot band logo text letter writing pattern print "
               "picture handle rim neck spout base bottom top side end frame stopper cork "
               "grip grips tip tag strap button knob")  # fmt: skip

# Parts and decorations by which people tell a thing, though they cannot be looked for.
SHOWN = _words("lid cap cover label sticker stripe dot logo text writing pattern print picture "
               "handle rim neck spout frame stopper cork strap button knob straw ribbon bow "
               "rose flower heart star hole spot zipper lining cartoon liquid contents "
               "filling")  # fmt: skip

# Parts of animals, dolls, tools and clothes, by which people tell them likewise.
BODY = _words(
    "tail ear ears nose eye eyes face hair beard leg legs foot feet wing wings horn horns "
    "trunk mane beak wheel wheels nib blade sleeve sleeves collar laces heel sole hood "
    "screen antenna bristles prongs teeth tooth pocket pockets buckle hinge dial hem "
    "stem leaf leaves seam thread tassel fringe hat scarf dress shirt"
)

# A thing of one of these is of no other.
MATERIALS = _words(
    "plastic glass wood wooden metal steel brass copper iron aluminium aluminum tin "
    "rubber paper cardboard leather wool woollen cotton silk felt cork clay ceramic "
    "porcelain stone marble foam velvet linen canvas wicker bamboo chrome wax silicone "
    "enamel crystal concrete"
)

# Contents that have no plural.
MASSES = _words(
    "rice sugar salt flour sand soil water milk juice tea coffee oil soup soap paint glue popcorn "
    "pasta spaghetti cereal honey jam cheese butter cream ice dough yarn wool gravel powder "
    "jewelry "
    "jewellery cutlery silverware laundry money cash medicine food bread fruit salad"
)
UPPER_PARTS = _words("lid cap cover top rim neck")
# With these something is done; nothing is in a box "with" them.
TOOLS = _words(
    "chopstick mitt mitten hook finger hand fingertip magnet clamp stick string strap "
    "tie glove gloves tongs pliers tweezers forceps chopsticks scissors pincers mittens clippers"
)
LOWER_PARTS = _words("base bottom")

# Words for a place on the table; each is a rank along a direction of the viewer.
PLACES: dict[str, str] = {
    "left": "left", "leftmost": "left", "lefthand": "left", "west": "left",
    "right": "right", "rightmost": "right", "righthand": "right", "east": "right",
    "middle": "middle", "centre": "middle", "center": "middle", "central": "middle",
    "middlemost": "middle", "centermost": "middle",
    "nearest": "near", "closest": "near", "front": "near", "close": "near", "closer": "near",
    "nearer": "near", "bottom": "near", "lower": "near", "south": "near", "frontmost": "near",
    "farthest": "far", "furthest": "far", "far": "far", "back": "far", "rear": "far",
    "top": "far", "upper": "far", "north": "far", "further": "far", "farther": "far",
    "backmost": "far", "topmost": "far",
    "northwest": "far left", "northeast": "far right", "southwest": "left near",
    "southeast": "near right",
}  # fmt: skip
# Things that have parts of which these words name one, rather than a place on the table.
TIERED = _words("drawer drawers shelf compartment layer rack")
# Of these, which are above each other, "the third" counts from the top.
STACKED = _words("drawer shelf layer tier")
# Of these, which lie on each other where they are several, so does "from the top".
FLAT = _words("folder file magazine newspaper envelope sheet")
# Into these, rather than onto them, where only "to" was said.
HOLLOW = _words("compartment drawer cabinet caddy basket bag sink bin slider cupboard fridge box "
                "microwave oven pocket carton crate case container bucket tote backpack purse "
                "holder tub vase jar beaker bath trough pail pouch sack envelope cooler freezer "
                "dishwasher incubator aquarium hamper locker toolbox lunchbox suitcase trashcan "
                "wastebasket dustbin mailbag")  # fmt: skip
TIERS = _words("top bottom upper lower middle")
# Of these, which hang above each other, "the top one" is no place on the table.
HUNG = _words("cabinet cupboard locker")

SIZES: dict[str, str] = {
    "big": "large", "large": "large", "bigger": "large", "biggest": "large", "larger": "large",
    "largest": "large", "huge": "large", "small": "small", "smaller": "small",
    "smallest": "small", "little": "small", "tiny": "small", "mini": "small", "tiniest": "small",
    **dict.fromkeys(("teeny", "teensy", "weeny", "wee", "itsy", "bitsy", "itty", "bitty"), "small"),
    **dict.fromkeys(("giant", "gigantic", "enormous", "massive", "jumbo"), "large"),
    "tall": "tall", "taller": "tall", "tallest": "tall", "high": "tall", "highest": "tall",
    "short": "short", "shorter": "short", "shortest": "short", "low": "short",
    "long": "long", "longer": "long", "longest": "long", "wide": "wide", "wider": "wide",
    "thick": "wide", "fat": "wide", "widest": "wide", "narrow": "thin", "thin": "thin",
    "slim": "thin", "thinnest": "thin",
    **dict.fromkeys(("narrower", "narrowest", "thinner", "slimmer", "slimmest"), "thin"),
    **dict.fromkeys(("thicker", "thickest", "fatter", "fattest"), "wide"),
    "flat": "flat", "flattest": "flat", "round": "round",
    "rounded": "round", "circular": "round", "square": "angular", "rectangular": "angular",
    "angular": "angular", "cubic": "angular", "hollow": "hollow", "empty": "hollow",
    "spherical": "ball", "cylindrical": "cylinder", "upsidedown": "inverted",
    "overturned": "inverted", "upturned": "inverted", "inverted": "inverted",
    "standing": "standing", "lying": "lying",
}  # fmt: skip

# Ways along the table, from the viewer behind the robot; up and down as on a map.
DIRECTIONS: dict[str, str] = {
    "left": "left", "leftwards": "left", "leftward": "left",
    "right": "right", "rightwards": "right", "rightward": "right",
    "forward": "away", "forwards": "away", "away": "away", "ahead": "away", "up": "away",
    "upward": "away", "upwards": "away", "farther": "away", "further": "away",
    "back": "toward", "backward": "toward", "backwards": "toward", "closer": "toward",
    "here": "toward", "nearer": "toward", "down": "toward", "downward": "toward",
    "downwards": "toward",
    "top": "away", "bottom": "toward", "front": "toward", "rear": "away",
}  # fmt: skip
COMPASS = {
    "northwest": "left away", "northeast": "right away", "southwest": "left toward",
    "southeast": "right toward", "north": "away", "south": "toward", "west": "left",
    "east": "right",
}  # fmt: skip

# "The second box from the left".
ORDINALS: dict[str, int] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "6th": 6, "7th": 7,
}  # fmt: skip
NUMBERS: dict[str, int] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "eighty": 80, "ninety": 90,
    "couple": 2, "pair": 2,
}  # fmt: skip
# Metres in a unit of length.
UNITS: dict[str, float] = {
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("inch", "inches"), 0.0254),
    **dict.fromkeys(("foot", "feet", "ft"), 0.3048),
}

DETERMINERS = _words("the a an any some that this those these my your our his her their its "
                     "another either such whichever")  # fmt: skip
ANY = _words("a an any some another either whichever")
ALL = _words("all every each both everything")
GENERIC = _words("object objects thing things item items one ones something anything stuff piece "
                 "pieces shape whatever")  # fmt: skip
PRONOUNS = _words("it them this that these those")
HELD = _words("held grasped gripped holding grabbed lifted")
# "That is not red", "except the mug": what follows is ruled out.
EXCLUDING = _words("not non except excluding besides neither nor")
# Words between a thing and where it is: "the block lying in the drawer".
STANDING = _words("lying standing sitting located placed positioned resting laying situated "
                  "sits stands lies lays leans found kept seen turned leaning hanging hangs "
                  "rests")  # fmt: skip
# Of a place alone: "on the left side of the table".
SIDES = _words("side end edge corner hand part area half region portion row")
TABLES = _words(
    "table desk tabletop surface board counter countertop workspace bench workbench worktop"
)
ME = _words("me you us robot yourself myself arm")
MANNER = _words(
    "gently carefully slowly quickly softly lightly firmly tightly fast delicately quietly "
    "smoothly evenly calmly steadily upright loosely cautiously sideways hard rapidly properly "
    "neatly"
)
PEOPLE = _words(
    "man woman person boy girl child kid people mother father mom mum dad friend guest customer "
    "patient baby sister brother doctor nurse boss neighbor neighbour human lady guy everyone "
    "everybody somebody someone him her them user operator colleague wife husband son daughter "
    "chap fellow lad lass mommy mummy daddy grandma grandpa granny aunt uncle"
)
# Whom or what somebody waits for.
COMERS = _words("client visitor inspector teacher taxi cab bus courier postman driver")
# Said for politeness or out of habit; nothing changes when it is left out.
FILLER = _words(
    "please pls plz kindly now just then again thanks thank hey hi hello robot um uh uhm er erm "
    "ah oh hmm hm well so okay ok alright right-now immediately quickly-please also first next "
    "finally sir mate dear buddy there over up down out and too maybe perhaps ahead like you "
    "know mister mr armbot robo yo yes yeah yep sure immediately asap thx tnx k na "
    "lol lmao omg omfg jeez sheesh tbh obvi obvs ooh aw bro bruh dude vroom yay whee woohoo"
)
# Words of conditions and of times: not understood, and never left out.
CONDITIONS = _words("if when whenever unless until once while because since after "
                    "tomorrow later tonight yesterday provided whether otherwise "
                    "else")  # fmt: skip
NEGATIONS = _words("not never no without avoid neither nor none nothing nobody except refrain "
                   "rather instead cannot hardly unless")  # fmt: skip
# Of thanks and praise after a request.
COURTESY = _words("thanks thank you very much so a lot appreciated appreciate it that this is are "
                  "the would be great nice awesome kind lovely best star legend lifesaver cheers "
                  "i really perfect wonderful good job well done helpful fantastic again my "
                  "friend buddy mate dear")  # fmt: skip
# What comes before what somebody else said, or what is not meant.
REPORTS = _words("said say says saying told tell tells telling asked ask asks asking shouted "
                 "shouts thought think thinks wrote writes heard hears saw sees watched watching "
                 "dreamt dreamed dream dreams pretend pretended pretending imagine imagined "
                 "imagining suppose supposed supposing assume assumed assuming joke joking kidding "
                 "quote quoting story promise promised remember remembers believe believes wished "
                 "used wanted wants reads read example called")  # fmt: skip

# Words that are a colour before a noun, and a thing by themselves.
FRUIT = frozenset({
    "orange", "plum", "cherry", "apricot", "tangerine", "lime", "olive", "aubergine", "chestnut",
    "salmon", "ginger", "mint", "cream", "rose", "pearl", "gold", "silver", "rust", "ash",
    "lavender", "coral", "copper", "charcoal", "peach", "cherries",
})  # fmt: skip

# Words by which other languages are known.
FOREIGN = _words(
    "der das den dem nimm nehme und bitte ein eine einen auf rote roten tasse leg lege stelle "
    "gib "
    "le les une un prends prenez mets rouge sur dans moi donne posez el los las toma coge pon "
    "por "
    "favor en rojo roja taza dame sobre agarra mueve il lo gli prendi metti rosso rossa sul nel "
    "per favore het een pak zet op rode kopje os uma pegue coloque vermelho na mesa caneca "
    "mug-de podnies wez czerwony kubek ta den den-har och pa ve kirmizi al koy"
)

# Things on tables that neither the encoder's words nor `nouns.NOUNS` have.
NAMES_OF_THINGS = _words(
    "actuator anchovy anvil arduino artichoke asparagus awl barometer barrette beanie burette "
    "capacitor caper cappuccino cashew casserole caulk clam cleaver clove cloves corer "
    "crucible cruet crutch cuvette decal diode dowel easel espresso fillet floss forceps "
    "frother gasket gauze griddle grout hinge hoe infuser inhaler jigsaw kale latte locket "
    "loofah mitt mocha modem monocle mussel nozzle ointment okra oscilloscope pail parsnip "
    "pecan pestle pickle pistachio plumb portafilter prawn prune pruner pulley putty quill "
    "racket rasp relish rivet router sardine satchel scalpel scone scrunchie secateurs "
    "sextant shard sieve skewer spanner spool sprocket starch stencil stethoscope stylus "
    "succulent thermometer thimble tote transistor trowel tulip twine varnish wok yam zester "
    "vise vice oat oats wafer wafers mango melon watermelon durian lychee papaya guava kiwi "
    "pineapple raspberry blueberry cherry cherries "
    "blackberry "
    "strawberry cranberry grape grapes fig date coconut pomegranate nectarine persimmon zucchini "
    "eggplant broccoli cauliflower cabbage lettuce spinach celery radish turnip beet garlic leek "
    "mushroom pumpkin squash corn pea peas bean beans ramekin caddy slider akita bbq sprite "
    "pepsi "
    "fanta redbull coke cola soda juice milk butter cheese yogurt yoghurt pudding ketchup "
    "mayonnaise "
    "mustard dressing sauce soup cereal cheerios cookie cookies cracker crackers chips pretzel "
    "granola "
    "snack candy chocolate jalapeno popcorn noodle noodles spaghetti pasta rice salt pepper "
    "sugar flour "
    "spice honey jam jelly mayo nutella salsa tofu sausage bacon ham salami steak burger "
    "hamburger "
    "hotdog pizza taco sushi muffin cupcake croissant pancake waffle toast stapler tweezers "
    "tongs "
    "pliers spatula ladle whisk colander grater peeler corkscrew chopstick chopsticks napkin "
    "tissue "
    "tissues thermos carafe decanter chalice goblet flute mallet screwdriver allen hex ratchet "
    "chisel "
    "clipboard binder highlighter crayon crayons marker markers sharpie thumbtack paperclip "
    "envelope "
    "earbuds earphones headphones headset charger adapter webcam keyboard mousepad usb dongle "
    "laptop "
    "tablet smartphone iphone airpods rubik rubiks lego duplo jenga domino dominoes dice teddy "
    "plush "
    "plushie doll dinosaur toy figurine yoyo frisbee shuttlecock baseball basketball softball "
    "golf "
    "tennis ping pong hexagon octagon pentagon triangle trapezoid trapezoidal rhombus star "
    "heart moon "
    "crescent cross oval ellipse cuboid cube hemisphere pyramid freeform canoe hole shampoo "
    "conditioner "
    "lotion sunscreen toothpaste toothbrush deodorant comb hairbrush razor lipstick perfume "
    "bandage "
    "syringe pill pills vial beaker pipette petri windex lysol clorox bleach detergent sponge "
    "scrubber "
    "dispenser holder shaker opener cutter sharpener organizer container pouch packet jug kettle "
    "teapot skillet straw peg washer cloth towel pillow "
    "dishwasher dustbin wastebasket sideboard windowsill worktop nightstand dresser "
    "jig nib cog bib shim gimbal grommet spigot doily tureen carabiner abacus maraca xylophone "
    "kazoo spork centrifuge ampoule swab solenoid inductor potentiometer servo crochet slinky "
    "candelabra dentures cardigan hankie pouf bauble tinsel kumquat quinoa miso wasabi tahini "
    "hummus pesto chutney gherkin brie feta gouda chorizo kindle "
    "atomizer bead beads cilantro crock crumpet cumin diffuser duffel gnocchi gravy guacamole "
    "humidifier incubator kefir lasagna mandoline oatmeal oregano paprika plunger quesadilla "
    "ravioli "
    "sequin soldering spritzer squeegee tempeh thermostat velcro "
    "pcb dvd ssd hdd gps psu cpu gpu led rfid lcd dolly trolley holly "
    "screw nail plug bolt nut washer "
    "dustpan broom mop bucket vase candle candles flowerpot planter ornament gnome statue trivet "
    "coaster coasters microwave oven stove fridge cabinet cupboard cookbook magazine"
)
# Colours that before a vessel rather say what is in it: "the cream pitcher".
INGREDIENTS = _words("cream olive mint ginger cherry chestnut salmon mustard")
VESSELS = _words("pitcher jug jar tub tin dispenser carton can")
# What makes a word of colour before it a part of a name: "cream cheese", "orange juice".
FOODS = _words(
    "cheese juice soda oil jam tea ale pie sauce tomato tomatoes bread marmalade pepper sugar "
    "wine rice "
    "beans soup pudding chips butter wedge wedges slice slices zest twist"
)
