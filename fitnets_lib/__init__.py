"""FitNets (Romero et al., ICLR 2015) in one small library: networks, losses, recipes, runs and what they found.

Data flow in one direction: from `data` and `networks` through `recipes`, `training`, `runs` and `sweep` to
`statistics`, `report` and `plots`.
"""
