"""Thousands who do harm, and a few families who talk meanwhile and must not notice.

    python -m trials.siege

attacks.py     what attackers do, one small class for each way
attacker.py    the process that they live in: raw sockets, one epoll, lowest priority
neighbours.py  families who talk, download and come in, and how long that takes them
scene.py       everybody moves in
run.py         the order of events, and what came of it
"""
