"""Ways of saying it that have a plainer one, which the grammar then reads.

A new one is a pattern and what is said instead; both have the words of
:func:`unihm.perception.language.normalize.words_of`, with blanks between words and marks.
"""

from __future__ import annotations

import re

from unihm.perception import colors
from unihm.perception.language import lexicon
from unihm.perception.language.cautions import with_care
from unihm.perception.language.command import Action

#: Units of what a thing holds, weighs or measures, where they stand before its name.
MEASURES = "ml|cl|cc|l|oz|g|kg|mg|lb|lbs|mm|mil|cm|inch|volt"
_MOVES = r"(?:push|pull|shove|nudge|tug|move|step|shift|way|gap|distance)\b"
_THE = r"(?:the|that|this|my)"
_TABLES = "|".join(lexicon.TABLES)
_FURNITURE = "|".join(
    {*lexicon.STACKED, *lexicon.HUNG, "rack", "sink", "fridge", "stove", "windowsill"}
)
_UNITS = "|".join(lexicon.UNITS)
_TAKE = r"\b(?:grab|take|pick up|need|(?:hand|give|pass|bring|get|fetch) me)"
_SOMEBODY = "(?:it|he|she|they|we|you|i|that|there)"
_COLORS = "|".join(sorted(colors.NAMES))
_END = r"(?= [.,!?]|$)"
_VERBS = "(?:" + "|".join(lexicon.ACTIONS) + ")(?: (?:me|us|up))*"
_PUT = "(?:" + "|".join(v for v, action in lexicon.ACTIONS.items() if action is Action.PLACE) + ")"
_LINKS = (
    "and|or|but|then|in|on|into|onto|at|to|of|from|with|by|near|next|beside|behind|under|between|"
    "off|out|over|that|which|is|are|not|it|them|when|while|if|before|after|instead"
)
# A thing by its article, adjectives and noun, with no word that links it to another.
_NAMED = rf"{_THE}(?: (?!(?:{_LINKS})\b)\w+){{1,4}}?"
_INTO = "(?:in|on|into|onto|inside|on top of)"
_BESIDE = "(?:next to|beside|behind|under|between|to the (?:left|right) of|in front of)"
_ADVERBS = "(?:usually|always|never|normally|often|sometimes|only|rarely|not|generally|also)"
_UNFORBIDDEN = r"^((?!.*\b(?:not|never|nobody|avoid|without)\b).*?)"
_GRASP = r"\b(?:execute|perform|do|make|carry out|attempt) an?"
_ON = r"(?:grasp|grip|pick|pickup|pick up|lift) (?:on|of|at) "

_NUMBERED = "|".join([*lexicon.NUMBERS, *lexicon.ORDINALS, r"\d"])
# Of two parts that hang together.
_TWOFOLD = frozenset(
    re.findall(
        r"\w+",
        """
    scissors tongs pliers tweezers glasses sunglasses goggles spectacles binoculars headphones
    earphones forceps clippers shears pincers cutters snips nippers calipers jeans shorts trousers
""",
    )
)
# What a part of a thing makes of it.
_ENDINGS = {
    "handled": "handle", "lidded": "lid", "capped": "cap", "topped": "top", "rimmed": "rim",
    "tipped": "tip", "labell?ed": "label", "necked": "neck", "corked": "cork", "knobbed": "knob",
}  # fmt: skip
_KINDS = "|".join(
    sorted({*colors.NAMES, *lexicon.MATERIALS, *lexicon.SIZES}, key=len, reverse=True)
)
_MARKS = "please|gently|carefully|slowly|now|up|down|back|away|thanks"

_MANY = (
    "(?:kids|children|guests|customers|people|boys|girls|others|parents|students|visitors|patients)"
)

_PLAINER = (
    # "Third from the right, that test tube, ..."
    (
        rf"^(?:the )?({'|'.join(lexicon.ORDINALS)})(?: one)? ((?:from|on) the \w+) , "
        r"(?:the|that|this) ((?:\w+ ){0,2}\w+) ,",
        r"the \1 \3 \2 ,",
    ),
    # A name that does not come to mind, and then does.
    (
        r"\b(?:the|that|this|a|an) (?:thingy|thingie|thingamajig|thingamabob|whatchamacallit|"
        r"whatsit|"
        r"doohickey|doodad|whatsitsname)(?: ,)? (?=(?:the|my|a) )",
        "",
    ),
    # What is in a thing.
    (r"\b(that|which) (?:is|has) got (?=\w)", r"\1 has "),
    (
        r"\b(?:(?:that|which) is )?(?:filled with|full of|containing|(?:that|which) (?:contains|"
        r"holds)) "
        rf"((?:(?:the|some|my|a|an) )?(?!(?:{_LINKS})\b)\w+(?: (?!(?:{_LINKS}|{_MARKS})\b)\w+)?)"
        rf"(?= (?:{_LINKS}|{_MARKS})\b| [,.!?]|$)",
        r"with \1 in it",
    ),
    # What is asked by way of a question.
    (
        rf"^you (could|would) not (?:(?:possibly|happen to) )?({_VERBS} .+?)(?: ,)? \1 you\b",
        r"could you \2",
    ),
    (rf"\bwhy do not you (?:(?:just|maybe|please|go ahead and) )*(?={_VERBS} )", "could you "),
    (rf"^why not (?:just )?(?={_VERBS} {_THE} )", "could you "),
    (rf"\btry and (?={_VERBS} )", ""),
    (
        rf"\b(?:reach|go|dig) (?:in|into|inside) ({_NAMED}) and ((?:take|get|grab|pull|pick|"
        rf"bring|fetch|"
        rf"hand|give)(?: me| out| up)* {_NAMED})(?: out)?{_END}",
        r"\2 from \1",
    ),
    (rf"\b(?:hold|grab|hang) (?:on to|onto) (?={_THE} )", "hold "),
    (rf"\b(?:over )?(?:my way|in my direction|in our direction){_END}", "toward me"),
    (rf"\b(?:over )?in the direction of (?={_THE} )", "toward "),
    (rf"(?: ,)? (?:will|would|could|can) you(?: please)?{_END}", ""),
    (rf"\bput away ({_NAMED}) (?=(?:in|into|on|onto) {_THE} )", r"put \1 "),
    # "Step one: open the drawer".
    (rf"(^|[.;,] )(?:step|task|part) (?:number )?(?:{_NUMBERED})(?: [:,.])? (?={_VERBS} )", r"\1"),
    (rf"(?<= )[,.;] (?:second|third|lastly|last|secondly|thirdly)(?: ,)? (?={_VERBS} )", ", then "),
    # "The red-handled knife", "an orange capped tube".
    *(
        (
            rf"\b({_THE}|an?) ({_KINDS}) {ending} ((?:(?!(?:{_LINKS})\b)\w+ )??\w+)"
            rf"(?= (?:{_LINKS}|{_MARKS})\b| [,.!?]|$)",
            rf"\1 \3 with the \2 {part}",
        )
        for ending, part in _ENDINGS.items()
    ),
    # One thing, though it has two parts, and one of its kind.
    (rf"\b(an?|{_THE}) pair of (?=(?:\w+ )?(?:{'|'.join(sorted(_TWOFOLD))})\b)", r"\1 "),
    (r"\b(the|my) only (?=\w+)(?!ones?\b)", r"\1 "),
    # "The 50 ml tube", "a 10 cm box": of a thing, not of a way.
    (rf"\b(the|an?|this|that|my) (\d+) ({MEASURES}) (?=[a-z])(?!{_MOVES})", r"\1 \2\3 "),
    (rf"(^|[.!;] |{_TAKE} )(\d+) ({MEASURES}) (?=[a-z])(?!{_MOVES})", r"\1\2\3 "),
    # Where it is, and where it goes.
    (r"\b(behind|beside|besides|near|under|underneath|beneath|below|above) of\b", r"\1"),
    (
        rf"\b(behind|beside|besides|under|underneath|below|above) (?:from|to|at) (?={_THE}\b)",
        r"\1 ",
    ),
    (rf"\bin front (?:from|to) (?={_THE}\b)", "in front of "),
    (r"\b((?:i|we) (?:would )?(?:need|want|like)) from you\b", r"\1"),
    (r"^from you (?:, )?((?:i|we) (?:would )?(?:need|want|like))\b", r"\1"),
    (r"\bat (left|right) of\b", r"at the \1 of"),
    (r"\b(?:in|into|to)(?: the)? direction (?:of|to) (me|us|you|yourself)\b", r"toward \1"),
    (
        r"\b(?:the )?(?:more|most) (?=(?:big|small|little|tall|long|short|wide|thin|large)\b)",
        "the ",
    ),
    (rf"\bin the (left|right) of (?={_THE})", r"on the \1 of "),
    # In a cupboard or on a shelf it is a part of that; of a plate it is beside it.
    (
        rf"\bfrom the (left|right) (?:side|end|half|part) of (?={_THE} (?:\w+ ){{0,2}}?"
        rf"(?:{_FURNITURE})\b)",
        r"on the \1 from ",
    ),
    (rf"\bfrom the (left|right) side of (?!\w+ (?:{_TABLES})\b)", r"on the \1 side of "),
    (r"\bmore (?:near|close) to\b", "closer to"),
    (r"\bnear from\b", "near"),
    (r"\badjacent to\b", "next to"),
    (r"\bin the (?:gap|space|room|spot) between\b", "between"),
    (r"\bsomewhere (?=(?:in|on|at|near|by|beside|next|behind)\b)", ""),
    (r"\b(?:over )?(?:to|towards?) my side(?! of)\b", "toward me"),
    (
        r"\bto (?:its|the|their) (?:usual |own |proper )?(?:spot|place|home)"
        r"(?= (?:beside|next|near|on|in|by|behind|between|under)\b)",
        "",
    ),
    # "Pull the box closer to me": which way, not which box.
    (
        rf"\bbring ({_THE} (?:\w+ ){{1,6}}?)(?:(?:just )?a (?:little|tad|bit|little bit) )?"
        r"(?=(?:closer|nearer)\b)",
        r"move \1",
    ),
    (
        rf"\b(pull|push|move|slide|drag|draw|shift|scoot|nudge) ({_THE} (?:\w+ ){{1,6}}?|"
        r"(?:(?!(?:and|or|but|then|not|it|them|that|which|is|are|to|ones?)\b)\w+ ){1,5}?)"
        r"(?<!\bis )(?<!\bthe one )(?:closer|nearer) to (?=(?:me|us|you|yourself)\b)",
        r"\1 \2toward ",
    ),
    (r"\ba hands (?:width|breadth)\b", "10 cm"),
    (r"\bback from (?=the (?:edge|end|corner)\b)", "away from "),
    (rf"\bget ({_NAMED})(?: further| farther)? away from\b", r"move \1 away from"),
    # "The grey one, not the green one": nothing is grey and green.
    (
        rf"\b(the (?:\w+ )?({_COLORS}) ones?(?: please)?) ,(?: and| but)? not the "
        rf"(?!\2\b)(?:{_COLORS}) ones?{_END}(?!(?: ,)? but\b)",
        r"\1",
    ),
    # "Beside the plate, on its left".
    (
        rf"\b(?:at the side of|by the side of|next to|beside|by) ({_NAMED})(?: ,)? "
        r"(?:on|at|to) (?:its (left|right)(?: handside| side| hand)?|the (left|right)"
        r"(?: handside| side)? (?:of|from) it)\b",
        r"to the \2\3 of \1",
    ),
    (r"\b(?:to|in|into)(?: the)? direction (?:of |to )?(?:the )?(left|right)\b", r"to the \1"),
    (
        rf"\b(push|pull|slide|move|shove|nudge|drag|shift) ({_NAMED}) (?:in|to|into)(?: the)? "
        rf"direction of (?={_THE})",
        r"\1 \2 towards ",
    ),
    (rf"\bto the (left|right) from (?={_THE})", r"to the \1 of "),
    (r"\ba (?:wee|teeny|teensy|tiny) (?:bit|little bit)\b", "a little bit"),
    (r"(?<!a )\blittle bit\b", "a little bit"),
    (
        r"\b(\d+(?:\.\d+)?) in (?=(?:to|towards?|left|right|forward|forwards|back|backwards|away|"
        r"closer|nearer|up|down|further|farther)\b)",
        r"\1 inches ",
    ),
    (r"\blike (?=(?:\d+|an?|" + "|".join(lexicon.NUMBERS) + rf") (?:{_UNITS})\b)", "about "),
    # How it is like, and how it is done.
    (r"\bof (?:the )?colored (?=\w)", "that is "),
    # "To the right fast": no thing, and it is to the right.
    (
        r"(?<!too )(?<!so )(?<!as )(?<!not )\b(?:real )?(quick|fast)(?:(?: ,)? \1)*"
        r"(?= (?:[.,!?]|please)|$)",
        "quickly",
    ),
    (
        rf"\b(?:really|real|super|extra|pretty|ever so|quite) (?=(?:{'|'.join(lexicon.MANNER)})\b)",
        "",
    ),
    (r"(?<= as you) possibly (?=can\b)", " "),
    (r"\bnice n (?=(?:easy|gent(?:le|ly)|slow(?:ly)?|careful(?:ly)?)\b)", "nice and "),
    (r"\bnice and (?:easy|gentle|gently|careful|carefully)\b", "gently"),
    (r"\bnice and (?=(?:flat|straight|neatly|snug|steady|steadily)\b)", ""),
    (
        rf"(?: ,)? out of (?:the way|(?:the )?(?:sight|reach|view|frame|shot))"
        rf"(?: of (?:the|my) \w+)?{_END}",
        "",
    ),
    (r"\bnice and slow(?:ly)?\b|\bwithout (?:any )?(?:rush|hurry)\b", "slowly"),
    (r"(?: ,)? easy (?:now|does it)(?= and\b| [.,!]|$)", " gently"),
    (r"(?<= down) (?:(?:nice|real|really) )?easy(?= and\b| [.,!]|$)", " gently"),
    (rf" and (?:then )?(?:keep holding|keep hold of|hold on to) (?:it|them){_END}", ""),
    (r"\b(?:and )?mind you do it (?=\w+ly\b)", ""),
    (
        rf"(?: ,)?(?: (?:and|but|please))+ do (?:it|this|that) (?=(?:(?:very|really) "
        rf")?\w+ly{_END})",
        " ",
    ),
    (rf"\b({_PUT} {_NAMED}) (in|on|into|onto|inside) there\b", r"\1 \2 it"),
    (
        r"(?: ,)?(?: (?:and|but))?(?: please)? be (?:very |really |so )?(careful|gentle)"
        rf"(?: with (?:it|them|that))?{_END}",
        r" \1ly",
    ),
    (rf"\bcareful(?: though| tho| now)?{_END}", "carefully"),
    (rf"(?: ,)? but (?=(?:please )?(?:(?:very|really) )?\w+ly{_END})", " "),
    (
        rf" , and (?=(?:please )?(?:(?:very|really) )?"
        rf"(?:{'|'.join(sorted(lexicon.MANNER))}){_END})",
        " ",
    ),
    (
        r"(?: ,)? but (?=(?:please )?with (?:(?:great|extra|some|a lot of|much) )?(?:care|caution)"
        r"(?: [.,!?]| because\b| since\b|$))",
        " ",
    ),
    (r"(^|, |\. )(need|want) (?=(?:the|a|an|my|that)\b)", r"\1i \2 "),
    (rf"\bwithout (\w+ing) (?:any(?: of it)?|a drop){_END}", r"without \1 anything"),
    # "Execute a top-down grasp on the brick".
    (rf"{_GRASP}(?: stable| secure| simple| good)? {_ON}", "grab "),
    (rf"{_GRASP} (?:top down|overhead|vertical) {_ON}", "grab from above "),
    (rf"{_GRASP} (?:side|lateral|sideways) {_ON}", "grab from the side "),
    (rf"{_GRASP} (?:pinch|precision|fingertip|two finger) {_ON}", "grab with two fingers "),
    (rf"{_GRASP} (soft|careful|slow|quick|firm) {_ON}", r"\1ly grab "),
    (rf"{_GRASP} gentle {_ON}", "gently grab "),
    (r"\buse (one|two|three|four|all|your) (fingers?|fingertips) (?:to|and)\b", r"with \1 \2 ,"),
    (rf"\b(and|then) (from|out of|in|into) there (?={_VERBS} )", r"\1 \2 it "),
    # "Open the box and from it take the ring": the place before the verb.
    (
        rf"\b(and|then) (from|out of|in|into|inside|on|onto) (it|{_NAMED}) ({_VERBS})((?: "
        rf"(?!(?:{_LINKS})\b)\w+)+){_END}",
        r"\1 \4\5 \2 \3",
    ),
    # What is taken back word for word: "from the glass no not the glass the thermos".
    (
        r"\b((?:the|my|that) (?:\w+ ){0,2}?\w+)\b(.*?)(?: ,)* (?:oh |um |wait )?no"
        r"(?: (?:,|no|wait|sorry))* not \1(?: ,| but)* ((?:the|my|that) [\w ]+)$",
        r"\3\2",
    ),
    (rf"\b(by (?:the|its) \w+)(?: ,)?(?: and)? not by (?:the|its) \w+{_END}", r"\1"),
    (r"\bslowly but surely\b", "slowly"),
    (rf"(?: ,)? chop chop{_END}", " quickly"),
    (r"\bwhose (\w+) (?:is|are) (\w+)\b", r"with the \2 \1"),
    (r"\b(lying|laid|resting|placed) across (?=the )", r"\1 on "),
    (r"\bthe last ((?:\w+ ){1,3}?)(?:on|to|at) the (left|right)\b", r"the \1on the \2"),
    (
        rf"\b({_PUT} (?:it|{_NAMED})) (?:in|on|at) the (?:very )?(?:middle|center|centre) of "
        rf"(?={_THE} (?:\w+ )?\w+{_END})(?!{_THE} (?:\w+ )?(?:{_TABLES}|row|line|room|\w+s){_END})",
        r"\1 to ",
    ),
    # "Give me the hammer. No, the screwdriver."
    (
        r" [.!] (?=(?:oh )?(?:no|nope|nah|sorry|actually|i mean|oops|wait|"
        r"(?:hang|hold) on(?= ,))(?: ,)? "
        r"(?:(?:i mean|i meant|no|sorry|wait|actually|(?:hang|hold) on(?= ,))(?: ,)? )*"
        r"(?:the|my|that|in|on|from)\b)",
        " , ",
    ),
    # Which one, and not which.
    (
        rf"^(?:(?:no|oh|ooh|wait) (?:, )?)*not {_THE} (?:(\w+) )?(\w+)(?: ,| but)+ ({_VERBS} "
        rf"{_THE} "
        rf"(?!\1 )(?:\w+ )??\w+) ones?\b",
        r"\3 \2",
    ),
    (
        rf"(^|[.;] )instead of ({_NAMED})(?: ,)? ({_VERBS} {_NAMED})(?= (?:{_LINKS})\b| [.,!?]|$)",
        r"\1\3 instead of \2",
    ),
    (
        rf"\b({_VERBS}) not ({_NAMED})(?: ,)? but ({_NAMED})(?= (?:{_LINKS})\b| [.,!?]|$)",
        r"\1 \3 instead of \2",
    ),
    (rf" instead{_END}", ""),
    # "In the silver frame, not the one in the wooden frame": who is in the one is not in the other.
    (
        rf" (in|on|with) ({_NAMED})(?: please| ,)* ,(?: and| but)? not the "
        rf"ones? \1 {_NAMED}{_END}",
        r" \1 \2",
    ),
    (
        rf"^(?:no , )?(?:i|we) do not (?:want|need) (?={_NAMED} ,(?: but)? {_VERBS} )(?!.* any "
        rf"?more\b)",
        "do not give me ",
    ),
    # "The lemon goes in the bowl": who says it so wants it there, unless it is asked or explained.
    (
        rf"(^|[,.;:] |\band )({_THE}(?: (?!(?:{_LINKS}|{_ADVERBS})\b)\w+){{1,4}}?) goes"
        rf"(?: back)? (?=(?:{_INTO}|{_BESIDE}) )(?!.*(?:\?| (?:it|them)(?: \w+)? there\b))",
        r"\1put \2 ",
    ),
    (
        rf"^({_INTO} {_THE}(?: (?!goes)\w+){{1,7}}) goes ({_NAMED})(?= [.,!]| please|$)",
        r"put \2 \1",
    ),
    # In English of India things are kept where they shall be; on a table they are already.
    (
        rf"(^|[,.;] |\b(?:and|then|please|kindly) )keep (it|{_NAMED})(?<! lid)(?<! cap)(?<! cover) "
        rf"(?=(?:{_INTO}|{_BESIDE})\b(?! {_THE} (?:{_TABLES})\b| *$))",
        r"\1put \2 ",
    ),
    # "Pass me the tongs, then the salt"; "put the fork in the box and the cup on the tray".
    (
        rf"{_UNFORBIDDEN}\b({_VERBS}) ({_NAMED})(?: please)?(?: ,)?(?: and)? (?:then|after that) "
        rf"(?={_NAMED}"
        rf"(?: {_INTO} .*)?{_END})",
        r"\1\2 \3 and then \2 ",
    ),
    (
        rf"{_UNFORBIDDEN}\b({_PUT}) ({_NAMED} {_INTO} {_NAMED})(?: ,)?"
        rf"(?: and| and then|(?<=,) then) (?={_NAMED} {_INTO} {_THE} )",
        r"\1\2 \3 and then \2 ",
    ),
    (
        rf"{_UNFORBIDDEN}\b({_PUT}) ({_NAMED}) ({_INTO} {_NAMED})(?: ,)?(?: and)? "
        rf"(?:then|after that|also) ({_NAMED}){_END}",
        r"\1\2 \3 \4 and then \2 \5 \4",
    ),
    (r"(?<!\bthe )(?<!\ba )(?<!\bmy )\btill\b", "until"),  # the till is a thing
    # "Before the kids notice" says why, and no place.
    (
        rf"(?: ,)? before (?:the|my|our|your) (?:\w+ )?{_MANY} (?:notice|see|find|come|arrive|wake|"
        r"start|want|know|hear|get|smell)(?: (?:it|them|us|me|up|home|back|in|out|here))*" + _END,
        "",
    ),
    (rf"\bdiscard ({_NAMED}) (?=in(?:to)? )", r"put \1 "),
    # What is done.
    (r" for (?:a|one|just a) (?:moment|second|sec|minute|while)(?= ,| and\b| then\b| [.!]|$)", ""),
    # Toys are "him" and "her" to children.
    (
        rf"\b({_PUT}|grab|take|push|pull) (?:him|her)(?= (?:{_INTO}|{_BESIDE}|back|down|up|to)\b)",
        r"\1 it",
    ),
    (rf"\b({_VERBS}) (?:only|just) (?={_THE} )", r"\1 "),
    (r"\bmake (open|close)\b", r"\1"),
    (rf"^make ({_NAMED}) open(?= please\b| [.,!]|$)", r"open \1"),
    (rf"^make ({_NAMED}) (?:closed|shut)(?= please\b| [.,!]|$)", r"close \1"),
    (rf"\bhold ({_NAMED}) (?:steady|still){_END}", r"hold \1 steadily"),
    (r"\bacross (?=to (?:me|us)\b)", ""),
    (rf"\b({_PUT} (?:it|{_NAMED})) across (?={_THE} )", r"\1 on "),
    (
        r"\b(that|which) (?:it|he|she) (is|are) (?=(?:in|on|at|near|next to|behind|beside|under|"
        r"between|"
        r"to) the\b)",
        r"\1 \2 ",
    ),
    (r"\bpretty please\b", "please"),
    (r"\bplease (?:to\b|you (?=" + _VERBS + r"\b))", "please "),
    (r"\bafter this\b", "after that"),
    (rf"\bn (?={_VERBS}\b)", "and "),
    # The room, and no black thing.
    (
        rf" ,? ?(?:it|that) is (?:(?:so|too|very|quite|getting|already|really|pretty) )*(?:dark|"
        rf"bright)"
        rf"(?: (?:in )?(?:here|there|outside))?{_END}",
        "",
    ),
    # A battery or a bottle, and nothing hollow.
    (rf" , (?:it|that) is (?:almost |nearly |already |completely )?empty{_END}", ""),
    # "Would you?", "doesn't it?", "won't you?"
    (r" , (?:would|will|could|can) you(?: please)?(?= ,| but\b| and\b| \w+ly\b)", ""),
    (
        r" , (?:is|are|was|does|do|did|will|would|can|could|has|have) not "
        rf"{_SOMEBODY}{_END}",
        "",
    ),
)


def plainer(line: str) -> str:
    """The line in plainer words."""
    line = with_care(line)
    for pattern, replacement in _PLAINER:
        line = re.sub(pattern, replacement, line)
    return line
