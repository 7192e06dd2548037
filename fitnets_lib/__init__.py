"""FitNets (Romero et al., ICLR 2015) in one small library: networks, losses, recipes, runs and what they found.

Data flow one way: `data` and `networks`, then `recipes`, then `training`, then `runs` and `sweep`, then `statistics`,
`report` and `plots`.
"""
