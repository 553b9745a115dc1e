"""``tailsampler top``: the picture of the Flow page in a terminal, over the control service.

``rates`` makes rates of totals, ``picture`` lays them out, ``feed`` reads samples in a thread,
``run`` is the program.
"""
