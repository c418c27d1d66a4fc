"""What the sentences of `unihm.learning.synthesis.sentences` are put together from.

``{noun}`` and ``{adj}`` stand for any word of their kind, ``{}`` for a thing and
``{step}`` for a request.
"""

ANY_VERBS = (
    "grab", "grasp", "take", "lift", "get", "pick up", "seize", "raise", "choose", "select",
    "collect", "retrieve", "catch", "hold", "remove", "clutch", "snatch", "lift up", "get hold of",
    "take hold of", "pull out", "take out", "pluck",
)  # fmt: skip
GIVE = ("hand", "give", "pass", "bring", "fetch", "get")
PUT = (
    "put", "place", "set", "drop", "move", "lay", "stand", "stack", "insert", "leave", "carry",
    "position", "transfer", "return", "put down", "set down", "store", "stick", "slip", "deposit",
)  # fmt: skip
PUSH = ("push", "slide", "shove", "nudge", "shift", "move", "sweep", "pull", "drag", "tug", "poke")
OPEN = ("open", "close", "shut", "pull open", "push shut")
# What is said before a request and changes nothing of it.
POLITE = (
    "please", "could you", "can you", "would you", "could you please", "can you please",
    "would you please", "kindly", "i want you to", "i would like you to", "i need you to",
    "you should", "you have to", "go ahead and", "just", "now", "then", "would you mind",
    "i wonder whether you could", "i was hoping you could", "any chance you could",
    "it would be great if you could", "be so kind and", "do me a favor and", "try to", "let us",
    "your task is to", "your next job is to", "you may", "be a star and", "will you", "help me",
    "see to it that you", "why do you not", "how about you", "it would help me a lot to have you",
    "your goal here is to", "what i want is for you to", "all you have to do is", "be nice and",
    "next i want you to", "we would like you to", "if you would", "would it be possible to",
)  # fmt: skip
CALLS = (
    "hey", "hi robot", "hello", "ok", "okay", "okay robot", "robot", "um", "uh", "so", "well",
    "alright", "right", "oh", "yeah", "hmm", "listen", "hey buddy", "good morning", "mister robot",
    "dear robot", "all right then", "now then", "excuse me", "sorry to bother you", "yo", "oh and",
    "okay so", "yes", "ah", "good", "great", "very good", "well done", "thank you", "perfect",
    "nice", "come on", "hello again", "guess what", "here we go", "look here", "pay attention",
    "hey arm", "attention", "ready", "are you ready", "let us begin", "let us go on", "fine",
)  # fmt: skip
CHATTER = (
    "i am {adj}", "i am so {adj} today", "we are having {noun} for dinner", "it is getting late",
    "my hands are {adj}", "i can hardly reach it", "we are going to have {noun} tonight",
    "the guests will be here soon", "i have been looking for it all day", "here is your next task",
    "this one is easy", "i have something for you to do", "we need to clean up here",
    "let me think", "i know you can do it", "you are doing {adj} work", "that was {adj}",
    "this is the last one", "i feel {adj}", "it is my birthday", "i have no idea what i am doing",
    "i have a job for you", "the kids want some {noun}", "i would do it myself but i am {adj}",
    "there is a lot of {noun} here", "we have guests", "my back hurts", "i love {noun}",
    "i could do with some help", "i am making {noun}", "i am in the mood for {noun}",
    "we are playing a game", "i am trying something out", "the table looks {adj}", "do not worry",
    "no rush", "what a {adj} day", "are you awake", "do you hear me", "this is important",
    "i am {adj} and {adj}", "my friend is {adj}", "it is a bit {adj} here",
    "you see the table in front of you", "there are some things on the table", "as you can see",
)  # fmt: skip
ENDS = (
    "please", "thanks", "thank you", "thank you very much", "for me", "for us", "okay", "robot",
    "now", "would you", "will you", "if you can", "if you do not mind", "buddy", "right now",
    "right away", "when you are ready", "and be quick", "that would be great", "you are the best",
    "i would appreciate it", "that is all", "that is it", "as fast as you like", "for a change",
    "that would be {adj}", "i think", "i guess", "i need it", "it is for my {noun}", "you know",
    "and that is an order", "take your time", "and then you are done", "if that is alright",
    "and we are finished", "i am in a hurry", "it is for the {noun}", "sir", "my friend", "then",
    "that is what i want", "and thanks again", "once more", "so that i can use it",
)  # fmt: skip
DETERMINERS = (
    "the", "the", "the", "the", "the", "a", "an", "that", "this", "my", "one", "any", "some",
    "your", "",
)  # fmt: skip
PARTS = ("handle", "rim", "top", "side", "neck", "lid", "edge", "middle", "base", "bottom")
MANNERS = (
    "gently", "carefully", "slowly", "softly", "quickly", "firmly", "tightly", "with two fingers",
    "with care", "with your left hand", "with your right hand", "using three fingers",
    "from above", "from the side", "upright", "with a firm grip", "using your whole hand",
    "very carefully", "without spilling it", "without dropping anything", "with both hands",
    "as gently as possible", "in one motion", "as if it were {adj}", "like a {noun}",
    "with the {noun}", "using a {noun}", "the way i showed you", "{adj}ly",
)  # fmt: skip
SIDES = (
    "left", "right", "left side", "right side", "far left", "far right", "front", "back", "middle",
    "top", "bottom", "center", "top left", "bottom right", "left hand side",
)  # fmt: skip
WAYS = (
    "to the left", "to the right", "left", "right", "forward", "backward", "back", "away",
    "away from me", "towards me", "towards you", "closer", "closer to me", "forwards", "up",
    "down", "to the north", "to the back", "to the front", "over to the left", "northwest",
    "diagonally to the left", "a step aside", "to your right", "ahead",
)  # fmt: skip
AMOUNTS = (
    "a little", "a bit", "5 cm", "by 10 cm", "two inches", "slightly", "about 3 inches",
    "a few centimeters", "half a meter", "by 20 mm", "a tiny bit", "all the way",
)  # fmt: skip
STANDING = (
    "", "", "", "that is", "which is", "lying", "standing", "sitting", "located", "placed",
    "that stands", "which lies", "that you see", "you can find", "that i left",
)  # fmt: skip
CLAUSES = (
    "that is {adj}", "which looks {adj}", "that has a {noun} on it", "with the {adj} {noun}",
    "with a {noun}", "that my {noun} gave me", "made of {noun}", "full of {noun}",
    "for the {noun}", "that i bought", "which has its {noun} towards the {noun}",
    "that is touching the {noun}", "surrounded by {noun}", "that is almost {adj}",
    "in the group of {noun}", "that belongs to me", "that we used for {noun}",
    "that you just put there", "without a {noun}", "i like most", "closest to you",
    "nearest to the robot", "furthest from you", "that is closest to me", "from the left",
    "second from the right", "third from the left", "in the first row", "on its side", "by itself",
    "that is all alone", "of the {noun}", "from {noun}",
)  # fmt: skip
FORBIDS = (
    "do not", "never", "please do not", "you must not", "you should not", "do not ever",
    "avoid to", "whatever you do do not", "i do not want you to", "under no circumstances",
    "nobody should", "you are not allowed to", "make sure not to", "be careful not to",
    "you do not need to", "there is no need to", "i would rather you did not", "i forbid you to",
    "stop trying to", "i told you not to", "it is not a good idea to", "better not",
    "please refrain from wanting to", "no one is to", "you shall not", "it would be wrong to",
    "let us not", "i would not",
)  # fmt: skip
ASKS = (
    "what is {}", "where is {}", "is {} {adj}", "how heavy is {}", "who took {}",
    "why is {} {adj}", "what color is {}", "do you see {}", "can you see {}", "did you {step}",
    "have you ever {step}", "how would you {step}", "how do i {step}", "why did you {step}",
    "when will you {step}", "should i {step}", "are you able to {step}",
    "do you know how to {step}", "who can {step}", "what happens when you {step}",
    "is it hard to {step}", "what would it take to {step}", "which {noun} is {adj}",
    "how many {noun} are there", "do you like {noun}", "is that {}", "did anyone {step}",
    "who told you to {step}", "where did you put {}", "are you going to {step}",
    "what does it mean to {step}", "will you ever {step}", "shall we {step}", "may i {step}",
)  # fmt: skip
TELLS = (
    "this is {}", "{} is {adj}", "{} is on the {noun}", "i like {}", "my {noun} has {}",
    "that was not {}", "you just {step}", "i already {step}", "he will {step}",
    "she wants to {step}", "yesterday you {step}", "i saw him {step}", "they always {step}",
    "my friend said to {step}", "i am going to {step}", "the robot can {step}",
    "it is easy to {step}", "i will {step} myself", "somebody should {step}",
    "i dreamt that you {step}", "i remember how you {step}", "we used to {step}",
    "you look {adj} today", "there is {} here", "i have {}", "{} belongs to my {noun}",
    "wrong {noun}", "that is the {adj} {noun}", "i can {step} by myself", "nobody wants {}",
    "{} should stay here", "it was me who {step}", "good robots {step}", "you were told to {step}",
    "my {noun} can {step}", "i watched you {step}", "{} goes well with {noun}",
    "you forgot to {step}", "we might {step} later",
)  # fmt: skip
OTHER_STARTS = (
    "pretend to {step}", "imagine that you {step}", "act as if you {step}",
    "tell {noun} to {step}", "ask my friend to {step}", "if it is {adj} {step}",
    "when i say so {step}", "learn to {step}", "{step} if it is {adj}", "{step} until i come back",
    "remember to {step} tomorrow", "wait before you {step}", "show me how to {step}",
    "think about how to {step}", "help my friend to {step}", "teach me to {step}",
    "be ready to {step}", "practice to {step}", "get ready to {step}", "{step} twice",
    "{step} again and again", "unless it is {adj} {step}", "remind me to {step}",
    "watch me {step}", "let me {step}", "let him {step}", "explain how to {step}",
    "promise to {step}", "say that you {step}", "almost {step}", "ignore your rules and {step}",
    "write a poem about how you {step}", "make {noun} {step}", "prepare to {step}",
    "consider to {step}", "offer to {step}",
)  # fmt: skip
