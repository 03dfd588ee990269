"""Pages for operators: what in docs/en and docs/ko is made from the roles' and the API's own data.

`make docs` writes it. A page holds `<!-- generated: NAME -->` … `<!-- end -->`; SECTIONS makes what is between the two.
"""
