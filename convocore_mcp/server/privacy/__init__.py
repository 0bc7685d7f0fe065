"""Personal data in answers: shown, masked by pseudonyms, or left out (`CONVOCORE_PII`).

`private_answers` stands around every answer: it reads pseudonyms in the arguments, and masks what
comes back. `pseudonyms` makes them; `masking` finds what to mask in an answer, `text_masks` in a
text.
"""
