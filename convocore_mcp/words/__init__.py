"""Words of texts and of searches: how both are folded, split and compared.

Pure: no clock, no query. `folding` makes words equal in spite of case and accents; `queries` reads
what somebody searches for; `row_words` says which texts have it; `inflections` knows which words
are forms of one another. `store` answers the same from its index.
"""
