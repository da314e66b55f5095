"""What is measured, and against what. Each script says its goal, prints a table, and exits 1 when it misses it.

cost.py       CPU and time of one message, against ffmpeg alone on the same clip
breakdown.py  where the server's own CPU goes, part by part (run by cost.py)
idle.py       memory of an idle socket, against a bare `websockets` server
fairness.py   how long one family's short clip waits behind another's fifty long ones
crash.py      kill −9 at random moments: nothing lost, doubled, misdelivered or misordered
verdict.py    what must be true after crashes, counted
server.py     what they share: a real server process, and families that are ready to talk
"""
