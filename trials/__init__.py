"""What takes minutes and must come out at nothing: nothing lost, nobody in, under load and faults. Each script says
what it does to the server, prints what it counted, and exits 1 where a count that must be 0 is not.

crash.py      kill −9 at random moments: nothing lost, doubled, misdelivered or misordered
verdict.py    what must be true after crashes, counted
"""
