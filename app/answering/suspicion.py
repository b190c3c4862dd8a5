"""Whether a passage has text that looks like orders to a model rather than something to be read.

It is read as a quotation either way; this only tells the reader. Phrases are what injections in the
wild have in common: to forget what was said, to take on a role, to speak as the system, to keep
something from the user, to send something somewhere.
"""

# ruff: noqa: ISC004
# A phrase may take two lines.

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_PHRASES = (
    # to forget or pass over what was said
    r"(?:ignore|disregard|forget|override|bypass|skip)\W+(?:\w+\W+){0,4}"
    r"(?:instructions?|prompts?|rules?|directions|guidelines|orders|above|said before)",
    r"(?:ignoriere|vergiss|missachte|überschreibe)\w*\W+(?:\w+\W+){0,5}"
    r"(?:anweisung\w*|regeln|vorgaben|instruktionen|befehle)",
    r"(?:ignore[zr]?|oublie[zr]?|néglige[zr]?)\W+(?:\w+\W+){0,5}(?:instructions?|consignes|règles)",
    r"(?:ignora|olvida|omite)\w*\W+(?:\w+\W+){0,5}(?:instrucciones|reglas|indicaciones)",
    r"(?:ignora|dimentica)\w*\W+(?:\w+\W+){0,5}(?:istruzioni|regole)",
    r"(?:ignore|esqueça)\W+(?:\w+\W+){0,5}(?:instruções|regras)",
    r"(?:negeer|vergeet)\W+(?:\w+\W+){0,5}(?:instructies|regels)",
    r"(?:zignoruj|zapomnij)\W+(?:\w+\W+){0,5}(?:instrukcje|zasady|polecenia)",
    r"(?:игнорируй\w*|забудь\w*)\W+(?:\w+\W+){0,5}(?:инструкци\w+|правил\w*|указани\w+)",
    r"(?:忽略|无视|忘记|忘掉|忽視|無視).{0,12}(?:指令|指示|规则|規則|提示|说明|要求)",
    r"(?:指示|命令|ルール|プロンプト).{0,8}(?:無視|忘れ)",
    r"(?:지시|명령|규칙).{0,8}(?:무시|잊)",
    r"(?:تجاهل|انس).{0,20}(?:التعليمات|الأوامر|القواعد)",
    r"(?:निर्देश\S*|नियम\S*).{0,12}(?:अनदेखा|भूल)",
    r"(?:talimatlari|kurallari|komutlari)\W+(?:\w+\W+){0,3}(?:yok say|unut|görmezden)",
    # to take on a role
    r"(?:you are now|from now on,? you|act as (?:if|an?|the)\b|pretend (?:to be|you)|"
    r"enter (?:developer|debug|admin|god) mode|developer mode (?:on|enabled)|do anything now)",
    r"(?:du bist (?:jetzt|ab jetzt|nun)|tu es (?:maintenant|désormais)|ahora eres)",
    r"(?:你现在是|从现在起你)",
    # to speak as somebody else in the conversation
    r"(?:^|\n)\W{0,4}(?:system|assistant|developer)\W{0,4}(?:prompt|message|note|override)?\s*[:\]>]",
    r"<\|?(?:im_start|im_end|system|endoftext|start_header_id|eot_id)\|?>|\[/?inst\]|<<sys>>",
    r"<<<passage|passage \d+>>>",
    r"(?:new|updated|real|important)\W+(?:system\W+)?(?:instructions?|prompt)\W*(?::|for the)",
    r"(?:note|message|instructions?|attention)\W+(?:to|for)\W+(?:the\W+|any\W+|all\W+)?"
    r"(?:ai|llm|language model|assistant|chatbot|model|bot)s?\b",
    # to keep from, to reveal, to send
    r"(?:do not|don't|never)\W+(?:tell|inform|mention|reveal|show)\W+(?:\w+\W+){0,3}"
    r"(?:user|reader|human)",
    r"(?:reveal|print|repeat|output|show|leak)\W+(?:\w+\W+){0,3}"
    r"(?:system prompt|hidden prompt|your (?:instructions|rules|prompt))",
    r"(?:append|include|insert|add|embed|render)\W+(?:\w+\W+){0,6}"
    r"(?:!\[|<img|image (?:from|at|with)|link to|markdown (?:image|link))",
    r"(?:send|post|forward|exfiltrate|upload)\W+(?:\w+\W+){0,6}(?:to\W+)?https?://",
    r"!\[[^\]]*\]\(\s*https?://[^)]*(?:\?|=)",
    r"(?:say|reply|respond|answer|write|output)\W+(?:\w+\W+){0,2}"
    r"(?:only|exactly|nothing but|with the word|verbatim)\b",
)
# In small letters, and texts with them: to let the pattern match either takes four times as long.
_ORDERS = re.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES))
_ONE_I = str.maketrans("İı", "ii")
_HIDDEN = re.compile(
    "[\u200b\u2060\u2062-\u2064\ufeff\u00ad\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069]"
)
_MANY_HIDDEN = 8
LONGEST = 20_000  # characters that are looked at


@lru_cache(maxsize=512)  # each event of an answer that shows its passages asks again
def looks_like_orders(text: str) -> bool:
    """Whether `text` has a phrase that injections have, or hides many characters."""
    head = text[:LONGEST]
    if len(_HIDDEN.findall(head)) >= _MANY_HIDDEN:
        return True
    shown = unicodedata.normalize("NFKC", _HIDDEN.sub("", head))
    return _ORDERS.search(shown.translate(_ONE_I).lower()) is not None
