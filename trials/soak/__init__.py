"""Families talk for as long as you like, everything that can happen to them happens, and a model watches every frame.

    python -m trials.soak --minutes 30

findings.py   what must not be, counted
sayings.py    what is remembered of one message, and of one socket
book.py       the model: what was said, who may get it, in which order, once; checked as each frame comes
histories.py  the same for what the server says over HTTP
town.py       the families, their licences, and who may talk with whom
web.py        asking over HTTP, and taking no answer but the right one
line.py       one party's socket: it reads into the book, and is dropped, deaf or slow now and then
people.py     grown-ups: they talk, delete, set quiet hours, play songs, quarrel, hand on a toy, log out
boards.py     toys: they acknowledge, download, answer
pace.py       how long a short message takes while nothing else happens, and while twenty long ones convert
ending.py     after the last frame: histories, rows, files, descriptors, threads, tasks, the log
run.py        the order of events
report.py     what was planned, and what came of it
"""
