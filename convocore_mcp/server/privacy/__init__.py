"""Personal data in answers: shown, masked by pseudonyms, or left out (`CONVOCORE_PII`).

`private_answers` wraps every answer: it replaces pseudonyms in the arguments by what they stand
for, and masks the result. `pseudonyms` makes them; `masking` finds what to mask in an answer,
`text_masks` in a text.
"""
