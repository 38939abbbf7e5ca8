"""A person's derivation: reading it, comparing every line with ours, naming the mistake.

reading    NumPy code, index notation, LaTeX    -> Statements          one grammar: statements.py
binding    the names in them                    -> the model's tensors and adjoints
truth      the model, differentiated            -> the right value of every name at random points
judging    Statements + truth                   -> a verdict a line
proving    the same line as a formula           -> proved, where the normal forms are equal
diagnosis  a wrong line                         -> the mistake's name
"""
