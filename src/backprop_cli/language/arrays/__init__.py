"""Arrays: vectors and matrices over the scalar language.

A program with arrays is read by the one grammar, whose code then has steps of arrays (``ops``); with the
shapes of its inputs it is written out as statements of single numbers, ``z[0] = …`` (``expand``). Everything
behind that, from the graph to the check, knows numbers alone.
"""
