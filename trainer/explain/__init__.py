"""Looking into trained nets: what their filters and neurons answer to.

Khorrami et al. 2015, sections 4.3 and 4.4 (`filters`, `aus`); Ding et al. 2017, section III.C
(`neurons`), section IV.B (`means`) and figure 1 (`maximise`).
"""
