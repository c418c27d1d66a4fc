"""What is said before and behind a request and says nothing of it: "be so kind as to ..."."""

from __future__ import annotations

import re

from unihm.perception.language import lexicon

VERBS = "|".join(lexicon.ACTIONS)
_HAND = r"(?:arm|hand|gripper|fingers)"
WHOM = (
    r"(?:(?:(?:my|old|good|dear|sweet|young|little) )*(?:dear|dears|dearie|love|lovey|luv|darling|"
    r"darlin|honey|hon|sweetie|sweetheart|sweet|babe|baby|mate|bud|buddy|pal|friend|boss|champ|"
    r"chap|chief|fellow|lad|lass|robot|robo|sir|madam|mister|man|lady|boy|girl|dude|bro|bruh|"
    r"brother|kiddo|chum|pet|duckie|ducky|poppet|hun|lassie|laddie|guv|guvnor|squire|comrade|amigo|"
    r"matey|fella|my lovely)(?: (?:dear|robot|of mine))?)"
)
# Of these some are things as well: only behind a comma nobody asks for them.
_WHOM_ALONE = (
    r"(?:(?:my )?(?:dear|love|darling|mate|bud|buddy|pal|friend|boss|champ|chap|robot|robo|sir|"
    r"madam|mister|dude|bro|bruh|hon|luv|lovey|sweetie|sweetheart)|good (?:man|sir|lad|fellow)|"
    r"old (?:boy|man))"
)
SOMEONE = (
    r"(?:i|we|she|he|they|people|nobody|no one|everybody|everyone|anybody|"
    r"(?:my|the|our) (?:\w+ )?(?:kids?|children|baby|dog|cat|guests?|others|wife|husband|"
    r"mother|father|mom|mum|dad|son|daughter|sister|brother|family|friends?|boss|neighbou?rs?|"
    r"students?|visitors?|team))"
)
_MOMENT = r"(?:a|the|one) (?:moment|minute|second|sec|chance|time)"
POLITE_IF = (
    r"(?:if you (?:would|could|will)(?: please)? be so (?:kind|good)(?: as to)?"
    rf"|if you (?:do not mind|would not mind|please|(?:could|can|would)(?! (?:see|{VERBS})\b)|"
    rf"like|want|(?:have|get) "
    rf"{_MOMENT}|have time)(?! (?:to|it|that|the|a)\b)"
    r"|if (?:it|that) is (?:ok|okay|fine|possible|alright|all right|no trouble)(?: (?:with|by|for) "
    r"you)?"
    r"|if (?:it|that) is not (?:too much|any|a|too)(?: big)? (?:trouble|bother|hassle|problem|ask)"
    r"(?: (?:for you|at all))*|if you would(?= ,)|if i may"
    rf"|when(?:ever)? you (?:are ready|can|like|(?:have|get) {_MOMENT}|have time)"
    r"|as soon as you (?:can|are ready)|while you are at it)"
)
_FEELING = (
    r"(?:(?:i|we) (?:am|are)|it is)(?: (?:so|very|really|quite|a bit|a little|kind of|sort of|"
    r"getting|pretty|just|too|in))* (?:thirsty|hungry|tired|cold|hot|busy|late|ready|bored|"
    r"starving|done|finished|urgent|important|waiting|a hurry)(?: (?:now|already|today))?"
)

# Why something is done with care; how it is done does not change by it.
_FRAIL = (
    r"(?:fragile|delicate|breakable|old|antique|precious|valuable|expensive|hot|heavy|full|sharp|"
    r"slippery|wet|dirty)"
)
# Of the other things nothing is asked.
_NOTHING_ELSE = (
    r"(?:and )?(?:nothing (?:else|more)|(?:just|only) (?:that|this)(?: one)?|only)"
    r"|(?:(?:and|but) )?(?:please )?leave (?:all )?(?:of )?(?:the (?:others?|rest|other ones?)|"
    r"everything else)(?: (?:of them|exactly|right|just))* (?:where (?:they are|it is)|alone|there|"
    r"as (?:they are|it is)|be|in place|untouched)"
)
# Why this one is asked for: the other is of no use.
_OTHER_ONE = (
    r"(?:(?:the |my |this )?(?:other|old|previous) (?:(?:one|hand|arm|wrist) )?|this one |mine )"
    r"(?:(?:is|has|got|was)(?: (?:already|all|completely|now))* (?:been )?"
    r"(?:broken|dirty|empty|lost|gone|missing|dry|dull|full|finished|used up|"
    r"dried (?:out|up)|run out|too \w+|burned|burnt|"
    r"blown|worn|worn out|dead|cracked|bent|ruined|torn|hurt|sore|injured|bandaged|busy|asleep|"
    r"numb|in (?:plaster|a cast|a sling|use|the (?:wash|laundry|bin|repair shop)))"
    r"(?: (?:already|now|out|through|again))*"
    r"|broke|ran out|does not work|stopped working|is no good)"
)
# Greetings, hesitations and the like, at the beginning.
_INTERJECTION = re.compile(
    r"(?:um|uh|uhm|er|erm|hmm|oh|ah|ok|okay|right|alright|all right|well|so|and|but|hey(?: there)?"
    r"|hi(?: there)?|hello(?: there)?|of course|certainly|absolutely|"
    rf"(?:actually|sorry)(?: ,)?(?= (?:please )?(?:{VERBS}) )|"
    r"basically|(?:(?:ok|okay|hey) )?(?:google|siri|alexa|jarvis|computer)(?= ,)|"
    rf"{WHOM}(?= ,)|after that(?= ,)|before anything else(?= ,)|if possible(?= ,)|"
    r"(?:come|get) (?:over |up )?here(?: and(?= \w)|(?= ,))|"
    r"good (?:morning|afternoon|evening|day)|morning|yeah|yes|yep|"
    r"sure|now(?: then)?|then|"
    r"(?:(?:the )?next|new|another) (?:test|task|job|command|step|trial|round)(?: now)?(?= [,.:;])|"
    r"next(?: one)?(?: up)?|please|omg|robot(?: arm)?|mister robot|"
    r"buddy|mate|pal|dear|my friend|young (?:man|lady)|sir|madam|mister|sweetheart|come on|"
    r"go on(?: then)?|listen(?: up)?|look here|let us see|let me see(?= ,)|"
    r"excuse me|pardon me|you know(?: what)?(?! (?:the|that|my|this|how|where)\b)|guess what|"
    r"anyway|good job|well done|"
    r"nice(?: one| work| job)?|(?:very )?good|excellent|lovely|wonderful|super|honestly|ha|haha|"
    r"phew|goodness(?: me)?|gosh|wow|ooh|ooo+|aw+|oi|ahem|whoops|quick|right then|there now|"
    r"(?:oh )?(?:dear|my)(?= ,)|"
    r"great|perfect|cool|thanks|thank you|like|just(?! leave)|i mean|,|\.|!)"
    r"(?: |$)"
)
# Ways to begin a request that say nothing of it.
_OPENER = re.compile(
    r"(?:(?:please )?(?:do )?be (?:so|very|ever so) (?:kind|good|nice|sweet)"
    r"(?: (?:as to|and|to)| enough to)(?! not\b)"
    r"|(?:what|all) (?:i|we) (?:want|need|would like|ask|am asking)"
    r"(?: (?:from|of) you)? is (?:for you to|that you|you to)"
    r"|if you (?:could|would|can|might)(?: (?:just|please|kindly|possibly|perhaps))*"
    rf"(?= (?:{VERBS}) (?!.*(?:,|\b(?:then|and)) (?:\w+ )?(?:{VERBS})\b))"
    r"|(?:i am |we are )?sorry to (?:bother|trouble|disturb) you(?: again)?(?: (?:but|,))*"
    r"|i (?:(?:was|am) (?:just )?(?:wondering|hoping)|wonder)(?: if| whether| that| ,)?"
    r"(?= (?:you )?(?:could|can|would|might|may)\b)"
    r"|(?:would|is|might|could|can) (?:it|that) (?:be )?(?:at all )?(?:possible|okay|ok|alright|"
    r"all right|too much (?:trouble|bother|hassle|to ask|of a bother)|asking too much|"
    r"a (?:big )?bother|any (?:trouble|bother)|(?:trouble|bother) you(?: too much)?)"
    r"(?: (?:for|of) you)?"
    r"(?: (?:you )?(?:to|if (?:you|i) (?:could|would|can|asked you to))(?! not\b))"
    r"|it is possible (?:for you )?to(?= .*\?)(?! not\b)|i say(?= ,)"
    r"|time to \w+(?: up)?(?: now)?(?= [.,;])|go(?: ahead| on| over)? and"
    r"|(?:i (?:think|guess) )?(?:it is )?time (?:for you )?to(?= )"
    r"|do not (?:forget|hesitate|fail) to(?= )|no (?:rush|hurry|pressure|worries)"
    r"|time for (?:\w+ )?(?:breakfast|lunch|dinner|tea|coffee)"
    r"|(?:the|your) (?:next|first|last|only) (?:thing|task|job|step|goal)(?: for you)? is to"
    r"|your (?:job|task|goal|mission)(?: here| now| today)* is(?: to|(?: (?:simple|easy|clear))"
    r"(?: [:,.])?)"
    r"|what (?:i|we) (?:want|need|would like) you to do(?: now| next)* is(?: to)?"
    r"|(?:i (?:hate|am sorry|do not (?:like|want|mean)) to (?:ask|bother you|trouble you|"
    r"be an? (?:bother|pain|nuisance|burden))|i know you are busy|forgive me)(?: (?:but|,))+"
    r"|(?:might|may|can|could) i (?:(?:please|possibly|perhaps|just) )*(?:ask|trouble|bother|get|"
    r"have) you to"
    r"|let us see you(?= \w)"
    rf"|do(?= (?:{VERBS}) (?!you\b))|(?:do the needful|do as i say)(?: ,)?(?: and|by)"
    rf"|for {SOMEONE}(?= ,)"
    r"|have the robot|i (?:would like|want|need) for you to"
    r"|(?:(?:would|could|can|will) you )?(?:please )?do (?:me|us) (?:a|one) (?:favor|favour|"
    r"kindness)(?: (?:and|please|,|:))*"
    r"|(?:(?:would|could|can|will|might|may) you |you (?:would|could|can|will|might|may) )?"
    r"(?:(?:do|please|possibly|perhaps|maybe|kindly|ever) )*"
    r"(?:be (?:kind|good) enough to|be (?:a |an |so |ever so |very )"
    rf"(?:\w+ )?(?:{WHOM}|angel|star|lamb|sport|gem|hero|legend|treasure|help|kind|good|helpful|"
    r"sweet|nice)(?: (?:and|to|as to))+)(?! not\b)"
    r"|(?:i think |maybe |perhaps )(?:you|we) (?:should|could|can)(?: now)?"
    r"|(?:reach|lean|stretch)(?: (?:forward|over|out|down|across|in))+ and"
    rf"|(?:extend|lower|stretch out|stretch|use) your {_HAND}(?: (?:down|over|forward|out|"
    r"across))* and"
    r"|(?:looking|when you look) (?:at|over|around) (?:the|this|your) (?:table|scene|board|desk|"
    r"workspace)(?: in front of you)?"
    r"|from where you (?:are |stand|sit|standing|sitting)+"
    r"|(?:i|we) (?:have )?(?:thought|been thinking) about it(?: (?:and|so|,))*"
    r"|i need (?:a hand|some help|help|your help)(?: here| with something)?"
    r"|(?:give|lend) (?:me|us) a hand(?: here| with something)?(?: and(?= )|(?= [,.]))"
    r"|this (?:is|may be|will be) (?:a (?:bit|little) )?(?:tricky|difficult|hard|easy)(?: but)?"
    rf"|{POLITE_IF}|{_FEELING})(?: (?:,|\.|so|but))*(?: |$)"
)
# The same at the end.
_CLOSING = re.compile(
    r"(?: (?:,|\.|!|and|so))*(?: (?:please and thank you|pretty please|(?<=, )please|"
    r"(?:thanks|thank you|cheers|ta)"
    r"(?: (?:so|very|ever so) much| a (?:lot|bunch|million)| again| in advance)?"
    rf"(?: {WHOM})?"
    r"|(?:and )?(?:that|it) would be (?:\w+ )?(?:great|nice|lovely|wonderful|helpful|perfect|kind)"
    r"|i (?:would )?(?:really |much )?appreciate it|(?:very )?much (?:appreciated|obliged)|i mean"
    r"|(?:there|that) is a (?:(?:good|nice|dear|sweet) )?(?:dear|love|darling|pet|lamb|sport|"
    r"fellow|lad|lass|boy|girl|chap|robot|man|fella|star|angel|sweetheart)"
    r"|you are (?:the best|great|awesome|amazing|wonderful|(?:so|very) kind|"
    r"(?:a|an) (?:star|legend|lifesaver|dear|hero|genius|angel|gem|saint|treasure)|good(?: to go)?|"
    r"doing (?:great|fine|well))"
    r"|already|okay|ok|alright|yeah|hurry(?: up)?|come on"
    r"|(?:would|will|could|can) you(?: please)?|shall we"
    rf"|{POLITE_IF}|{_FEELING}"
    r"|i have (?:a |got )?(?:hold|grip) (?:of|on) it"
    r"|choo choo|beep beep|choo|beep|nee naw"
    rf"|i (?:have (?:(?:got|caught) )?|got |caught )(?:it|him|her|them)(?: now)?"
    rf"|(?<=, ){WHOM}|{_WHOM_ALONE}"
    rf"|{_OTHER_ONE}"
    r"|watch out|mind out|that is all(?: for now)?"
    r"|(?:any|either)(?: one)?(?: of (?:them|those))? (?:will do|would do|is fine|is ok|is okay)"
    r"|(?:(?:it|that) )?does not matter which(?: one)?"
    rf"|{_NOTHING_ELSE}"
    r"|i am (?:done|finished|through) (?:eating|drinking|reading|writing|cooking|with (?:it|that))"
    rf"|it is (?:(?:very|really|so|quite|rather|pretty|a bit|an?) )*{_FRAIL}"
    r"(?: (?:one|china|glass|porcelain|thing))?"
    r"|i (?:(?:will|am going to) )?(?:need|want|use) it(?: (?:now|soon|later|today|right away|"
    r"in a (?:minute|moment|second|sec|bit)))?))(?: [.,!?])*$"
)


def stripped(line: str) -> str:
    """Without what is said before and behind a request; never without everything."""
    while True:
        before = line
        for pattern in (_OPENER, _INTERJECTION):
            found = pattern.match(line)
            if found and line[found.end() :].strip():
                line = line[found.end() :].strip()
        found = _CLOSING.search(line)
        if found and line[: found.start()].strip():
            line = line[: found.start()].strip()
        if line == before:
            return line
